package io.firn;

import io.firn.config.KeyspaceOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
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

/** What a transaction costs, and what a plain write costs where there may be transactions. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx1g"})
public class TransactionBenchmark {
    private static final int ENTRIES = 50_021;
    private static final int KEY_BYTES = 16;
    private static final int VALUE_BYTES = 100;
    private static final ValueLayout.OfLong LONG_BE =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    /** How the database is opened. */
    public enum Kind { PLAIN, SINGLE_WRITER, OPTIMISTIC }

    @Param
    public Kind kind = Kind.PLAIN;

    private final MemorySegment key = Arena.global().allocate(KEY_BYTES, 8);
    private final MemorySegment value = Arena.global().allocate(VALUE_BYTES, 8);
    private final MemorySegment target = Arena.global().allocate(VALUE_BYTES, 8);
    private Database database;
    private Keyspace keyspace;
    private long random = 42;

    @Setup(Level.Trial)
    public void load() throws IOException {
        DatabaseBuilder builder =
                Database.builder(Files.createTempDirectory("firn-benchmark").resolve("db")).temporary();
        database = switch (kind) {
            case PLAIN -> builder.open();
            case SINGLE_WRITER -> builder.openSingleWriter();
            case OPTIMISTIC -> builder.openOptimistic();
        };
        keyspace = database.keyspace("benchmark", KeyspaceOptions.defaults());
        for (int i = 0; i < ENTRIES; i++) {
            key.set(LONG_BE, 0, i);
            keyspace.put(key, value);
        }
    }

    /** Closes the store, which deletes it. */
    @TearDown(Level.Trial)
    public void close() {
        database.close();
    }

    /** A write of its own. */
    @Benchmark
    public void put() {
        askRandom();
        keyspace.put(key, value);
    }

    /** A read of its own. */
    @Benchmark
    public long get() {
        askRandom();
        return keyspace.get(key, target);
    }

    /** Begins, reads a key, writes it and commits; a plain database reads and writes. */
    @Benchmark
    public void readAndWrite() {
        askRandom();
        switch (database) {
            case SingleWriterDatabase single -> readAndWrite(single.begin());
            case OptimisticDatabase optimistic -> readAndWrite(optimistic.begin());
            default -> {
                keyspace.get(key, target);
                keyspace.put(key, value);
            }
        }
    }

    private void readAndWrite(Transaction begun) {
        try (Transaction transaction = begun) {
            TransactionKeyspace in = transaction.in(keyspace);
            in.get(key, target);
            in.put(key, value);
            transaction.commit();
        }
    }

    private void askRandom() {
        random = random * 6364136223846793005L + 1442695040888963407L;
        key.set(LONG_BE, 0, Long.remainderUnsigned(random >>> 16, ENTRIES));
    }
}
