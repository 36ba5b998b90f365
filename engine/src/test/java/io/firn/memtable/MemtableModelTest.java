package io.firn.memtable;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentSkipListMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The memtable against a classic skip list and a ConcurrentSkipListMap: equal answers to equal questions. */
class MemtableModelTest {
    private static final int ENTRIES = 4_000;
    private static final long LIMIT_BYTES = 512L << 20;

    /** How keys look and in which order they come. */
    enum Keys {
        RANDOM {
            @Override
            byte[] key(Random random, int index) {
                return MemtableFixture.randomBytes(random, 1 + random.nextInt(24));
            }
        },
        ASCENDING {
            @Override
            byte[] key(Random random, int index) {
                return ByteBuffer.allocate(8).putLong(index).array();
            }
        },
        DESCENDING {
            @Override
            byte[] key(Random random, int index) {
                return ByteBuffer.allocate(8).putLong(Long.MAX_VALUE - index).array();
            }
        },
        ASCENDING_RUNS {
            @Override
            byte[] key(Random random, int index) {
                return ByteBuffer.allocate(8).putInt(index / 300 * 7919 % 101).putInt(index).array();
            }
        },
        DESCENDING_RUNS {
            @Override
            byte[] key(Random random, int index) {
                return ByteBuffer.allocate(8).putInt(index / 300 * 7919 % 101).putInt(-index).array();
            }
        },
        SHORT_RUNS {
            @Override
            byte[] key(Random random, int index) {
                return ByteBuffer.allocate(8).putInt((index / 20 * 31 + index % 2) % 17).putInt(index).array();
            }
        },
        /** The first 64 keys teach a prefix that the others do not have. */
        CHANGING_PREFIX {
            @Override
            byte[] key(Random random, int index) {
                String prefix = index < 100 ? "the-first-keys/share/this/" : index % 3 == 0 ? "a/" : "the-others/have/";
                return (prefix + random.nextInt(5000)).getBytes(StandardCharsets.US_ASCII);
            }
        },
        CLUSTERED {
            @Override
            byte[] key(Random random, int index) {
                String prefix = "a/long/prefix/that/many/keys/share/".repeat(1 + random.nextInt(3));
                return (prefix + random.nextInt(3000)).getBytes(StandardCharsets.US_ASCII);
            }
        },
        ZEROS_AND_ONES {
            @Override
            byte[] key(Random random, int index) {
                byte[] key = new byte[1 + random.nextInt(14)];
                for (int at = 0; at < key.length; at++) {
                    key[at] = (byte) (random.nextBoolean() ? 0 : 0xFF);
                }
                return key;
            }
        },
        ZEROS {
            @Override
            byte[] key(Random random, int index) {
                return new byte[1 + random.nextInt(200)];
            }
        },
        ONES {
            @Override
            byte[] key(Random random, int index) {
                byte[] key = new byte[1 + random.nextInt(200)];
                Arrays.fill(key, (byte) 0xFF);
                return key;
            }
        },
        ONE_BYTE {
            @Override
            byte[] key(Random random, int index) {
                return new byte[] {(byte) random.nextInt(256)};
            }
        },
        ONE_KEY {
            @Override
            byte[] key(Random random, int index) {
                return new byte[] {'k', 'e', 'y'};
            }
        },
        LAST_BIT {
            @Override
            byte[] key(Random random, int index) {
                return ByteBuffer.allocate(8).putLong(random.nextInt(4000) | 0xABCDL << 48).array();
            }
        },
        LONGEST {
            @Override
            byte[] key(Random random, int index) {
                byte[] key = new byte[random.nextInt(50) == 0 ? 65_535 : 1 + random.nextInt(300)];
                Arrays.fill(key, (byte) 'x');
                key[random.nextInt(key.length)] = (byte) random.nextInt(256);
                return key;
            }
        };

        abstract byte[] key(Random random, int index);
    }

