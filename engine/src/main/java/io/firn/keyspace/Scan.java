package io.firn.keyspace;

import io.firn.config.KeyRange;
import io.firn.entry.EntryCursor;
import io.firn.entry.HeldBlock;
import io.firn.entry.Probe;
import io.firn.entry.ReadCounts;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Leases;
import io.firn.memtable.MemtableCursor;
import io.firn.merge.Bounds;
import io.firn.merge.MergingCursor;
import io.firn.merge.VisibleCursor;
import io.firn.table.Caching;
import io.firn.version.RunCursor;
import io.firn.version.Version;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A walk over a range of one keyspace at one seqno, and the super version that it pins. Leased from a pool with all its
 * memory, for a call or for as long as a cursor is open.
 *
 * <p>Invariants: (1) nothing is read before the first move. (2) What was taken off an end of the range is outside the
 * bounds from then on; when an end has found nothing, nothing is left. (3) A run is one source, and one that is alone
 * is read without the merge. A memtable that is alone is not, so that the calls of both room-crossing cursors see two
 * classes at most and the compiler can inline them.
 *
 * <p>Threads: one at a time.
 */
public final class Scan implements Walk, Leases.Leased {
    private static final long BEFORE_ALL_VERSIONS = Trailer.of(Trailer.SEQNO_MAX, Trailer.ANY_TYPE);
    private static final long BEHIND_ALL_VERSIONS = 0;

    /** More runs than a tree has that is not behind with compaction; their memory is kept for the next walk. */
    private static final int RUNS_KEPT = 12;

    /** Where the last move has led. */
    private enum Place {
        /** Nowhere; the sources are not open. */
        UNOPENED,
        /** To where the visible cursor stands. */
        WALKING,
        /** The same, and there to what was taken off the front. */
        TAKEN_FRONT,
        /** The same, and there to what was taken off the back. */
        TAKEN_BACK,
        /** To the key of the probe, by a point lookup. */
        SOUGHT
    }

    /** Its number among all that read. */
    final int slot;

    private final MemoryBudget budget;
    private final Consumer<Scan> onClose;
    private final Probe probe;
    private final HeldBlock separated;
    private final VisibleCursor visible;
    private final Bounds bounds;
    private final MergingCursor merging = new MergingCursor(new EntryCursor[0]);
    private final List<MemtableCursor> memtables = new ArrayList<>();
    private final List<RunCursor> runs = new ArrayList<>();
    private EntryCursor[] sources = new EntryCursor[8];
    private int memtableCount;
    private int runCount;
    private int sourceCount;

    private @Nullable SuperVersion pinned;
    private int stripe;
    private @Nullable ReadCounts counts;
    private long seqno;
    private Place place = Place.UNOPENED;
    private boolean isOpened;
    private boolean isCacheFilled;
    private boolean isFound;

    private @Nullable Front front;
    private EntryCursor source = merging;
    /** Whether there is nothing visible before the lower bound. */
    private boolean isFromStart;

    Scan(MemoryBudget budget, int slot, Consumer<Scan> onClose) {
        this.budget = budget;
        this.slot = slot;
        this.onClose = onClose;
        probe = new Probe(budget);
        separated = new HeldBlock(budget);
        visible = new VisibleCursor(budget);
        bounds = visible.bounds();
    }

    /** Begins anew over all keys. The pin is the scan's from now on. */
    void begin(SuperVersion newPinned, int newStripe, long newSeqno, ReadCounts newCounts, Front newFront) {
        probe.countIn(newCounts);
        separated.countIn(newCounts);
        counts = newCounts;
        isCacheFilled = false;
        pinned = newPinned;
        stripe = newStripe;
        seqno = newSeqno;
        front = newFront;
    }

    /** Narrows it to a range, if one is given, and to where something may be. REQUIRES: no move yet. */
    void within(@Nullable KeyRange range) {
        if (range != null) {
            bounds.set(range);
        }
        isFromStart = !bounds.hasLower();
        isFromStart |= front.raise(bounds, seqno);
    }

    /** From the next move on, blocks that steps come to are kept in the cache, too. */
    @Override
    public void fillCache() {
        isCacheFilled = true;
        for (int i = 0; i < runCount; i++) {
            runs.get(i).use(Caching.ALL);
        }
    }

    /** As before any move, within what is left of the range. */
    @Override
    public void restart() {
        place = isOpened ? Place.WALKING : Place.UNOPENED;
        isFound = false;
        visible.restart();
    }

