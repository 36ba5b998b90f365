package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.DatabaseStatistics;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.KeyspaceStatistics;
import io.firn.config.PerLevel;
import io.firn.config.PersistMode;
import io.firn.error.ClosedException;
import io.firn.error.FirnException;
import io.firn.error.WriteStalledException.Reason;
import io.firn.ffm.sim.FaultPlan.Cause;
import io.firn.ffm.sim.FaultPlan.Times;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(600)
final class StatisticsTest {
    private static final KeyspaceOptions OPTIONS =
            KeyspaceOptions.defaults().memtableBytes(1 << 20).filter(new FilterPolicy.BitsPerKey(10));

    private static final DatabaseStatistics.Blocks NO_BLOCKS = new DatabaseStatistics.Blocks(0, 0, 0, 0);
    private static final DatabaseStatistics.Reads NO_READS =
            new DatabaseStatistics.Reads(NO_BLOCKS, NO_BLOCKS, NO_BLOCKS, NO_BLOCKS, 0, 0, 1);

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
    void writesAreCounted() {
        try (Database db = open(); WriteBatch batch = db.batch()) {
            Keyspace keyspace = db.keyspace("a", OPTIONS);
            DatabaseStatistics before = db.statistics();
            assertEquals(1, before.seqno());
            assertEquals(0, before.visibleSeqno());
            assertEquals(1, before.keyspaces());
            assertEquals(0, before.writes().commits());
            for (int i = 0; i < 10; i++) {
                keyspace.put(key(i), new byte[100]);
            }
            keyspace.remove(key(1));
            batch.put(keyspace, key(2), new byte[1]).put(keyspace, key(3), new byte[1]).commit();
            DatabaseStatistics after = db.statistics();
            assertEquals(13, after.seqno());
            assertEquals(12, after.visibleSeqno());
            assertEquals(12, after.writes().commits());
            assertEquals(13, after.writes().entries());
            long journaled = after.writes().journaledBytes() - before.writes().journaledBytes();
            assertTrue(1000 < journaled && journaled < 3000, journaled + " bytes");
            assertEquals(1, after.writes().journalFiles());
            assertTrue(after.writes().journalBytes() > journaled, after.toString());
            assertEquals(after.writes().journalBytes(), after.diskBytes());
            db.persist(PersistMode.SYNC_DATA);
            assertTrue(db.statistics().writes().forces() > after.writes().forces());
            assertEquals(13, keyspace.approximateCount());
            assertEquals(13, keyspace.statistics().memtableEntries());
            assertEquals(keyspace.statistics().memtableBytes(), db.statistics().writeBufferBytes());
        }
    }

    @Test
    void whatStandsInTablesIsCountedByLevel() {
        try (Database db = open()) {
            Keyspace keyspace = db.keyspace("a", OPTIONS);
            for (int run = 0; run < 3; run++) {
                for (int i = 0; i < 100; i++) {
                    keyspace.put(key(i), new byte[100]);
                }
                keyspace.remove(key(run));
                keyspace.rotateMemtableAndWait();
            }
            keyspace.put(key(0), new byte[1]);
            KeyspaceStatistics statistics = keyspace.statistics();
            assertEquals(7, statistics.levels().size());
            KeyspaceStatistics.Level all = statistics.allLevels();
            // A flush writes the newest version of a key only.
            assertEquals(300, all.entries());
            assertEquals(3, all.tombstones());
            assertEquals(0, all.weakTombstones());
            assertEquals(1, statistics.memtableEntries());
            assertEquals(0, statistics.sealedMemtables());
            assertEquals(301, keyspace.approximateCount());
            assertTrue(all.diskBytes() > 3 * 100 * 100, all.toString());
            assertEquals(3, statistics.levels().getFirst().runs());
            assertEquals(3, statistics.levels().getFirst().tables());
            assertEquals(all, statistics.levels().getFirst());
            DatabaseStatistics database = db.statistics();
            assertEquals(3, database.flushes().completed());
            assertEquals(all.diskBytes(), database.flushes().writtenBytes());
            assertTrue(database.flushes().time().compareTo(Duration.ZERO) > 0, database.toString());
            assertEquals(0, database.outstandingFlushes());
            assertEquals(all.diskBytes() + database.writes().journalBytes(), database.diskBytes());
        }
    }

