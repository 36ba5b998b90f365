package io.firn.memtable;

import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A memtable of one sample: keys are numbers, and a value is two copies of a word that its key determines. */
final class StressedMemtable {
    static final int MISSING = 0;
    static final int WHOLE = 1;
    static final int TORN = 2;

    static final int COMPLETE_WITHOUT_NEW = 0;
    static final int COMPLETE_WITH_NEW = 1;
    static final int LOST = 2;
    static final int DISORDERED = 3;
    static final int TORN_ENTRY = 4;

    private static final long SLAB_BYTES = 16 * 1024;

    private static final SlabPool POOL = new SlabPool(MemoryBudget.ofMebibytes(2048), 2048L << 20);

    private static final ThreadLocal<Probe> PROBE =
            ThreadLocal.withInitial(() -> new Probe(MemoryBudget.ofMebibytes(16)));

    /** Memory of each thread to bring keys and values in. */
    private static final ThreadLocal<MemorySegment> MEMORY =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(64, 8));

    private final Memtable memtable = new Memtable(POOL, SLAB_BYTES, Prefix.NONE);

    StressedMemtable() {
        Slab slab = POOL.tryAcquire(SLAB_BYTES);
        if (slab == null) {
            throw new IllegalStateException("no slab");
        }
        memtable.provide(slab);
    }

    void insert(long number) {
        MemorySegment memory = MEMORY.get();
        memory.set(Layouts.LONG_BE, 0, number);
        memory.set(Layouts.LONG_LE, 8, word(number));
        memory.set(Layouts.LONG_LE, 16, word(number));
        memtable.insert(memory, 0, 8, Trailer.of(1, Trailer.VALUE), memory, 8, 16);
    }

    int lookup(long number) {
        Probe probe = PROBE.get();
        MemorySegment memory = MEMORY.get();
        memory.set(Layouts.LONG_BE, 0, number);
        probe.ask(memory, 0, 8, 1);
        if (!memtable.get(probe)) {
            return MISSING;
        }
        return isWhole(number, probe.segment(), probe.offset(), probe.length()) ? WHOLE : TORN;
    }

    /** Walks over everything: so many entries were there before, one may have come since. */
    int walk(boolean isForward, int entriesBefore, long newNumber) {
        EntryCursor cursor = memtable.cursor();
        int met = 0;
        boolean isNewMet = false;
        long last = isForward ? -1 : Long.MAX_VALUE;
        while (isForward ? cursor.next() : cursor.previous()) {
            long number = cursor.keySegment().get(Layouts.LONG_BE, cursor.keyOffset());
            if (isForward ? number <= last : last <= number) {
                return DISORDERED;
            }
            if (!isWhole(number, cursor.valueSegment(), cursor.valueOffset(), cursor.valueLength())) {
                return TORN_ENTRY;
            }
            last = number;
            isNewMet |= number == newNumber;
            met += number == newNumber ? 0 : 1;
        }
        if (met != entriesBefore) {
            return met < entriesBefore ? LOST : DISORDERED;
        }
        return isNewMet ? COMPLETE_WITH_NEW : COMPLETE_WITHOUT_NEW;
    }

    void free() {
        memtable.free();
    }

    private static boolean isWhole(long number, MemorySegment segment, long offset, int length) {
        return length == 16 && segment.get(Layouts.LONG_LE, offset) == word(number)
                && segment.get(Layouts.LONG_LE, offset + 8) == word(number);
    }

    private static long word(long number) {
        return number * 0x9E3779B97F4A7C15L | 1;
    }
}
