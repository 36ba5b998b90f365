package io.firn.merge;

import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.ffm.memory.Bytes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Many sorted sources as one, by a tree of losers: a step moves the source that is shown and plays it up the tree,
 * one comparison a level.
 *
 * <p>Invariants: (1) while it goes forward, every source but the one that is shown stands on the first entry behind
 * the entry shown that it had when it came there; backward, on the last before. So a change of direction is a step
 * of each source, or a few where a memtable has got entries in between since. (2) An entry that loses a game to one
 * of equal (key, seqno) in a newer source is shadowed; it comes up only after that one was shown, and is stepped
 * over. An entry of a tie that has not won was beaten by one of the same tie, so every one of them is marked. (3) A
 * source shows at most one entry of a (key, seqno) that another source has too. (4) After a move that threw, the
 * cursor is as before any move.
 *
 * <p>The key of each source's entry is kept as (segment, offset, length) with its first 8 bytes as a number, so
 * that most games are one comparison of longs and no call.
 *
 * <p>Threads: one at a time. Closed by: its opener; it closes its sources.
 */
public final class MergingCursor implements EntryCursor {
    private static final int EXHAUSTED = -1;

    private enum State {
        UNMOVED,
        ON_ENTRY,
        BEFORE_START,
        AFTER_END
    }

    private EntryCursor[] sources;
    private int count;

    /** From index 1 on the loser of each game; the games of node n are played by the winners of nodes 2n and 2n + 1. */
    private int[] losers;
    private int[] winners;

    private MemorySegment[] keySegments;
    private long[] keyOffsets;
    private int[] keyLengths;
    private long[] keyHeads;
    private long[] trailers;
    private boolean[] isShadowed;

    private State state = State.UNMOVED;
    private boolean isForward;
    private int shown;

    public MergingCursor(EntryCursor[] sourcesNewestFirst) {
        sources = sourcesNewestFirst.clone();
        count = sources.length;
        allocate(count);
    }

    /** Begins anew over the first {@code newCount} of other sources. The former ones are their opener's to close. */
    public void open(EntryCursor[] sourcesNewestFirst, int newCount) {
        leave();
        if (newCount > sources.length) {
            sources = new EntryCursor[sourcesNewestFirst.length];
            allocate(sources.length);
        }
        System.arraycopy(sourcesNewestFirst, 0, sources, 0, newCount);
        count = newCount;
    }

    /** Lets go of the sources, which are their opener's to close. */
    public void leave() {
        state = State.UNMOVED;
        Arrays.fill(sources, 0, count, null);
        Arrays.fill(keySegments, 0, count, MemorySegment.NULL);
        count = 0;
    }

    private void allocate(int sourcesMax) {
        losers = new int[sourcesMax];
        winners = new int[2 * sourcesMax];
        keySegments = new MemorySegment[sourcesMax];
        keyOffsets = new long[sourcesMax];
        keyLengths = new int[sourcesMax];
        keyHeads = new long[sourcesMax];
        trailers = new long[sourcesMax];
        isShadowed = new boolean[sourcesMax];
    }

    @Override
    public boolean first() {
        begin(true);
        for (int source = 0; source < count; source++) {
            take(source, sources[source].first());
        }
        return playAll();
    }

    @Override
    public boolean last() {
        begin(false);
        for (int source = 0; source < count; source++) {
            take(source, sources[source].last());
        }
        return playAll();
    }

