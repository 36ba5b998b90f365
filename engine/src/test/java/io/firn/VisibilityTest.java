package io.firn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Readers against a writer that overwrites few keys with rising numbers, in memtables so small that they are sealed,
 * flushed, installed and freed all the time. A value is its key's number, a number and a sum of both, several times
 * over.
 */
@Tag("proof")
class VisibilityTest {
    private static final int KEYS = 12;
    private static final int REPETITIONS = 8;
    private static final int VALUE_BYTES = 3 * Long.BYTES * REPETITIONS;
    private static final long NANOS = TimeUnit.SECONDS.toNanos(Integer.getInteger("seconds", 8));

    /** Each flush leaves a table that reads look into: a round with more of them would be slow. */
    private static final int WRITES_OF_ROUND = 3000;

    /** What the database sets aside for memtables; two slabs are in use at rest, and what else is free is given back. */
    private static final long RESTING_MEMTABLES_BYTES = 256 << 10;
    private static final Path DIRECTORY = Path.of("/visibility/db");

    /** What each key was, at least, when a read began. */
    private final AtomicLongArray acknowledged = new AtomicLongArray(KEYS);
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final AtomicLong reads = new AtomicLong();
    private volatile boolean isWriting;
    private long writes;
    private long flushes;

    /**
     * A get that read the published seqno before it pins would ask a table for a version that its flush did not keep.
     */
    @Test
    void r11_aGetNeverMissesAKeyOrGoesBackWhileMemtablesAreFlushedAndInstalled() throws Exception {
        long end = System.nanoTime() + NANOS;
        while (System.nanoTime() < end) {
            inRound(end, 4 << 10, (database, engine) -> {
                Keyspace keyspace = database.keyspace("a");
                return List.of(
                        () -> getAll(keyspace),
                        () -> sizeAll(keyspace),
                        () -> scanAll(keyspace));
            });
        }
        System.out.println(reads + " reads, " + writes + " writes, " + flushes + " flushes");
        assertTrue(flushes > 10, "flushed all the time");
    }

    /** What is pinned is not freed, and what is not pinned is, so that little memory is left in use. */
    @Test
    void r17_whatAReaderPinsIsNotFreedAndTheRestIsRecycled() throws Exception {
        long end = System.nanoTime() + NANOS;
        while (System.nanoTime() < end) {
            inRound(end, 16 << 10, (database, engine) -> List.of(
                    () -> holdValues(database.keyspace("a")),
                    () -> getAll(database.keyspace("a")),
                    () -> holdScan(database.keyspace("a"))));
        }
        System.out.println(reads + " reads, " + writes + " writes, " + flushes + " flushes");
        assertTrue(flushes > 10, "flushed all the time");
    }

    /**
     * A flush that captured what it must keep before its input was fixed, or apart from the published seqno, would lose
     * versions.
     */
    @Test
    void r11_aSnapshotSeesOneMomentForAsLongAsItIsOpen() throws Exception {
        long end = System.nanoTime() + NANOS;
        while (System.nanoTime() < end) {
            inRound(end, 4 << 10, (database, engine) -> List.of(
                    () -> holdSnapshot(database),
                    () -> holdSnapshot(database),
                    () -> database.snapshot().close()));
        }
        System.out.println(reads + " reads, " + writes + " writes, " + flushes + " flushes");
        assertTrue(flushes > 10, "flushed all the time");
    }

    private interface Readers {
        List<Runnable> of(Database database, Engine engine);
    }

    private void inRound(long end, long memtableBytes, Readers readers) throws Exception {
        try (SimStorage disk = new SimStorage()) {
            disk.createDirectory(DIRECTORY.getParent());
            MemoryBudget budget = MemoryBudget.ofMebibytes(8);
            Engine engine = Engine.open(Database.builder(DIRECTORY).storage(disk).budget(budget).workers(2)
                    .journalFiles(64 << 10, 256 << 10, 64 << 10).settings());
            try (Database database = new Database(engine)) {
                Keyspace keyspace = database.keyspace("a", KeyspaceOptions.defaults().memtableBytes(memtableBytes));
                for (int key = 0; key < KEYS; key++) {
                    acknowledged.set(key, 0);
                    keyspace.put(key(key), value(key, 0));
                }
                isWriting = true;
                List<Thread> threads = new ArrayList<>();
                for (Runnable reader : readers.of(database, engine)) {
                    threads.add(Thread.ofPlatform().start(() -> {
                        try {
                            while (isWriting && failure.get() == null) {
                                reader.run();
                                Thread.yield();
                            }
                        } catch (Throwable t) {
                            failure.compareAndSet(null, t);
                        }
                    }));
                }
                write(keyspace, end);
                isWriting = false;
                for (Thread thread : threads) {
                    thread.join();
                }
                if (failure.get() != null) {
                    throw new AssertionError(failure.get());
                }
                while (!EngineRest.isResting(engine)) {
                    Thread.sleep(1);
                }
                flushes += database.statistics().flushes().completed();
                budget.reserveOrReclaim(budget.limitBytes()); // too much: what is free is given back for it
                assertEquals(RESTING_MEMTABLES_BYTES, database.memory().memtablesBytes(), "when nobody reads");
            }
            assertEquals(0, budget.usedBytes());
            disk.assertNothingOpen();
        }
    }

    private void write(Keyspace keyspace, long end) {
        for (long number = 1; number <= WRITES_OF_ROUND && failure.get() == null && System.nanoTime() < end; number++) {
            writes++;
            int key = (int) (number * 7 % KEYS);
            keyspace.put(key(key), value(key, number));
            acknowledged.set(key, number);
        }
    }

