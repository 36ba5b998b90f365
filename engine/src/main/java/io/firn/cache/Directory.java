package io.firn.cache;

import java.lang.foreign.MemorySegment;

/**
 * The handles of one shard, in chunks of which each has twice as many as the one before, so that handles never move.
 *
 * <p>Invariants: handles are numbered from 256 on; 0 is none.
 *
 * <p>Threads: {@link #chunk} and {@link #at} any, for a handle that was read from the lookup table; the others the
 * holder of the shard's lock.
 */
final class Directory {
    static final int NONE = 0;

    private static final int FIRST_LOG = 8;
    private static final int CHUNKS_MAX = 22;

    private final MemorySegment[] chunks = new MemorySegment[CHUNKS_MAX];
    private int chunkCount;
    private int endHandle = 1 << FIRST_LOG;
    private int nextHandle = 1 << FIRST_LOG;
    private int firstFree = NONE;

    MemorySegment chunk(int handle) {
        return chunks[Integer.SIZE - 1 - FIRST_LOG - Integer.numberOfLeadingZeros(handle)];
    }

    static long at(int handle) {
        return (long) (handle ^ Integer.highestOneBit(handle)) * HandleFormat.BYTES;
    }

    /** What the next chunk takes; its handles are more than all before. */
    long nextChunkBytes() {
        return (long) HandleFormat.BYTES << FIRST_LOG + chunkCount;
    }

    /** The number of handles when the next chunk has come. */
    int nextCount() {
        return (1 << FIRST_LOG) * ((2 << chunkCount) - 1);
    }

    boolean grow(CacheMemory memory) {
        MemorySegment chunk = chunkCount == CHUNKS_MAX ? null : memory.tryAllocateLasting(nextChunkBytes());
        if (chunk == null) {
            return false;
        }
        chunks[chunkCount] = chunk;
        chunkCount++;
        endHandle = 1 << FIRST_LOG + chunkCount;
        return true;
    }

    boolean hasFree() {
        return firstFree != NONE || nextHandle < endHandle;
    }

    int take() {
        int handle = firstFree;
        if (handle == NONE) {
            handle = nextHandle++;
        } else {
            firstFree = (int) HandleFormat.place(chunk(handle), at(handle));
        }
        return handle;
    }

    /** Takes a dead handle back. */
    void giveBack(int handle) {
        HandleFormat.setPlace(chunk(handle), at(handle), firstFree);
        firstFree = handle;
    }

    /** The first handle that there can be. */
    static int firstHandle() {
        return 1 << FIRST_LOG;
    }

    /** Behind the last handle that was ever taken. */
    int endOfTaken() {
        return nextHandle;
    }
}
