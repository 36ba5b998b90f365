package io.firn.table;

import static io.firn.table.TableFixture.ID;
import static io.firn.table.TableFixture.PATH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.block.EntryModel;
import io.firn.block.EntryModel.Keys;
import io.firn.config.FilterPolicy;
import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.error.CodecMissingException;
import io.firn.error.CorruptionException;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.memory.Layouts;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Tables that somebody made to do harm: the structure is changed and every checksum made right again, so that parsers
 * see it. Each input is opened, asked, walked and verified; it may answer anything, but it ends, throws nothing but
 * what is told, and takes no more memory than a file of its size can ask for.
 */
@Tag("native")
class HostileTableTest {
    private static final int WALK_STEPS_MAX = 3000;
    private static final long MEMORY_BYTES_MAX = 8 << 20;

    private static final long[] NASTY = {
        0, 1, 2, 3, 7, 8, 12, 15, 16, 17, 20, 24, 63, 64, 65, 72, 127, 128, 254, 255, 256, 1000, 4095, 4096, 32_767,
        32_768, 65_535, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 1 << 30, Integer.MAX_VALUE - 16, Integer.MAX_VALUE,
        1L << 31, 0xFFFF_FFF0L, 0xFFFF_FFFFL, 1L << 32, 1L << 40, 1L << 62, Long.MAX_VALUE - 16, Long.MAX_VALUE,
        Long.MIN_VALUE, -1, -2, -16, -72
    };

    private final MemoryStorage storage = new MemoryStorage();
    private final TableFixture fixture = new TableFixture();
    private final List<Long> frames = new ArrayList<>();

    @AfterEach
    void everythingIsGivenBack() {
        fixture.close();
        assertEquals(0, storage.mapped);
    }

    @Test
    void aFewThousandHostileTablesDoNoHarm() throws IOException {
        run(4000);
    }

    @Test
    @Tag("proof")
    void aHundredThousandHostileTablesDoNoHarm() throws IOException {
        run(110_000);
    }

    /** A block that claims to decompress to more than a block may is refused before memory is taken. */
    @Test
    void aBombIsRefusedBeforeItIsUnpacked() throws IOException {
        EntryModel model = EntryModel.random(new Random(5), 60, Keys.COUNTED, 1, 100);
        for (long claimed : new long[] {(1 << 20) + 1, 1 << 30, Integer.MAX_VALUE, 0xFFFF_FFFFL}) {
            byte[] file = build(new TableSettings(
                    512, 1, 0, Codec.LZ4, Codec.NONE, new FilterPolicy.None(), false, false), model);
            MemorySegment bytes = MemorySegment.ofArray(file);
            bytes.set(Layouts.INT_LE, 8, (int) claimed);
            TableTest.reseal(file, 0);
            long indexAt = indexAt(bytes);
            changeHandleOf(bytes, indexAt, 0, TableFormat.HANDLE_PLAIN_BYTES, (int) claimed);
            TableTest.reseal(file, indexAt);
            storage.files.put(PATH, file);
            RuntimeException e = null;
            try {
                fixture.open(storage, PATH, file.length);
            } catch (RuntimeException refused) {
                e = refused;
            }
            assertTrue(e != null && TableTest.isTold(e), claimed + ": " + e);
        }
    }

    /** Two handles of one ordinal would share a verified bit: the second block would be read in place unchecked. */
    @Test
    void twoHandlesOfOneOrdinalAreRefused() throws IOException {
        EntryModel model = EntryModel.random(new Random(6), 60, Keys.COUNTED, 1, 100);
        byte[] file = build(new TableSettings(
                256, 1, 0, Codec.NONE, Codec.NONE, new FilterPolicy.None(), false, false), model);
        MemorySegment bytes = MemorySegment.ofArray(file);
        long indexAt = indexAt(bytes);
        changeHandleOf(bytes, indexAt, 2, TableFormat.HANDLE_ORDINAL, 1);
        TableTest.reseal(file, indexAt);
        storage.files.put(PATH, file);
        CorruptionException e =
                assertThrows(CorruptionException.class, () -> fixture.open(storage, PATH, file.length));
        assertEquals(indexAt, e.offset());
        assertEquals("ordinal 2", e.expected());
        assertEquals("1", e.found());
    }

