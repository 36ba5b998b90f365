package io.firn.merge;

import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import io.firn.memtable.Memtable;
import io.firn.memtable.Prefix;
import io.firn.workload.WorkloadData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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

/** Scans and seeks of 400,000 entries of the workload, spread at random over so many memtables, as cursors see them. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx1g"})
public class MergeBenchmark {
    private static final int ENTRIES = 400_000;
    private static final int VALUE_BYTES = 100;
    private static final int NEXTS_AFTER_SEEK = 10;

    @Param({"1", "2", "8"})
    public int sources;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(1024);
    private final SlabPool pool = new SlabPool(budget, 512L << 20);
    private final MemorySegment key = Arena.global().allocate(WorkloadData.KEY_BYTES, 8);
    private final MemorySegment value = Arena.global().allocate(VALUE_BYTES, 8);
    private Memtable[] memtables;
    private MergingCursor merging;
    private VisibleCursor cursor;
    private long asked;

    @Setup
    public void fill() {
        WorkloadData.filler(value);
        memtables = new Memtable[sources];
        for (int m = 0; m < sources; m++) {
            memtables[m] = new Memtable(pool, 128L << 20, Prefix.NONE);
        }
        for (int i = 0; i < ENTRIES; i++) {
            insert(memtables[(int) Long.remainderUnsigned(WorkloadData.mix(i), sources)], i);
        }
        EntryCursor[] cursors = new EntryCursor[sources];
        for (int m = 0; m < sources; m++) {
            cursors[m] = memtables[m].cursor();
        }
        merging = new MergingCursor(cursors);
        cursor = new VisibleCursor(merging, ENTRIES, budget);
    }

    private void insert(Memtable memtable, long i) {
        while (memtable.tryReserve(WorkloadData.KEY_BYTES + VALUE_BYTES, 1) == Memtable.Room.NEEDS_SLAB) {
            Slab slab = pool.tryAcquire(memtable.slabBytesWanted());
            if (slab == null) {
                throw new IllegalStateException("no slab");
            }
            memtable.provide(slab);
        }
        WorkloadData.key(i, key);
        WorkloadData.value(i, value);
        memtable.insert(key, 0, WorkloadData.KEY_BYTES, Trailer.of(i + 1, Trailer.VALUE), value, 0, VALUE_BYTES);
    }

    @TearDown(Level.Trial)
    public void free() {
        cursor.close();
        merging.close();
        for (Memtable each : memtables) {
            each.free();
        }
        pool.close();
    }

    @Benchmark
    @OperationsPerInvocation(ENTRIES)
    public long scan() {
        long sum = 0;
        for (boolean isThere = cursor.first(); isThere; isThere = cursor.next()) {
            sum += touch();
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(ENTRIES)
    public long scanReverse() {
        long sum = 0;
        for (boolean isThere = cursor.last(); isThere; isThere = cursor.previous()) {
            sum += touch();
        }
        return sum;
    }

    @Benchmark
    public long seekAndTenNexts() {
        WorkloadData.key(WorkloadData.readOrder(0, asked++, ENTRIES), key);
        boolean isThere = cursor.seek(
                key, 0, WorkloadData.KEY_BYTES, Trailer.of(Trailer.SEQNO_MAX, Trailer.ANY_TYPE));
        long sum = 0;
        for (int next = 0; isThere && next <= NEXTS_AFTER_SEEK; next++) {
            sum += touch();
            isThere = cursor.next();
        }
        return sum;
    }

    private long touch() {
        return cursor.keySegment().get(Layouts.BYTE, cursor.keyOffset())
                + cursor.valueSegment().get(Layouts.BYTE, cursor.valueOffset());
    }
}
