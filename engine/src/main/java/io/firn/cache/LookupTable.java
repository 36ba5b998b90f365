package io.firn.cache;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * From the tags of keys to handles: open addressing with linear probing, at most half full.
 *
 * <p>Invariants: (1) an entry stands at or behind its home, with no gap between: what is removed is filled by what
 * stands behind, so there are no tombstones. A reader may miss an entry that is moved under it; it takes that for a
 * miss. (2) A table that was outgrown stays valid for readers that still look into it: what it names is checked by its
 * key.
 *
 * <p>Threads: {@link #segment} and {@link #entry} any; the others the holder of the shard's lock.
 */
final class LookupTable {
    private static final VarHandle ENTRY = ValueLayout.JAVA_LONG.varHandle();

    /** One entry, nothing in it. */
    private static final MemorySegment EMPTY = Arena.global().allocate(Long.BYTES, Long.BYTES);

    /** Volatile: pairs with the look of a reader, which finds the new table filled. */
    private volatile MemorySegment segment = EMPTY;

    MemorySegment segment() {
        return segment;
    }

    static long mask(MemorySegment segment) {
        return segment.byteSize() / Long.BYTES - 1;
    }

    static long entry(MemorySegment segment, long index) {
        // acquire: pairs with the release in put(), so that the handle's chunk is there
        return (long) ENTRY.getAcquire(segment, index * Long.BYTES);
    }

    static int tagOf(long entry) {
        return (int) (entry >>> 32);
    }

    static int handleOf(long entry) {
        return (int) entry;
    }

    /** What a table for so many handles takes. */
    static long bytesFor(int handles) {
        return (long) Long.BYTES * Integer.highestOneBit(handles) << 2;
    }

    /** Makes it large enough for so many handles; false if there is no memory. */
    boolean grow(CacheMemory memory, int handles) {
        if (segment.byteSize() >= bytesFor(handles)) {
            return true;
        }
        MemorySegment grown = memory.tryAllocateLasting(bytesFor(handles));
        if (grown == null) {
            return false;
        }
        MemorySegment former = segment;
        for (long index = 0; index <= mask(former); index++) {
            long entry = entry(former, index);
            if (entry != 0) {
                add(grown, entry);
            }
        }
        segment = grown;
        return true;
    }

    void add(int tag, int handle) {
        add(segment, entryOf(tag, handle));
    }

    void remove(int tag, int handle) {
        MemorySegment table = segment;
        long mask = mask(table);
        long removed = entryOf(tag, handle);
        long hole = Integer.toUnsignedLong(tag) & mask;
        while (entry(table, hole) != removed) {
            assert entry(table, hole) != 0 : "no entry of handle " + handle;
            hole = hole + 1 & mask;
        }
        long index = hole;
        while (true) {
            index = index + 1 & mask;
            long entry = entry(table, index);
            if (entry == 0) {
                put(table, hole, 0);
                return;
            }
            long home = entry >>> 32 & mask;
            // Whether the home is not in (hole, index], around the end.
            if ((index - home & mask) >= (index - hole & mask)) {
                put(table, hole, entry);
                hole = index;
            }
        }
    }

    private static void add(MemorySegment table, long entry) {
        long mask = mask(table);
        long index = entry >>> 32 & mask;
        while (entry(table, index) != 0) {
            index = index + 1 & mask;
        }
        put(table, index, entry);
    }

    private static void put(MemorySegment table, long index, long entry) {
        // release: pairs with the acquire in entry()
        ENTRY.setRelease(table, index * Long.BYTES, entry);
    }

    private static long entryOf(int tag, int handle) {
        return (long) tag << 32 | handle;
    }
}
