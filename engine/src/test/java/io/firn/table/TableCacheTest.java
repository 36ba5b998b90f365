package io.firn.table;

import static io.firn.table.TableFixture.ID;
import static io.firn.table.TableFixture.PATH;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.block.EntryModel;
import io.firn.block.EntryModel.Entry;
import io.firn.block.EntryModel.Keys;
import io.firn.cache.BlockCache;
import io.firn.cache.CacheStatistics;
import io.firn.config.FilterPolicy;
import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.error.CorruptionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.codec.Compressor;
import io.firn.ffm.codec.Decompressor;
import io.firn.ffm.file.SystemStorage;
import io.firn.ffm.memory.Layouts;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What goes through the cache, what is copied to memory, and for how long it is held. */
@Tag("native")
class TableCacheTest {
    private static final FilterPolicy FILTER = new FilterPolicy.BitsPerKey(10);
    private static final TableSettings LZ4 =
            new TableSettings(1024, 1, 0, Codec.LZ4, Codec.NONE, FILTER, false, false);
    private static final TableSettings LZ4_INDEX =
            new TableSettings(1024, 1, 0, Codec.LZ4, Codec.LZ4, FILTER, true, true);

    private final MemoryStorage storage = new MemoryStorage();
    private final TableFixture fixture = new TableFixture();
    private final BlockCache cache = new BlockCache(1 << 20, fixture.budget);
    private final EntryModel model = EntryModel.random(new Random(3), 3000, Keys.COUNTED, 1, 60);

    @AfterEach
    void everythingIsGivenBack() {
        fixture.close();
        assertEquals(0, storage.mapped);
    }

    @Test
    void aGetOfACompressedBlockIsAnsweredFromTheCacheAndPinsItUntilItsRelease() throws IOException {
        Table table = open(LZ4, false, false);
        Entry entry = model.at(1000);
        fixture.assertAnswer(table, model, entry.key(), entry.seqno());
        assertEquals(1, cache.statistics().inserts(), "the block that was read");
        fixture.assertAnswer(table, model, entry.key(), entry.seqno());
        CacheStatistics figures = cache.statistics();
        assertEquals(1, figures.dataHits());
        assertEquals(1, figures.dataMisses());
        assertEquals(0, figures.indexHits() + figures.indexMisses(), "this index is not compressed");
        MemorySegment segment = fixture.probe.segment();
        assertNotSame(table.file(), segment);

        assertEquals(0, cache.giveBack(Long.MAX_VALUE), "its slab is held by the pin");
        assertArrayEquals(
                entry.value(), TableFixture.bytes(segment, fixture.probe.offset(), fixture.probe.length()));
        fixture.probe.release();
        assertTrue(cache.giveBack(Long.MAX_VALUE) > 0);
        assertThrows(IllegalStateException.class, () -> segment.get(Layouts.BYTE, 0));
        table.close();
    }

    /** R21: a cache without room changes no answer. */
    @Test
    void r21_whereTheCacheHasNoRoomTheReaderUnpacksForItself() throws IOException {
        cache.resize(0);
        Table table = open(LZ4_INDEX, false, false);
        fixture.assertAnswers(table, model, new Random(1), 500);
        fixture.assertScans(table, model);
        assertEquals(0, cache.statistics().inserts());
        table.close();
    }

    @Test
    void uncompressedBlocksAreReadInPlace() throws IOException {
        Table table = open(new TableSettings(1024, 1, 0, Codec.NONE, Codec.NONE, FILTER, true, true), false, false);
        fixture.assertAnswers(table, model, new Random(1), 500);
        fixture.assertScans(table, model);
        CacheStatistics figures = cache.statistics();
        assertEquals(0, figures.dataHits() + figures.dataMisses() + figures.indexHits() + figures.indexMisses());
        Entry entry = model.at(5);
        fixture.probe.ask(entry.key(), entry.seqno());
        assertTrue(table.get(fixture.probe));
        assertSame(table.file(), fixture.probe.segment());
        table.close();
    }

