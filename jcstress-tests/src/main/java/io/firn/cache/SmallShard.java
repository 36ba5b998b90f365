package io.firn.cache;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A shard of one slab, and blocks of one repeated word. */
final class SmallShard {
    static final int MISSED = 0;
    static final int RIGHT = 1;
    static final int WRONG = -1;

    /** Room for a slab of 16 KiB and the first handles, and for no second slab. */
    private static final long CAPACITY_BYTES = 48 * 1024;

    private static final long FILE_ID = 7;
    private static final int BLOCKS = 4;
    private static final int BLOCK_BYTES_MAX = 8000;
    private static final MemorySegment[] SOURCES = sources();

    private final RecycledMemory memory = new RecycledMemory();
    final Shard shard = new Shard(CAPACITY_BYTES, memory, task -> false);

    int insert(int block, int length) {
        return shard.insert(BlockCache.tagOf(FILE_ID, block), FILE_ID, block, SOURCES[block], 0, length);
    }

    void insertUnpinned(int block, int length) {
        shard.unpin(insert(block, length));
    }

    int read(int block) {
        int handle = shard.pin(BlockCache.tagOf(FILE_ID, block), FILE_ID, block);
        if (handle == Shard.NONE) {
            return MISSED;
        }
        int seen = isRight(handle, block) ? RIGHT : WRONG;
        shard.unpin(handle);
        return seen;
    }

    boolean isRight(int handle, int block) {
        MemorySegment segment = shard.segment(handle);
        long at = shard.payloadAt(handle);
        long end = at + shard.length(handle);
        for (; at < end; at += 8) {
            if (segment.get(ValueLayout.JAVA_LONG_UNALIGNED, at) != wordOf(block)) {
                return false;
            }
        }
        return true;
    }

    void recycle() {
        memory.recycle();
    }

    private static MemorySegment[] sources() {
        MemorySegment[] sources = new MemorySegment[BLOCKS];
        for (int block = 0; block < BLOCKS; block++) {
            sources[block] = Arena.global().allocate(BLOCK_BYTES_MAX, 8);
            for (int at = 0; at < BLOCK_BYTES_MAX; at += 8) {
                sources[block].set(ValueLayout.JAVA_LONG, at, wordOf(block));
            }
        }
        return sources;
    }

    private static long wordOf(int block) {
        return (block + 1) * 0x0101_0101_0101_0101L;
    }
}