    @ParameterizedTest
    @EnumSource(Keys.class)
    void answersAsItsModelsDo(Keys keys) {
        Random random = new Random(MemtableFixture.seed("answersAsItsModelsDo " + keys));
        for (int round = 0; round < 2; round++) {
            Prefix guess = round == 0 ? Prefix.NONE : guessFrom(keys, new Random(random.nextLong()));
            try (MemtableFixture fixture = new MemtableFixture(LIMIT_BYTES, guess)) {
                compare(keys, new Random(random.nextLong()), fixture);
            }
        }
    }

    private static Prefix guessFrom(Keys keys, Random random) {
        try (MemtableFixture fixture = new MemtableFixture(LIMIT_BYTES)) {
            for (int index = 0; index < 500; index++) {
                assertTrue(fixture.put(keys.key(random, index), index, new byte[0]));
            }
            return fixture.memtable.nextPrefix();
        }
    }

    private static void compare(Keys keys, Random random, MemtableFixture fixture) {
        ClassicSkipList model = new ClassicSkipList();
        ConcurrentSkipListMap<byte[], byte[]> newest = new ConcurrentSkipListMap<>(Arrays::compareUnsigned);
        EntryCursor expected = model.cursor();
        EntryCursor actual = fixture.memtable.cursor();
        Probe probe = new Probe(fixture.budget);
        long seqno = 1;
        byte[] lastKey = {0};
        for (int index = 0; index < ENTRIES; index++) {
            // Now and then the same key, or the same key at the same seqno, again.
            byte[] key = random.nextInt(8) == 0 ? lastKey : keys.key(random, index);
            seqno += random.nextInt(4) == 0 ? 0 : 1;
            int type = random.nextInt(5) == 0 ? 1 + random.nextInt(2) : Trailer.VALUE;
            byte[] value = MemtableFixture.randomBytes(random, random.nextInt(4) == 0 ? 0 : random.nextInt(60));
            assertTrue(fixture.put(key, seqno, type, value));
            model.insert(key, Trailer.of(seqno, type), value);
            newest.put(key, value);
            lastKey = key;
            byte[] asked = random.nextInt(3) == 0 ? keys.key(random, random.nextInt(index + 1)) : key;
            compareGet(model, fixture, probe, asked, random.nextBoolean() ? seqno : random.nextLong(seqno + 1));
            if (random.nextInt(16) == 0) {
                step(random, fixture, keys, index, seqno, expected, actual);
            }
        }
        assertEquals(model.count(), fixture.memtable.count());
        assertEquals(seqno, fixture.memtable.seqnoMax());
        for (Map.Entry<byte[], byte[]> entry : newest.entrySet()) {
            assertArrayEquals(entry.getValue(), fixture.get(entry.getKey(), seqno));
        }
        compareWhole(model, fixture);
        EntryCursor stillExpected = model.cursor();
        EntryCursor stillActual = fixture.memtable.cursor();
        for (int steps = 0; steps < 1_000; steps++) {
            step(random, fixture, keys, ENTRIES, seqno, stillExpected, stillActual);
        }
        probe.close();
    }

    private static void compareGet(
            ClassicSkipList model, MemtableFixture fixture, Probe probe, byte[] key, long seqno) {
        probe.ask(key, seqno);
        boolean isExpected = model.get(probe);
        byte[] value = isExpected ? MemtableFixture.value(probe) : new byte[0];
        long trailer = probe.trailer();
        assertEquals(isExpected, fixture.memtable.get(probe));
        if (isExpected) {
            assertArrayEquals(value, MemtableFixture.value(probe));
            assertEquals(trailer, probe.trailer());
        }
    }