    @Override
    public boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        begin(true);
        for (int source = 0; source < count; source++) {
            take(source, sources[source].seek(key, keyOffset, keyLength, trailer));
        }
        return playAll();
    }

    @Override
    public boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        begin(false);
        for (int source = 0; source < count; source++) {
            take(source, sources[source].seekForPrevious(key, keyOffset, keyLength, trailer));
        }
        return playAll();
    }

    @Override
    public boolean next() {
        return switch (state) {
            case UNMOVED, BEFORE_START -> first();
            case AFTER_END -> false;
            case ON_ENTRY -> isForward ? step() : turn();
        };
    }

    @Override
    public boolean previous() {
        return switch (state) {
            case UNMOVED, AFTER_END -> last();
            case BEFORE_START -> false;
            case ON_ENTRY -> isForward ? turn() : step();
        };
    }

    @Override
    public boolean isPositioned() {
        return state == State.ON_ENTRY;
    }

    @Override
    public MemorySegment keySegment() {
        assert isPositioned() : "no entry";
        return keySegments[shown];
    }

    @Override
    public long keyOffset() {
        return keyOffsets[shown];
    }

    @Override
    public int keyLength() {
        return keyLengths[shown];
    }

    @Override
    public long trailer() {
        return trailers[shown];
    }

    @Override
    public MemorySegment valueSegment() {
        assert isPositioned() : "no entry";
        return sources[shown].valueSegment();
    }

    @Override
    public long valueOffset() {
        return sources[shown].valueOffset();
    }

    @Override
    public int valueLength() {
        return sources[shown].valueLength();
    }

    /** The source that is shown moves once when the cursor steps back. */
    @Override
    public boolean isValueSteady() {
        return sources[shown].isValueSteady();
    }

    @Override
    public void close() {
        state = State.UNMOVED;
        for (int source = 0; source < count; source++) {
            sources[source].close();
        }
    }

    private void begin(boolean isForwardNow) {
        state = State.UNMOVED;
        isForward = isForwardNow;
    }

    private boolean step() {
        state = State.UNMOVED;
        do {
            int source = shown;
            take(source, move(source));
            play(source);
        } while (isShadowed[shown]);
        return arrive();
    }

    /** The source that is shown moves last: until then its entry is what the others must be behind, or before. */
    private boolean turn() {
        begin(!isForward);
        for (int source = 0; source < count; source++) {
            if (source != shown) {
                do {
                    take(source, move(source));
                } while (keyLengths[source] != EXHAUSTED && compare(source, shown) <= 0 == isForward);
            }
        }
        take(shown, move(shown));
        return playAll();
    }

    private boolean move(int source) {
        return isForward ? sources[source].next() : sources[source].previous();
    }

    private boolean arrive() {
        if (keyLengths[shown] != EXHAUSTED) {
            state = State.ON_ENTRY;
            return true;
        }
        state = isForward ? State.AFTER_END : State.BEFORE_START;
        return false;
    }

    private void take(int source, boolean isThere) {
        isShadowed[source] = false;
        if (!isThere) {
            keyLengths[source] = EXHAUSTED;
            return;
        }
        EntryCursor cursor = sources[source];
        MemorySegment segment = cursor.keySegment();
        long offset = cursor.keyOffset();
        int length = cursor.keyLength();
        keySegments[source] = segment;
        keyOffsets[source] = offset;
        keyLengths[source] = length;
        keyHeads[source] = Bytes.head(segment, offset, length);
        trailers[source] = cursor.trailer();
    }

    /** Plays every game: the sources are the leaves, at nodes count to 2 * count - 1. */
    private boolean playAll() {
        if (count == 0) {
            state = isForward ? State.AFTER_END : State.BEFORE_START;
            return false;
        }
        for (int source = 0; source < count; source++) {
            winners[count + source] = source;
        }
        for (int node = count - 1; node > 0; node--) {
            int left = winners[2 * node];
            int right = winners[2 * node + 1];
            boolean isLeft = beats(left, right);
            winners[node] = isLeft ? left : right;
            losers[node] = isLeft ? right : left;
        }
        shown = winners[1];
        return arrive();
    }

    /** Plays the games of one source that moved, from its leaf up. */
    private void play(int source) {
        int winner = source;
        for (int node = count + source >>> 1; node > 0; node >>>= 1) {
            int loser = losers[node];
            if (beats(loser, winner)) {
                losers[node] = winner;
                winner = loser;
            }
        }
        shown = winner;
    }

    private boolean beats(int a, int b) {
        if (keyLengths[a] == EXHAUSTED || keyLengths[b] == EXHAUSTED) {
            return keyLengths[a] != EXHAUSTED;
        }
        int order = compare(a, b);
        if (order == 0) {
            isShadowed[Math.max(a, b)] = true;
            return a < b;
        }
        return order < 0 == isForward;
    }

    /** Entry order: key ascending, seqno descending. */
    private int compare(int a, int b) {
        long x = keyHeads[a];
        long y = keyHeads[b];
        if (x != y) {
            return Long.compareUnsigned(x, y);
        }
        int order = Bytes.compare(
                keySegments[a], keyOffsets[a], keyLengths[a], keySegments[b], keyOffsets[b], keyLengths[b]);
        return order != 0 ? order : Long.compare(Trailer.seqno(trailers[b]), Trailer.seqno(trailers[a]));
    }
}