    @Test
    void whatASeekComesToIsKeptAndWhatAStepComesToIsNot() throws IOException {
        Table table = open(LZ4, false, false);
        int blocks = table.properties().dataBlockCount();
        assertTrue(blocks > 20);
        try (EntryCursor cursor = table.cursor(fixture.budget, Caching.SEEKS)) {
            walk(cursor);
            assertEquals(0, cache.statistics().inserts());
            assertEquals(blocks, cache.statistics().dataMisses(), "steps look");
            seek(cursor, model.at(500));
            assertEquals(1, cache.statistics().inserts());
            walk(cursor);
            assertEquals(1, cache.statistics().inserts());
            assertEquals(1, cache.statistics().dataHits());
        }
        try (EntryCursor cursor = table.cursor(fixture.budget, Caching.BYPASS)) {
            walk(cursor);
            seek(cursor, model.at(500));
            CacheStatistics figures = cache.statistics();
            assertEquals(1, figures.inserts());
            assertEquals(1, figures.dataHits());
        }
        try (EntryCursor cursor = table.cursor(fixture.budget, Caching.ALL)) {
            walk(cursor);
            assertEquals(blocks, cache.statistics().inserts());
        }
        table.close();
    }

    @Test
    void theBlockBehindASeekIsKeptAndWhatComesThenIsNot() throws IOException {
        for (boolean isForward : new boolean[] {true, false}) {
            Table table = open(LZ4, false, false);
            long before = cache.statistics().inserts();
            try (EntryCursor cursor = table.cursor(fixture.budget, Caching.SEEKS)) {
                seek(cursor, model.at(500));
                assertEquals(before + 1, cache.statistics().inserts());
                int steps = 0;
                while (isForward ? cursor.next() : cursor.previous()) {
                    steps++;
                }
                assertTrue(steps > 200, steps + " steps, over many blocks");
                assertEquals(before + 2, cache.statistics().inserts());
            }
            table.doom();
            table.close();
        }
    }

    @Test
    void aBlockIsPinnedWhileTheCursorStandsOnIt() throws IOException {
        Table table = open(LZ4, false, false);
        try (EntryCursor cursor = table.cursor(fixture.budget, Caching.SEEKS)) {
            seek(cursor, model.at(500));
            // A cache that is given back and filled again and again.
            for (int i = 0; i < 20; i++) {
                cache.giveBack(Long.MAX_VALUE);
                fixture.assertAnswers(table, model, new Random(i), 50);
                fixture.probe.release();
                assertArrayEquals(model.at(500).value(), TableFixture.bytes(
                        cursor.valueSegment(), cursor.valueOffset(), cursor.valueLength()));
            }
            assertTrue(cache.giveBack(Long.MAX_VALUE) < cache.usedBytes() + (1 << 20));
            assertTrue(cache.statistics().blocks() > 0, "the pinned one");
            cursor.last();
            cache.giveBack(Long.MAX_VALUE);
            assertEquals(0, cache.statistics().blocks(), "left, so unpinned");
            seek(cursor, model.at(100));
        }
        cache.giveBack(Long.MAX_VALUE);
        assertEquals(0, cache.statistics().blocks(), "closed, so unpinned");
        table.close();
    }

    @Test
    void aCompressedIndexGoesThroughTheCacheAsWell() throws IOException {
        for (boolean isPartitioned : new boolean[] {false, true}) {
            TableSettings settings = new TableSettings(
                    256, 1, 0, Codec.NONE, Codec.LZ4, FILTER, isPartitioned, isPartitioned);
            Table table = open(settings, false, false);
            CacheStatistics before = cache.statistics();
            fixture.assertAnswers(table, model, new Random(1), 500);
            fixture.assertScans(table, model);
            CacheStatistics after = cache.statistics();
            long missed = after.indexMisses() - before.indexMisses();
            assertTrue(missed > 0 && after.indexHits() - before.indexHits() > 500, after::toString);
            assertEquals(0, after.dataHits() + after.dataMisses());
            table.close();
        }
    }

