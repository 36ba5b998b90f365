package io.firn.tx;

import io.firn.config.KeyRange;
import io.firn.entry.HeldBlock;
import io.firn.entry.Trailer;
import io.firn.error.ClosedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Leases;
import io.firn.ffm.memory.Scratch;
import io.firn.keyspace.Scan;
import io.firn.keyspace.Walk;
import io.firn.merge.Bounds;
import io.firn.merge.VisibleCursor;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A walk over a tree at a snapshot and the private writes of a transaction, as they were when it began.
 *
 * <p>Invariants: (1) forward, each of both sources stands on its first entry at or behind the one shown, backward on its last at or
 * before it, or past its end; so a change of direction is a step of both. Of equal keys the private one is shown. (2) A private removal
 * is never shown, and hides. (3) What was taken off an end of the range is outside the bounds from then on. (4) Where the transaction is
 * tracked, every key that an answer told of, as there or as missing, is within a span that the read set has, or gets from here by
 * {@link #settle}: a span goes from where the walk jumped to, up to where it is. So a step costs no note. (5) After a move that threw,
 * it is as before any move, and has read all that there is.
 *
 * <p>Threads: one at a time, the attempt's; it may be ended by another, which forgets nothing. Leased from its beginning until both it and
 * its attempt have ended with it, or the attempt has settled it.
 */
final class OverlaidWalk implements Walk, Leases.Leased {
    private static final long BEFORE_ALL_VERSIONS = Trailer.of(Trailer.SEQNO_MAX, Trailer.ANY_TYPE);
    private static final long BEHIND_ALL_VERSIONS = 0;
    private static final long NO_SEQNO = -1;

    private enum State { UNMOVED, ON_ENTRY, TAKEN_FRONT, TAKEN_BACK, BEFORE_START, AFTER_END, SOUGHT }

    private final Consumer<OverlaidWalk> giveBack;
    private final PrivateCursor privateCursor;
    private final Scratch soughtMemory;
    private final Bounds bounds;
    private final Span span;

    private @Nullable Attempt attempt;
    private @Nullable PrivateWrites writes;
    private @Nullable Scan scan;
    private VisibleCursor own;
    private boolean isTracked;

    private State state = State.UNMOVED;
    private boolean isForward;
    private boolean isScanThere;
    private boolean isOwnThere;

    /** What is shown is private; and beneath it there is an entry of the same key. */
    private boolean isOwn;
    private boolean isTie;

    /** The bounds have left those of the range. */
    private boolean isRaised;
    private boolean isCut;

    private int soughtLength;
    private boolean isFound;

    // Under the monitor: both have to let go.
    private boolean isEnded;
    private boolean isLetGo;

    OverlaidWalk(MemoryBudget budget, Consumer<OverlaidWalk> giveBack) {
        this.giveBack = giveBack;
        privateCursor = new PrivateCursor(budget);
        own = privateCursor.open(null, 0, null);
        soughtMemory = new Scratch(budget);
        bounds = new Bounds(budget);
        span = new Span(budget);
    }

    /** Begins, over a scan of the same range. */
    void open(Attempt newAttempt, PrivateWrites newWrites, Scan newScan, @Nullable KeyRange range) {
        attempt = newAttempt;
        writes = newWrites;
        scan = newScan;
        isTracked = newAttempt.isTracked();
        own = newWrites.open(privateCursor, range);
        bounds.clear();
        if (range != null) {
            bounds.set(range);
        }
        isRaised = false;
        isCut = false;
        span.clear();
        state = State.UNMOVED;
        isEnded = false;
        isLetGo = false;
    }

    // ---- moves

    @Override
    public boolean first() {
        attempt().enter();
        try {
            return toFirst();
        } finally {
            attempt().exit();
        }
    }

    @Override
    public boolean last() {
        attempt().enter();
        try {
            return toLast();
        } finally {
            attempt().exit();
        }
    }

    @Override
    public boolean next() {
        attempt().enter();
        try {
            return toNext();
        } finally {
            attempt().exit();
        }
    }

    @Override
    public boolean previous() {
        attempt().enter();
        try {
            return toPrevious();
        } finally {
            attempt().exit();
        }
    }

    @Override
    public boolean seek(MemorySegment key) {
        attempt().enter();
        try {
            keepSought(key);
            return seekSought(key);
        } finally {
            attempt().exit();
        }
    }

    @Override
    public boolean seekForPrevious(MemorySegment key) {
        attempt().enter();
        try {
            keepSought(key);
            return seekSoughtForPrevious(key);
        } finally {
            attempt().exit();
        }
    }

    @Override
    public boolean find(MemorySegment key) {
        attempt().enter();
        try {
            settle();
            keepSought(key);
            state = State.SOUGHT;
            isFound = findSought(key);
            if (isTracked) {
                attempt().noteRead(writes().tree(), Bytes.hash(soughtMemory.bytes(), 0, soughtLength));
            }
            return isFound;
        } finally {
            attempt().exit();
        }
    }

    @Override
    public boolean nextFront() {
        attempt().enter();
        try {
            if (!(state == State.TAKEN_FRONT ? toNext() : toFirst())) {
                empty();
                return false;
            }
            bounds.raiseBehind(keySegment(), keyOffset(), keyLength());
            isRaised = true;
            state = State.TAKEN_FRONT;
            return true;
        } finally {
            attempt().exit();
        }
    }

    @Override
    public boolean nextBack() {
        attempt().enter();
        try {
            if (!(state == State.TAKEN_BACK ? toPrevious() : toLast())) {
                empty();
                return false;
            }
            bounds.cutAt(keySegment(), keyOffset(), keyLength());
            isCut = true;
            state = State.TAKEN_BACK;
            return true;
        } finally {
            attempt().exit();
        }
    }

    /** An end has found nothing: nothing is left. */
    private void empty() {
        settle();
        bounds.empty();
        isCut = true;
    }

    @Override
    public void restart() {
        doubt();
        scan().restart();
    }

    @Override
    public void fillCache() {
        scan().fillCache();
    }

    private boolean toFirst() {
        settle();
        if (isTracked) {
            span.beginAtStart(bounds);
        }
        isForward = true;
        if (isRaised) {
            isOwnThere = own.seek(bounds.lower(), 0, bounds.lowerLength(), BEFORE_ALL_VERSIONS);
            isScanThere = scan().seek(bounds.lower().asSlice(0, bounds.lowerLength()));
        } else {
            isOwnThere = own.first();
            isScanThere = scan().first();
        }
        return arrive();
    }

    private boolean toLast() {
        settle();
        if (isTracked) {
            span.beginAtEnd(bounds);
        }
        isForward = false;
        if (!isCut) {
            isOwnThere = own.last();
            isScanThere = scan().last();
        } else if (bounds.upperLength() == 0) {
            isOwnThere = false;
            isScanThere = false;
        } else {
            isOwnThere = own.seekForPrevious(bounds.upper(), 0, bounds.upperLength(), BEHIND_ALL_VERSIONS);
            isScanThere = scan().seekForPrevious(bounds.upper().asSlice(0, bounds.upperLength()));
            if (isOwnThere && bounds.isAbove(own.keySegment(), own.keyOffset(), own.keyLength())) {
                isOwnThere = own.previous();
            }
            if (isScanThere && bounds.isAbove(scan().keySegment(), scan().keyOffset(), scan().keyLength())) {
                isScanThere = scan().previous();
            }
        }
        return arrive();
    }

    private boolean toNext() {
        return switch (state) {
            case UNMOVED, BEFORE_START -> toFirst();
            case AFTER_END -> false;
            case SOUGHT -> seekSought(sought()) && (!isAtSought() || toNext());
            case ON_ENTRY, TAKEN_FRONT, TAKEN_BACK -> {
                if (isForward) {
                    step();
                } else {
                    turn();
                }
                yield arrive();
            }
        };
    }

    private boolean toPrevious() {
        return switch (state) {
            case UNMOVED, AFTER_END -> toLast();
            case BEFORE_START -> false;
            case SOUGHT -> seekSoughtForPrevious(sought()) && (!isAtSought() || toPrevious());
            case ON_ENTRY, TAKEN_FRONT, TAKEN_BACK -> {
                if (isForward) {
                    turn();
                } else {
                    step();
                }
                yield arrive();
            }
        };
    }

    /** Moves what stands on the entry shown. */
    private void step() {
        if (isOwn) {
            isOwnThere = isForward ? own.next() : own.previous();
        }
        if (!isOwn || isTie) {
            isScanThere = isForward ? scan().next() : scan().previous();
        }
    }

    private void turn() {
        reach();
        isForward = !isForward;
        isOwnThere = isForward ? own.next() : own.previous();
        isScanThere = isForward ? scan().next() : scan().previous();
    }

    /** The key is the sought one, wherever it lies. */
    private boolean seekSought(MemorySegment key) {
        MemorySegment sought = soughtMemory.bytes();
        if (bounds.isBelow(sought, 0, soughtLength)) {
            return toFirst();
        }
        settle();
        beginAtSought();
        isForward = true;
        isOwnThere = own.seek(sought, 0, soughtLength, BEFORE_ALL_VERSIONS);
        isScanThere = scan().seek(key);
        return arrive();
    }

    private boolean seekSoughtForPrevious(MemorySegment key) {
        MemorySegment sought = soughtMemory.bytes();
        if (bounds.isAbove(sought, 0, soughtLength)) {
            return toLast();
        }
        settle();
        beginAtSought();
        isForward = false;
        isOwnThere = own.seekForPrevious(sought, 0, soughtLength, BEHIND_ALL_VERSIONS);
        isScanThere = scan().seekForPrevious(key);
        return arrive();
    }

    private void beginAtSought() {
        if (isTracked) {
            span.beginAt(soughtMemory.bytes(), 0, soughtLength);
        }
    }

    private boolean findSought(MemorySegment key) {
        MemorySegment sought = soughtMemory.bytes();
        if (bounds.isBelow(sought, 0, soughtLength) || bounds.isAbove(sought, 0, soughtLength)) {
            return false;
        }
        isOwn = own.seek(sought, 0, soughtLength, BEFORE_ALL_VERSIONS)
                && Bytes.equal(own.keySegment(), own.keyOffset(), own.keyLength(), sought, 0, soughtLength);
        return isOwn ? !PrivateWrites.isRemoval(own.trailer()) : scan().find(key);
    }

    private void keepSought(MemorySegment key) {
        int length = Math.toIntExact(key.byteSize());
        // Not Bytes.copy: a caller's segments of every kind would spoil the type profile of its access sites.
        MemorySegment.copy(key, 0, soughtMemory.atLeast(length), 0, length);
        soughtLength = length;
    }

    private MemorySegment sought() {
        return soughtMemory.bytes().asSlice(0, soughtLength);
    }

    private boolean isAtSought() {
        return Bytes.equal(keySegment(), keyOffset(), keyLength(), soughtMemory.bytes(), 0, soughtLength);
    }

    /** Chooses what is shown of where both sources stand, or goes on. */
    private boolean arrive() {
        state = State.UNMOVED;
        while (isOwnThere || isScanThere) {
            choose();
            if (isOutside()) {
                break;
            }
            if (!isOwn || !PrivateWrites.isRemoval(own.trailer())) {
                state = State.ON_ENTRY;
                return true;
            }
            step();
        }
        state = isForward ? State.AFTER_END : State.BEFORE_START;
        return false;
    }

    private void choose() {
        if (!isOwnThere || !isScanThere) {
            isOwn = isOwnThere;
            isTie = false;
            return;
        }
        int order = Bytes.compare(
                own.keySegment(), own.keyOffset(), own.keyLength(),
                scan().keySegment(), scan().keyOffset(), scan().keyLength());
        isTie = order == 0;
        isOwn = isTie || order < 0 == isForward;
    }

    private boolean isOutside() {
        return isForward
                ? bounds.isAbove(keySegment(), keyOffset(), keyLength())
                : bounds.isBelow(keySegment(), keyOffset(), keyLength());
    }

    // ---- what was read

    /** Extends the span to where the walk is. */
    private void reach() {
        if (span.isBegun()) {
            switch (state) {
                case UNMOVED, SOUGHT -> { }
                case ON_ENTRY, TAKEN_FRONT, TAKEN_BACK -> span.reach(keySegment(), keyOffset(), keyLength());
                case BEFORE_START -> span.reachStart(bounds);
                case AFTER_END -> span.reachEnd(bounds);
            }
        }
    }

    /** Notes in the read set what was passed since the last jump. Within the attempt. */
    void settle() {
        if (isTracked && span.isBegun()) {
            reach();
            attempt().noteRead(writes().tree(), span);
        }
    }

    /** What was passed is not known: it was everything. */
    private void doubt() {
        if (isTracked) {
            span.beginAtStart(bounds);
            span.reachEnd(bounds);
        }
        state = State.UNMOVED;
    }

    // ---- the entry

    @Override
    public MemorySegment keySegment() {
        return isOwn ? own.keySegment() : scan().keySegment();
    }

    @Override
    public long keyOffset() {
        return isOwn ? own.keyOffset() : scan().keyOffset();
    }

    @Override
    public int keyLength() {
        return isOwn ? own.keyLength() : scan().keyLength();
    }

    @Override
    public boolean isValueSeparated() {
        return !isOwn && scan().isValueSeparated();
    }

    @Override
    public HeldBlock load() {
        return scan().load();
    }

    @Override
    public void releaseValue() {
        scan().releaseValue();
    }

    @Override
    public MemorySegment valueSegment() {
        return isOwn ? own.valueSegment() : scan().valueSegment();
    }

    @Override
    public long valueOffset() {
        return isOwn ? own.valueOffset() : scan().valueOffset();
    }

    @Override
    public int valueLength() {
        return isOwn ? own.valueLength() : scan().valueLength();
    }

    @Override
    public long seqnoOfEntry() {
        return isOwn ? NO_SEQNO : scan().seqnoOfEntry();
    }

    // ---- the end

    /** Ends the walk, on any thread; the scan is the caller's again. What was read waits here for the attempt. */
    Scan end() {
        if (isTracked) {
            reachAtEnd();
        }
        Scan beneath = scan();
        scan = null;
        state = State.UNMOVED;
        boolean isLast;
        synchronized (this) {
            isEnded = true;
            isLast = isLetGo;
        }
        if (isLast) {
            leave();
        }
        return beneath;
    }

    private void reachAtEnd() {
        try {
            attempt().enter();
            try {
                reach();
            } finally {
                attempt().exit();
            }
        } catch (ClosedException e) {
            // Nobody asks any more.
            span.clear();
        } catch (IllegalStateException e) {
            // The transaction is in use: it was forgotten by its user, and is ended by another thread.
            doubt();
        }
    }

    synchronized boolean hasEnded() {
        return isEnded;
    }

    /** The attempt needs it no more: it has settled it, or it ends. */
    void letGo() {
        boolean isLast;
        synchronized (this) {
            isLetGo = true;
            isLast = isEnded;
        }
        if (isLast) {
            leave();
        }
    }

    private void leave() {
        privateCursor.leave();
        attempt = null;
        writes = null;
        giveBack.accept(this);
    }

    private Attempt attempt() {
        return Objects.requireNonNull(attempt);
    }

    private PrivateWrites writes() {
        return Objects.requireNonNull(writes);
    }

    private Scan scan() {
        return Objects.requireNonNull(scan);
    }

    @Override
    public void close() {
        privateCursor.close();
        soughtMemory.close();
        bounds.close();
        span.close();
    }
}
