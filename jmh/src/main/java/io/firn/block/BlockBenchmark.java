package io.firn.block;

import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
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
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Blocks of 4 KiB with entries of the workload: lookups, seeks, encoding. A few hundred blocks lie in the caches
 * and show the instructions; many show the misses.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx1g"})
public class BlockBenchmark {
    private static final int ENTRIES_PER_BLOCK = 33;
    private static final int VALUE_BYTES = 100;
    private static final int NEXTS_AFTER_SEEK = 10;

    @Param({"256", "16384"})
    public int blocks;

    @Param({"1", "16"})
    public int restartInterval;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(1024);
    private final Probe probe = new Probe(budget);
    private final BlockCursor cursor = new BlockCursor(new Scratch(budget));
    private final Scratch encoded = new Scratch(budget);
    private final MemorySegment key = Arena.global().allocate(WorkloadData.KEY_BYTES, 8);
    private final MemorySegment value = Arena.global().allocate(VALUE_BYTES, 8);
    private BlockWriter writer;
    private MemorySegment memory;
    private int[] offsets;
    private int[] lengths;
    private long asked;

    @Setup
    public void encodeAll() {
        WorkloadData.filler(value);
        writer = new BlockWriter(restartInterval, 0, budget);
        memory = Arena.global().allocate((long) blocks * 5000, 64);
        offsets = new int[blocks];
        lengths = new int[blocks];
        int end = 0;
        for (int block = 0; block < blocks; block++) {
            offsets[block] = end;
            lengths[block] = encode((long) block * ENTRIES_PER_BLOCK);
            MemorySegment.copy(encoded.bytes(), 0, memory, end, lengths[block]);
            end += lengths[block] + 63 & -64;
        }
    }

    @TearDown(Level.Trial)
    public void free() {
        writer.close();
        encoded.close();
        cursor.close();
        probe.close();
    }

    /** Finds a random key and touches its value. */
    @Benchmark
    public long get() {
        long i = askedEntry();
        WorkloadData.key(i, key);
        int block = (int) (i / ENTRIES_PER_BLOCK);
        probe.ask(key, 0, WorkloadData.KEY_BYTES, Trailer.SEQNO_MAX);
        if (!Block.get(memory, offsets[block], lengths[block], probe)) {
            throw new IllegalStateException("entry " + i + " is missing");
        }
        return probe.segment().get(Layouts.LONG_LE, probe.offset());
    }

    /** Looks for a key that is not there. */
    @Benchmark
    public boolean getMissing() {
        long i = askedEntry();
        WorkloadData.missingKey(i, key);
        int block = (int) (i / ENTRIES_PER_BLOCK);
        probe.ask(key, 0, WorkloadData.KEY_BYTES, Trailer.SEQNO_MAX);
        return Block.get(memory, offsets[block], lengths[block], probe);
    }

    /** Enters a block, seeks a random key in it and goes ten entries on, or to the block's end. */
    @Benchmark
    public long seekAndTenNexts() {
        long i = askedEntry();
        WorkloadData.key(i, key);
        int block = (int) (i / ENTRIES_PER_BLOCK);
        cursor.reset(memory, offsets[block], lengths[block]);
        boolean isThere = cursor.seek(key, 0, WorkloadData.KEY_BYTES, Trailer.of(Trailer.SEQNO_MAX, Trailer.ANY_TYPE));
        long sum = 0;
        for (int next = 0; isThere && next <= NEXTS_AFTER_SEEK; next++) {
            sum += memory.get(Layouts.BYTE, cursor.valueAt());
            isThere = cursor.next();
        }
        return sum;
    }

    /** Gathers and encodes the entries of a block. */
    @Benchmark
    public int encode() {
        return encode(0);
    }

    private int encode(long first) {
        for (long i = first; i < first + ENTRIES_PER_BLOCK; i++) {
            WorkloadData.key(i, key);
            WorkloadData.value(i, value);
            writer.add(key, 0, WorkloadData.KEY_BYTES, Trailer.of(i + 1, Trailer.VALUE), value, 0, VALUE_BYTES);
        }
        return writer.encode(encoded, 0);
    }

    private long askedEntry() {
        return WorkloadData.readOrder(0, asked++, (long) blocks * ENTRIES_PER_BLOCK);
    }
}
