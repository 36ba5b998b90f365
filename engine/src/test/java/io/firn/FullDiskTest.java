package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.KeyspaceOptions;
import io.firn.config.KeyspaceStatistics;
import io.firn.config.PerLevel;
import io.firn.config.PersistMode;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.error.FirnException;
import io.firn.error.NoSpaceException;
import io.firn.error.PoisonedException;
import io.firn.error.StorageException;
import io.firn.error.WriteStalledException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.FaultPlan.Cause;
import io.firn.ffm.sim.FaultPlan.Times;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A disk that is full, a quota that is used up, descriptors that are: what fails is deleted and done again, reads go on, writers stall and
 * then are told; with room again everything goes on without reopening, and nothing acknowledged is lost.
 */
class FullDiskTest {
    private static final Path DIRECTORY = Path.of("/full/db");
    private static final Duration TIMEOUT = Duration.ofMillis(300);

    private static final int MEMTABLE_BYTES = 8 << 10;

    /** There are fewer runs in every test: what the flushes wrote is what stands on the disk. */
    private static final CompactionStrategy NEVER = new CompactionStrategy.Leveled(20, 64 << 20, PerLevel.all(10.0));

    /** As often may be tried what fails, and so many times more for each second that went by. */
    private static final int ATTEMPTS_MAX = 50;

    /** So often a writer may be told of another stall than that which the test waits for, on a machine with other things to do. */
    private static final int OTHER_STALLS_MAX = 200;

    /** Kept, since a logger without a holder forgets its level. */
    private static final Logger LOGGER = Logger.getLogger("io.firn");

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private final AtomicInteger acknowledged = new AtomicInteger();
    private final long begunNanos = System.nanoTime();
    private Engine engine;
    private Database db;
    private Keyspace keyspace;

    @BeforeEach
    void openDatabase() throws IOException {
        LOGGER.setLevel(Level.OFF);
        disk.createDirectory(DIRECTORY.getParent());
        open();
    }

    @AfterEach
    void closeDatabase() {
        db.close();
        assertEquals(0, budget.usedBytes());
        disk.assertNothingOpen();
        disk.close();
        LOGGER.setLevel(null);
    }

    private void open() {
        open(TIMEOUT);
    }

    private void open(Duration writeTimeout) {
        engine = Engine.open(Database.builder(DIRECTORY).storage(disk).budget(budget).writeTimeout(writeTimeout).workers(2)
                .journalFiles(16 << 10, 64 << 10, 8 << 10).settings());
        db = new Database(engine);
        keyspace = db.keyspace(
                "a", KeyspaceOptions.defaults().memtableBytes(MEMTABLE_BYTES).compression(Compression.NONE).compaction(NEVER));
    }

    // ---- no space

    @Test
    void aTableThatDoesNotFitIsDeletedAndWrittenAgainWhenThereIsSpace() throws IOException {
        write(4);
        disk.limitBytes(disk.usedBytes() + 1000);
        long used = disk.usedBytes();
        assertTrue(keyspace.rotateMemtable());
        assertThrows(NoSpaceException.class, keyspace::rotateMemtableAndWait);
        awaitRest();
        assertEquals(used, disk.usedBytes(), "what did not fit is deleted");
        assertEquals(List.of(), tables());
        assertReads();
        FirnException refusal = writeUntilRefused(FullDiskTest::isForWantOfSpace);
        assertInstanceOf(NoSpaceException.class, refusal, refusal::toString);
        assertReads();

        disk.limitBytes(Long.MAX_VALUE);
        write(100);
        keyspace.rotateMemtableAndWait();
        KeyspaceStatistics statistics = keyspace.statistics();
        assertEquals(acknowledged.get(), statistics.allLevels().entries());
        assertTrue(statistics.flushes().completed() >= 100 * 600 / MEMTABLE_BYTES, statistics::toString);
        assertEquals(statistics.flushes().completed(), tables().size(), "one table of each flush, and nothing of those that failed");
        assertEquals(statistics.allLevels().tables(), tables().size());
        assertEquals(0, statistics.compactions().completed());
        assertReads();
        reopened();
    }

    @Test
    void aJournalThatDoesNotFitStallsWritersUntilThereIsSpace() throws IOException {
        disk.faults().fail(Operation.Kind.JOURNAL_CREATE, "**", 1, Cause.ENOSPC, Times.FOR_EVER);
        disk.faults().fail(Operation.Kind.JOURNAL_RECYCLE, "**", 1, Cause.ENOSPC, Times.FOR_EVER);
        FirnException refusal = writeUntilRefused(FullDiskTest::isForWantOfSpace);
        assertInstanceOf(NoSpaceException.class, refusal, refusal::toString);
        assertTrue(refusal.getMessage().contains("journal"), refusal.getMessage());
        assertReads();
        assertThrows(NoSpaceException.class, this::writeOne);
        assertAttempts(Operation.Kind.JOURNAL_CREATE);

        disk.faults().heal();
        write(100);
        db.persist(PersistMode.SYNC_ALL);
        reopened();
    }

    @ParameterizedTest
    @EnumSource(value = Cause.class, names = {"ENOSPC", "EDQUOT", "EFBIG", "SHORT_WRITE"})
    void aFailingAppendToATableIsNoEndOfTheDatabase(Cause cause) {
        disk.faults().fail(Operation.Kind.APPEND, "**/*.table", 1, cause, Times.FOR_EVER);
        boolean isStall = cause == Cause.SHORT_WRITE;
        FirnException refusal =
                writeUntilRefused(isStall ? FullDiskTest::isForFailingFlushes : FullDiskTest::isForWantOfSpace);
        Class<? extends FirnException> expected = isStall ? WriteStalledException.class : NoSpaceException.class;
        assertInstanceOf(expected, refusal, refusal::toString);
        assertReads();
        assertAttempts(Operation.Kind.APPEND);
        disk.faults().heal();
        write(100);
        keyspace.rotateMemtableAndWait();
        reopened();
    }