    /** Lets go of all but its memory; the pin that it had is the caller's. */
    @Nullable SuperVersion end() {
        SuperVersion former = pinned;
        pinned = null;
        front = null;
        source = merging;
        probe.release();
        separated.release();
        place = Place.UNOPENED;
        isOpened = false;
        isFound = false;
        visible.leave();
        merging.leave();
        for (int i = 0; i < memtableCount; i++) {
            memtables.get(i).leave();
        }
        for (int i = 0; i < runCount; i++) {
            runs.get(i).leave();
        }
        while (runs.size() > RUNS_KEPT) {
            runs.removeLast().close();
        }
        memtableCount = 0;
        runCount = 0;
        return former;
    }

    int stripe() {
        return stripe;
    }

    // ---- moves

    @Override
    public boolean first() {
        walk();
        return noted(visible.first());
    }

    @Override
    public boolean last() {
        walk();
        return visible.last();
    }

    @Override
    public boolean next() {
        if (place == Place.WALKING) {
            return visible.next();
        }
        boolean isFromKey = place == Place.SOUGHT;
        walk();
        return isFromKey ? firstBehindProbe() : visible.next();
    }

    @Override
    public boolean previous() {
        if (place == Place.WALKING) {
            return visible.previous();
        }
        boolean isFromKey = place == Place.SOUGHT;
        walk();
        return isFromKey
                ? visible.seekForPrevious(probe.key(), 0, probe.keyLength(), BEFORE_ALL_VERSIONS)
                : visible.previous();
    }

    /** To the first entry at or after the key, within what is left of the range. */
    @Override
    public boolean seek(MemorySegment key) {
        walk();
        ask(key);
        return visible.seek(probe.key(), 0, probe.keyLength(), BEFORE_ALL_VERSIONS);
    }

    /** To the last entry at or before the key, within what is left of the range. */
    @Override
    public boolean seekForPrevious(MemorySegment key) {
        walk();
        ask(key);
        return visible.seekForPrevious(probe.key(), 0, probe.keyLength(), BEHIND_ALL_VERSIONS);
    }

    /** To exactly this key, by a point lookup; or to its place between two others. */
    @Override
    public boolean find(MemorySegment key) {
        isFound = false;
        place = Place.SOUGHT;
        ask(key);
        isFound = !bounds.isBelow(probe.key(), 0, probe.keyLength())
                && !bounds.isAbove(probe.key(), 0, probe.keyLength())
                && pinned.get(probe)
                && !Trailer.isTombstone(probe.trailer());
        return isFound;
    }

    /** Takes an entry off the front of the range. */
    @Override
    public boolean nextFront() {
        boolean isBehind = place == Place.TAKEN_FRONT;
        walk();
        if (!(isBehind ? visible.next() : noted(visible.first()))) {
            bounds.empty();
            return false;
        }
        isFromStart = false;
        bounds.raiseBehind(visible.keySegment(), visible.keyOffset(), visible.keyLength());
        place = Place.TAKEN_FRONT;
        return true;
    }

    /** Takes an entry off the back of the range. */
    @Override
    public boolean nextBack() {
        boolean isBefore = place == Place.TAKEN_BACK;
        walk();
        if (!(isBefore ? visible.previous() : visible.last())) {
            bounds.empty();
            return false;
        }
        bounds.cutAt(visible.keySegment(), visible.keyOffset(), visible.keyLength());
        place = Place.TAKEN_BACK;
        return true;
    }

    /** After a move to the first entry, or to none: what it has passed on its way is not passed again, if it was much. */
    private boolean noted(boolean isThere) {
        if (visible.passedKeys() >= Front.LONG_WALK_KEYS && isFromStart) {
            noteLongWalk(isThere);
        }
        return isThere;
    }

    private void noteLongWalk(boolean isThere) {
        if (isThere) {
            front.walked(visible.keySegment(), visible.keyOffset(), visible.keyLength(), seqno);
        } else if (!bounds.hasUpper() && source.last()) {
            front.walked(source.keySegment(), source.keyOffset(), source.keyLength(), seqno);
        }
    }

    // ---- the entry

    public boolean isPositioned() {
        return place == Place.SOUGHT ? isFound : visible.isPositioned();
    }

    @Override
    public MemorySegment keySegment() {
        return place == Place.SOUGHT ? probe.key() : visible.keySegment();
    }