    /** Whoever misses it in the cache unpacks a whole block of the index: so it is cut where it is large. */
    @Test
    void aFullIndexThatIsCompressedIsCut() throws IOException {
        EntryModel large = EntryModel.random(new Random(4), 40_000, Keys.COUNTED, 1, 0);
        TableSettings settings = new TableSettings(128, 1, 0, Codec.NONE, Codec.LZ4, FILTER, false, false);
        fixture.access(access(false, false));
        Table table = fixture.open(storage, PATH, fixture.build(storage, PATH, settings, large).fileBytes());
        assertTrue(table.index().isPartitioned() && table.index().partitionCount() < 20);
        fixture.assertAnswers(table, large, new Random(4), 2000);
        table.verify(fixture.budget);
        table.close();
    }

    @Test
    void indexAndFilterAreCopiedToBudgetedMemoryAndAskNoCache() throws IOException {
        for (boolean isPartitioned : new boolean[] {false, true}) {
            TableSettings settings = new TableSettings(
                    256, 1, 0, Codec.NONE, Codec.LZ4, FILTER, isPartitioned, isPartitioned);
            MemoryBudget pinned = MemoryBudget.ofMebibytes(1);
            fixture.access(new TableAccess(cache, pinned, fixture.budget, true, true));
            Table table = fixture.open(storage, PATH, fixture.build(storage, PATH, settings, model).fileBytes());
            assertTrue(table.index().isPinned() && table.filter().isPinned());
            assertTrue(pinned.usedBytes() > 4000, pinned::toString);
            // The file's own index and filter are of no account any more.
            fixture.assertAnswers(table, model, new Random(1), 1000);
            fixture.assertScans(table, model);
            fixture.assertWalks(table, model, new Random(1), 500);
            CacheStatistics figures = cache.statistics();
            assertEquals(0, figures.indexHits() + figures.indexMisses());
            table.verify(fixture.budget);
            table.close();
            assertEquals(0, pinned.usedBytes());
        }
    }

    @Test
    void aBudgetThatRefusesIsNoReasonNotToOpen() throws IOException {
        for (TableSettings settings : List.of(LZ4, LZ4_INDEX)) {
            MemoryBudget pinned = MemoryBudget.ofBytes(100);
            fixture.access(new TableAccess(null, pinned, fixture.budget, true, true));
            Table table = fixture.open(storage, PATH, fixture.build(storage, PATH, settings, model).fileBytes());
            assertFalse(table.index().isPinned() || table.filter().isPinned());
            assertEquals(0, pinned.usedBytes());
            fixture.assertAnswers(table, model, new Random(1), 500);
            table.close();
        }
    }

    /**
     * A copy is as good as its source: what is damaged in the file is told when it is copied, and nothing stays
     * charged.
     */
    @Test
    void aDamagedPartitionIsToldWhenItIsCopied() throws IOException {
        TableSettings settings = new TableSettings(128, 1, 0, Codec.NONE, Codec.NONE, FILTER, true, true);
        fixture.build(storage, PATH, settings, model);
        byte[] file = storage.files.get(PATH);
        List<Long> frames = TableTest.frames(file);
        int told = 0;
        for (long frame : frames) {
            int type = file[(int) frame];
            if (type == 2 || type == 4) {
                byte[] damaged = file.clone();
                damaged[(int) frame + 20] ^= 1;
                storage.files.put(PATH, damaged);
                fixture.access(new TableAccess(null, fixture.budget, fixture.budget, true, true));
                CorruptionException e =
                        assertThrows(CorruptionException.class, () -> fixture.open(storage, PATH, file.length));
                assertEquals(frame, e.offset());
                told++;
            }
        }
        assertTrue(told > 5, told + " partitions");
    }

    @Test
    void theBlocksOfADoomedTableLeaveTheCache() throws IOException {
        Table kept = open(LZ4, false, false);
        Table doomed = open(LZ4, false, false);
        fixture.assertAnswers(doomed, model, new Random(1), 100);
        fixture.probe.release();
        assertTrue(cache.statistics().blocks() > 10);
        kept.close();
        assertTrue(cache.statistics().blocks() > 10, "closed only");
        doomed.doom();
        doomed.close();
        assertEquals(0, cache.statistics().blocks());
    }

