package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.DatabaseStatistics;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.db.Batch;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.db.Settings;
import io.firn.entry.Trailer;
import io.firn.error.ClosedException;
import io.firn.error.NoSpaceException;
import io.firn.error.PoisonedException;
import io.firn.error.WriteStalledException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.file.Storage;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import io.firn.keyspace.Tree;
import io.firn.keyspace.Upkeep;
import io.firn.table.TableAccess;
import io.firn.table.TableSettings;
import io.firn.version.Change;
import io.firn.version.DatabaseFiles;
import io.firn.version.Levels;
import io.firn.version.Manifest;
import io.firn.version.ManifestState;
import io.firn.version.RecoveredManifest;
import io.firn.version.RunWriter;
import io.firn.version.TableFiles;
import io.firn.version.TableRecord;
import io.firn.version.VersionEdit;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Compaction end to end, on a simulated disk. */
@Timeout(600)
final class CompactionTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final DatabaseFiles FILES = new DatabaseFiles(DIRECTORY);
    private static final CompactionStrategy.Leveled SMALL =
            new CompactionStrategy.Leveled(2, 16 << 10, PerLevel.all(4.0));
    private static final KeyspaceOptions OPTIONS =
            KeyspaceOptions.defaults().memtableBytes(32 << 10).compaction(SMALL);
    private static final int RUN_BYTES = 10_000;

    /** Kept, since a logger without a holder forgets its level. */
    private static final Logger LOGGER = Logger.getLogger("io.firn");

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private Engine engine;
    private Database database;

    @BeforeEach
    void createDirectory() throws IOException {
        LOGGER.setLevel(Level.OFF);
        disk.createDirectory(DIRECTORY.getParent());
    }

    @AfterEach
    void nothingIsLeft() {
        disk.faults().heal();
        try {
            database.close();
        } catch (PoisonedException e) {
            // What poisons it is part of some tests.
            assertTrue(disk.faults().injected().size() > 0);
        }
        assertEquals(0, budget.usedBytes());
        disk.assertNothingOpen();
        disk.close();
    }

    // ---- what it comes to

    @Test
    void aRandomLoadSettlesInLevelsAndStaysRight() throws Exception {
        Keyspace keyspace = open(OPTIONS);
        Random random = new Random(1);
        TreeMap<Integer, Integer> model = new TreeMap<>();
        for (int i = 0; i < 15_000; i++) {
            int key = random.nextInt(5_000);
            if (random.nextInt(5) == 0) {
                keyspace.remove(key(key));
                model.remove(key);
            } else {
                keyspace.put(key(key), value(i));
                model.put(key, i);
            }
            if (i % 3_000 == 2_999) {
                settle(); // of several memtables each time: however late the workers come, there are so many compactions
            }
        }
        settle();
        Levels levels = levels();
        assertTrue(levels.runs(0).size() < 2, levels::toString);
        for (int level = 1; level < levels.count(); level++) {
            assertTrue(levels.runs(level).size() <= 1, levels::toString);
        }
        DatabaseStatistics.Work work = tree().compactions().sum();
        assertTrue(work.completed() > 3 && work.writtenBytes() > 0 && work.readBytes() > 0 && work.time().toNanos() > 0,
                work::toString);
        assertEquals(0, work.running());
        assertEquals(0, work.failed());
        checkFiles();
        check(keyspace, model);
        reopen(OPTIONS);
        check(database.keyspace("a"), model);
    }

    @Test
    void aLoadInKeyOrderGoesStraightToTheLastLevelInItsLayout() throws Exception {
        KeyspaceOptions options = OPTIONS.compression(PerLevel.of(Compression.NONE, Compression.LZ4));
        Keyspace keyspace = open(options);
        for (int i = 0; i < 5_000; i++) {
            keyspace.put(key(i), value(i));
        }
        keyspace.rotateMemtableAndWait();
        settle();
        List<TableRecord> last = levels().tables();
        assertTrue(levels().runs(6).size() == 1 && levels().runs(0).size() <= 1, levels()::toString);
        assertTrue(last.size() > 5);
        assertTrue(tree().version().runs(6).getFirst().tables().stream()
                .allMatch(table -> table.settings().compression() == Codec.LZ4), "written anew for the last level");
        assertTrue(tree().compactions().sum().writtenBytes() < 1.2 * bytes(last), "once");
    }

    @Test
    void majorCompactionLeavesOneRunAndNothingThatNobodySees() throws Exception {
        Keyspace keyspace = open(OPTIONS);
        for (int i = 0; i < 3000; i++) {
            keyspace.put(key(i % 500), value(i));
        }
        for (int i = 0; i < 400; i++) {
            keyspace.remove(key(i));
        }
        keyspace.majorCompact();
        List<TableRecord> tables = levels().tables();
        assertEquals(levels().runs(6), List.of(tables));
        assertEquals(100, tables.stream().mapToLong(TableRecord::entryCount).sum());
        assertEquals(0, tables.stream().mapToLong(TableRecord::tombstoneCount).sum(), "r13: nothing lies below");
        assertEquals(0, tables.stream().mapToLong(TableRecord::seqnoMax).max().orElseThrow(), "r13: no seqno is needed");
        keyspace.majorCompact();
        assertEquals(100, levels().tables().stream().mapToLong(TableRecord::entryCount).sum());
        for (int i = 400; i < 500; i++) {
            keyspace.remove(key(i));
        }
        keyspace.majorCompact();
        assertEquals(List.of(), levels().tables());
        assertTrue(keyspace.isEmpty());
        settle();
        checkFiles();
    }

    @Test
    void r13_whatASnapshotSeesStaysUntilItIsClosed() throws Exception {
        Keyspace keyspace = open(OPTIONS);
        keyspace.put(key(1), value(1));
        keyspace.put(key(2), value(2));
        try (Snapshot snapshot = database.snapshot()) {
            keyspace.remove(key(1));
            keyspace.put(key(2), value(3));
            keyspace.majorCompact();
            assertArrayEquals(value(1), snapshot.in(keyspace).get(key(1)));
            assertArrayEquals(value(2), snapshot.in(keyspace).get(key(2)));
            assertNull(keyspace.get(key(1)));
            assertEquals(4, levels().tables().getFirst().entryCount());
            assertEquals(1, levels().tables().getFirst().tombstoneCount());
        }
        keyspace.majorCompact();
        assertEquals(1, levels().tables().getFirst().entryCount());
        assertArrayEquals(value(3), keyspace.get(key(2)));
    }

    @Test
    void r14_aKeyThatWasRemovedWeaklyAndPutAgainDoesNotComeBackWithAnOlderValue() throws Exception {
        Keyspace keyspace = open(OPTIONS);
        keyspace.put(key(1), value(5));
        keyspace.majorCompact();
        remove(Trailer.WEAK_TOMBSTONE, 1);
        keyspace.rotateMemtableAndWait();
        keyspace.put(key(1), value(9));
        keyspace.rotateMemtableAndWait();
        settle();
        remove(Trailer.WEAK_TOMBSTONE, 1);
        keyspace.rotateMemtableAndWait();
        keyspace.compact();
        settle();
        assertNull(keyspace.get(key(1)));
        keyspace.majorCompact();
        assertNull(keyspace.get(key(1)));
        assertEquals(List.of(), levels().tables());
    }

    @Test
    void aWeakTombstoneAndItsValueGoInAFlush() throws Exception {
        Keyspace keyspace = open(OPTIONS);
        for (int i = 0; i < 100; i++) {
            keyspace.put(key(i), value(i));
            remove(Trailer.WEAK_TOMBSTONE, i);
        }
        keyspace.rotateMemtableAndWait();
        assertEquals(List.of(), levels().tables(), "a flush without output");
        reopen(OPTIONS);
        assertTrue(database.keyspace("a").isEmpty());
    }

    /** Four runs of the same 20 keys. */
    private static void writeFourRuns(Keyspace keyspace) {
        for (int run = 0; run < 4; run++) {
            for (int i = 0; i < 20; i++) {
                keyspace.put(key(i), value(run));
            }
            keyspace.rotateMemtableAndWait();
        }
    }

    @Test
    void anotherStrategyMayDoOneRound() throws Exception {
        Keyspace keyspace = open(OPTIONS.compaction(new CompactionStrategy.Leveled(20, 1 << 20, PerLevel.all(10.0))));
        writeFourRuns(keyspace);
        assertEquals(4, levels().runs(0).size(), "its own finds nothing to do");
        keyspace.compact(new CompactionStrategy.Tiered(1.25, 4, 12, 100, 1 << 20));
        assertEquals(1, levels().tables().size());
        assertEquals(20, levels().tables().getFirst().entryCount());
    }

    @Test
    void whoAsksForARoundHasACalmMoment() throws Exception {
        Keyspace keyspace = open(OPTIONS.compaction(new CompactionStrategy.Leveled(20, 1 << 20, PerLevel.all(10.0))));
        writeFourRuns(keyspace);
        keyspace.compact();
        assertEquals(0, levels().runs(0).size());
        assertEquals(1, levels().tables().size());
    }

    @Test
    void whereNobodyWritesLevel0GoesDown() throws Exception {
        Keyspace keyspace = open(OPTIONS.compaction(new CompactionStrategy.Leveled(20, 1 << 20, PerLevel.all(10.0))));
        writeFourRuns(keyspace);
        for (int second = 0; second < 100; second++) {
            keyspace.put(key(second % 20), value(second));
            EngineRest.letASecondPass(engine);
        }
        assertEquals(4, levels().runs(0).size(), "it is not calm");
        for (int second = 0; second <= EngineRest.CALM_SECONDS; second++) {
            EngineRest.letASecondPass(engine);
        }
        settle();
        assertEquals(0, levels().runs(0).size());
        assertEquals(1, levels().tables().size());
        assertArrayEquals(value(99), keyspace.get(key(19)));
    }

    @Test
    void fifoDropsTheOldestAndFreesTheDisk() throws Exception {
        Keyspace keyspace = open(OPTIONS.compaction(new CompactionStrategy.Fifo(50_000, null)));
        for (int i = 0; i < 5000; i++) {
            keyspace.put(key(i), value(i));
        }
        settle();
        assertTrue(bytes(levels().tables()) <= 50_000);
        assertTrue(levels().runs(0).size() > 1, "nothing is merged");
        assertNull(keyspace.get(key(0)));
        assertArrayEquals(value(4999), keyspace.get(key(4999)));
        checkFiles();
    }

    @Test
    void fifoDropsWhatIsTooOldWhenItIsLookedAt() throws Exception {
        AtomicLong now = new AtomicLong(1_000_000);
        KeyspaceOptions options = OPTIONS.compaction(new CompactionStrategy.Fifo(1 << 30, Duration.ofMinutes(1)));
        Keyspace keyspace = open(options, builder -> builder.millisClock(now::get));
        keyspace.put(key(1), value(1));
        keyspace.rotateMemtableAndWait();
        now.addAndGet(59_000);
        keyspace.compact();
        assertArrayEquals(value(1), keyspace.get(key(1)));
        try (Snapshot snapshot = database.snapshot()) {
            now.addAndGet(1_000);
            keyspace.compact();
            assertArrayEquals(value(1), snapshot.in(keyspace).get(key(1)), "r12: a snapshot sees it");
        }
        keyspace.compact();
        assertNull(keyspace.get(key(1)));
        settle();
        reopen(options);
        assertNull(database.keyspace("a").get(key(1)), "and it stays away");
    }

    // ---- when it is done

    @Test
    void seventyRunsDrainWithoutAWriter() throws Exception {
        writeRuns(70, 2000);
        open(OPTIONS);
        settle();
        assertTrue(levels().runs(0).size() < 2, levels()::toString);
        for (int key = 0; key < 100; key++) {
            assertArrayEquals(value(69), database.keyspace("a").get(key(key)));
        }
        checkFiles();
    }

    @Test
    void aWriterStallsAtThirtyRunsUntilItsDeadlineAndGoesOnAfterACompaction() throws Exception {
        writeRuns(35, RUN_BYTES);
        Duration deadline = Duration.ofSeconds(1);
        CountDownLatch mayCompact = new CountDownLatch(1);
        Keyspace keyspace = open(OPTIONS, builder -> builder.writeTimeout(deadline).storage(held(mayCompact)));
        long since = System.nanoTime();
        WriteStalledException stalled =
                assertThrows(WriteStalledException.class, () -> keyspace.put(key(1), value(1)));
        assertTrue(System.nanoTime() - since >= deadline.toNanos(), "before its deadline");
        assertTrue(stalled.waited().compareTo(deadline) >= 0, stalled::toString);
        assertEquals(WriteStalledException.Reason.L0_RUNS, stalled.reason());
        assertEquals(35, levels().runs(0).size());
        mayCompact.countDown();
        while (levels().runs(0).size() >= 20) {
            Thread.sleep(1); // or the test times out
        }
        keyspace.put(key(1), value(1));
    }

    @Test
    void aWriterThatWaitsForACompactionSeesClose() throws Exception {
        writeRuns(35, RUN_BYTES);
        Keyspace keyspace = openWithoutEnd(OPTIONS);
        Throwable[] seen = new Throwable[1];
        Thread writer = Thread.ofPlatform().start(() -> {
            try {
                keyspace.put(key(1), value(1));
            } catch (RuntimeException e) {
                seen[0] = e;
            }
        });
        while (writer.getState() != Thread.State.TIMED_WAITING && writer.getState() != Thread.State.WAITING) {
            Thread.sleep(1);
        }
        Upkeep compactions = tree().compactions();
        while (compactions.sum().running() == 0) {
            Thread.sleep(1); // or the test times out
        }
        database.close();
        writer.join();
        assertEquals(1, compactions.sum().cancelled());
        assertEquals(0, compactions.sum().running() + compactions.sum().failed());
        assertTrue(seen[0] instanceof ClosedException, String.valueOf(seen[0]));
        checkFilesOnDisk();
    }

    @Test
    void fromTwentyRunsOnWritersAreSlowedDown() throws Exception {
        writeRuns(25, RUN_BYTES);
        Keyspace keyspace = openWithoutEnd(OPTIONS.memtableBytes(1 << 20));
        long since = System.nanoTime();
        for (int i = 0; i < 500; i++) {
            keyspace.put(key(i), value(i));
        }
        // The sixth run too many: 32 us a write.
        assertTrue(System.nanoTime() - since > 10_000_000L);
        assertTrue(database.statistics().stalls().containsKey(WriteStalledException.Reason.L0_RUNS));
    }

    @Test
    void compactionsOfOneKeyspaceRunAtTheSameTimeWhereTheyShareNothing() throws Exception {
        KeyspaceOptions options = OPTIONS.compaction(new CompactionStrategy.Tiered(1.25, 4, 20, 1000, 1 << 20));
        writeRuns(options, 200_000, 200_000, 200_000, 200_000, 30_000, 30_000, 30_000, 30_000);
        CountDownLatch mayCompact = new CountDownLatch(1);
        open(options, builder -> builder.workers(3).storage(held(mayCompact)));
        while (tree().compactions().sum().running() < 2) {
            Thread.sleep(1); // or the test times out
        }
        mayCompact.countDown();
        int most = 2;
        while (!EngineRest.isResting(engine)) {
            most = Math.max(most, tree().compactions().sum().running());
            Thread.sleep(1);
        }
        assertEquals(2, most);
        assertTrue(levels().tables().size() <= 2, levels()::toString);
        for (int key = 0; key < 100; key++) {
            assertArrayEquals(value(7), database.keyspace("a").get(key(key)));
        }
        checkFiles();
    }

    @Test
    void noWorkerSpinsForATreeThatACallerHolds() throws Exception {
        KeyspaceOptions options = OPTIONS.compaction(new CompactionStrategy.Leveled(20, 16 << 10, PerLevel.all(4.0)));
        writeRuns(options, RUN_BYTES, RUN_BYTES);
        CountDownLatch mayCompact = new CountDownLatch(1);
        AtomicInteger created = new AtomicInteger();
        List<Thread> threads = new CopyOnWriteArrayList<>();
        Keyspace keyspace = open(options, builder -> builder.workers(3).storage(held(mayCompact, created, 1)).threads(task -> {
            Thread thread = new Thread(task);
            threads.add(thread);
            return thread;
        }));
        keyspace.put(key(1), value(1));
        Thread dropping = Thread.ofPlatform().start(() -> keyspace.dropRange(KeyRange.all().from(key(10)).until(key(20))));
        while (created.get() < 2) { // the flush has ended, after which the tree is looked at; a border is being written
            Thread.sleep(1);
        }
        int quiet = 0;
        while (quiet < 100) { // or the test times out
            boolean isWaiting = threads.stream().map(Thread::getState)
                    .noneMatch(state -> state == Thread.State.RUNNABLE || state == Thread.State.BLOCKED);
            quiet = isWaiting ? quiet + 1 : 0;
            Thread.sleep(1);
        }
        mayCompact.countDown();
        dropping.join();
        settle();
        checkFiles();
    }

    @Test
    void whatIsTooOldGoesThoughNobodyWrites() throws Exception {
        AtomicLong now = new AtomicLong(1_000_000);
        KeyspaceOptions options = OPTIONS.compaction(new CompactionStrategy.Fifo(1 << 30, Duration.ofMinutes(1)));
        Keyspace keyspace = open(options, builder -> builder.millisClock(now::get));
        keyspace.put(key(1), value(1));
        keyspace.rotateMemtableAndWait();
        now.addAndGet(60_000);
        while (keyspace.get(key(1)) != null) {
            Thread.sleep(1); // or the test times out
        }
    }

    @Test
    void aCompactionThatFailsForWantOfSpaceIsTriedAgain() throws Exception {
        writeRuns(5, RUN_BYTES);
        disk.faults().fail(Operation.Kind.APPEND, "*.table", 1, FaultPlan.Cause.ENOSPC, FaultPlan.Times.ONCE);
        disk.faults().fail(Operation.Kind.FORCE, "*.table", 2, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
        Keyspace keyspace = open(OPTIONS);
        settle();
        assertEquals(2, disk.faults().injected().size());
        assertEquals(2, tree().compactions().sum().failed());
        assertEquals(0, tree().compactions().sum().cancelled());
        assertTrue(levels().runs(0).size() < 2);
        keyspace.put(key(1), value(1));
        settle();
        checkFiles();
    }

    @Test
    void aCallerIsToldThatItsCompactionFailed() throws Exception {
        Keyspace keyspace = open(OPTIONS);
        keyspace.put(key(1), value(1));
        keyspace.rotateMemtableAndWait();
        settle();
        disk.faults().fail(Operation.Kind.APPEND, "*.table", 1, FaultPlan.Cause.ENOSPC, FaultPlan.Times.ONCE);
        assertThrows(NoSpaceException.class, keyspace::majorCompact);
        keyspace.majorCompact();
        assertEquals(1, levels().runs(6).size());
    }

    @Test
    void anEditThatFailsPoisonsAndTheInputsStay() throws Exception {
        Keyspace keyspace = open(OPTIONS);
        for (int i = 0; i < 10; i++) {
            keyspace.put(key(i), value(i));
        }
        keyspace.rotateMemtableAndWait();
        settle();
        disk.faults().fail(Operation.Kind.FORCE, "manifest-*", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
        assertThrows(RuntimeException.class, keyspace::majorCompact);
        assertThrows(PoisonedException.class, () -> keyspace.put(key(1), value(1)));
        assertArrayEquals(value(3), keyspace.get(key(3)), "reads go on");
        assertThrows(PoisonedException.class, database::close);
        disk.faults().heal();
        open(OPTIONS);
        assertArrayEquals(value(3), database.keyspace("a").get(key(3)));
    }

    @Test
    void manyCompactionsLeaveNoMappingBehind() throws Exception {
        Keyspace keyspace = open(OPTIONS);
        keyspace.put(key(0), value(0));
        keyspace.majorCompact();
        settle();
        int before = disk.openCount();
        for (int i = 0; i < 100; i++) {
            keyspace.put(key(i % 10), value(i));
            keyspace.majorCompact();
        }
        settle();
        assertTrue(tree().compactions().sum().completed() >= 100);
        assertTrue(disk.openCount() <= before + 2, disk.openCount() + " open, " + before + " before");
        checkFiles();
    }

    // ---- the parts

    private Keyspace open(KeyspaceOptions options) {
        return open(options, builder -> builder);
    }

    private Keyspace open(KeyspaceOptions options, UnaryOperator<DatabaseBuilder> more) {
        engine = Engine.open(more.apply(Database.builder(DIRECTORY).storage(disk).budget(budget).workers(2)).settings());
        database = new Database(engine);
        return database.keyspace("a", options);
    }

    /** No compaction ends: they write a byte a second. */
    private Keyspace openWithoutEnd(KeyspaceOptions options) {
        Settings built = Database.builder(DIRECTORY).storage(disk).budget(budget).settings();
        engine = Engine.open(new Settings(
                built.directory(), built.memory(), new Settings.Background(2, 1, null), built.opening(), built.durability(),
                built.journaling(), built.machine()));
        database = new Database(engine);
        return database.keyspace("a", options);
    }

    /** The disk, but who creates a table waits. */
    private Storage held(CountDownLatch mayGoOn) {
        return held(mayGoOn, new AtomicInteger(), 0);
    }

    /** The same after so many tables. */
    private Storage held(CountDownLatch mayGoOn, AtomicInteger created, int tables) {
        return (Storage) Proxy.newProxyInstance(
                Storage.class.getClassLoader(), new Class<?>[] {Storage.class}, (proxy, method, arguments) -> {
                    boolean isTable = method.getName().equals("create") && arguments[0].toString().endsWith(".table");
                    if (isTable && created.incrementAndGet() > tables) {
                        mayGoOn.await();
                    }
                    try {
                        return method.invoke(disk, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private void reopen(KeyspaceOptions options) {
        database.close();
        open(options);
    }

    /** A database whose keyspace has so many overlapping runs in level 0, which no compaction has seen. */
    private void writeRuns(int count, int runBytes) throws IOException {
        writeRuns(OPTIONS, IntStream.generate(() -> runBytes).limit(count).toArray());
    }

    /** The oldest first. */
    private void writeRuns(KeyspaceOptions options, int... runBytes) throws IOException {
        open(options);
        database.close();
        RecoveredManifest found = Manifest.recover(disk, DIRECTORY);
        ManifestState state = found.state();
        AtomicLong nextId = new AtomicLong(state.nextFileId());
        TableFiles files = new TableFiles(
                disk, FILES, TableAccess.alone(budget), nextId::getAndIncrement, () -> 0, () -> false);
        TableSettings settings =
                new TableSettings(4096, 1, 0, Codec.NONE, Codec.NONE, new FilterPolicy.None(), false, false);
        for (int run = 0; run < runBytes.length; run++) {
            WrittenRun written;
            try (RunWriter writer = new RunWriter(files, 1, settings, files.access(), 64 << 20, null);
                    Arena arena = Arena.ofConfined()) {
                for (int key = 0; key < 100 || writer.writtenBytes() < runBytes[run]; key++) {
                    MemorySegment keyBytes = segment(arena, key(key));
                    MemorySegment value = segment(arena, value(run));
                    writer.add(keyBytes, 0, 4, Trailer.of(1 + run, Trailer.VALUE), value, 0, (int) value.byteSize());
                }
                written = writer.finish();
            }
            state = state.apply(VersionEdit.of(new Change.Counters(2 + run, nextId.get(), 2),
                    new Change.RunAdded(1, 0, 0, written.records())));
            written.close();
        }
        Manifest.create(disk, DIRECTORY, found.manifestId() + 1, state, 1 << 20).close();
    }

    private static MemorySegment segment(Arena arena, byte[] bytes) {
        return arena.allocate(Math.max(8, bytes.length)).copyFrom(MemorySegment.ofArray(bytes)).asSlice(0, bytes.length);
    }

    private void remove(int type, int key) {
        Batch batch = engine.leaseBatch();
        batch.remove(tree(), type, key(key));
        engine.commit(batch);
        engine.giveBack(batch);
    }

    private Tree tree() {
        return engine.trees().get("a");
    }

    private Levels levels() {
        return tree().version().levels();
    }

    private void settle() throws InterruptedException {
        while (!EngineRest.isResting(engine)) {
            Thread.sleep(1);
        }
    }

    private static void check(Keyspace keyspace, TreeMap<Integer, Integer> model) {
        for (int key = 0; key < 5_000; key++) {
            Integer expected = model.get(key);
            assertArrayEquals(expected == null ? null : value(expected), keyspace.get(key(key)));
        }
    }

    /** No file is left that the version does not have. */
    private void checkFiles() throws IOException {
        assertEquals(ids(levels().tables()), filesOnDisk());
    }

    /** No file is left that the manifest does not name. */
    private void checkFilesOnDisk() throws IOException {
        assertEquals(ids(Manifest.recover(disk, DIRECTORY).state().keyspaces().get(1).levels().tables()), filesOnDisk());
    }

    private static long bytes(List<TableRecord> tables) {
        return tables.stream().mapToLong(TableRecord::fileBytes).sum();
    }

    private static Set<Long> ids(List<TableRecord> tables) {
        return tables.stream().map(TableRecord::id).collect(Collectors.toSet());
    }

    private Set<Long> filesOnDisk() throws IOException {
        Set<Long> found = new HashSet<>();
        for (String name : disk.list(FILES.tablesDirectory(1))) {
            found.add(DatabaseFiles.tableId(name));
        }
        return found;
    }

    private static byte[] key(int key) {
        return ByteBuffer.allocate(4).putInt(key).array();
    }

    private static byte[] value(int i) {
        byte[] value = new byte[40 + i % 50];
        Arrays.fill(value, (byte) i);
        ByteBuffer.wrap(value).putInt(i);
        return value;
    }
}