    @Override
    public long keyOffset() {
        return place == Place.SOUGHT ? 0 : visible.keyOffset();
    }

    @Override
    public int keyLength() {
        return place == Place.SOUGHT ? probe.keyLength() : visible.keyLength();
    }

    @Override
    public long seqnoOfEntry() {
        return Trailer.seqno(trailer());
    }

    private long trailer() {
        return place == Place.SOUGHT ? probe.trailer() : visible.trailer();
    }

    @Override
    public boolean isValueSeparated() {
        return Trailer.isSeparated(trailer());
    }

    @Override
    public HeldBlock load() {
        pinned.version.blobs().hold(valueSegment(), valueOffset(), separated);
        return separated;
    }

    @Override
    public void releaseValue() {
        separated.release();
    }

    @Override
    public MemorySegment valueSegment() {
        return place == Place.SOUGHT ? probe.segment() : visible.valueSegment();
    }

    @Override
    public long valueOffset() {
        return place == Place.SOUGHT ? probe.offset() : visible.valueOffset();
    }

    @Override
    public int valueLength() {
        return place == Place.SOUGHT ? probe.length() : visible.valueLength();
    }

    /** The seqno that it reads at. */
    public long seqno() {
        return seqno;
    }

    @Override
    public void close() {
        onClose.accept(this);
        probe.close();
        separated.close();
        visible.close();
        runs.forEach(RunCursor::close);
    }

    // ---- the sources

    private void walk() {
        place = Place.WALKING;
        if (!isOpened) {
            openSources();
            isOpened = true;
        }
    }

    private void openSources() {
        memtableCount = 0;
        runCount = 0;
        sourceCount = 0;
        add(pinned.active);
        for (int i = 0; i < pinned.sealed.size(); i++) {
            add(pinned.sealed.get(i));
        }
        Version version = pinned.version;
        for (int level = 0; level < version.levels().count(); level++) {
            for (int i = 0; i < version.runCount(level); i++) {
                RunCursor run = nextRun();
                run.countIn(counts);
                run.use(isCacheFilled ? Caching.ALL : Caching.SEEKS);
                run.open(version.run(level, i));
                if (bounds.hasLower()) {
                    run.from(bounds.lower(), 0, bounds.lowerLength());
                }
                if (bounds.hasUpper()) {
                    run.until(bounds.upper(), 0, bounds.upperLength());
                }
                if (run.hasTables()) {
                    runCount++;
                    add(run);
                } else {
                    run.leave();
                }
            }
        }
        if (sourceCount == 1 && runCount == 1) {
            source = sources[0];
        } else {
            merging.open(sources, sourceCount);
            source = merging;
        }
        visible.open(source, seqno);
        Arrays.fill(sources, 0, sourceCount, null);
    }

    /** What a memtable gets later is newer than the seqno: it counts as empty if it has nothing in the range now. */
    private void add(JournaledMemtable each) {
        if (each.memtable.isEmpty()) {
            return;
        }
        if (memtableCount == memtables.size()) {
            memtables.add(new MemtableCursor());
        }
        MemtableCursor cursor = memtables.get(memtableCount++);
        cursor.open(each.memtable);
        boolean isBounded = bounds.hasLower() || bounds.hasUpper();
        if (!isBounded || cursor.seek(bounds.lower(), 0, bounds.lowerLength(), BEFORE_ALL_VERSIONS)
                && !bounds.isAbove(cursor.keySegment(), cursor.keyOffset(), cursor.keyLength())) {
            add(cursor);
        }
    }

    private void add(EntryCursor source) {
        if (sourceCount == sources.length) {
            sources = Arrays.copyOf(sources, 2 * sourceCount);
        }
        sources[sourceCount++] = source;
    }

    private RunCursor nextRun() {
        if (runCount == runs.size()) {
            runs.add(new RunCursor(budget, Caching.SEEKS));
        }
        return runs.get(runCount);
    }

    private void ask(MemorySegment key) {
        probe.ask(key, 0, Math.toIntExact(key.byteSize()), seqno);
    }

    private boolean firstBehindProbe() {
        return visible.seek(probe.key(), 0, probe.keyLength(), BEFORE_ALL_VERSIONS)
                && (!isAtProbe() || visible.next());
    }

    private boolean isAtProbe() {
        return Bytes.equal(visible.keySegment(), visible.keyOffset(), visible.keyLength(),
                probe.key(), 0, probe.keyLength());
    }
}
