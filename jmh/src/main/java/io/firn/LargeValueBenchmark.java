package io.firn;

import io.firn.config.BlobOptions;
import io.firn.config.Compression;
import io.firn.config.KeyRange;
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

/** Reads of values of 16 KiB in tables or apart, where they are stored as they are or compressed and in the cache. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx1g"})
public class LargeValueBenchmark {
    private static final int ENTRIES = 2_003;
    private static final int KEY_BYTES = 16;
    private static final int VALUE_BYTES = 16 << 10;
    private static final long CACHE_BYTES = 128 << 20;
    private static final ValueLayout.OfLong LONG_BE =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    @Param({"false", "true"})
    public boolean isSeparated;

    @Param({"NONE", "LZ4"})
    public Compression compression = Compression.NONE;

    private final MemorySegment key = Arena.global().allocate(KEY_BYTES, 8);
    private final MemorySegment value = Arena.global().allocate(VALUE_BYTES, 8);
    private final MemorySegment target = Arena.global().allocate(VALUE_BYTES, 8);
    private final ValueVisitor visitor = shown -> seen = shown.get(ValueLayout.JAVA_BYTE, VALUE_BYTES - 1);
    private byte seen;
    private Database database;
    private Keyspace keyspace;
    private Cursor cursor;
    private long random = 42;

    @Setup(Level.Trial)
    public void load() throws IOException {
        database = Database.builder(Files.createTempDirectory("firn-benchmark").resolve("db"))
                .cacheBytes(CACHE_BYTES).temporary().open();
        keyspace = database.keyspace("benchmark", KeyspaceOptions.defaults().compression(compression)
                .blobs(isSeparated ? BlobOptions.defaults().compression(compression) : null));
        for (int i = 0; i < ENTRIES; i++) {
            key.set(LONG_BE, 0, i);
            for (int at = 0; at < VALUE_BYTES / 2; at += Long.BYTES) {
                value.set(LONG_BE, at, nextRandom());
            }
            keyspace.put(key, value);
        }
        keyspace.majorCompact();
        cursor = keyspace.cursor(KeyRange.all());
    }

    /** Closes the store, which deletes it. */
    @TearDown(Level.Trial)
    public void close() {
        cursor.close();
        database.close();
    }

    /** Copies the value of a random key. */
    @Benchmark
    public long get() {
        askRandom();
        return keyspace.get(key, target);
    }

    /** Shows the value of a random key where it lies. */
    @Benchmark
    public byte read() {
        askRandom();
        keyspace.read(key, visitor);
        return seen;
    }

    /** The size of a random value, which is not read. */
    @Benchmark
    public long sizeOf() {
        askRandom();
        return keyspace.sizeOf(key);
    }

    /** Steps to the next key; at the end to the first. */
    @Benchmark
    public long nextKey() {
        return cursor.next() || cursor.first() ? cursor.valueSize() : 0;
    }

    private void askRandom() {
        key.set(LONG_BE, 0, Long.remainderUnsigned(nextRandom() >>> 16, ENTRIES));
    }

    private long nextRandom() {
        random = random * 6364136223846793005L + 1442695040888963407L;
        return random;
    }
}