    // ---- readers

    private void getAll(Keyspace keyspace) {
        for (int key = 0; key < KEYS; key++) {
            long least = acknowledged.get(key);
            byte[] value = keyspace.get(key(key));
            if (value == null) {
                throw new AssertionError("key " + key + " is missing, though it was " + least + " before");
            }
            check(key, least, MemorySegment.ofArray(value));
        }
    }

    private void sizeAll(Keyspace keyspace) {
        for (int key = 0; key < KEYS; key++) {
            long size = keyspace.sizeOf(key(key));
            if (size != VALUE_BYTES) {
                throw new AssertionError("key " + key + " has size " + size);
            }
        }
    }

    /** Looks at the value again after the others have worked on. */
    private void holdValues(Keyspace keyspace) {
        for (int key = 0; key < KEYS; key++) {
            int number = key;
            long least = acknowledged.get(key);
            boolean isFound = keyspace.read(key(key), value -> {
                long first = check(number, least, value);
                for (int i = 0; i < 20; i++) {
                    Thread.yield();
                }
                if (check(number, least, value) != first) {
                    throw new AssertionError("a value changed while it was shown");
                }
            });
            if (!isFound) {
                throw new AssertionError("key " + key + " is missing, though it was " + least + " before");
            }
        }
    }

    private void scanAll(Keyspace keyspace) {
        long[] least = leastOfAll();
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            check(cursor, least);
        }
    }

    /** The same answers as long as the cursor is open, whatever was flushed and freed meanwhile. */
    private void holdScan(Keyspace keyspace) {
        long[] least = leastOfAll();
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            long[] first = check(cursor, least);
            for (int i = 0; i < 10; i++) {
                Thread.yield();
                long[] again = check(cursor, least);
                for (int key = 0; key < KEYS; key++) {
                    if (again[key] != first[key]) {
                        throw new AssertionError("a scan shows " + again[key] + " after " + first[key]);
                    }
                }
            }
        }
    }

    /** Of each key the last number at or before the last of all: writes come one after the other. */
    private void holdSnapshot(Database database) {
        long[] least = leastOfAll();
        try (Snapshot snapshot = database.snapshot()) {
            KeyspaceView view = snapshot.in(database.keyspace("a"));
            long[] first = new long[KEYS];
            long last = 0;
            for (int key = 0; key < KEYS; key++) {
                first[key] = check(key, least[key], MemorySegment.ofArray(view.get(key(key))));
                last = Math.max(last, first[key]);
            }
            for (long number = Math.max(1, last - KEYS + 1); number <= last; number++) {
                if (first[(int) (number * 7 % KEYS)] != number) {
                    throw new AssertionError("a snapshot sees write " + last + " and not write " + number);
                }
            }
            for (int round = 0; round < 5; round++) {
                Thread.yield();
                try (Cursor cursor = view.cursor(KeyRange.all())) {
                    if (!Arrays.equals(first, check(cursor, least))) {
                        throw new AssertionError("a snapshot's cursor sees other numbers");
                    }
                }
                for (int key = 0; key < KEYS; key++) {
                    if (check(key, least[key], MemorySegment.ofArray(view.get(key(key)))) != first[key]) {
                        throw new AssertionError("a snapshot sees another number of key " + key);
                    }
                }
            }
        }
    }

    private long[] leastOfAll() {
        long[] least = new long[KEYS];
        for (int key = 0; key < KEYS; key++) {
            least[key] = acknowledged.get(key);
        }
        return least;
    }

    private long[] check(Cursor cursor, long[] least) {
        long[] numbers = new long[KEYS];
        int seen = 0;
        for (boolean isThere = cursor.first(); isThere; isThere = cursor.next()) {
            int key = cursor.key().get(JAVA_BYTE, 0);
            numbers[key] = check(key, least[key], cursor.value());
            seen++;
        }
        if (seen != KEYS) {
            throw new AssertionError("a scan shows " + seen + " keys");
        }
        return numbers;
    }

    private long check(int key, long least, MemorySegment value) {
        reads.getAndIncrement();
        if (value.byteSize() != VALUE_BYTES) {
            throw new AssertionError("key " + key + ": a value of " + value.byteSize() + " bytes");
        }
        long number = value.get(JAVA_LONG_UNALIGNED, Long.BYTES);
        for (int at = 0; at < VALUE_BYTES; at += 3 * Long.BYTES) {
            boolean isRight = value.get(JAVA_LONG_UNALIGNED, at) == key
                    && value.get(JAVA_LONG_UNALIGNED, at + Long.BYTES) == number
                    && value.get(JAVA_LONG_UNALIGNED, at + 2 * Long.BYTES) == 31 * key + number;
            if (!isRight) {
                throw new AssertionError("key " + key + ": a torn value");
            }
        }
        if (number < least) {
            throw new AssertionError("key " + key + " is " + number + ", though it was " + least + " before");
        }
        return number;
    }

    private static byte[] key(int key) {
        return new byte[] {(byte) key, 'k'};
    }

    private static byte[] value(int key, long number) {
        ByteBuffer value = ByteBuffer.allocate(VALUE_BYTES).order(ByteOrder.nativeOrder());
        for (int i = 0; i < REPETITIONS; i++) {
            value.putLong(key).putLong(number).putLong(31L * key + number);
        }
        return value.array();
    }
}