    @Test
    void flushesAndCompactionsAreCountedForTheirKeyspaceAndForAll() throws Exception {
        try (Database db = open()) {
            Keyspace keyspace = db.keyspace("a", OPTIONS.compaction(
                    new CompactionStrategy.Leveled(20, 1 << 20, PerLevel.all(10.0))));
            Keyspace other = db.keyspace("b", OPTIONS);
            for (int run = 0; run < 6; run++) {
                for (int i = 0; i < 100; i++) {
                    keyspace.put(key(i), new byte[100]);
                }
                keyspace.rotateMemtableAndWait();
            }
            KeyspaceStatistics flushed = keyspace.statistics();
            assertEquals(6, flushed.flushes().completed());
            assertEquals(flushed.allLevels().diskBytes(), flushed.flushes().writtenBytes());
            assertTrue(flushed.flushes().readBytes() > 6 * 100 * 100, flushed.toString());
            assertEquals(0, flushed.compactions().completed());
            keyspace.majorCompact();
            KeyspaceStatistics merged = keyspace.statistics();
            assertEquals(1, merged.compactions().completed());
            assertEquals(flushed.allLevels().diskBytes(), merged.compactions().readBytes());
            assertEquals(merged.allLevels().diskBytes(), merged.compactions().writtenBytes());
            assertTrue(merged.compactions().writtenBytes() < merged.compactions().readBytes() / 2, merged.toString());
            assertTrue(merged.compactions().time().compareTo(Duration.ZERO) > 0, merged.toString());
            assertEquals(0, other.statistics().compactions().completed());
            while (db.statistics().flushes().running() + db.statistics().compactions().running() > 0) {
                Thread.sleep(1); // or the test times out
            }
            DatabaseStatistics database = db.statistics();
            assertEquals(merged.compactions(), database.compactions());
            assertEquals(merged.flushes(), database.flushes());
            assertEquals(6 * 100 * 104, database.writes().entryBytes());
            double written = database.writes().journaledBytes() + flushed.allLevels().diskBytes()
                    + merged.allLevels().diskBytes();
            assertEquals(written / database.writes().entryBytes(), database.writeAmplification(), 1e-9);
            db.deleteKeyspace(keyspace);
            assertEquals(merged.compactions(), db.statistics().compactions(), "what was done stays done");
        }
    }

    @Test
    void theDebtOfCompactionsIsThereBeforeThemAndGoneAfterThem() throws Exception {
        try (Database db = Database.builder(Path.of("/data/db")).storage(disk).workers(2)
                .compactionBytesPerSecond(1 << 20).open()) {
            assertEquals(0, db.statistics().compactionDebtBytes());
            assertEquals(0, db.statistics().writeAmplification());
            Keyspace keyspace = db.keyspace(
                    "a", OPTIONS.compaction(new CompactionStrategy.Leveled(2, 1 << 20, PerLevel.all(10.0))));
            Random random = new Random(1);
            byte[] value = new byte[4000];
            long debt = 0;
            for (int run = 0; run < 2; run++) {
                for (int i = 0; i < 200; i++) {
                    random.nextBytes(value);
                    keyspace.put(key(i), value);
                }
                keyspace.rotateMemtableAndWait();
                debt = Math.max(debt, db.statistics().compactionDebtBytes());
            }
            assertTrue(debt >= 2 * 200 * 4000, "what stands in level 0 has to go down: " + debt);
            while (db.statistics().compactionDebtBytes() > 0 || db.statistics().compactions().running() > 0) {
                Thread.sleep(1); // or the test times out
            }
            assertEquals(0, keyspace.statistics().compactionDebtBytes());
            assertTrue(keyspace.statistics().levels().getFirst().runs() < 2, keyspace.statistics().toString());
        }
    }

