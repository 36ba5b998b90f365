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
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Insert, get and scan of a memtable of 500,000 entries, keys of 16 bytes, values of 100. Keys: random bytes; sixteen
 * decimal digits, of which ten are shared, in random order; the workload's (a big-endian number, then eight digits)
 * in key order.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 4, time = 2)
@Measurement(iterations = 5, time = 2)
public class MemtableBenchmark {
    private static final int ENTRIES = 500_000;
    private static final int KEY_BYTES = 16;
    private static final int VALUE_BYTES = 100;
    private static final long LIMIT_BYTES = 128L << 20;

    @Param({"random", "decimal", "sequential"})
    public String keys;

    private final SlabPool pool = new SlabPool(MemoryBudget.ofMebibytes(1024), 512L << 20);
    private final Probe probe = new Probe(MemoryBudget.ofMebibytes(16));
    private final Random random = new Random(42);
    private MemorySegment keyMemory;
    private MemorySegment value;
    private Memtable memtable;
    private long nextGet;

    @Setup(Level.Trial)
    public void fill() {
        keyMemory = Arena.global().allocate((long) ENTRIES * KEY_BYTES, 64);
        value = Arena.global().allocate(VALUE_BYTES, 64);
        for (int index = 0; index < ENTRIES; index++) {
            // A prime stride visits every number once, in no order.
            long number = keys.equals("sequential") ? index : index * 1_000_003L % ENTRIES;
            long offset = (long) index * KEY_BYTES;
            switch (keys) {
                case "random" -> {
                    keyMemory.set(Layouts.LONG_BE, offset, random.nextLong());
                    keyMemory.set(Layouts.LONG_BE, offset + 8, random.nextLong());
                }
                case "decimal" -> {
                    for (int at = KEY_BYTES - 1; at >= 0; at--) {
                        keyMemory.set(Layouts.BYTE, offset + at, (byte) ('0' + number % 10));
                        number /= 10;
                    }
                }
                default -> {
                    keyMemory.set(Layouts.LONG_BE, offset, number);
                    keyMemory.set(Layouts.LONG_BE, offset + 8, 0x3030303030303030L);
                }
            }
        }
        memtable = filled();
    }

    @TearDown(Level.Trial)
    public void free() {
        memtable.free();
        pool.close();
        probe.close();
    }

    private Memtable filled() {
        Memtable filling = new Memtable(pool, LIMIT_BYTES, Prefix.NONE);
        for (int index = 0; index < ENTRIES; index++) {
            while (filling.tryReserve(KEY_BYTES + VALUE_BYTES, 1) == Memtable.Room.NEEDS_SLAB) {
                Slab slab = pool.tryAcquire(filling.slabBytesWanted());
                if (slab == null) {
                    throw new IllegalStateException("no slab");
                }
                filling.provide(slab);
            }
            filling.insert(keyMemory, (long) index * KEY_BYTES, KEY_BYTES, Trailer.of(index + 1, Trailer.VALUE),
                    value, 0, VALUE_BYTES);
        }
        return filling;
    }

    @Benchmark
    @OperationsPerInvocation(ENTRIES)
    public long insert() {
        Memtable filling = filled();
        long usedBytes = filling.usedBytes();
        filling.free();
        return usedBytes;
    }

    @Benchmark
    public long get() {
        nextGet = nextGet * 6_364_136_223_846_793_005L + 1_442_695_040_888_963_407L;
        long index = Math.unsignedMultiplyHigh(nextGet, ENTRIES);
        probe.ask(keyMemory, index * KEY_BYTES, KEY_BYTES, ENTRIES);
        return memtable.get(probe) ? probe.trailer() : -1;
    }

    @Benchmark
    @OperationsPerInvocation(ENTRIES)
    public long scan() {
        long sum = 0;
        EntryCursor cursor = memtable.cursor();
        while (cursor.next()) {
            sum += cursor.keySegment().get(Layouts.BYTE, cursor.keyOffset());
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(ENTRIES)
    public long scanBackwards() {
        long sum = 0;
        EntryCursor cursor = memtable.cursor();
        while (cursor.previous()) {
            sum += cursor.keySegment().get(Layouts.BYTE, cursor.keyOffset());
        }
        return sum;
    }
}
