package io.firn.merge;

import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;

/**
 * What a reader at a seqno sees of a source that holds many versions: of each key within the bounds the newest
 * version at or below the seqno, unless that is a tombstone.
 *
 * <p>Invariants: (1) the source stands on the entry shown, which is read where it lies; or, backward, one entry
 * before it. (2) The versions of a key come oldest first backward, so that only the entry before tells that a
 * version is the newest one visible; its key is then kept in memory of its own, and so is its value, unless that
 * stays where it lies: to step back would cost a merge a step of every source, twice an entry. What is too large to
 * be copied in less time is stepped back to. (3) After some steps over versions of one key the rest of them is passed
 * by a seek. (4) Entries that a memtable gets meanwhile are newer than the seqno; they may lie anywhere around the
 * source. (5) The bounds may be narrowed between moves; an entry that this leaves outside is shown until the next
 * one. (6) After a move that threw, the cursor is as before any move.
 *
 * <p>Memory: the key that is compared with, then the value that is kept.
 *
 * <p>Threads: one at a time. Closed by: its opener; it closes its source.
 */
public final class VisibleCursor implements EntryCursor {
    /** A seek costs about as much as so many steps. */
    private static final int STEPS_BEFORE_SEEK = 32;

    /** A copy of so much takes 14 ns, what two steps of one source take. */
    private static final int KEPT_VALUE_BYTES_MAX = 1024;

    /** The first and the last 8 bytes are all of a key up to this. */
    private static final int NOTED_BYTES_MAX = 2 * Long.BYTES;

    private static final long BEFORE_ALL_VERSIONS = Trailer.of(Trailer.SEQNO_MAX, Trailer.ANY_TYPE);
    private static final long BEHIND_ALL_VERSIONS = 0;

    private enum State {
        UNMOVED,
        ON_ENTRY,
        BEFORE_START,
        AFTER_END
    }

    private final Bounds bounds;
    private final Scratch scratch;
    private final EntryCursor nothing = new MergingCursor(new EntryCursor[0]);
    private EntryCursor source = nothing;
    private long seqno;
    private long newestVisible;

    private int notedLength;
    private long notedHead;
    private long notedTail;

    private MemorySegment memory;
    private int keptLength;
    private MemorySegment keptValueSegment = MemorySegment.NULL;
    private long keptValueOffset;
    private int keptValueLength;
    private long keptTrailer;

    private State state = State.UNMOVED;
    private boolean isSourceOnEntry;
    private int passedKeys;

    /** A cursor over nothing, until it is opened. */
    public VisibleCursor(MemoryBudget budget) {
        bounds = new Bounds(budget);
        scratch = new Scratch(budget);
        memory = scratch.bytes();
    }

    public VisibleCursor(EntryCursor source, long seqno, MemoryBudget budget) {
        this(budget);
        open(source, seqno);
    }

    /** Begins anew, over another source, within the bounds as they are. The former source is its opener's to close. */
    public void open(EntryCursor newSource, long newSeqno) {
        source = newSource;
        seqno = newSeqno;
        newestVisible = Trailer.of(newSeqno, Trailer.ANY_TYPE);
        state = State.UNMOVED;
        isSourceOnEntry = true;
    }

    /** As before any move. */
    public void restart() {
        state = State.UNMOVED;
    }

    /** Lets go of the source, which is its opener's to close, and of the bounds. */
    public void leave() {
        open(nothing, 0);
        keptValueSegment = MemorySegment.NULL;
        bounds.clear();
    }

    /** What it shows entries between. They are set before the first move, and may be narrowed later. */
    public Bounds bounds() {
        return bounds;
    }

    /** How many removed keys {@link #first} has passed, and whatever moved forward since. */
    public int passedKeys() {
        return passedKeys;
    }

    @Override
    public boolean first() {
        state = State.UNMOVED;
        passedKeys = 0;
        return settleForward(bounds.hasLower()
                ? source.seek(bounds.lower(), 0, bounds.lowerLength(), newestVisible) : source.first());
    }

    @Override
    public boolean last() {
        state = State.UNMOVED;
        return settleBackward(bounds.hasUpper()
                ? source.seekForPrevious(bounds.upper(), 0, bounds.upperLength(), BEFORE_ALL_VERSIONS) : source.last());
    }