    /**
     * Two handles that name one block, of which one lies about its size: the liar is told even if the block is cached.
     */
    @Test
    void aHandleThatLiesAboutACachedBlockIsTold() throws IOException {
        fixture.build(storage, PATH, LZ4, model);
        byte[] file = storage.files.get(PATH).clone();
        MemorySegment bytes = MemorySegment.ofArray(file);
        long indexAt = bytes.get(
                Layouts.LONG_LE, file.length - TableFormat.FOOTER_BYTES + TableFormat.FOOTER_INDEX_OFFSET);
        HostileTableTest.changeHandleOf(bytes, indexAt, 1, TableFormat.HANDLE_OFFSET, 0);
        HostileTableTest.changeHandleOf(
                bytes, indexAt, 1, TableFormat.HANDLE_STORED_BYTES, bytes.get(Layouts.INT_LE, 4));
        HostileTableTest.changeHandleOf(
                bytes, indexAt, 1, TableFormat.HANDLE_PLAIN_BYTES, bytes.get(Layouts.INT_LE, 8) + 100);
        TableTest.reseal(file, indexAt);
        storage.files.put(PATH, file);
        fixture.access(access(false, false));
        Table table = fixture.open(storage, PATH, file.length);
        try (EntryCursor cursor = table.cursor(fixture.budget, Caching.ALL)) {
            cursor.first();
            assertEquals(1, cache.statistics().inserts());
            CorruptionException e = assertThrows(CorruptionException.class, () -> walk(cursor));
            assertEquals(0, e.offset());
        }
        table.close();
    }

    /** A data block that a handle of the index passes off as a partition is told, cached or not. */
    @Test
    void aDataBlockIsNoPartitionOfTheIndex() throws IOException {
        TableSettings settings = new TableSettings(128, 1, 0, Codec.LZ4, Codec.LZ4, FILTER, true, false);
        EntryModel zeros = zeros(2000);
        fixture.build(storage, PATH, settings, zeros);
        byte[] file = storage.files.get(PATH).clone();
        MemorySegment bytes = MemorySegment.ofArray(file);
        long topAt = bytes.get(
                Layouts.LONG_LE, file.length - TableFormat.FOOTER_BYTES + TableFormat.FOOTER_INDEX_OFFSET);
        HostileTableTest.changeHandleOf(bytes, topAt, 1, TableFormat.HANDLE_OFFSET, 0);
        HostileTableTest.changeHandleOf(
                bytes, topAt, 1, TableFormat.HANDLE_STORED_BYTES, bytes.get(Layouts.INT_LE, 4));
        HostileTableTest.changeHandleOf(
                bytes, topAt, 1, TableFormat.HANDLE_PLAIN_BYTES, bytes.get(Layouts.INT_LE, 8));
        TableTest.reseal(file, topAt);
        storage.files.put(PATH, file);
        fixture.access(access(false, false));
        Table table = fixture.open(storage, PATH, file.length);
        try (EntryCursor cursor = table.cursor(fixture.budget, Caching.ALL)) {
            cursor.first();
            assertEquals(1, cache.statistics().dataMisses());
            CorruptionException e = assertThrows(CorruptionException.class, () -> walk(cursor));
            assertEquals(0, e.offset());
            assertTrue(e.expected().contains("type 2"), e.expected());
        }
        table.close();
    }

