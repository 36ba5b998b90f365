package io.firn.keyspace;

import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import io.firn.memtable.Memtable;
import io.firn.memtable.Prefix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A memtable of the smallest size with room for two entries; its slab is recycled, since a test makes thousands. */
final class SmallMemtable {
    static final MemorySegment FIRST_KEY = key(1);
    static final MemorySegment SECOND_KEY = key(2);

    private static final MemoryBudget BUDGET = MemoryBudget.ofMebibytes(4096);
    private static final SlabPool SLABS = new SlabPool(BUDGET, 1L << 32);
    private static final ThreadLocal<Probe> PROBE = ThreadLocal.withInitial(() -> new Probe(BUDGET));

    private final Memtable memtable = new Memtable(SLABS, 4096, Prefix.NONE);

    SmallMemtable() {
        while (memtable.tryReserve(32, 2) == Memtable.Room.NEEDS_SLAB) {
            Slab slab = SLABS.tryAcquire(memtable.slabBytesWanted());
            memtable.provide(slab);
        }
    }

    void insert(MemorySegment key, long seqno) {
        memtable.insert(key, 0, 8, Trailer.of(seqno, Trailer.VALUE), key, 0, 8);
    }

    boolean contains(MemorySegment key, long seqno) {
        Probe probe = PROBE.get();
        probe.ask(key, 0, 8, seqno);
        return memtable.get(probe);
    }

    void free() {
        memtable.free();
    }

    private static MemorySegment key(long word) {
        MemorySegment key = Arena.global().allocate(8);
        key.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, word);
        return key;
    }
}
