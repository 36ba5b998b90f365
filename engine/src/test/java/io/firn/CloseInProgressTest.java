package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.error.ClosedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * R22: a database is closed while calls of every kind run on other threads. Each answers what is right, or ClosedException; the
 * closing ends; nothing stays behind, and what was acknowledged is there at the next opening. Repeat by {@code -Dseed=}.
 */
@Timeout(600)
class CloseInProgressTest {
    private static final int ROUNDS = 24;
    private static final int KEYS = 200;
    private static final int VALUE_BYTES = 60;

    private final long seed = Long.getLong("seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final AtomicLong calls = new AtomicLong();

    @TempDir
    Path directory;

    /** A call, made again and again until it throws. */
    private interface Call {
        void make(int number) throws Exception;
    }

    @Test
    void r22_callsInProgressAnswerRightOrClosedException() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            try (SimStorage disk = new SimStorage()) {
                TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE);
                AtomicLong batches = closeMeanwhile(tiny.database, 4096);
                // A mapping that was closed too early is mangled, and one that was not closed is named here.
                disk.assertNothingOpen();
                assertEquals(0, tiny.usedMemoryBytes());
                try (TinyDatabase after = TinyDatabase.open(disk, OpenMode.RECOVER)) {
                    checkBatches(after.database, batches.get());
                }
            }
        }
        System.out.printf("-Dseed=%d: %d rounds, %d calls%n", seed, ROUNDS, calls.get());
    }

    @Test
    void r22_closingLeavesNoMappingAndNoDescriptor() throws Exception {
        for (int round = 0; round < ROUNDS / 8; round++) {
            MemoryBudget budget = MemoryBudget.ofMebibytes(256);
            Database database = Database.builder(directory).budget(budget).open();
            AtomicLong batches = closeMeanwhile(database, 64 << 10);
            assertEquals(0, budget.usedBytes());
            assertEquals(List.of(), namesOfOurs());
            try (Database after = Database.open(directory)) {
                checkBatches(after, batches.get());
            }
        }
    }

    /** Closes the database while threads use it; answers the last batch that was acknowledged. */
    private AtomicLong closeMeanwhile(Database database, long memtableBytes) throws Exception {
        KeyspaceOptions options = KeyspaceOptions.defaults().memtableBytes(memtableBytes);
        Keyspace a = database.keyspace("a", options);
        Keyspace b = database.keyspace("b", options);
        for (int i = 0; i < KEYS; i++) {
            a.put(key(i), value(i, 0));
            if (i == KEYS / 2) {
                a.rotateMemtableAndWait();
            }
        }
        AtomicLong acknowledged = new AtomicLong(lastBatch(a)); // of the round before, if there was one
        List<FutureTask<Throwable>> running = new ArrayList<>();
        CountDownLatch haveBegun = new CountDownLatch(9);
        List<Call> all = List.of(
                number -> check(number, a.get(key(number))),
                number -> a.read(key(number), value -> checkTwice(number, value)),
                number -> copyAndMeasure(a, number),
                number -> walk(a),
                number -> readAtASnapshot(database, a, number),
                number -> a.put(key(number), value(number, number)),
                number -> commitBatch(database, a, b, acknowledged),
                number -> keepHouse(database, a, number),
                number -> a.multiGet(List.of(segment(number), segment(number + 1)), (index, value) -> checkTwice(number + index, value)));
        for (Call call : all) {
            FutureTask<Throwable> task = new FutureTask<>(() -> {
                haveBegun.countDown();
                for (int number = 0; ; number++) {
                    try {
                        call.make(number % (KEYS - 1));
                        calls.incrementAndGet();
                    } catch (Throwable t) {
                        return t;
                    }
                }
            });
            running.add(task);
            Thread.ofPlatform().daemon().start(task);
        }
        haveBegun.await();
        LockSupport.parkNanos(random.nextInt(4_000_000));
        database.close();
        for (FutureTask<Throwable> task : running) {
            Throwable ended = task.get();
            if (!(ended instanceof ClosedException)) {
                throw new AssertionError("-Dseed=" + seed + ": a call on thread " + running.indexOf(task), ended);
            }
        }
        return acknowledged;
    }

    private static void copyAndMeasure(Keyspace a, int number) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(VALUE_BYTES);
            assertEquals(VALUE_BYTES, a.get(segment(number), target));
            check(number, target.toArray(ValueLayout.JAVA_BYTE));
            assertEquals(VALUE_BYTES, a.sizeOf(key(number)));
            assertTrue(a.containsKey(key(number)));
        }
    }

    private static void walk(Keyspace a) {
        try (Cursor cursor = a.cursor(KeyRange.prefix(new byte[] {'k'}))) {
            int expected = 0;
            while (cursor.next()) {
                assertArrayEquals(key(expected), cursor.keyBytes());
                check(expected, cursor.valueBytes());
                expected++;
            }
            assertEquals(KEYS, expected);
        }
    }

    private static void readAtASnapshot(Database database, Keyspace a, int number) {
        try (Snapshot snapshot = database.snapshot()) {
            byte[] first = snapshot.in(a).get(key(number));
            check(number, first);
            Thread.yield();
            assertArrayEquals(first, snapshot.in(a).get(key(number)));
        }
    }

    private static void commitBatch(Database database, Keyspace a, Keyspace b, AtomicLong acknowledged) {
        long next = acknowledged.get() + 1;
        byte[] value = ByteBuffer.allocate(8).putLong(next).array();
        try (WriteBatch batch = database.batch().durability(next % 4 == 0 ? PersistMode.SYNC_DATA : PersistMode.BUFFER)) {
            batch.put(a, new byte[] {'b'}, value).put(b, new byte[] {'b'}, value).commit();
        }
        acknowledged.set(next);
    }

    private static void keepHouse(Database database, Keyspace a, int number) {
        switch (number % 7) {
            case 0 -> a.rotateMemtable();
            case 1 -> database.persist(PersistMode.SYNC_DATA);
            case 2 -> assertTrue(0 <= database.memory().totalBytes());
            case 3 -> assertTrue(database.statistics().keyspaces() >= 2);
            case 4 -> database.keyspace("new" + number);
            case 5 -> a.rotateMemtableAndWait();
            default -> assertTrue(a.count() >= KEYS);
        }
    }

    private static long lastBatch(Keyspace a) {
        byte[] number = a.get(new byte[] {'b'});
        return number == null ? 0 : ByteBuffer.wrap(number).getLong();
    }

    private static void checkBatches(Database database, long acknowledged) {
        byte[] inA = database.keyspace("a").get(new byte[] {'b'});
        byte[] inB = database.keyspace("b").get(new byte[] {'b'});
        assertArrayEquals(inA, inB, "a batch in part");
        long last = lastBatch(database.keyspace("a"));
        assertTrue(acknowledged <= last && last <= acknowledged + 1, last + " instead of " + acknowledged);
        for (int i = 0; i < KEYS; i++) {
            check(i, database.keyspace("a").get(key(i)));
        }
    }

    /** As long as the callback runs, the value stays. */
    private static void checkTwice(int number, MemorySegment value) {
        byte[] first = value.toArray(ValueLayout.JAVA_BYTE);
        check(number, first);
        Thread.yield();
        assertArrayEquals(first, value.toArray(ValueLayout.JAVA_BYTE));
    }

    private static byte[] key(int i) {
        return String.format("k%06d", i).getBytes();
    }

    private static MemorySegment segment(int i) {
        return MemorySegment.ofArray(key(i));
    }

    private static byte[] value(int i, int version) {
        ByteBuffer value = ByteBuffer.allocate(VALUE_BYTES).putInt(i).putInt(version);
        while (value.remaining() >= 4) {
            value.putInt(31 * i + version);
        }
        return value.array();
    }

    private static void check(int i, byte[] found) {
        assertArrayEquals(value(i, ByteBuffer.wrap(found).getInt(4)), found);
    }

    /** Open files and mappings of this process that lie in the directory. */
    private List<String> namesOfOurs() throws IOException {
        List<String> names = new ArrayList<>();
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            maps.filter(line -> line.contains(directory.toString())).forEach(names::add);
        }
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : descriptors.toList()) {
                if (Files.isSymbolicLink(descriptor) && Files.readSymbolicLink(descriptor).startsWith(directory)) {
                    names.add(descriptor.toString());
                }
            }
        }
        return names;
    }
}