    /** Writers go on without a word as soon as there is space, if that is before their deadline. */
    @Test
    void aStalledWriterGoesOnWhenThereIsSpaceBeforeItsDeadline() throws Exception {
        db.close();
        open(Duration.ofMinutes(10));
        disk.faults().fail(Operation.Kind.JOURNAL_CREATE, "**", 1, Cause.ENOSPC, Times.FOR_EVER);
        Thread writer = Thread.ofPlatform().start(() -> {
            for (int i = 0; i < 300; i++) {
                writeOne();
            }
        });
        while (disk.faults().injected().size() < 3) {
            Thread.sleep(1);
        }
        assertTrue(writer.isAlive());
        disk.faults().heal();
        writer.join();
        assertEquals(300, acknowledged.get());
        assertReads();
    }

    @Test
    void anOpeningThatFindsNoSpaceLosesNothing() throws IOException {
        write(50);
        db.close();
        for (long room = 0; room < 64 << 10; room += 999) {
            disk.limitBytes(disk.usedBytes() + room);
            try {
                open();
                break;
            } catch (NoSpaceException e) {
                assertEquals(0, budget.usedBytes());
                disk.assertNothingOpen();
            }
        }
        disk.limitBytes(Long.MAX_VALUE);
        db.close();
        open();
        assertReads();
    }

    // ---- descriptors and other failures

    @ParameterizedTest
    @EnumSource(value = Operation.Kind.class, names = {"CREATE", "APPEND", "FORCE", "MAP"})
    void aFailingFlushIsDoneAgain(Operation.Kind kind) {
        write(4);
        disk.faults().fail(kind, "**/*.table", 1, kind == Operation.Kind.FORCE ? Cause.EIO : Cause.EMFILE, Times.FOR_EVER);
        FirnException refusal = writeUntilRefused(FullDiskTest::isForFailingFlushes);
        assertInstanceOf(WriteStalledException.class, refusal, refusal::toString);
        assertTrue(refusal.getMessage().contains("SEALED_MEMTABLES"), refusal.getMessage());
        assertTrue(String.valueOf(refusal.getCause()).contains("(injected)"), () -> "no word of the cause: " + refusal.getCause());
        assertAttempts(kind);
        awaitRest();
        assertEquals(List.of(), tables());
        assertReads();
        disk.faults().heal();
        write(100);
        keyspace.rotateMemtableAndWait();
        reopened();
    }

    @Test
    void withoutDescriptorsAnOpeningFailsAndLosesNothing() {
        write(50);
        db.close();
        for (int nth = 1; nth < 1000; nth++) {
            long seen = disk.faults().injected().size();
            disk.faults().failAny(nth, Cause.EMFILE, Times.FOR_EVER);
            try {
                open();
                db.close();
            } catch (FirnException e) {
                // Of close: a force that failed.
                assertTrue(e instanceof StorageException || e instanceof PoisonedException, e::toString);
            }
            disk.faults().heal();
            disk.assertNothingOpen();
            assertEquals(0, budget.usedBytes());
            if (disk.faults().injected().size() == seen) {
                break;
            }
            open();
            assertReads();
            db.close();
        }
        open();
        assertReads();
    }

    // ----

    private void assertAttempts(Operation.Kind kind) {
        long attempts = disk.faults().injected().stream().filter(each -> each.operation().kind() == kind).count();
        long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begunNanos);
        assertTrue(0 < attempts && attempts < ATTEMPTS_MAX * (1 + seconds), attempts + " attempts at " + kind + " in " + seconds + " s");
    }

    private List<String> tables() {
        try {
            return disk.list(DIRECTORY.resolve("keyspaces").resolve("1").resolve("tables"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Until the last attempt has ended: nobody waits who would ask for another. */
    private void awaitRest() {
        while (!EngineRest.isResting(engine)) {
            Thread.onSpinWait();
        }
    }

    /** The refusal for this reason. */
    private FirnException writeUntilRefused(Predicate<FirnException> isAwaited) {
        int others = 0;
        for (int i = 0; i < 10_000; i++) {
            try {
                writeOne();
            } catch (FirnException e) {
                if (isAwaited.test(e) || !(e instanceof WriteStalledException) || ++others > OTHER_STALLS_MAX) {
                    return e;
                }
            }
        }
        throw new AssertionError("never refused");
    }

    private static boolean isForWantOfSpace(FirnException e) {
        return e instanceof NoSpaceException;
    }

    private static boolean isForFailingFlushes(FirnException e) {
        return e.getMessage().contains("SEALED_MEMTABLES") && e.getCause() != null;
    }

    /** What fails is tried again while writers wait; whoever waits too short a time for it asks again. */
    private void write(int count) {
        int stalls = 0;
        for (int i = 0; i < count; ) {
            try {
                writeOne();
                i++;
            } catch (NoSpaceException | WriteStalledException e) {
                if (++stalls > OTHER_STALLS_MAX) {
                    throw e;
                }
            }
        }
    }

    private void writeOne() {
        int number = acknowledged.get();
        keyspace.put(key(number), value(number));
        acknowledged.incrementAndGet();
    }

    private void reopened() {
        db.close();
        open();
        assertReads();
    }

    private void assertReads() {
        for (int i = 0; i < acknowledged.get(); i++) {
            assertArrayEquals(value(i), keyspace.get(key(i)), "key " + i + " of " + acknowledged);
        }
    }

    private static byte[] key(int number) {
        return ("key" + number).getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] value(int number) {
        byte[] value = new byte[600];
        Arrays.fill(value, (byte) number);
        return value;
    }
}
