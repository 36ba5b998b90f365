package io.firn.block;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.block.EntryModel.Entry;
import io.firn.block.EntryModel.Keys;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.error.CorruptionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BlockTest {
    private static final Path NOWHERE = Path.of("000001.table");
    private static final int HEADROOM_BYTES = 12;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(512);
    private final Scratch memory = new Scratch(budget);
    private final Scratch keyMemory = new Scratch(budget);
    private final Scratch valueMemory = new Scratch(budget);
    private final Probe probe = new Probe(budget);
    private final BlockCursor cursor = new BlockCursor(new Scratch(budget));
    private int length;

    @AfterEach
    void everyByteIsGivenBack() {
        memory.close();
        keyMemory.close();
        valueMemory.close();
        probe.close();
        cursor.close();
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void findsWhatTheModelFinds() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            Keys keys = Keys.values()[random.nextInt(Keys.values().length)];
            int count = 1 + random.nextInt(keys == Keys.LONG ? 5 : 200);
            EntryModel model = EntryModel.random(random, count, keys, 1 + random.nextInt(40), random.nextInt(300));
            int interval = random.nextBoolean() ? 1 : 1 + random.nextInt(20);
            double hashRatio = random.nextBoolean() ? 0 : random.nextDouble() * 8;
            try {
                build(model, interval, hashRatio);
                assertGets(model, random);
                assertMoves(model, random);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round + ", " + keys + ", interval " + interval
                        + ", hash ratio " + hashRatio + ", entries " + model.size(), e);
            }
        }
    }

    @Test
    void aBlockOfOneEntryStoresItsKeyOnce() {
        build(EntryModel.of(List.of(new Entry(bytes("key"), Trailer.of(7, 0), bytes("value")))), 1, 0);
        assertEquals(2 + 5 + 3 + 4 + 2 + BlockFormat.TAIL_BYTES, length);
        assertEquals("value", get("key", 7));
        assertEquals("none", get("key", 6));
        assertEquals("none", get("kez", 7));
        assertEquals("none", get("ke", 7));
        assertEquals("none", get("keys", 7));
    }

    @Test
    void equalSeqnosTakeNoBytes() {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            entries.add(new Entry(bytes("k" + i), Trailer.of(0, Trailer.VALUE), bytes("v")));
        }
        build(EntryModel.of(entries), 1, 0);
        assertEquals(10 * (2 + 1 + 1) + 1 + 10 * 6 + BlockFormat.TAIL_BYTES, length);
    }

    @Test
    void aKeyWhoseVersionsSpanRestartPointsIsAConflict() {
        List<Entry> entries = new ArrayList<>();
        for (int i = 9; i >= 0; i--) {
            entries.add(new Entry(bytes("key"), Trailer.of(i, Trailer.VALUE), bytes("v" + i)));
        }
        build(EntryModel.of(entries), 1, 8);
        assertEquals("v3", get("key", 3));
        probe.ask(bytes("key"), 0);
        long bucketsAt = HEADROOM_BYTES + length - BlockFormat.TAIL_BYTES - 80;
        int bucket = BlockFormat.bucketOf(probe.hash(), 80);
        assertEquals(BlockFormat.BUCKET_CONFLICT, memory.bytes().get(Layouts.BYTE, bucketsAt + bucket) & 0xFF);
    }

    @Test
    void aFreeBucketAnswersWithoutAComparison() {
        Entry a = new Entry(bytes("a"), 0, bytes("1"));
        Entry c = new Entry(bytes("c"), 0, bytes("3"));
        build(EntryModel.of(List.of(a, c)), 1, 16);
        probe.ask(bytes("a"), 1);
        int bucket = BlockFormat.bucketOf(probe.hash(), 32);
        memory.bytes().set(Layouts.BYTE, HEADROOM_BYTES + length - BlockFormat.TAIL_BYTES - 32 + bucket, (byte) 254);
        assertEquals("none", get("a", 1));
        assertEquals("3", get("c", 1));
    }

    @Test
    void r24_offsetsHaveTwoBytesUpToTheLastThatFits() {
        for (int surplus = -1; surplus <= 2; surplus++) {
            // The first entry takes 1 + 3 + 2 bytes besides its value (a type differs, so that a trailer takes two).
            int firstValue = 65_535 - 6 + surplus;
            byte[] value = new byte[firstValue];
            Arrays.fill(value, (byte) 5);
            EntryModel model = EntryModel.of(List.of(
                    new Entry(bytes("a"), Trailer.of(1, 0), value),
                    new Entry(bytes("b"), Trailer.of(2, 0), bytes("second"))));
            build(model, 1, 0);
            long shape = memory.bytes().get(Layouts.LONG_LE, HEADROOM_BYTES + length - BlockFormat.TAIL_BYTES);
            int secondAt = firstValue + 1 + 3 + 1 + BlockFormat.trailerWidth(shape);
            assertEquals(secondAt > 65_535 ? 2 : 1, BlockFormat.offsetShift(shape), "second entry at " + secondAt);
            assertEquals("second", get("b", 2));
            assertGets(model, new Random(1));
        }
    }

    @Test
    void r24_aBlockOfAMebibyteHasWideOffsets() {
        Random random = new Random(3);
        EntryModel model = EntryModel.random(random, 3000, Keys.MIXED, 3, 900);
        for (int interval : new int[] {1, 7, 255}) {
            build(model, interval, 0);
            assertTrue(length > 1 << 20);
            assertEquals(2, BlockFormat.offsetShift(
                    memory.bytes().get(Layouts.LONG_LE, HEADROOM_BYTES + length - BlockFormat.TAIL_BYTES)));
            assertGets(model, random);
            assertMoves(model, random);
        }
    }

    @Test
    void aLargeValueIsEncodedAroundAsIfItHadBeenGathered() {
        byte[] value = new byte[100_000];
        new Random(5).nextBytes(value);
        Entry entry = new Entry(bytes("large"), Trailer.of(9, 0), value);
        for (double hashRatio : new double[] {0, 0.1, 3}) {
            build(EntryModel.of(List.of(entry)), 3, hashRatio);
            byte[] gathered = memory.bytes().asSlice(HEADROOM_BYTES, length).toArray(ValueLayout.JAVA_BYTE);
            try (BlockWriter writer = new BlockWriter(3, hashRatio, budget)) {
                MemorySegment key = copy(entry.key(), keyMemory);
                BlockWriter.Surroundings around = writer.encodeAround(
                        key, 0, entry.key().length, entry.trailer(), value.length, memory, HEADROOM_BYTES);
                byte[] pieces = memory.bytes()
                        .asSlice(HEADROOM_BYTES, around.bytesBefore() + around.bytesBehind())
                        .toArray(ValueLayout.JAVA_BYTE);
                assertEquals(gathered.length, pieces.length + value.length);
                assertArrayEquals(
                        Arrays.copyOf(gathered, around.bytesBefore()), Arrays.copyOf(pieces, around.bytesBefore()));
                assertArrayEquals(
                        Arrays.copyOfRange(gathered, around.bytesBefore() + value.length, gathered.length),
                        Arrays.copyOfRange(pieces, around.bytesBefore(), pieces.length));
            }
        }
    }

    /**
     * Whatever the check accepts can be searched and walked; whatever it refuses, it refuses with a
     * CorruptionException.
     */
    @Test
    void whatTheCheckAcceptsDoesNoHarm() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        int accepted = 0;
        int inputs = 60_000;
        EntryModel model = null;
        byte[] original = null;
        for (int input = 0; input < inputs; input++) {
            if (input % 500 == 0) {
                model = EntryModel.random(random, 1 + random.nextInt(40), Keys.values()[random.nextInt(4)],
                        1 + random.nextInt(8), random.nextInt(100));
                build(model, random.nextBoolean() ? 1 : 1 + random.nextInt(8), random.nextBoolean() ? 0 : 2);
                original = memory.bytes().asSlice(HEADROOM_BYTES, length).toArray(ValueLayout.JAVA_BYTE);
            }
            byte[] changed = change(original, random);
            // The block ends where its memory ends, so that a look behind it throws.
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment block = arena.allocate(changed.length);
                MemorySegment.copy(changed, 0, block, ValueLayout.JAVA_BYTE, 0, changed.length);
                try {
                    BlockCheck.check(NOWHERE, 0, block, 0, changed.length);
                } catch (CorruptionException e) {
                    continue;
                }
                accepted++;
                try {
                    walk(block, changed.length, model, random);
                } catch (RuntimeException e) {
                    throw new AssertionError("seed " + seed + ", input " + input, e);
                }
            }
        }
        assertTrue(accepted > inputs / 100, accepted + " accepted");
        assertTrue(accepted < inputs, "all accepted");
    }

    @Test
    void aBlockTooShortForATailIsRefused() {
        MemorySegment block = memory.atLeast(64);
        for (int size = 0; size < BlockFormat.TAIL_BYTES + 2; size++) {
            int bytes = size;
            assertThrows(CorruptionException.class, () -> BlockCheck.check(NOWHERE, 0, block, 0, bytes));
        }
    }

    private void walk(MemorySegment block, int blockLength, EntryModel model, Random random) {
        int count = Block.entryCount(block, 0, blockLength);
        cursor.reset(block, 0, blockLength);
        int seen = 0;
        for (boolean is = cursor.first(); is; is = cursor.next()) {
            seen++;
            touch(block);
        }
        assertEquals(count, seen);
        for (boolean is = cursor.last(); is; is = cursor.previous()) {
            seen--;
            touch(block);
        }
        assertEquals(0, seen);
        for (int i = 0; i < 3; i++) {
            byte[] key = model.keyNear(random);
            long seqno = model.seqnoNear(random);
            probe.ask(key, seqno);
            if (Block.get(block, 0, blockLength, probe)) {
                assertTrue(0 <= probe.offset() && probe.offset() + probe.length() <= blockLength);
            }
            MemorySegment target = copy(key, keyMemory);
            cursor.seek(target, 0, key.length, Trailer.of(seqno, 0));
            cursor.seekForPrevious(target, 0, key.length, Trailer.of(seqno, 0));
        }
    }

    private void touch(MemorySegment block) {
        assertTrue(cursor.keyLength() <= cursor.key().byteSize());
        assertTrue(0 <= cursor.valueLength() && cursor.valueAt() + cursor.valueLength() <= block.byteSize());
    }

    private static byte[] change(byte[] original, Random random) {
        byte[] changed = original.clone();
        MemorySegment bytes = MemorySegment.ofArray(changed);
        int tailAt = changed.length - BlockFormat.TAIL_BYTES;
        int changes = 1 + random.nextInt(2);
        for (int i = 0; i < changes; i++) {
            switch (random.nextInt(6)) {
                case 0 -> changed[random.nextInt(changed.length)] ^= (byte) (1 << random.nextInt(8));
                case 1 -> changed[random.nextInt(changed.length)] = (byte) NASTY[random.nextInt(NASTY.length)];
                case 2 -> changed[tailAt + random.nextInt(16)] = (byte) NASTY[random.nextInt(NASTY.length)];
                case 3 -> bytes.set(
                        Layouts.INT_LE, tailAt + 4L * random.nextInt(6), NASTY[random.nextInt(NASTY.length)]);
                case 4 -> bytes.set(Layouts.SHORT_LE, random.nextInt(changed.length - 1),
                        (short) NASTY[random.nextInt(NASTY.length)]);
                default -> {
                    int cut = random.nextInt(changed.length);
                    byte[] shorter = new byte[changed.length - Math.min(cut, 1 + random.nextInt(8))];
                    System.arraycopy(changed, changed.length - shorter.length, shorter, 0, shorter.length);
                    return shorter;
                }
            }
        }
        return changed;
    }

    private static final int[] NASTY = {
        0, 1, 2, 3, 7, 8, 9, 16, 23, 24, 25, 127, 128, 254, 255, 256, 32_767, 65_535, 65_536, 1 << 30,
        Integer.MAX_VALUE, Integer.MIN_VALUE, -1, -2, -128
    };

    private void assertGets(EntryModel model, Random random) {
        for (int i = 0; i < model.size(); i++) {
            Entry entry = model.at(i);
            assertAnswer(model, entry.key(), entry.seqno());
            assertAnswer(model, entry.key(), Math.max(0, entry.seqno() - 1));
            assertAnswer(model, model.keyNear(random), model.seqnoNear(random));
        }
    }

    private void assertAnswer(EntryModel model, byte[] key, long seqno) {
        Entry expected = model.get(key, seqno);
        probe.ask(key, seqno);
        boolean isFound = Block.get(memory.bytes(), HEADROOM_BYTES, length, probe);
        assertEquals(expected != null, isFound, () -> "key " + new Entry(key, Trailer.of(seqno, 0), key));
        if (isFound) {
            assertEquals(expected.trailer(), probe.trailer());
            assertArrayEquals(expected.value(), probe.segment().asSlice(probe.offset(), probe.length())
                    .toArray(ValueLayout.JAVA_BYTE));
        }
    }

    private void assertMoves(EntryModel model, Random random) {
        cursor.reset(memory.bytes(), HEADROOM_BYTES, length);
        int index = 0;
        for (boolean is = cursor.first(); is; is = cursor.next()) {
            assertAt(model, index++);
        }
        assertEquals(model.size(), index);
        for (boolean is = cursor.last(); is; is = cursor.previous()) {
            assertAt(model, --index);
        }
        assertEquals(0, index);
        int at = -1;
        for (int i = 0; i < 100; i++) {
            byte[] key = model.keyNear(random);
            long trailer = Trailer.of(model.seqnoNear(random), random.nextInt(3));
            boolean isThere;
            switch (at < 0 ? random.nextInt(2) : random.nextInt(6)) {
                case 0 -> {
                    at = model.lower(key, trailer);
                    isThere = cursor.seek(copy(key, keyMemory), 0, key.length, trailer);
                }
                case 1 -> {
                    at = model.floor(key, trailer);
                    isThere = cursor.seekForPrevious(copy(key, keyMemory), 0, key.length, trailer);
                }
                case 2, 3 -> {
                    at++;
                    isThere = cursor.next();
                }
                default -> {
                    at--;
                    isThere = cursor.previous();
                }
            }
            assertEquals(0 <= at && at < model.size(), isThere);
            if (isThere) {
                assertAt(model, at);
            } else {
                at = -1;
            }
        }
    }

    private void assertAt(EntryModel model, int index) {
        Entry entry = model.at(index);
        assertArrayEquals(entry.key(), cursor.key().asSlice(0, cursor.keyLength()).toArray(ValueLayout.JAVA_BYTE));
        assertEquals(entry.trailer(), cursor.trailer());
        assertArrayEquals(entry.value(), memory.bytes().asSlice(cursor.valueAt(), cursor.valueLength())
                .toArray(ValueLayout.JAVA_BYTE));
    }

    private void build(EntryModel model, int interval, double hashRatio) {
        try (BlockWriter writer = new BlockWriter(interval, hashRatio, budget)) {
            for (Entry entry : model.entries) {
                writer.add(copy(entry.key(), keyMemory), 0, entry.key().length, entry.trailer(),
                        copy(entry.value(), valueMemory), 0, entry.value().length);
            }
            length = writer.encode(memory, HEADROOM_BYTES);
            assertEquals(0, writer.entryCount());
        }
        BlockCheck.check(NOWHERE, 0, memory.bytes(), HEADROOM_BYTES, length);
        assertEquals(model.size(), Block.entryCount(memory.bytes(), HEADROOM_BYTES, length));
    }

    private String get(String key, long seqno) {
        probe.ask(bytes(key), seqno);
        return Block.get(memory.bytes(), HEADROOM_BYTES, length, probe)
                ? new String(probe.segment().asSlice(probe.offset(), probe.length()).toArray(ValueLayout.JAVA_BYTE))
                : "none";
    }

    private static byte[] bytes(String text) {
        return text.getBytes();
    }

    private static MemorySegment copy(byte[] bytes, Scratch target) {
        MemorySegment segment = target.atLeast(Math.max(1, bytes.length));
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }
}