    private void run(int inputs) throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        EntryModel model = null;
        byte[] original = null;
        int refusedAtOpen = 0;
        int harmless = 0;
        for (int input = 0; input < inputs; input++) {
            if (input % 1000 == 0) {
                model = EntryModel.random(random, 1 + random.nextInt(120), Keys.values()[random.nextInt(4)],
                        1 + random.nextInt(6), random.nextInt(60));
                original = build(randomSettings(random), model);
                fixture.randomAccess(random);
            }
            byte[] file = original.clone();
            int changes = 1 + random.nextInt(3);
            for (int i = 0; i < changes; i++) {
                change(file, random);
            }
            storage.files.put(PATH, file);
            try {
                if (!isHarmful(file, model, random)) {
                    harmless++;
                } else {
                    refusedAtOpen++;
                }
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ", input " + input, e);
            }
            assertTrue(fixture.budget.usedBytes() < MEMORY_BYTES_MAX, "seed " + seed + ", input " + input + " holds "
                    + fixture.budget.usedBytes() + " bytes");
        }
        System.out.println(
                inputs + " inputs, " + refusedAtOpen + " refused when opened, " + harmless + " later or not at all");
        assertTrue(harmless > inputs / 10 && refusedAtOpen > inputs / 10);
    }

    /** Whether the table was refused when it was opened. */
    private boolean isHarmful(byte[] file, EntryModel model, Random random) throws IOException {
        Table table;
        try {
            table = fixture.open(storage, PATH, file.length);
        } catch (RuntimeException e) {
            assertTold(e);
            return true;
        }
        try {
            for (int i = 0; i < 8; i++) {
                byte[] key = model.keyNear(random);
                fixture.probe.ask(key, model.seqnoNear(random));
                try {
                    if (table.get(fixture.probe)) {
                        long end = fixture.probe.offset() + fixture.probe.length();
                        assertTrue(fixture.probe.offset() >= 0 && fixture.probe.length() >= 0
                                && end <= fixture.probe.segment().byteSize());
                    }
                } catch (RuntimeException e) {
                    assertTold(e);
                }
            }
            if (random.nextInt(4) == 0) {
                walk(table, model, random);
            }
            if (random.nextInt(4) == 0) {
                try {
                    table.verify(fixture.budget);
                } catch (RuntimeException e) {
                    assertTold(e);
                }
            }
        } finally {
            table.close();
        }
        return false;
    }

    private void walk(Table table, EntryModel model, Random random) {
        try (EntryCursor cursor = table.cursor(fixture.budget)) {
            try {
                for (int i = 0; i < WALK_STEPS_MAX && cursor.next(); i++) {
                    touch(cursor);
                }
                for (int i = 0; i < WALK_STEPS_MAX && cursor.previous(); i++) {
                    touch(cursor);
                }
            } catch (RuntimeException e) {
                assertTold(e);
            }
            for (int i = 0; i < 4; i++) {
                byte[] key = model.keyNear(random);
                long trailer = Trailer.of(model.seqnoNear(random), 0);
                try {
                    boolean isThere = random.nextBoolean()
                            ? cursor.seek(fixture.key(key), 0, key.length, trailer) && cursor.previous()
                            : cursor.seekForPrevious(fixture.key(key), 0, key.length, trailer) && cursor.next();
                    if (isThere) {
                        touch(cursor);
                    }
                } catch (RuntimeException e) {
                    assertTold(e);
                }
            }
        }
    }

    private static void touch(EntryCursor cursor) {
        assertTrue(1 <= cursor.keyLength() && cursor.keyLength() <= 65_535, () -> "key of " + cursor.keyLength());
        assertTrue(cursor.keyLength() <= cursor.keySegment().byteSize());
        assertTrue(cursor.valueOffset() + cursor.valueLength() <= cursor.valueSegment().byteSize(),
                () -> cursor.valueLength() + " bytes at " + cursor.valueOffset());
    }

    /** A codec that this VM may not run is told, too: a changed byte may name it. */
    private static void assertTold(RuntimeException e) {
        boolean isCodecMissing = e instanceof CodecMissingException && !Codecs.isAvailable(Codec.ZSTD);
        if (!isCodecMissing && !TableTest.isTold(e)) {
            throw e;
        }
    }

    private void change(byte[] file, Random random) {
        MemorySegment bytes = MemorySegment.ofArray(file);
        int footerAt = file.length - TableFormat.FOOTER_BYTES;
        long nasty = random.nextInt(4) == 0 ? random.nextInt(file.length) : NASTY[random.nextInt(NASTY.length)];
        if (random.nextInt(8) == 0) {
            int field = 4 * random.nextInt(15);
            if (field >= 8 && field < 40 && random.nextBoolean()) {
                bytes.set(Layouts.LONG_LE, footerAt + (field & ~7), nasty);
            } else {
                bytes.set(Layouts.INT_LE, footerAt + field, (int) nasty);
            }
            TableTest.rewriteFooter(file, TableFormat.FOOTER_VERSION, 1, ID);
            return;
        }
        long frameAt = frames.get(random.nextInt(frames.size()));
        int type = file[(int) frameAt];
        long payloadAt = frameAt + 12;
        long stored = Integer.toUnsignedLong(bytes.get(Layouts.INT_LE, frameAt + 4));
        int length = (int) Math.min(file.length - payloadAt - 4, stored);
        if (length < 24) {
            return;
        }
        long tailAt = payloadAt + length - 24;
        switch (random.nextInt(10)) {
            case 0 -> bytes.set(Layouts.INT_LE, frameAt + 4, (int) nasty);
            case 1 -> bytes.set(Layouts.INT_LE, frameAt + 8, (int) nasty);
            case 2 -> file[(int) frameAt + random.nextInt(2)] = (byte) random.nextInt(8);
            case 3 -> bytes.set(Layouts.INT_LE, tailAt + 4 * random.nextInt(6), (int) nasty);
            case 4 -> file[(int) tailAt + random.nextInt(16)] = (byte) nasty;
            case 5, 6 -> {
                if (type == 2 || type == 3 || type == 5) {
                    changeHandle(bytes, frameAt, payloadAt, length, random, nasty);
                } else {
                    file[(int) payloadAt + random.nextInt(length)] = (byte) nasty;
                }
            }
            case 7 -> bytes.set(Layouts.LONG_LE, payloadAt + random.nextInt(length - 8), nasty);
            case 8 -> bytes.set(Layouts.SHORT_LE, payloadAt + random.nextInt(length - 2), (short) nasty);
            default -> file[(int) payloadAt + random.nextInt(length)] ^= (byte) (1 << random.nextInt(8));
        }
        TableTest.reseal(file, frameAt);
    }

    /** Changes a field of a handle, and the same field in the header of what it names, so that the two agree. */
    private void changeHandle(
            MemorySegment bytes, long frameAt, long payloadAt, int length, Random random, long nasty) {
        int entries = bytes.get(Layouts.INT_LE, payloadAt + length - 20);
        if (entries < 1 || entries > 10_000) {
            return;
        }
        int entry = random.nextInt(entries);
        switch (random.nextInt(4)) {
            case 0 -> changeHandleOf(bytes, frameAt, entry, TableFormat.HANDLE_STORED_BYTES, (int) nasty);
            case 1 -> changeHandleOf(bytes, frameAt, entry, TableFormat.HANDLE_PLAIN_BYTES, (int) nasty);
            case 2 -> changeHandleOf(bytes, frameAt, entry, TableFormat.HANDLE_ORDINAL, (int) nasty);
            default -> {
                // Another block, or itself.
                long target = random.nextInt(3) == 0 ? nasty : frames.get(random.nextInt(frames.size()));
                changeHandleOf(bytes, frameAt, entry, TableFormat.HANDLE_OFFSET, (int) target);
                changeHandleOf(bytes, frameAt, entry, TableFormat.HANDLE_OFFSET + 4, (int) (target >>> 32));
                if (0 <= target && target < bytes.byteSize() - 16) {
                    int stored = bytes.get(Layouts.INT_LE, target + 4);
                    int plain = bytes.get(Layouts.INT_LE, target + 8);
                    changeHandleOf(bytes, frameAt, entry, TableFormat.HANDLE_STORED_BYTES, stored);
                    changeHandleOf(bytes, frameAt, entry, TableFormat.HANDLE_PLAIN_BYTES, plain);
                }
            }
        }
    }

    /**
     * Finds the handle of an entry in an unharmed index block by walking it; in a harmed one it may change anything
     * inside the file.
     */
    static void changeHandleOf(MemorySegment bytes, long frameAt, int entry, int field, int value) {
        long payloadAt = frameAt + 12;
        long length = Integer.toUnsignedLong(bytes.get(Layouts.INT_LE, frameAt + 4));
        long tailAt = payloadAt + length - 24;
        if (tailAt < payloadAt || tailAt + 24 > bytes.byteSize()) {
            return;
        }
        int width = bytes.get(Layouts.BYTE, tailAt + 3) & 0x0F;
        long at = payloadAt;
        for (int i = 0; i <= entry && at + 40 < bytes.byteSize(); i++) {
            int keyLength = Byte.toUnsignedInt(bytes.get(Layouts.BYTE, at));
            long valueAt = at + 2 + width + keyLength;
            if (i == entry && valueAt + field + 4 <= bytes.byteSize()) {
                bytes.set(Layouts.INT_LE, valueAt + field, value);
            }
            at = valueAt + TableFormat.HANDLE_BYTES;
        }
    }

    private static long indexAt(MemorySegment file) {
        return file.get(
                Layouts.LONG_LE, file.byteSize() - TableFormat.FOOTER_BYTES + TableFormat.FOOTER_INDEX_OFFSET);
    }

    private byte[] build(TableSettings settings, EntryModel model) throws IOException {
        fixture.build(storage, PATH, settings, model);
        byte[] file = storage.files.get(PATH).clone();
        frames.clear();
        frames.addAll(TableTest.frames(file));
        return file;
    }

    private static TableSettings randomSettings(Random random) {
        TableSettings any = TableFixture.randomSettings(random);
        return new TableSettings(128 << random.nextInt(4), any.restartInterval(), any.hashRatio(),
                any.compression(), any.indexCompression(),
                random.nextInt(3) == 0 ? any.filter() : new FilterPolicy.BitsPerKey(10), any.indexPartitioned(),
                any.filterPartitioned());
    }
}
