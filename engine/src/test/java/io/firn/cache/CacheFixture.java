package io.firn.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Predicate;

/** A cache over blocks whose every byte follows from their key: three verbs, insert, pin and check. */
final class CacheFixture implements AutoCloseable {
    static final int BLOCK_BYTES_MAX = 64 * 1024;

    final MemoryBudget budget;
    final BlockCache cache;
    private final MemorySegment source = Arena.ofAuto().allocate(BLOCK_BYTES_MAX, 8);

    CacheFixture(long capacityBytes) {
        this(capacityBytes, MemoryBudget.ofMebibytes(256));
    }

    CacheFixture(long capacityBytes, MemoryBudget budget) {
        this(capacityBytes, budget, task -> false);
    }

    /** As on a machine of two processors: the size of a slab follows from their number. */
    CacheFixture(long capacityBytes, MemoryBudget budget, Predicate<Runnable> background) {
        this.budget = budget;
        cache = new BlockCache(capacityBytes, 2, new CacheMemory(budget), background);
    }

    long pin(long fileId, long offset) {
        return cache.pin(CachedType.DATA, fileId, offset);
    }

    /** Inserts the block of that key; pinned if there was room. */
    long insert(long fileId, long offset, int length) {
        fill(source, fileId, offset, length);
        return cache.insert(CachedType.DATA, fileId, offset, source, 0, length);
    }

    void insertUnpinned(long fileId, long offset, int length) {
        long pin = insert(fileId, offset, length);
        if (pin != BlockCache.NONE) {
            cache.unpin(pin);
        }
    }

    boolean contains(long fileId, long offset) {
        long pin = pin(fileId, offset);
        if (pin == BlockCache.NONE) {
            return false;
        }
        assertRight(pin, fileId, offset);
        cache.unpin(pin);
        return true;
    }

    void assertRight(long pin, long fileId, long offset) {
        assertEquals(-1, wrongAt(cache.segment(pin), cache.offset(pin), cache.length(pin), fileId, offset),
                () -> "bytes of block " + offset + " of file " + fileId);
    }

    static void fill(MemorySegment target, long fileId, long offset, int length) {
        for (int at = 0; at < length; at++) {
            target.set(Layouts.BYTE, at, byteOf(fileId, offset, at));
        }
    }

    /** The first byte that is not the block's; -1 if all are. */
    static int wrongAt(MemorySegment segment, long from, int length, long fileId, long offset) {
        for (int at = 0; at < length; at++) {
            if (segment.get(Layouts.BYTE, from + at) != byteOf(fileId, offset, at)) {
                return at;
            }
        }
        return -1;
    }

    private static byte byteOf(long fileId, long offset, int at) {
        return (byte) ((fileId * 31 + offset) * 0x9E3779B97F4A7C15L >>> 40 ^ at * 37L);
    }

    @Override
    public void close() {
        cache.close();
        assertEquals(0, budget.usedBytes(), "bytes that were not given back");
    }
}