    @Test
    void statisticsAllocateTheirRecordWhateverTheyCount() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Database db = open()) {
            Keyspace keyspace = db.keyspace("a", OPTIONS.compression(Compression.NONE).compaction(
                    new CompactionStrategy.Leveled(20, 16 << 10, PerLevel.all(10.0))));
            for (int i = 0; i < 2500; i++) {
                keyspace.put(key(i), new byte[1000]);
            }
            keyspace.majorCompact();
            int tables = keyspace.statistics().allLevels().tables();
            assertTrue(tables > 100, tables + " tables");
            long least = Long.MAX_VALUE;
            long start = System.nanoTime();
            while (least >= 24L * tables && System.nanoTime() - start < 60_000_000_000L) { // it may have to be compiled first
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 100; i++) {
                    db.statistics();
                    keyspace.statistics();
                }
                least = Math.min(least, (threads.getCurrentThreadAllocatedBytes() - before) / 100);
            }
            assertTrue(least < 24L * tables, least + " bytes for both: not even a small object for each table");
        }
    }

    @Test
    @Tag("native")
    void theCacheIsCountedWhereBlocksAreCompressed() throws Exception {
        try (Database db = open()) {
            Keyspace keyspace = db.keyspace(
                    "a", OPTIONS.compression(Compression.LZ4).indexCompression(Compression.LZ4).indexPinned(false));
            for (int i = 0; i < 2000; i++) {
                keyspace.put(key(i), new byte[100]);
            }
            keyspace.rotateMemtableAndWait();
            DatabaseStatistics.Cache before = db.statistics().cache();
            assertEquals(32 << 20, before.capacityBytes());
            assertEquals(0, before.usedBytes());
            assertEquals(1.0, before.hitRate());
            for (int i = 0; i < 2000; i++) {
                keyspace.get(key(i));
            }
            DatabaseStatistics.Cache after = db.statistics().cache();
            assertEquals(2000, after.dataHits() + after.dataMisses());
            assertEquals(2000, after.indexHits() + after.indexMisses());
            assertEquals(after.blocks(), after.insertedBlocks());
            assertEquals(after.dataMisses() + after.indexMisses(), after.insertedBlocks());
            assertEquals(0, after.evictedBlocks());
            assertTrue(after.hitRate() > 0.9, after.toString());
            assertTrue(after.blockBytes() <= after.usedBytes(), after.toString());
            assertEquals(db.memory().cacheBytes(), after.usedBytes());
        }
    }

    @Test
    void stepsOfACursorFillTheCacheIfTheyAreAskedTo() {
        int entries = 2000;
        try (Database db = open()) {
            Keyspace keyspace = filled(db, "a", OPTIONS.compression(Compression.LZ4), entries);
            try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
                assertEquals(entries, walk(cursor));
                assertEquals(0, db.statistics().cache().insertedBlocks());
                assertTrue(cursor.fillCache().first());
                assertEquals(1, db.statistics().cache().insertedBlocks());
            }
            try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
                walk(cursor);
                assertEquals(1, db.statistics().cache().insertedBlocks(), "the next cursor was not asked to");
            }
            try (Cursor cursor = keyspace.cursor(KeyRange.all()).fillCache()) {
                walk(cursor);
                DatabaseStatistics.Cache filled = db.statistics().cache();
                assertTrue(filled.insertedBlocks() > entries * 104 / 5000, filled.toString());
                walk(cursor);
                assertEquals(filled.dataHits() + filled.insertedBlocks(), db.statistics().cache().dataHits());
            }
        }
    }

    private static int walk(Cursor cursor) {
        int entries = 0;
        for (boolean isThere = cursor.first(); isThere; isThere = cursor.next()) {
            entries++;
        }
        return entries;
    }

    @Test
    void filtersAreCountedWhereTheKeyIsMissing() throws Exception {
        int threads = 4;
        int gets = 3000;
        try (Database db = open()) {
            Keyspace keyspace = db.keyspace("a", OPTIONS);
            Keyspace other = db.keyspace("other", OPTIONS);
            for (int run = 0; run < 2; run++) {
                for (int i = 0; i < 2000; i += 2) {
                    keyspace.put(key(i), new byte[10]);
                    other.put(key(i), new byte[10]);
                }
                keyspace.rotateMemtableAndWait();
            }
            other.rotateMemtableAndWait();
            assertEquals(1.0, keyspace.statistics().reads().filterEfficiency());
            for (int i = 0; i < 2000; i += 2) {
                keyspace.get(key(i));
            }
            assertEquals(0, keyspace.statistics().reads().filterQueries(), "the newest run has every key");
            List<Thread> all = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                all.add(Thread.ofPlatform().start(() -> {
                    for (int i = 0; i < gets; i++) {
                        keyspace.get(key(2 * (i % 999) + 1));
                    }
                }));
            }
            for (Thread each : all) {
                each.join();
            }
            KeyspaceStatistics statistics = keyspace.statistics();
            assertEquals(2L * threads * gets, statistics.reads().filterQueries());
            assertEquals(2000 / 2 + 2L * threads * gets, statistics.reads().filter().inPlace());
            long passes = statistics.reads().filterQueries() - statistics.reads().filterSkips();
            assertEquals(2000 / 2 + passes, statistics.reads().data().inPlace() + statistics.reads().data().loaded());
            assertTrue(statistics.reads().filterEfficiency() > 0.95 && statistics.reads().filterEfficiency() <= 1, statistics.toString());
            assertEquals(0, other.statistics().reads().filterQueries());
        }
    }

    @Test
    void blocksAreCountedByTypeAndByWhereTheyWere() {
        int entries = 2000;
        KeyspaceOptions options = OPTIONS.blockBytes(1024).indexPinned(false).filterPinned(false);
        try (Database db = open()) {
            Keyspace plain = filled(db, "plain", options.compression(Compression.NONE), entries);
            assertEquals(NO_READS, plain.statistics().reads());
            getAll(plain, entries);
            DatabaseStatistics.Reads reads = plain.statistics().reads();
            long blocks = reads.data().loaded();
            assertTrue(blocks > entries * 104 / 1200 && blocks < entries * 104 / 1000, reads.toString());
            assertEquals(entries - blocks, reads.data().inPlace(), "a block is verified once");
            assertEquals(0, reads.data().cached());
            long diskBytes = plain.statistics().allLevels().diskBytes();
            assertTrue(entries * 104L < reads.data().loadedBytes() && reads.data().loadedBytes() < diskBytes, reads.toString());
            assertEquals(new DatabaseStatistics.Blocks(entries, 0, 0, 0), reads.index(), "the whole index was verified at opening");
            assertEquals(new DatabaseStatistics.Blocks(entries, 0, 0, 0), reads.filter());
            assertEquals(1 - (double) blocks / entries, reads.data().hitRate(), 1e-9);
            getAll(plain, entries);
            DatabaseStatistics.Reads again = plain.statistics().reads();
            assertEquals(new DatabaseStatistics.Blocks(2L * entries - blocks, 0, blocks, reads.data().loadedBytes()), again.data());

            Keyspace packed = filled(
                    db, "packed", options.compression(Compression.LZ4).indexCompression(Compression.LZ4), entries);
            getAll(packed, entries);
            DatabaseStatistics.Reads unpacked = packed.statistics().reads();
            assertEquals(blocks, unpacked.data().loaded(), "blocks are cut by what they have unpacked");
            assertEquals(entries - blocks, unpacked.data().cached());
            assertEquals(0, unpacked.data().inPlace());
            assertTrue(unpacked.data().loadedBytes() < again.data().loadedBytes() / 2, unpacked.toString());
            assertEquals(1, unpacked.index().loaded());
            assertEquals(entries - 1, unpacked.index().cached());
            assertTrue(unpacked.index().loadedBytes() > 0, unpacked.toString());
            DatabaseStatistics.Cache cache = db.statistics().cache();
            assertEquals(cache.dataHits(), unpacked.data().cached());
            assertEquals(cache.dataMisses(), unpacked.data().loaded());

            int more = 10_000;
            Keyspace parted = filled(
                    db, "parted", options.memtableBytes(8 << 20).indexPartitioned(true).filterPartitioned(true), more);
            getAll(parted, more);
            DatabaseStatistics.Reads parts = parted.statistics().reads();
            assertEquals(more, parts.index().inPlace() + parts.index().loaded());
            assertEquals(more, parts.filter().inPlace() + parts.filter().loaded());
            assertTrue(parts.index().loaded() > 1 && parts.index().loadedBytes() > parts.index().loaded() * 100, parts.toString());
            assertTrue(parts.filter().loaded() > 1 && parts.filter().loaded() < 20, parts.toString());
            assertTrue(parts.filter().loadedBytes() >= more * 10 / 8, "10 bits for each key: " + parts);

            DatabaseStatistics.Reads all = db.statistics().reads();
            assertEquals(again.data().inPlace() + parts.data().inPlace(), all.data().inPlace());
            assertEquals(unpacked.data().cached(), all.data().cached());
            assertEquals(parts.filter().loadedBytes(), all.filter().loadedBytes());
            db.deleteKeyspace(packed);
            assertEquals(all, db.statistics().reads(), "what was read stays read");
        }
    }

    @Test
    void blocksAreCountedWhileACursorWalksOverThem() {
        int entries = 2000;
        try (Database db = open()) {
            Keyspace keyspace = filled(db, "a", OPTIONS.compression(Compression.NONE).blockBytes(1024).indexPinned(false), entries);
            try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
                assertTrue(cursor.first());
                assertEquals(1, keyspace.statistics().reads().data().loaded());
                assertEquals(1, keyspace.statistics().reads().index().inPlace());
                while (cursor.next()) {
                    cursor.valueSize();
                }
                DatabaseStatistics.Reads walked = keyspace.statistics().reads();
                assertTrue(walked.data().loaded() > entries * 104 / 1200, walked.toString());
                assertTrue(cursor.find(MemorySegment.ofArray(key(7))));
                assertEquals(walked.data().inPlace() + 1, keyspace.statistics().reads().data().inPlace());
                assertEquals(walked.filter().inPlace() + 1, keyspace.statistics().reads().filter().inPlace());
                assertEquals(walked.data().loaded(), keyspace.statistics().reads().data().loaded());
            }
            keyspace.majorCompact();
            assertEquals(1, keyspace.statistics().compactions().completed());
            assertEquals(1, keyspace.statistics().reads().data().inPlace(), "compactions are not reads");
        }
    }

    @Test
    void openedTablesAreCounted() {
        KeyspaceOptions options = OPTIONS.compaction(new CompactionStrategy.Leveled(20, 1 << 20, PerLevel.all(10.0)));
        try (Database db = open()) {
            Keyspace keyspace = db.keyspace("a", options);
            for (int run = 1; run <= 3; run++) {
                keyspace.put(key(1), new byte[run]);
                keyspace.rotateMemtableAndWait();
                assertEquals(run, keyspace.statistics().reads().tablesOpened());
            }
            keyspace.majorCompact();
            assertEquals(4, keyspace.statistics().reads().tablesOpened());
            ingest(keyspace, 10);
            assertEquals(5, keyspace.statistics().reads().tablesOpened());
            assertEquals(5, db.statistics().reads().tablesOpened());
        }
        try (Database db = open()) {
            assertEquals(2, db.keyspace("a").statistics().reads().tablesOpened());
            db.deleteKeyspace(db.keyspace("a"));
            assertEquals(2, db.statistics().reads().tablesOpened());
        }
    }

    @Test
    void ingestionsAreCountedForTheirKeyspaceAndForAll() {
        try (Database db = open()) {
            Keyspace keyspace = db.keyspace("a", OPTIONS);
            ingest(keyspace, 1000);
            try (Ingestion given = keyspace.ingest()) {
                given.put(key(1), new byte[1]);
                assertEquals(1, keyspace.statistics().ingestions().running());
            }
            KeyspaceStatistics statistics = keyspace.statistics();
            DatabaseStatistics.Work ingestions = statistics.ingestions();
            assertEquals(0, ingestions.running());
            assertEquals(1, ingestions.completed());
            assertEquals(1, ingestions.cancelled());
            assertEquals(0, ingestions.failed());
            assertEquals(1000 * 104, ingestions.readBytes());
            assertEquals(statistics.allLevels().diskBytes(), ingestions.writtenBytes());
            assertTrue(ingestions.time().compareTo(Duration.ZERO) > 0, ingestions.toString());
            assertEquals(ingestions, db.statistics().ingestions());
            keyspace.put(key(1), new byte[96]);
            DatabaseStatistics database = db.statistics();
            assertEquals(100, database.writes().entryBytes());
            assertEquals((database.writes().journaledBytes() + ingestions.writtenBytes()) / (100 + 1000 * 104.0),
                    database.writeAmplification(), 1e-9);
            disk.faults().fail(Operation.Kind.CREATE, "**/*.table", 1, Cause.EMFILE, Times.FOR_EVER);
            try (Ingestion given = keyspace.ingest()) {
                given.put(key(1), new byte[1]);
                assertThrows(FirnException.class, given::finish);
            } finally {
                disk.faults().heal();
            }
            assertEquals(1, keyspace.statistics().ingestions().failed());
            assertEquals(1, keyspace.statistics().ingestions().cancelled());
            assertEquals(0, db.statistics().ingestions().running());
        }
    }

    private static void ingest(Keyspace keyspace, int entries) {
        try (Ingestion ingestion = keyspace.ingest()) {
            for (int i = 0; i < entries; i++) {
                ingestion.put(key(i), new byte[100]);
            }
            ingestion.finish();
        }
    }

    private static Keyspace filled(Database db, String name, KeyspaceOptions options, int entries) {
        Keyspace keyspace = db.keyspace(name, options);
        for (int i = 0; i < entries; i++) {
            keyspace.put(key(i), new byte[100]);
        }
        keyspace.rotateMemtableAndWait();
        return keyspace;
    }

    private static void getAll(Keyspace keyspace, int entries) {
        for (int i = 0; i < entries; i++) {
            assertEquals(100, keyspace.sizeOf(key(i)));
        }
    }

    @Test
    void falsePositivesAreNoSkips() {
        try (Database db = open()) {
            Keyspace keyspace = db.keyspace("a", OPTIONS.filter(new FilterPolicy.BitsPerKey(1)));
            for (int i = 0; i < 2000; i += 2) {
                keyspace.put(key(i), new byte[10]);
            }
            keyspace.rotateMemtableAndWait();
            for (int i = 1; i < 1999; i += 2) {
                keyspace.get(key(i));
            }
            KeyspaceStatistics statistics = keyspace.statistics();
            assertEquals(999, statistics.reads().filterQueries());
            assertTrue(0.2 < statistics.reads().filterEfficiency() && statistics.reads().filterEfficiency() < 0.8, statistics.toString());
        }
    }

    @Test
    void stallsAreCountedByReason() {
        try (Database db = Database.builder(Path.of("/data/db")).storage(disk).writeBufferBytes(1 << 20)
                .journalCompression(Compression.NONE).open()) {
            Keyspace keyspace = db.keyspace("a");
            assertTrue(db.statistics().stalls().isEmpty());
            byte[] value = new byte[700 << 10];
            for (int i = 0; i < 10 || db.statistics().stalls().isEmpty(); i++) { // or the test times out
                keyspace.put(key(i), value);
            }
            Duration stalled = db.statistics().stalls().get(Reason.MEMORY);
            assertTrue(stalled.compareTo(Duration.ZERO) > 0, stalled.toString());
            assertNull(db.statistics().stalls().get(Reason.JOURNAL_BYTES));
        }
    }

    @Test
    void whatReadersHoldIsCounted() throws Exception {
        try (Database db = open()) {
            Keyspace keyspace = db.keyspace("a", OPTIONS);
            keyspace.put(key(1), new byte[1]);
            Snapshot one = db.snapshot();
            try (Snapshot two = db.snapshot(); Cursor cursor = keyspace.cursor(KeyRange.all())) {
                assertEquals(2, db.statistics().openSnapshots());
                cursor.first();
                keyspace.rotateMemtableAndWait();
                assertTrue(db.statistics().retainedSuperVersions() >= 1);
                assertEquals(one.seqno(), two.seqno());
            }
            one.close();
            assertEquals(0, db.statistics().openSnapshots());
            while (db.statistics().retainedSuperVersions() > 0) {
                Thread.sleep(1); // or the test times out
            }
        }
    }

    @Test
    void statisticsThatRaceCloseAnswerOrSayThatItIsClosed() throws Exception {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        AtomicLong answers = new AtomicLong();
        for (int round = 0; round < 10; round++) {
            Database db = open();
            Keyspace keyspace = db.keyspace("a", OPTIONS);
            for (int i = 0; i < 500; i++) {
                keyspace.put(key(i), new byte[100]);
            }
            keyspace.rotateMemtable();
            List<Thread> readers = new ArrayList<>();
            for (int thread = 0; thread < 3; thread++) {
                readers.add(Thread.ofPlatform().start(() -> {
                    try {
                        while (true) {
                            answers.addAndGet(db.statistics().keyspaces() + db.memory().totalBytes());
                            answers.addAndGet(keyspace.statistics().levels().size() + keyspace.approximateCount());
                        }
                    } catch (ClosedException e) {
                        return;
                    } catch (Throwable t) {
                        failure.compareAndSet(null, t);
                    }
                }));
            }
            Thread.sleep(5);
            db.close();
            for (Thread reader : readers) {
                reader.join();
            }
            assertThrows(ClosedException.class, db::statistics);
            assertThrows(ClosedException.class, keyspace::statistics);
            assertThrows(ClosedException.class, keyspace::approximateCount);
        }
        assertNull(failure.get());
        assertTrue(answers.get() > 0);
    }

    private Database open() {
        return Database.builder(Path.of("/data/db")).storage(disk).workers(2).open();
    }

    private static byte[] key(int number) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
    }
}
