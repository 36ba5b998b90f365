package io.firn.memtable;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A memtable with slabs, for tests: keys and values are byte arrays here. */
final class MemtableFixture implements AutoCloseable {
    static final long SEQNO_MAX = Trailer.SEQNO_MAX;

    final MemoryBudget budget = MemoryBudget.ofMebibytes(512);
    final SlabPool pool = new SlabPool(budget, 64L << 20);
    final Memtable memtable;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment keyMemory = arena.allocate(1 << 16, 8);
    private MemorySegment valueMemory = arena.allocate(1 << 16, 8);

    MemtableFixture(long limitBytes) {
        this(limitBytes, Prefix.NONE);
    }

    MemtableFixture(long limitBytes, Prefix guess) {
        memtable = new Memtable(pool, limitBytes, guess);
    }

    /** The seed of a test, printed so that a failure can be repeated by -Dseed=. */
    static long seed(String test) {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println(test + ": -Dseed=" + seed);
        return seed;
    }

    /** Reserves room as the commit path does; false if the memtable is full. */
    static boolean reserve(Memtable memtable, SlabPool pool, long entryBytes, int entries) {
        for (int attempts = 0; attempts < 3; attempts++) {
            switch (memtable.tryReserve(entryBytes, entries)) {
                case READY -> {
                    return true;
                }
                case FULL -> {
                    return false;
                }
                case NEEDS_SLAB -> {
                    long wantedBytes = memtable.slabBytesWanted();
                    assertNotEquals(0, wantedBytes);
                    Slab slab = pool.tryAcquire(wantedBytes);
                    if (slab == null) {
                        throw new AssertionError("no slab of " + wantedBytes + " bytes");
                    }
                    memtable.provide(slab);
                }
            }
        }
        throw new AssertionError("not ready after the slab it wanted");
    }

    boolean reserve(long entryBytes, int entries) {
        return reserve(memtable, pool, entryBytes, entries);
    }

    /** False if the memtable is full. */
    boolean put(byte[] key, long seqno, int type, byte[] value) {
        if (!reserve(key.length + value.length, 1)) {
            return false;
        }
        insert(key, seqno, type, value);
        return true;
    }

    boolean put(byte[] key, long seqno, byte[] value) {
        return put(key, seqno, Trailer.VALUE, value);
    }

    void insert(byte[] key, long seqno, int type, byte[] value) {
        if (valueMemory.byteSize() < value.length) {
            valueMemory = arena.allocate(value.length, 8);
        }
        MemorySegment.copy(key, 0, keyMemory, ValueLayout.JAVA_BYTE, 0, key.length);
        MemorySegment.copy(value, 0, valueMemory, ValueLayout.JAVA_BYTE, 0, value.length);
        memtable.insert(keyMemory, 0, key.length, Trailer.of(seqno, type), valueMemory, 0, value.length);
    }

    byte @Nullable [] get(byte[] key, long seqno) {
        try (Probe probe = new Probe(budget)) {
            probe.ask(key, seqno);
            return memtable.get(probe) ? value(probe) : null;
        }
    }

    boolean seek(EntryCursor cursor, byte[] key, long trailer) {
        MemorySegment.copy(key, 0, keyMemory, ValueLayout.JAVA_BYTE, 0, key.length);
        return cursor.seek(keyMemory, 0, key.length, trailer);
    }

    boolean seekForPrevious(EntryCursor cursor, byte[] key, long trailer) {
        MemorySegment.copy(key, 0, keyMemory, ValueLayout.JAVA_BYTE, 0, key.length);
        return cursor.seekForPrevious(keyMemory, 0, key.length, trailer);
    }

    static byte[] key(EntryCursor cursor) {
        return cursor.keySegment().asSlice(cursor.keyOffset(), cursor.keyLength()).toArray(ValueLayout.JAVA_BYTE);
    }

    static byte[] value(EntryCursor cursor) {
        return cursor.valueSegment().asSlice(cursor.valueOffset(), cursor.valueLength())
                .toArray(ValueLayout.JAVA_BYTE);
    }

    static byte[] value(Probe probe) {
        return probe.segment().asSlice(probe.offset(), probe.length()).toArray(ValueLayout.JAVA_BYTE);
    }

    static void assertSameEntry(EntryCursor expected, EntryCursor actual) {
        assertArrayEquals(key(expected), key(actual));
        assertEquals(expected.trailer(), actual.trailer());
        assertArrayEquals(value(expected), value(actual));
    }

    static byte[] randomBytes(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    @Override
    public void close() {
        memtable.free();
        pool.close();
        arena.close();
        assertEquals(0, budget.usedBytes());
    }
}