    /**
     * A random walk of both cursors. What was inserted since the memtable's cursor came to its leaf it may skip, so
     * every walk starts with a move that looks anew.
     */
    private static void step(
            Random random, MemtableFixture fixture, Keys keys, int index, long seqno, EntryCursor expected,
            EntryCursor actual) {
        boolean isFound;
        boolean isExpected;
        byte[] key = keys.key(random, random.nextInt(index + 1));
        int type = random.nextBoolean() ? Trailer.ANY_TYPE : random.nextInt(3);
        long trailer = Trailer.of(random.nextInt(3) == 0 ? 0 : random.nextLong(seqno + 2), type);
        switch (random.nextInt(4)) {
            case 0 -> {
                isExpected = expected.first();
                isFound = actual.first();
            }
            case 1 -> {
                isExpected = expected.last();
                isFound = actual.last();
            }
            case 2 -> {
                isExpected = fixture.seek(expected, key, trailer);
                isFound = fixture.seek(actual, key, trailer);
            }
            default -> {
                isExpected = fixture.seekForPrevious(expected, key, trailer);
                isFound = fixture.seekForPrevious(actual, key, trailer);
            }
        }
        check(isExpected, isFound, expected, actual);
        boolean isForward = random.nextBoolean();
        for (int steps = random.nextInt(200); steps > 0; steps--) {
            if (random.nextInt(30) == 0) {
                isForward = !isForward;
            }
            isExpected = isForward ? expected.next() : expected.previous();
            isFound = isForward ? actual.next() : actual.previous();
            check(isExpected, isFound, expected, actual);
        }
    }

    private static void check(boolean isExpected, boolean isFound, EntryCursor expected, EntryCursor actual) {
        assertEquals(isExpected, isFound);
        assertEquals(expected.isPositioned(), actual.isPositioned());
        if (isExpected) {
            MemtableFixture.assertSameEntry(expected, actual);
        }
    }

    private static void compareWhole(ClassicSkipList model, MemtableFixture fixture) {
        EntryCursor expected = model.cursor();
        EntryCursor actual = fixture.memtable.cursor();
        while (expected.next()) {
            assertTrue(actual.next());
            MemtableFixture.assertSameEntry(expected, actual);
        }
        assertFalse(actual.next());
        assertFalse(actual.next());
        while (expected.previous()) {
            assertTrue(actual.previous());
            MemtableFixture.assertSameEntry(expected, actual);
        }
        assertFalse(actual.previous());
        assertFalse(actual.previous());
        assertTrue(actual.next());
        assertNotNull(actual.keySegment());
    }

    @Test
    void keepsThousandsOfWritesOfOneKeyAtOneSeqnoInTheOrderOfTheirInsertsBackwards() {
        try (MemtableFixture fixture = new MemtableFixture(LIMIT_BYTES)) {
            byte[] key = {1, 2, 3};
            for (int index = 0; index < 3_000; index++) {
                assertTrue(fixture.put(key, 5, ByteBuffer.allocate(4).putInt(index).array()));
            }
            assertArrayEquals(ByteBuffer.allocate(4).putInt(2_999).array(), fixture.get(key, 5));
            EntryCursor cursor = fixture.memtable.cursor();
            for (int index = 2_999; index >= 0; index--) {
                assertTrue(cursor.next());
                assertArrayEquals(ByteBuffer.allocate(4).putInt(index).array(), MemtableFixture.value(cursor));
            }
            assertFalse(cursor.next());
            for (int index = 0; index < 3_000; index++) {
                assertTrue(cursor.previous());
                assertArrayEquals(ByteBuffer.allocate(4).putInt(index).array(), MemtableFixture.value(cursor));
            }
            assertFalse(cursor.previous());
        }
    }

    @Test
    void anEmptyOneHasNoEntries() {
        try (MemtableFixture fixture = new MemtableFixture(4096)) {
            EntryCursor cursor = fixture.memtable.cursor();
            assertFalse(cursor.first());
            assertFalse(cursor.last());
            assertFalse(cursor.next());
            assertFalse(cursor.previous());
            assertFalse(fixture.seek(cursor, new byte[] {1}, 0));
            assertFalse(fixture.seekForPrevious(cursor, new byte[] {1}, 0));
            assertFalse(cursor.isPositioned());
            assertEquals(null, fixture.get(new byte[] {1}, 1));
            assertTrue(fixture.memtable.isEmpty());
            assertEquals(0, fixture.memtable.seqnoMax());
            assertEquals(0, fixture.memtable.slabBytes());
        }
    }
}
