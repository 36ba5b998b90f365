package io.firn;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
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
 * Single operations on a keyspace of 25 MB, with memtables of 4 MiB (most reads end in a table, and writes rotate and
 * flush all the time) or of 64 MiB (few do). With {@code -prof gc} each shows 0 bytes an operation, but for what
 * background work spreads over them.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx1g"})
public class KeyspaceBenchmark {
    private static final int ENTRIES = 200_003;
    private static final int KEY_BYTES = 16;
    private static final int VALUE_BYTES = 100;
    private static final int BATCH_ENTRIES = 100;
    private static final int NEXTS_AFTER_SEEK = 10;
    private static final long MISSING = 1L << 62;
    private static final ValueLayout.OfLong LONG_BE =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    @Param({"4", "64"})
    public int memtableMebibytes;

    private final MemorySegment key = Arena.global().allocate(KEY_BYTES, 8);
    private final MemorySegment value = Arena.global().allocate(VALUE_BYTES, 8);
    private final MemorySegment target = Arena.global().allocate(VALUE_BYTES, 8);
    private final FirstByte firstByte = new FirstByte();
    private Database database;
    private Keyspace keyspace;
    private WriteBatch batch;
    private Cursor cursor;
    private long random = 42;

    /** Sees the value where it lies. */
    private static final class FirstByte implements ValueVisitor {
        private byte seen;

        @Override
        public void value(MemorySegment value) {
            seen = value.get(ValueLayout.JAVA_BYTE, 0);
        }
    }

    /** A store of its own for each benchmark, in tables but for the last memtable. */
    @Setup(Level.Trial)
    public void load() throws IOException {
        Path directory = Files.createTempDirectory("firn-benchmark");
        database = Database.builder(directory).temporary().open();
        KeyspaceOptions options = KeyspaceOptions.defaults().memtableBytes((long) memtableMebibytes << 20);
        keyspace = database.keyspace("benchmark", options);
        for (int i = 0; i < ENTRIES; i++) {
            ask(i);
            value.set(LONG_BE, 0, i * 0x9E3779B97F4A7C15L);
            keyspace.put(key, value);
        }
        batch = database.batch();
        cursor = keyspace.cursor(KeyRange.all());
    }

    /** Closes the store, which deletes it. */
    @TearDown(Level.Trial)
    public void close() {
        cursor.close();
        batch.close();
        database.close();
    }

    /** What the others spend on choosing a key. */
    @Benchmark
    public long chooseKey() {
        askRandom();
        return key.get(LONG_BE, 0);
    }

    /** Overwrites a random key. */
    @Benchmark
    public void put() {
        askRandom();
        keyspace.put(key, value);
    }

    /** Removes a random key, which may be gone already. */
    @Benchmark
    public void remove() {
        askRandom();
        keyspace.remove(key);
    }

    /** Copies the value of a random key. */
    @Benchmark
    public long getIntoSegment() {
        askRandom();
        return keyspace.get(key, target);
    }

    /** Shows the value of a random key where it lies. */
    @Benchmark
    public byte readByVisitor() {
        askRandom();
        keyspace.read(key, firstByte);
        return firstByte.seen;
    }

    /** Looks for a key that is not there. */
    @Benchmark
    public long getMissing() {
        askRandom();
        key.set(LONG_BE, 8, MISSING);
        return keyspace.get(key, target);
    }

    /** Overwrites a random key in a batch of a hundred. */
    @Benchmark
    @OperationsPerInvocation(BATCH_ENTRIES)
    public void putInBatch() {
        for (int i = 0; i < BATCH_ENTRIES; i++) {
            askRandom();
            batch.put(keyspace, key, value);
        }
        batch.commit();
        batch.clear();
    }

    /** Goes on to the next entry, at the end to the first one again, and touches its key and its value. */
    @Benchmark
    public int cursorNext() {
        if (!cursor.next()) {
            cursor.first();
        }
        return touch();
    }

    /** Seeks a random key, and goes ten entries on. */
    @Benchmark
    public int cursorSeekAndTenNexts() {
        askRandom();
        boolean isThere = cursor.seek(key);
        int sum = 0;
        for (int next = 0; isThere && next <= NEXTS_AFTER_SEEK; next++) {
            sum += touch();
            isThere = cursor.next();
        }
        return sum;
    }

    private int touch() {
        return cursor.key().get(ValueLayout.JAVA_BYTE, 0) + cursor.value().get(ValueLayout.JAVA_BYTE, 0);
    }

    private void askRandom() {
        random += 0x9E3779B97F4A7C15L;
        long mixed = (random ^ (random >>> 30)) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
        ask(Long.remainderUnsigned(mixed, ENTRIES));
    }

    private void ask(long i) {
        key.set(LONG_BE, 0, i);
        key.set(LONG_BE, 8, 0);
    }
}
