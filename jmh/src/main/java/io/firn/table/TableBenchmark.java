package io.firn.table;

import io.firn.config.FilterPolicy;
import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.file.SystemStorage;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * One table of 600,000 entries of the workload, as a memtable of 64 MiB becomes: gets, missing keys, scans, writing.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class TableBenchmark {
    private static final int KEYS = 600_000;
    private static final int SEEKS = 10;
    private static final long TABLE_ID = 1;
    private static final long ZEROS = 0x3030303030303030L;
    private static final long ONES = 0x3131313131313131L;

    @Param({"NONE", "LZ4"})
    public Codec codec;

    @Param({"false", "true"})
    public boolean partitioned;

    /**
     * How many of the keys are asked for: a thousand lie in the caches and show the instructions, all show the misses.
     */
    @Param({"600000"})
    public int range = KEYS;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(1024);
    private final SystemStorage storage = new SystemStorage();
    private final Scratch memory = new Scratch(budget);
    private final MemorySegment entry = memory.atLeast(256);
    private final Probe probe = new Probe(budget);
    private Path directory;
    private Table table;
    private EntryCursor cursor;
    private long random = 42;

    @Setup
    public void build() throws IOException {
        directory = Files.createTempDirectory("table-benchmark");
        table = Table.open(storage, directory.resolve("1.table"), TABLE_ID, write("1.table"), budget);
        cursor = table.cursor(budget);
    }

    @TearDown(Level.Trial)
    public void delete() throws IOException {
        cursor.close();
        table.close();
        storage.delete(directory.resolve("1.table"));
        storage.delete(directory);
    }

    @Benchmark
    public long get() {
        putKey(nextIndex(), ZEROS);
        probe.ask(entry, 0, 16, Trailer.SEQNO_MAX);
        if (!table.get(probe)) {
            throw new IllegalStateException("a key is missing");
        }
        return probe.segment().get(Layouts.LONG_LE, probe.offset());
    }

    @Benchmark
    public boolean getMissing() {
        putKey(nextIndex(), ONES);
        probe.ask(entry, 0, 16, Trailer.SEQNO_MAX);
        return table.get(probe);
    }

    @Benchmark
    @OperationsPerInvocation(KEYS)
    public long scan() {
        long sum = 0;
        for (boolean isThere = cursor.first(); isThere; isThere = cursor.next()) {
            sum += cursor.keySegment().get(Layouts.BYTE, cursor.keyOffset())
                    + cursor.valueSegment().get(Layouts.BYTE, cursor.valueOffset());
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(KEYS)
    public long scanReverse() {
        long sum = 0;
        for (boolean isThere = cursor.last(); isThere; isThere = cursor.previous()) {
            sum += cursor.keySegment().get(Layouts.BYTE, cursor.keyOffset())
                    + cursor.valueSegment().get(Layouts.BYTE, cursor.valueOffset());
        }
        return sum;
    }

    @Benchmark
    public long seekAndTenNexts() {
        putKey(nextIndex(), ZEROS);
        long sum = 0;
        boolean isThere = cursor.seek(entry, 0, 16, Trailer.SEQNO_MAX);
        for (int i = 0; i < SEEKS && isThere; i++) {
            sum += cursor.valueSegment().get(Layouts.BYTE, cursor.valueOffset());
            isThere = cursor.next();
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(KEYS)
    public long write() throws IOException {
        long fileBytes = write("written.table");
        storage.delete(directory.resolve("written.table"));
        return fileBytes;
    }

    private long write(String name) throws IOException {
        Path path = directory.resolve(name);
        TableSettings settings = new TableSettings(
                4096, 1, 0, codec, Codec.NONE, new FilterPolicy.BitsPerKey(10), partitioned, partitioned);
        try (TableWriter writer = new TableWriter(storage.create(path), path, TABLE_ID, settings, budget)) {
            for (int i = 0; i < KEYS; i++) {
                putKey(i, ZEROS);
                for (int word = 0; word < 7; word++) {
                    entry.set(Layouts.LONG_LE, 16 + 8 * word, mix(i * 1000003L + word));
                }
                entry.asSlice(66, 50).fill((byte) 'x');
                writer.add(entry, 0, 16, Trailer.of(i, Trailer.VALUE), entry, 16, 100);
            }
            return writer.finish().fileBytes();
        }
    }

    private int nextIndex() {
        return (int) Long.remainderUnsigned(mix(random++), range);
    }

    private void putKey(long index, long suffix) {
        entry.set(Layouts.LONG_BE, 0, index);
        entry.set(Layouts.LONG_LE, 8, suffix);
    }

    private static long mix(long seed) {
        long z = seed + 0x9E3779B97F4A7C15L;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
