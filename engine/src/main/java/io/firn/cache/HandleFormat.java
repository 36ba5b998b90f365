package io.firn.cache;

import static io.firn.ffm.memory.Layouts.LONG_LE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Where the parts of a handle lie, and how readers, who pin without a lock, share its word with the one who evicts
 * (R19).
 *
 * <p>Invariants: (1) key and place change only while the word says DEAD, so they are stable for who has pinned. (2) The
 * generation rises with every change to LIVE.
 *
 * <p>Threads: {@link #pin}, {@link #unpin} any; the others the holder of the shard's lock.
 */
final class HandleFormat {
    static final int BYTES = 32;
    static final int PINS_MAX = (1 << 21) - 1;

    private static final int FILE_ID = 8;
    private static final int OFFSET = 16;
    private static final int PLACE = 24;

    private static final long VISITED = 1L << 21;
    private static final int STATE_SHIFT = 22;
    private static final long STATE_MASK = 3L << STATE_SHIFT;
    private static final long LIVE = 1L << STATE_SHIFT;
    private static final long DOOMED = 2L << STATE_SHIFT;
    private static final int GENERATION_SHIFT = 24;

    private static final int SLAB_SHIFT = 48;
    private static final int PLACE_OFFSET_SHIFT = 24;
    private static final int LENGTH_MASK = (1 << 24) - 1;

    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

    private HandleFormat() {}

    /** Pins what the handle stands for, if it is alive; whether that is what was looked for is to be checked then. */
    static boolean pin(MemorySegment chunk, long at) {
        // acquire: pairs with the release in publish()
        long word = (long) WORD.getAcquire(chunk, at);
        long generation = word >>> GENERATION_SHIFT;
        while ((word & STATE_MASK) == LIVE && word >>> GENERATION_SHIFT == generation
                && (word & PINS_MAX) < PINS_MAX) {
            // volatile: pairs with the release in publish(), so that the bytes are there, and with kill(), which fails
            // from here on
            long seen = (long) WORD.compareAndExchange(chunk, at, word, word + 1 | VISITED);
            if (seen == word) {
                return true;
            }
            word = seen;
        }
        return false;
    }

    static void unpin(MemorySegment chunk, long at) {
        // release: what was read while pinned was read before; pairs with kill()
        long before = (long) WORD.getAndAddRelease(chunk, at, -1L);
        assert (before & PINS_MAX) > 0 : "unpinned more often than pinned";
    }

    static long word(MemorySegment chunk, long at) {
        return (long) WORD.getOpaque(chunk, at);
    }

    static boolean isVisited(long word) {
        return (word & VISITED) != 0;
    }

    static boolean isLive(long word) {
        return (word & STATE_MASK) == LIVE;
    }

    static boolean isDoomed(long word) {
        return (word & STATE_MASK) == DOOMED;
    }

    private static boolean isPinned(long word) {
        return (word & PINS_MAX) != 0;
    }

    /** From (no pins, and the word as seen) to DEAD; from then on nobody reads the bytes. */
    static boolean kill(MemorySegment chunk, long at, long word) {
        // volatile: pairs with the release in unpin(), so that every read of the bytes was before
        return !isPinned(word)
                && WORD.compareAndSet(chunk, at, word, word >>> GENERATION_SHIFT << GENERATION_SHIFT);
    }

    /** To be found no more, and to go when the last pin has gone. */
    static void doom(MemorySegment chunk, long at) {
        long word = word(chunk, at);
        while (true) {
            long seen = (long) WORD.compareAndExchange(chunk, at, word, word & ~STATE_MASK & ~VISITED | DOOMED);
            if (seen == word) {
                return;
            }
            word = seen;
        }
    }

    /** Takes note that the block's use was seen; a use at this very moment may be overlooked or stay. */
    static void clearVisited(MemorySegment chunk, long at, long word) {
        WORD.compareAndSet(chunk, at, word, word & ~VISITED);
    }

    /** From DEAD to LIVE in the next generation: key, place and bytes are complete. */
    static void publish(MemorySegment chunk, long at, int pins) {
        long word = word(chunk, at);
        assert (word & STATE_MASK) == 0 && !isPinned(word) : "published while alive";
        long next = (word >>> GENERATION_SHIFT) + 1 << GENERATION_SHIFT | LIVE | pins;
        // release: pairs with the acquire in pin()
        WORD.setRelease(chunk, at, next);
    }

    static boolean hasKey(MemorySegment chunk, long at, long fileId, long offset) {
        return chunk.get(LONG_LE, at + FILE_ID) == fileId && chunk.get(LONG_LE, at + OFFSET) == offset;
    }

    static long fileId(MemorySegment chunk, long at) {
        return chunk.get(LONG_LE, at + FILE_ID);
    }

    static long offset(MemorySegment chunk, long at) {
        return chunk.get(LONG_LE, at + OFFSET);
    }

    static void setKey(MemorySegment chunk, long at, long fileId, long offset) {
        chunk.set(LONG_LE, at + FILE_ID, fileId);
        chunk.set(LONG_LE, at + OFFSET, offset);
    }

    static long place(MemorySegment chunk, long at) {
        return chunk.get(LONG_LE, at + PLACE);
    }

    static void setPlace(MemorySegment chunk, long at, long place) {
        chunk.set(LONG_LE, at + PLACE, place);
    }

    static long placeOf(int slab, long payloadAt, int length) {
        return (long) slab << SLAB_SHIFT | payloadAt >>> 3 << PLACE_OFFSET_SHIFT | length;
    }

    static int slabOf(long place) {
        return (int) (place >>> SLAB_SHIFT);
    }

    static long payloadAt(long place) {
        return (place >>> PLACE_OFFSET_SHIFT & LENGTH_MASK) << 3;
    }

    static int lengthOf(long place) {
        return (int) place & LENGTH_MASK;
    }
}
