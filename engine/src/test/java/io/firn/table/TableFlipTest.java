package io.firn.table;

import static io.firn.table.TableFixture.ID;
import static io.firn.table.TableFixture.PATH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.firn.block.EntryModel;
import io.firn.block.EntryModel.Entry;
import io.firn.block.EntryModel.Keys;
import io.firn.config.FilterPolicy;
import io.firn.entry.Trailer;
import io.firn.error.CorruptionException;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.memory.Layouts;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A changed, missing, surplus or misplaced byte is told with file and offset; no answer is wrong, verified or not. */
@Tag("native")
class TableFlipTest {
    private final MemoryStorage storage = new MemoryStorage();
    private final TableFixture fixture = new TableFixture();

    @AfterEach
    void everythingIsGivenBack() {
        fixture.close();
        assertEquals(0, storage.mapped);
    }

    @Test
    @Tag("proof")
    void everyFlippedByteIsTold() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        int flips = 0;
        for (TableSettings settings : kinds()) {
            EntryModel model = EntryModel.random(random, 200, Keys.COUNTED, 3, 16);
            byte[] file = build(settings, model);
            for (int at = 0; at < file.length; at++) {
                file[at] ^= (byte) (1 << random.nextInt(8));
                byte[] flipped = file.clone();
                assertTold(flipped, model, random, "seed " + seed + ", " + settings + ", byte " + at, at);
                file[at] = original[at];
                flips++;
            }
        }
        System.out.println(flips + " flips, all told");
        assertTrue(flips > 10_000);
    }

    @Test
    void everyTruncationIsTold() throws IOException {
        Random random = new Random(2);
        TableSettings settings = kinds().getLast();
        EntryModel model = EntryModel.random(random, 200, Keys.COUNTED, 3, 20);
        byte[] file = build(settings, model);
        for (int length = 0; length < file.length; length++) {
            storage.files.put(PATH, Arrays.copyOf(file, length));
            // Against the manifest's length, and where the manifest would agree.
            assertThrows(CorruptionException.class, () -> fixture.open(storage, PATH, file.length));
            int agreed = length;
            assertThrows(CorruptionException.class, () -> fixture.open(storage, PATH, agreed));
        }
        for (int surplus = 1; surplus < 200; surplus++) {
            byte[] longer = Arrays.copyOf(file, file.length + surplus);
            storage.files.put(PATH, longer);
            assertThrows(CorruptionException.class, () -> fixture.open(storage, PATH, file.length));
            assertThrows(CorruptionException.class, () -> fixture.open(storage, PATH, longer.length));
        }
    }

    @Test
    void everySectorZeroedTrashedOrExchangedIsTold() throws IOException {
        Random random = new Random(3);
        for (TableSettings settings : kinds()) {
            EntryModel model = EntryModel.random(random, 400, Keys.MIXED, 3, 40);
            byte[] file = build(settings, model);
            int sectors = file.length / 512;
            for (int sector = 0; sector < sectors; sector++) {
                byte[] zeroed = file.clone();
                Arrays.fill(zeroed, sector * 512, sector * 512 + 512, (byte) 0);
                assertTold(zeroed, model, random, "zeroed " + sector, -1);
                byte[] trashed = file.clone();
                byte[] trash = new byte[512];
                random.nextBytes(trash);
                System.arraycopy(trash, 0, trashed, sector * 512, 512);
                assertTold(trashed, model, random, "trashed " + sector, -1);
                int other = random.nextInt(sectors);
                int from = other * 512;
                if (!Arrays.equals(file, sector * 512, sector * 512 + 512, file, from, from + 512)) {
                    byte[] exchanged = file.clone();
                    System.arraycopy(file, sector * 512, exchanged, other * 512, 512);
                    System.arraycopy(file, other * 512, exchanged, sector * 512, 512);
                    assertTold(exchanged, model, random, "exchanged " + sector + " and " + other, -1);
                }
            }
        }
    }

    @Test
    void aBlockInAnotherPlaceOrOfAnotherTableIsTold() throws IOException {
        TableSettings settings =
                new TableSettings(256, 1, 0, Codec.NONE, Codec.NONE, new FilterPolicy.None(), false, false);
        // Every block has the same size and nearly the same content.
        List<Entry> entries = new ArrayList<>();
        for (int i = 100; i < 400; i++) {
            entries.add(new Entry(("key" + i).getBytes(), Trailer.of(5, 0), ("value" + i).getBytes()));
        }
        EntryModel model = EntryModel.of(entries);
        byte[] file = build(settings, model);
        int frame = 16 + Math.toIntExact(Integer.toUnsignedLong(
                MemorySegment.ofArray(file).get(Layouts.INT_LE, 4)));
        byte[] exchanged = file.clone();
        System.arraycopy(file, 0, exchanged, frame, frame);
        System.arraycopy(file, frame, exchanged, 0, frame);
        assertTold(exchanged, model, new Random(1), "exchanged blocks", -1);

        try (TableWriter writer = new TableWriter(storage.create(PATH), PATH, ID + 1, settings, fixture.budget)) {
            for (Entry entry : entries) {
                writer.add(fixture.key(entry.key()), 0, 6, entry.trailer(), fixture.key(entry.key()), 0, 6);
            }
            writer.finish();
        }
        byte[] other = storage.files.get(PATH);
        byte[] mixed = file.clone();
        System.arraycopy(other, 0, mixed, 0, frame);
        assertTold(mixed, model, new Random(1), "a block of another table", -1);
    }

    private byte[] original = {};

    private byte[] build(TableSettings settings, EntryModel model) throws IOException {
        fixture.build(storage, PATH, settings, model);
        original = storage.files.get(PATH);
        return original.clone();
    }

    private static List<TableSettings> kinds() {
        FilterPolicy filter = new FilterPolicy.BitsPerKey(10);
        return List.of(
                new TableSettings(512, 1, 0, Codec.NONE, Codec.NONE, filter, false, false),
                new TableSettings(512, 4, 2, Codec.LZ4, Codec.LZ4, filter, false, false),
                new TableSettings(128, 1, 0, Codec.NONE, Codec.NONE, new FilterPolicy.BitsPerKey(64), true, true));
    }

    /**
     * Every get is right or told, and {@code verify} tells; the offset is that of the frame around the byte, or of a
     * part that names it.
     */
    private void assertTold(byte[] file, EntryModel model, Random random, String what, int at) throws IOException {
        storage.files.put(PATH, file);
        if (random.nextInt(16) == 0) {
            fixture.randomAccess(random);
        }
        try {
            Table table;
            try {
                table = fixture.open(storage, PATH, file.length);
            } catch (RuntimeException e) {
                assertTrue(TableTest.isTold(e), what + ": " + e);
                return;
            }
            try {
                answersAreRightOrTold(table, model, random, what);
                CorruptionException e =
                        assertThrows(CorruptionException.class, () -> table.verify(fixture.budget), what);
                assertEquals(PATH, e.file());
                assertTrue(at < 0 || e.offset() <= at, what + ": " + e);
            } finally {
                table.close();
            }
        } catch (AssertionError | RuntimeException e) {
            fail(what, e);
        }
    }

    private void answersAreRightOrTold(Table table, EntryModel model, Random random, String what) {
        for (int i = 0; i < 4; i++) {
            try {
                fixture.assertAnswers(table, model, random, 1);
            } catch (CorruptionException e) {
                assertEquals(PATH, e.file(), what);
            }
        }
        try {
            fixture.assertScans(table, model);
        } catch (CorruptionException e) {
            assertEquals(PATH, e.file(), what);
        }
    }
}