    /** Somebody who compresses an index that names one block twice: it is told when it is unpacked. */
    @Test
    void aHostileIndexThatIsCompressedIsToldToo() throws IOException {
        TableSettings settings =
                new TableSettings(128, 1, 0, Codec.NONE, Codec.LZ4, new FilterPolicy.None(), false, false);
        EntryModel zeros = zeros(300);
        fixture.build(storage, PATH, settings, zeros);
        byte[] file = storage.files.get(PATH).clone();
        MemorySegment bytes = MemorySegment.ofArray(file);
        int footerAt = file.length - TableFormat.FOOTER_BYTES;
        long indexAt = bytes.get(Layouts.LONG_LE, footerAt + TableFormat.FOOTER_INDEX_OFFSET);
        int stored = bytes.get(Layouts.INT_LE, footerAt + TableFormat.FOOTER_INDEX_BYTES);
        int plain = bytes.get(Layouts.INT_LE, footerAt + TableFormat.FOOTER_INDEX_PLAIN_BYTES);
        assertTrue(stored < plain);
        try (Arena arena = Arena.ofConfined();
                Decompressor decompressor = Codecs.decompressor(Codec.LZ4, fixture.budget);
                Compressor compressor = Codecs.compressor(Codec.LZ4, fixture.budget)) {
            MemorySegment packed = arena.allocate(compressor.boundBytes(plain));
            MemorySegment unpacked = arena.allocate(plain + 12L);
            MemorySegment.copy(bytes, indexAt + 12, packed, 0, stored);
            assertTrue(decompressor.decompress(packed, 0, stored, unpacked, 12, plain));
            unpacked.set(Layouts.INT_LE, 4, plain);
            HostileTableTest.changeHandleOf(unpacked, 0, 7, TableFormat.HANDLE_ORDINAL, 6);
            int repacked = compressor.compress(unpacked, 12, plain, packed, 0, stored + 64);
            assertTrue(0 < repacked && repacked <= stored, repacked + " after " + stored);
            MemorySegment.copy(packed, 0, bytes, indexAt + 12, repacked);
            bytes.set(Layouts.INT_LE, indexAt + 4, repacked);
            TableTest.reseal(file, indexAt);
            TableTest.rewriteFooter(file, TableFormat.FOOTER_INDEX_BYTES, repacked, ID);
        }
        storage.files.put(PATH, file);
        for (boolean isPinned : new boolean[] {false, true}) {
            fixture.access(access(isPinned, isPinned));
            CorruptionException e =
                    assertThrows(CorruptionException.class, () -> fixture.open(storage, PATH, file.length));
            assertEquals(indexAt, e.offset());
            assertEquals("ordinal 7", e.expected());
        }
    }

    @Test
    void manyThreadsReadOneTableThroughASmallCache(@TempDir Path directory) throws Exception {
        SystemStorage disk = new SystemStorage();
        Path path = directory.resolve("000007.table");
        cache.resize(100_000);
        fixture.access(access(false, false));
        Table table = fixture.open(disk, path, fixture.build(disk, path, LZ4_INDEX, model).fileBytes());
        List<Future<?>> running = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int i = 0; i < 4; i++) {
                long seed = i;
                running.add(threads.submit(() -> {
                    Random random = new Random(seed);
                    try (TableFixture own = new TableFixture()) {
                        for (int round = 0; round < 5; round++) {
                            own.assertAnswers(table, model, random, 400);
                            own.assertWalks(table, model, random, 200, Caching.values()[random.nextInt(3)]);
                            own.assertScans(table, model);
                        }
                    }
                }));
            }
        }
        for (Future<?> each : running) {
            each.get();
        }
        CacheStatistics figures = cache.statistics();
        assertTrue(figures.evictions() > 100 && figures.dataHits() > 100 && figures.indexHits() > 100, figures::toString);
        table.close();
    }

    private Table open(TableSettings settings, boolean isIndexPinned, boolean isFilterPinned) throws IOException {
        if (fixture.access.cache() == null) {
            fixture.access(access(isIndexPinned, isFilterPinned));
        }
        return fixture.open(storage, PATH, fixture.build(storage, PATH, settings, model).fileBytes());
    }

    private TableAccess access(boolean isIndexPinned, boolean isFilterPinned) {
        return new TableAccess(cache, fixture.budget, fixture.budget, isIndexPinned, isFilterPinned);
    }

    private void seek(EntryCursor cursor, Entry entry) {
        assertTrue(cursor.seek(fixture.key(entry.key()), 0, entry.key().length, entry.trailer()));
    }

    private static void walk(EntryCursor cursor) {
        boolean isThere = cursor.first();
        while (isThere) {
            isThere = cursor.next();
        }
    }

    private static EntryModel zeros(int count) {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            entries.add(new Entry(String.format("%08d", i).getBytes(), Trailer.of(9, 0), new byte[60]));
        }
        return EntryModel.of(entries);
    }
}
