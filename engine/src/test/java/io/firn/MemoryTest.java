package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.Compression;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.MemoryUsage;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.error.ClosedException;
import io.firn.error.FirnException;
import io.firn.error.WriteStalledException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What databases take of a budget, how they share it, and that whoever lacks memory gets some. */
@Timeout(600)
final class MemoryTest {
    private static final long MEBIBYTE = 1 << 20;
    private static final byte[] VALUE = new byte[1000];

    private SimStorage disk;

    @BeforeEach
    void makeDisk() throws Exception {
        disk = new SimStorage();
        disk.createDirectory(Path.of("/data"));
    }

    @AfterEach
    void nothingStaysOpen() {
        disk.assertNothingOpen();
        disk.close();
    }

    @Test
    void thePartsSumToWhatIsUsedAndCloseGivesAllBack() throws Exception {
        MemoryBudget budget = MemoryBudget.ofMebibytes(16);
        Engine engine = Engine.open(builder("a", budget).settings());
        Database db = new Database(engine);
        MemoryUsage empty = db.memory();
        assertEquals(budget.usedBytes(), empty.totalBytes());
        Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().memtableBytes(MEBIBYTE));
        for (int i = 0; i < 5000; i++) {
            keyspace.put(key(i), VALUE);
            keyspace.get(key(i / 2));
        }
        keyspace.rotateMemtableAndWait();
        while (!EngineRest.isResting(engine)) {
            Thread.sleep(1);
        }
        MemoryUsage used = db.memory();
        assertEquals(budget.usedBytes(), used.totalBytes());
        assertEquals(used.totalBytes(),
                used.memtablesBytes() + used.cacheBytes() + used.pinnedBytes() + used.scratchBytes());
        assertTrue(used.memtablesBytes() >= empty.memtablesBytes() && used.scratchBytes() >= empty.scratchBytes());
        db.close();
        assertEquals(0, budget.usedBytes());
        assertThrows(ClosedException.class, db::memory);
    }

    @Test
    void aFailedOpeningGivesAllBack() throws Exception {
        MemoryBudget budget = MemoryBudget.ofMebibytes(16);
        try (Database db = builder("a", budget).open()) {
            long used = budget.usedBytes();
            assertThrows(RuntimeException.class, () -> builder("a", budget).open());
            assertEquals(used, budget.usedBytes());
            assertNotNull(db.memory());
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void r21_aMinimumIsSetAsideAtOpenOrOpeningIsRefused() {
        MemoryBudget budget = MemoryBudget.ofMebibytes(8);
        try (Database db = builder("a", budget).open()) {
            Keyspace keyspace = db.keyspace("a");
            long setAside = db.memory().totalBytes();
            assertTrue(setAside >= MEBIBYTE, setAside + " bytes");
            assertTrue(budget.tryReserve(budget.limitBytes() - budget.usedBytes()));
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> builder("b", budget).open());
            assertTrue(e.getMessage().contains("8388608 of 8388608 bytes"), e.getMessage());
            // The application holds all the rest for good, and still this database reads, writes and flushes.
            for (int i = 0; i < 2000; i++) {
                keyspace.put(key(i), VALUE);
            }
            keyspace.rotateMemtableAndWait();
            for (int i = 0; i < 2000; i++) {
                assertArrayEquals(VALUE, keyspace.get(key(i)));
            }
            budget.release(budget.limitBytes() - setAside);
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void r21_memoryThatOnlyReadersPinIsNoWriteDebt() {
        MemoryBudget budget = MemoryBudget.ofMebibytes(8);
        Engine engine = Engine.open(builder("a", budget).writeTimeout(Duration.ofSeconds(20)).settings());
        List<Cursor> cursors = new ArrayList<>();
        try (Database db = new Database(engine)) {
            Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().memtableBytes(MEBIBYTE));
            for (int i = 0; i < 20_000; i++) {
                keyspace.put(key(i), VALUE);
                if (i % 1000 == 0) {
                    cursors.add(keyspace.cursor(KeyRange.all()));
                }
            }
            keyspace.rotateMemtableAndWait();
            assertTrue(budget.usedBytes() > 12 * MEBIBYTE, budget + ": the cursors were to pin more than the limit");
            assertTrue(budget.exemptBytes() > 4 * MEBIBYTE, budget.exemptBytes() + " exempt bytes");
            cursors.forEach(Cursor::close);
            while (budget.exemptBytes() > 0) {
                Thread.onSpinWait(); // or the test times out
            }
            assertTrue(budget.usedBytes() <= budget.limitBytes(), budget.toString());
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void theWriteBufferHoldsOverAllKeyspaces() throws Exception {
        MemoryBudget budget = MemoryBudget.ofMebibytes(64);
        AtomicBoolean isWriting = new AtomicBoolean(true);
        AtomicLong most = new AtomicLong();
        try (Database db = builder("a", budget).writeBufferBytes(2 * MEBIBYTE).open()) {
            Thread watcher = Thread.ofPlatform().start(() -> {
                while (isWriting.get()) {
                    long counted = Long.MAX_VALUE;
                    // What is being freed counts for a moment, between two steps: only what lasts is too much.
                    for (int look = 0; look < 1000 && counted > 2 * MEBIBYTE; look++) {
                        // What only pins hold, those of a flush in its last step too, does not count.
                        long exempt = budget.exemptBytes();
                        long bytes = db.memory().memtablesBytes();
                        counted = Math.min(counted, bytes - Math.max(exempt, budget.exemptBytes()));
                        Thread.yield();
                    }
                    most.accumulateAndGet(counted, Math::max);
                }
            });
            List<Keyspace> keyspaces = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                keyspaces.add(db.keyspace("keyspace" + i));
            }
            for (int i = 0; i < 5000; i++) {
                keyspaces.get(i % (1 + i % 5)).put(key(i), VALUE);
            }
            isWriting.set(false);
            watcher.join();
            for (int i = 0; i < 5000; i++) {
                assertArrayEquals(VALUE, keyspaces.get(i % (1 + i % 5)).get(key(i)), "key " + i);
            }
        }
        assertTrue(most.get() <= 2 * MEBIBYTE, most + " bytes of memtables");
        assertTrue(most.get() >= MEBIBYTE, most + " bytes of memtables");
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void whatCouldNotBeWrittenOtherwiseGoesOverTheWriteBuffer() {
        MemoryBudget budget = MemoryBudget.ofMebibytes(64);
        byte[] large = new byte[3 << 20];
        new Random(1).nextBytes(large);
        try (Database db = builder("a", budget).writeBufferBytes(MEBIBYTE).open()) {
            db.keyspace("0").put(key(1), large);
            WriteBatch batch = db.batch();
            for (int i = 0; i < 20; i++) {
                batch.put(db.keyspace("" + i), key(2), VALUE);
            }
            batch.commit();
            batch.close();
            db.keyspace("0").put(key(3), large);
            assertArrayEquals(large, db.keyspace("0").get(key(1)));
        }
        try (Database db = builder("a", budget).writeBufferBytes(MEBIBYTE).open()) {
            assertArrayEquals(large, db.keyspace("0").get(key(1)));
            assertArrayEquals(large, db.keyspace("0").get(key(3)));
            for (int i = 0; i < 20; i++) {
                assertArrayEquals(VALUE, db.keyspace("" + i).get(key(2)));
            }
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void r21_aDatabaseThatNobodyWritesToFlushesForOthersThatShareItsBudget() throws Exception {
        MemoryBudget budget = MemoryBudget.ofMebibytes(8);
        try (Database idle = builder("a", budget).writeBufferBytes(8 * MEBIBYTE).open();
                Database busy = builder("b", budget).writeBufferBytes(4 * MEBIBYTE).open()) {
            Keyspace kept = idle.keyspace("kept");
            int count = 0;
            while (idle.memory().memtablesBytes() < 3 * MEBIBYTE) {
                kept.put(key(count++), VALUE);
            }
            assertEquals(0, tablesOf(idle, disk));
            Keyspace keyspace = busy.keyspace("a");
            // How often depends on how soon the busy one's own flushes end: until it does, or the test times out.
            for (int i = 0; i < 20_000 || tablesOf(idle, disk) == 0; i++) {
                keyspace.put(key(i), VALUE);
            }
            for (int i = 0; i < count; i++) {
                assertArrayEquals(VALUE, kept.get(key(i)));
            }
            // The third finds a budget that is full of what can be flushed.
            try (Database third = builder("c", budget).open()) {
                third.keyspace("a").put(key(1), VALUE);
            }
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void r21_writersGoOnBesideADatabaseWhoseFlushesFail() throws Exception {
        goesOnBesideOneThatHoldsItsMemory(FaultPlan.Cause.ENOSPC, Operation.Kind.CREATE, "/data/a/**.table");
    }

    @Test
    void r21_writersGoOnBesideADatabaseThatIsPoisoned() throws Exception {
        goesOnBesideOneThatHoldsItsMemory(FaultPlan.Cause.EIO, Operation.Kind.JOURNAL_FORCE, "/data/a/**");
    }

    private void goesOnBesideOneThatHoldsItsMemory(FaultPlan.Cause cause, Operation.Kind kind, String glob)
            throws InterruptedException {
        Logger logger = Logger.getLogger("io.firn");
        Level level = logger.getLevel();
        logger.setLevel(Level.OFF);
        MemoryBudget budget = MemoryBudget.ofMebibytes(8);
        long applicationBytes = 0;
        Database stuck = builder("a", budget).writeBufferBytes(8 * MEBIBYTE).open();
        try (Database busy = builder("b", budget).open()) {
            Keyspace kept = stuck.keyspace("kept");
            for (int i = 0; stuck.memory().memtablesBytes() < 3 * MEBIBYTE; i++) {
                kept.put(key(i), VALUE);
            }
            // Whether the busy one would have to ask it for memory depends on how fast its own flushes are.
            disk.faults().fail(kind, glob, 1, cause, FaultPlan.Times.FOR_EVER);
            kept.requestFlush();
            while (disk.faults().injected().isEmpty()) {
                Thread.sleep(1); // its worker may take its time; or the test times out
            }
            // The application has the rest, but for two slabs of the least size.
            while (budget.reserveOrReclaim(64 << 10)) {
                applicationBytes += 64 << 10;
            }
            applicationBytes -= 512 << 10;
            budget.release(512 << 10);
            Keyspace keyspace = busy.keyspace("a");
            for (int i = 0; i < 4000; i++) {
                keyspace.put(key(i), VALUE);
            }
            assertTrue(stuck.memory().memtablesBytes() > MEBIBYTE, stuck.memory().toString());
        } finally {
            budget.release(applicationBytes);
            disk.faults().heal();
            try {
                stuck.close();
            } catch (FirnException e) {
                assertEquals(FaultPlan.Cause.EIO, cause, "poisoned");
            }
            logger.setLevel(level);
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void aWriteThatNothingCanMakeRoomForIsRefusedAfterItsTimeoutAndLeavesNoTrace() {
        MemoryBudget budget = MemoryBudget.ofMebibytes(8);
        byte[] large = new byte[9 << 20];
        try (Database db = builder("a", budget).writeTimeout(Duration.ofMillis(300)).open()) {
            Keyspace keyspace = db.keyspace("a");
            WriteStalledException e =
                    assertThrows(WriteStalledException.class, () -> keyspace.put(key(1), large));
            assertEquals(WriteStalledException.Reason.MEMORY, e.reason());
            assertEquals(null, keyspace.get(key(1)));
            keyspace.put(key(2), VALUE);
            assertArrayEquals(VALUE, keyspace.get(key(2)));
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void databasesOpenAndCloseWhileOthersWriteWithTheSameBudget() throws Exception {
        MemoryBudget budget = MemoryBudget.ofMebibytes(8);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 3; number++) {
            String name = "db" + number;
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    for (int round = 0; round < 4; round++) {
                        try (Database db = builder(name, budget).open()) {
                            Keyspace keyspace = db.keyspace("a");
                            for (int i = 0; i < 2000; i++) {
                                keyspace.put(key(round * 2000 + i), VALUE);
                            }
                            for (int i = 0; i < (round + 1) * 2000; i += 97) {
                                assertArrayEquals(VALUE, keyspace.get(key(i)));
                            }
                        }
                    }
                } catch (Throwable t) {
                    failure.compareAndSet(null, t);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
        assertEquals(0, budget.usedBytes());
    }

    private DatabaseBuilder builder(String name, MemoryBudget budget) {
        return Database.builder(Path.of("/data", name)).storage(disk).budget(budget).workers(2)
                .journalCompression(Compression.NONE);
    }

    private static int tablesOf(Database db, SimStorage disk) throws Exception {
        int count = 0;
        for (String keyspace : disk.list(db.path().resolve("keyspaces"))) {
            count += disk.list(db.path().resolve("keyspaces").resolve(keyspace).resolve("tables")).size();
        }
        return count;
    }

    private static byte[] key(int number) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
    }
}
