package io.firn.table;

import static io.firn.table.TableFixture.ID;
import static io.firn.table.TableFixture.PATH;
import static io.firn.table.TableFixture.PLAIN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.firn.block.EntryModel;
import io.firn.block.EntryModel.Entry;
import io.firn.block.EntryModel.Keys;
import io.firn.config.FilterPolicy;
import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.error.CodecMissingException;
import io.firn.error.CorruptionException;
import io.firn.error.FormatVersionException;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.SystemStorage;
import io.firn.ffm.memory.Layouts;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("native")
class TableTest {
    private final MemoryStorage storage = new MemoryStorage();
    private final TableFixture fixture = new TableFixture();

    @AfterEach
    void everythingIsGivenBack() {
        fixture.close();
        assertEquals(0, storage.mapped);
    }

    @Test
    void answersLikeTheModelWhateverTheSettings() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 80; round++) {
            Keys keys = Keys.values()[random.nextInt(Keys.values().length)];
            int count = 1 + random.nextInt(keys == Keys.LONG ? 8 : random.nextInt(8) == 0 ? 8000 : 800);
            TableSettings settings = TableFixture.randomSettings(random);
            int versionsMax = random.nextInt(4) == 0 ? 400 : 4;
            EntryModel model = EntryModel.random(random, count, keys, versionsMax, random.nextInt(500));
            try {
                assertLikeTheModel(settings, model, random);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round + ", " + keys + ", " + model.size()
                        + " entries, " + settings + ", " + fixture.access, e);
            }
        }
    }

    @Test
    void largeValuesAreWrittenStraightThrough() throws IOException {
        Random random = new Random(11);
        for (Codec codec : new Codec[] {Codec.NONE, Codec.LZ4}) {
            for (int interval : new int[] {1, 16}) {
                EntryModel small = EntryModel.random(random, 40, Keys.MIXED, 4, 300);
                List<Entry> entries = new ArrayList<>();
                for (Entry entry : small.entries) {
                    boolean isLarge = random.nextInt(4) == 0 && entry.value().length > 0;
                    byte[] value = isLarge ? new byte[(1 << 20) - 200 + random.nextInt(400_000)] : entry.value();
                    if (isLarge && random.nextBoolean()) {
                        random.nextBytes(value);
                    }
                    entries.add(new Entry(entry.key(), entry.trailer(), value));
                }
                TableSettings settings = new TableSettings(
                        4096, interval, 4, codec, codec, new FilterPolicy.BitsPerKey(10), true, true);
                assertLikeTheModel(settings, EntryModel.of(entries), random);
            }
        }
    }

    @Test
    void oneKeyWhoseVersionsFillManyBlocksIsFoundAtEverySeqno() throws IOException {
        List<Entry> entries = new ArrayList<>();
        entries.add(new Entry(bytes("a"), Trailer.of(5000, 0), bytes("before")));
        for (int seqno = 4000; seqno > 0; seqno -= 2) {
            entries.add(new Entry(bytes("key"), Trailer.of(seqno, 0), bytes("version " + seqno)));
        }
        entries.add(new Entry(bytes("kez"), Trailer.of(5000, 0), bytes("after")));
        EntryModel model = EntryModel.of(entries);
        for (boolean isPartitioned : new boolean[] {false, true}) {
            TableSettings settings = new TableSettings(
                    128, 1, 2, Codec.NONE, Codec.NONE, new FilterPolicy.BitsPerKey(10), isPartitioned, isPartitioned);
            Table table = build(settings, model);
            for (int seqno = 0; seqno <= 4001; seqno++) {
                fixture.assertAnswer(table, model, bytes("key"), seqno);
            }
            fixture.assertScans(table, model);
            table.verify(fixture.budget);
            table.close();
        }
    }

    @Test
    void anIndexAndAFilterHaveATopLevelWhereTheyAreCut() throws IOException {
        EntryModel model = EntryModel.random(new Random(1), 8000, Keys.COUNTED, 1, 40);
        for (boolean isPartitioned : new boolean[] {false, true}) {
            TableSettings settings = new TableSettings(
                    256, 1, 0, Codec.NONE, Codec.NONE, new FilterPolicy.BitsPerKey(10), isPartitioned, isPartitioned);
            Table table = build(settings, model);
            assertEquals(isPartitioned, table.properties().indexPartitionCount() > 5);
            assertEquals(isPartitioned, table.properties().filterPartitionCount() > 1);
            assertEquals(isPartitioned, table.index().isPartitioned());
            fixture.assertAnswers(table, model, new Random(2), 2000);
            assertEquals(settings, table.properties().settings());
            table.close();
        }
    }

    @Test
    void theSummaryCountsWhatWasWritten() throws IOException {
        EntryModel model = EntryModel.of(List.of(
                new Entry(bytes("a"), Trailer.of(9, Trailer.VALUE), bytes("v")),
                new Entry(bytes("a"), Trailer.of(3, Trailer.TOMBSTONE), bytes("")),
                new Entry(bytes("b"), Trailer.of(7, Trailer.WEAK_TOMBSTONE), bytes(""))));
        TableSummary written = fixture.build(storage, PATH, PLAIN, model);
        assertEquals(new TableSummary(ID, storage.files.get(PATH).length, 3, 2, 3, 9), written);
        Table table = fixture.open(storage, PATH, written.fileBytes());
        assertEquals(written, table.summary());
        assertEquals(2, table.properties().keyCount());
        assertEquals(1, table.properties().weakTombstoneCount());
        assertTrue(table.compareToFirstKey(fixture.key(bytes("a")), 0, 1) == 0);
        assertTrue(table.compareToFirstKey(fixture.key(bytes("Z")), 0, 1) < 0);
        assertTrue(table.compareToLastKey(fixture.key(bytes("b")), 0, 1) == 0);
        assertTrue(table.compareToLastKey(fixture.key(bytes("ba")), 0, 2) > 0);
        table.close();
    }

    @Test
    void aBlockIsCompressedOnlyIfThatMakesItSmaller() throws IOException {
        Random random = new Random(4);
        byte[] noise = new byte[3000];
        random.nextBytes(noise);
        EntryModel model = EntryModel.of(List.of(
                new Entry(bytes("noise"), Trailer.of(1, 0), noise),
                new Entry(bytes("zeros"), Trailer.of(2, 0), new byte[3000])));
        TableSettings settings =
                new TableSettings(2000, 1, 0, Codec.LZ4, Codec.NONE, new FilterPolicy.None(), false, false);
        Table table = build(settings, model);
        fixture.probe.ask(bytes("noise"), 9);
        assertTrue(table.get(fixture.probe));
        assertSame(table.file(), fixture.probe.segment());
        fixture.probe.ask(bytes("zeros"), 9);
        assertTrue(table.get(fixture.probe));
        assertSame(fixture.probe.block().segment(), fixture.probe.segment());
        assertEquals(0, fixture.probe.block().at(), "private memory");
        table.close();
        assertTrue(storage.files.get(PATH).length < 4000);
    }

    @Test
    void theLastReleaseIsTold() throws IOException {
        Table table = build(PLAIN, EntryModel.of(List.of(new Entry(bytes("a"), Trailer.of(9, 0), bytes("v")))));
        table.retain();
        table.retain();
        assertFalse(table.release());
        assertTrue(table.release());
        table.close();
        fixture.probe.ask(bytes("a"), 9);
        assertThrows(IllegalStateException.class, () -> table.get(fixture.probe));
    }

    @Test
    void anotherFormatVersionIsTold() throws IOException {
        byte[] file = file(PLAIN);
        rewriteFooter(file, TableFormat.FOOTER_VERSION, 2, ID);
        storage.files.put(PATH, file);
        FormatVersionException e =
                assertThrows(FormatVersionException.class, () -> fixture.open(storage, PATH, file.length));
        assertTrue(e.getMessage().contains(PATH + ": table format 2"), e.getMessage());
    }

    @Test
    void aTableOfAnotherIdIsCorrupt() throws IOException {
        byte[] file = file(PLAIN);
        storage.files.put(PATH, file);
        CorruptionException e = assertThrows(CorruptionException.class,
                () -> Table.open(storage, PATH, ID + 1, file.length, fixture.budget));
        assertEquals(PATH, e.file());
        assertEquals(file.length - TableFormat.FOOTER_BYTES, e.offset());
    }

    @Test
    void aFileOfAnotherLengthThanTheManifestSaysIsCorrupt() throws IOException {
        byte[] file = file(PLAIN);
        storage.files.put(PATH, file);
        for (long fileBytes : new long[] {0, 75, file.length - 1, file.length + 1}) {
            assertThrows(CorruptionException.class, () -> fixture.open(storage, PATH, fileBytes));
        }
    }

    @Test
    void zstdWithoutNativeAccessIsTyped() throws IOException {
        assumeFalse(Codecs.isAvailable(Codec.ZSTD));
        TableSettings zstd =
                new TableSettings(4096, 1, 0, Codec.ZSTD, Codec.NONE, new FilterPolicy.None(), false, false);
        assertThrows(CodecMissingException.class,
                () -> new TableWriter(storage.create(PATH), PATH, ID, zstd, fixture.budget));
        // A table that was written where there was access: its properties say zstd.
        byte[] file = file(PLAIN);
        int footerAt = file.length - TableFormat.FOOTER_BYTES;
        MemorySegment bytes = MemorySegment.ofArray(file);
        long propertiesAt = bytes.get(Layouts.LONG_LE, footerAt + TableFormat.FOOTER_PROPERTIES_OFFSET);
        file[(int) propertiesAt + 12 + 97] = (byte) Codec.ZSTD.id();
        reseal(file, propertiesAt);
        storage.files.put(PATH, file);
        assertThrows(CodecMissingException.class, () -> fixture.open(storage, PATH, file.length));
    }

    @Test
    void zstdWithNativeAccessIsRead() throws IOException {
        assumeTrue(Codecs.isAvailable(Codec.ZSTD));
        TableSettings zstd =
                new TableSettings(4096, 1, 0, Codec.ZSTD, Codec.NONE, new FilterPolicy.None(), false, false);
        EntryModel model = EntryModel.random(new Random(9), 3000, Keys.COUNTED, 2, 60);
        assertLikeTheModel(zstd, model, new Random(9));
        assertTrue(storage.files.get(PATH).length < 60 * 3000);
    }

    @Test
    void readsARealFileByItsMapping(@TempDir Path directory) throws IOException {
        SystemStorage disk = new SystemStorage();
        Path path = directory.resolve("000007.table");
        Random random = new Random(6);
        EntryModel model = EntryModel.random(random, 20_000, Keys.COUNTED, 3, 200);
        TableSettings settings =
                new TableSettings(4096, 1, 0, Codec.LZ4, Codec.NONE, new FilterPolicy.BitsPerKey(10), true, true);
        TableSummary summary = fixture.build(disk, path, settings, model);
        assertEquals(Files.size(path), summary.fileBytes());
        Table table = fixture.open(disk, path, summary.fileBytes());
        fixture.assertAnswers(table, model, random, 5000);
        fixture.assertScans(table, model);
        table.verify(fixture.budget);
        table.close();
    }

    private void assertLikeTheModel(TableSettings settings, EntryModel model, Random random) throws IOException {
        fixture.randomAccess(random);
        Table table = build(settings, model);
        assertEquals(model.size(), table.summary().entryCount());
        fixture.assertAnswers(table, model, random, Math.min(300, 2 * model.size()));
        fixture.assertScans(table, model);
        for (int i = 0; i < 3; i++) {
            fixture.assertWalks(table, model, random, 60);
        }
        table.verify(fixture.budget);
        table.close();
    }

    private Table build(TableSettings settings, EntryModel model) throws IOException {
        TableSummary summary = fixture.build(storage, PATH, settings, model);
        return fixture.open(storage, PATH, summary.fileBytes());
    }

    private byte[] file(TableSettings settings) throws IOException {
        fixture.build(storage, PATH, settings, EntryModel.random(new Random(8), 100, Keys.COUNTED, 2, 40));
        return storage.files.remove(PATH);
    }

    static void rewriteFooter(byte[] file, int field, int value, long tableId) {
        try (Arena arena = Arena.ofConfined()) {
            int footerAt = file.length - TableFormat.FOOTER_BYTES;
            MemorySegment footer = arena.allocate(TableFormat.FOOTER_BYTES);
            MemorySegment.copy(file, footerAt, footer, ValueLayout.JAVA_BYTE, 0, TableFormat.FOOTER_BYTES);
            footer.set(Layouts.INT_LE, field, value);
            footer.set(Layouts.INT_LE, TableFormat.FOOTER_CHECKSUM,
                    TableFormat.footerChecksum(footer, 0, tableId, footerAt, new Crc32c()));
            MemorySegment.copy(footer, ValueLayout.JAVA_BYTE, 0, file, footerAt, TableFormat.FOOTER_BYTES);
        }
    }

    /** Where the frames of an unharmed file begin. */
    static List<Long> frames(byte[] file) {
        List<Long> frames = new ArrayList<>();
        MemorySegment bytes = MemorySegment.ofArray(file);
        for (long at = 0; at < file.length - TableFormat.FOOTER_BYTES; at += 16 + bytes.get(Layouts.INT_LE, at + 4)) {
            frames.add(at);
        }
        return frames;
    }

    /** Makes the checksum of the frame at that offset right again, if the frame lies in the file. */
    static void reseal(byte[] file, long frameAt) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(file.length);
            MemorySegment.copy(file, 0, bytes, ValueLayout.JAVA_BYTE, 0, file.length);
            long covered = 12 + Integer.toUnsignedLong(bytes.get(Layouts.INT_LE, frameAt + 4));
            if (frameAt + covered + 4 <= file.length) {
                int checksum = new Crc32c().of(ID, frameAt, bytes, frameAt, covered);
                MemorySegment.ofArray(file).set(Layouts.INT_LE, frameAt + covered, checksum);
            }
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes();
    }

    static boolean isTold(Throwable e) {
        return e instanceof CorruptionException || e instanceof FormatVersionException;
    }

    static void scan(Table table, TableFixture fixture) {
        try (EntryCursor cursor = table.cursor(fixture.budget)) {
            while (cursor.next()) {
                assertTrue(cursor.keyLength() > 0);
            }
        }
    }
}