    @Override
    public boolean next() {
        return switch (state) {
            case UNMOVED, BEFORE_START -> first();
            case AFTER_END -> false;
            case ON_ENTRY -> {
                state = State.UNMOVED;
                if (!isSourceOnEntry) {
                    stepBack();
                }
                noteKey();
                yield settleForward(skipForward(source.next()));
            }
        };
    }

    @Override
    public boolean previous() {
        return switch (state) {
            case UNMOVED, AFTER_END -> last();
            case BEFORE_START -> false;
            case ON_ENTRY -> {
                state = State.UNMOVED;
                if (isSourceOnEntry) {
                    keepKey();
                    yield settleBackward(skipBackward(source.previous()));
                }
                yield settleBackward(skipBackward(source.isPositioned()));
            }
        };
    }

    @Override
    public boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        if (bounds.isBelow(key, keyOffset, keyLength)) {
            return first();
        }
        state = State.UNMOVED;
        if (!settleForward(source.seek(key, keyOffset, keyLength, newestVisible))) {
            return false;
        }
        boolean isPassed = Trailer.seqno(trailer) < Trailer.seqno(source.trailer())
                && compareTo(key, keyOffset, keyLength) == 0;
        return !isPassed || next();
    }

    @Override
    public boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        if (bounds.isAbove(key, keyOffset, keyLength)) {
            return last();
        }
        state = State.UNMOVED;
        return settleBackward(source.seekForPrevious(key, keyOffset, keyLength, trailer));
    }

    @Override
    public boolean isPositioned() {
        return state == State.ON_ENTRY;
    }

    @Override
    public MemorySegment keySegment() {
        assert isPositioned() : "no entry";
        return isSourceOnEntry ? source.keySegment() : memory;
    }

    @Override
    public long keyOffset() {
        return isSourceOnEntry ? source.keyOffset() : 0;
    }

    @Override
    public int keyLength() {
        return isSourceOnEntry ? source.keyLength() : keptLength;
    }

    @Override
    public long trailer() {
        return isSourceOnEntry ? source.trailer() : keptTrailer;
    }

    @Override
    public MemorySegment valueSegment() {
        assert isPositioned() : "no entry";
        return isSourceOnEntry ? source.valueSegment() : keptValueSegment;
    }

    @Override
    public long valueOffset() {
        return isSourceOnEntry ? source.valueOffset() : keptValueOffset;
    }

    @Override
    public int valueLength() {
        return isSourceOnEntry ? source.valueLength() : keptValueLength;
    }

    @Override
    public void close() {
        state = State.UNMOVED;
        source.close();
        memory = MemorySegment.NULL;
        bounds.close();
        scratch.close();
    }

    /** From an entry of a key of which nothing was shown yet, or from none. */
    private boolean settleForward(boolean isThere) {
        int tooNew = 0;
        while (isThere && !isAbove()) {
            long trailer = source.trailer();
            if (Trailer.seqno(trailer) > seqno) {
                isThere = ++tooNew % STEPS_BEFORE_SEEK == 0 ? seekVisible() : source.next();
            } else if (Trailer.isTombstone(trailer)) {
                passedKeys++;
                noteKey();
                isThere = skipForward(source.next());
            } else {
                return arrive(true);
            }
        }
        state = State.AFTER_END;
        return false;
    }

    /** From the oldest version of a key that counts, or from none. */
    private boolean settleBackward(boolean isThere) {
        while (isThere && !isBelow()) {
            keepKey();
            int versions = 0;
            boolean isVersion = true;
            while (isVersion && Trailer.seqno(source.trailer()) <= seqno) {
                if (++versions == STEPS_BEFORE_SEEK) {
                    seekVisible();
                    if (!Trailer.isTombstone(source.trailer())) {
                        return arrive(true);
                    }
                }
                keepValue();
                isThere = source.previous();
                isVersion = isThere && isKept();
            }
            if (versions > 0 && !Trailer.isTombstone(keptTrailer)) {
                boolean isSteppedBack = keptValueSegment == MemorySegment.NULL;
                if (isSteppedBack) {
                    stepBack();
                }
                return arrive(isSteppedBack);
            }
            isThere = skipBackward(isThere);
        }
        state = State.BEFORE_START;
        return false;
    }

    private boolean arrive(boolean isSourceThere) {
        isSourceOnEntry = isSourceThere;
        state = State.ON_ENTRY;
        return true;
    }

    /** To the entry that is kept, from before it; a memtable may have got others in between. */
    private void stepBack() {
        boolean isThere = source.next();
        while (isThere && !(source.trailer() == keptTrailer && isKept())) {
            isThere = source.next();
        }
        assert isThere : "an entry that was shown is gone";
    }

    /** To the newest version at or below the seqno of the key that the source stands on, or behind that key. */
    private boolean seekVisible() {
        keepKey();
        return source.seek(memory, 0, keptLength, newestVisible);
    }

    /** Over the versions of the noted key, to the next key's newest. */
    private boolean skipForward(boolean isThere) {
        boolean isLeft = isThere;
        for (int steps = 1; isLeft && isNoted(); steps++) {
            if (steps == STEPS_BEFORE_SEEK) {
                keepKey();
                isLeft = source.seek(memory, 0, keptLength, BEHIND_ALL_VERSIONS);
            } else {
                isLeft = source.next();
            }
        }
        return isLeft;
    }

    /** Over the versions of the kept key, to the previous key's oldest. */
    private boolean skipBackward(boolean isThere) {
        for (int steps = 1; isThere && isKept(); steps++) {
            isThere = steps == STEPS_BEFORE_SEEK
                    ? source.seekForPrevious(memory, 0, keptLength, BEFORE_ALL_VERSIONS)
                    : source.previous();
        }
        return isThere;
    }

    /** Notes the key that the source stands on; a short one without a copy. */
    private void noteKey() {
        MemorySegment segment = source.keySegment();
        long offset = source.keyOffset();
        int length = source.keyLength();
        notedLength = length;
        notedHead = Bytes.head(segment, offset, length);
        if (length > Long.BYTES) {
            notedTail = Bytes.head(segment, offset + length - Long.BYTES, Long.BYTES);
            if (length > NOTED_BYTES_MAX) {
                keepKey();
            }
        }
    }

    /** Whether the source stands on the noted key. */
    private boolean isNoted() {
        int length = source.keyLength();
        if (length != notedLength) {
            return false;
        }
        MemorySegment segment = source.keySegment();
        long offset = source.keyOffset();
        return Bytes.head(segment, offset, length) == notedHead
                && (length <= Long.BYTES
                        || Bytes.head(segment, offset + length - Long.BYTES, Long.BYTES) == notedTail
                                && (length <= NOTED_BYTES_MAX || isKept()));
    }

    private void keepKey() {
        int length = source.keyLength();
        memory = scratch.atLeast(length);
        Bytes.copy(source.keySegment(), source.keyOffset(), memory, 0, length);
        keptLength = length;
    }

    /**
     * Keeps the source's trailer and value beside the key that is kept already; no value that would have to be stepped
     * back to.
     */
    private void keepValue() {
        keptTrailer = source.trailer();
        keptValueLength = source.valueLength();
        if (source.isValueSteady()) {
            keptValueSegment = source.valueSegment();
            keptValueOffset = source.valueOffset();
        } else if (keptValueLength <= KEPT_VALUE_BYTES_MAX) {
            memory = scratch.atLeastKeeping((long) keptLength + keptValueLength, keptLength);
            Bytes.copy(source.valueSegment(), source.valueOffset(), memory, keptLength, keptValueLength);
            keptValueSegment = scratch.view();
            keptValueOffset = keptLength;
        } else {
            keptValueSegment = MemorySegment.NULL;
        }
    }

    private boolean isKept() {
        return compareTo(memory, 0, keptLength) == 0;
    }

    private boolean isAbove() {
        return bounds.isAbove(source.keySegment(), source.keyOffset(), source.keyLength());
    }

    private boolean isBelow() {
        return bounds.isBelow(source.keySegment(), source.keyOffset(), source.keyLength());
    }

    /** The sign of (the source's key - the given one). */
    private int compareTo(MemorySegment key, long keyOffset, int keyLength) {
        return Bytes.compare(source.keySegment(), source.keyOffset(), source.keyLength(), key, keyOffset, keyLength);
    }
}
