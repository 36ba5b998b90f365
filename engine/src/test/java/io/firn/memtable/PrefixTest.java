package io.firn.memtable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What is guessed about the keys that are to come. */
class PrefixTest {
    @Test
    void isWhatTheKeysOfTheLastMemtableShare() {
        try (MemtableFixture fixture = new MemtableFixture(1 << 22)) {
            for (int index = 0; index < 5_000; index++) {
                put(fixture, "customers/" + (index * 7919L % 5_000 + 10_000) + "/and/something/behind", index);
            }
            assertEquals("customers/1".length(), fixture.memtable.nextPrefix().length());
        }
    }

    @Test
    void leavesRisingKeysRoomForTheirNextCarry() {
        try (MemtableFixture fixture = new MemtableFixture(1 << 22)) {
            for (int index = 0; index < 5_000; index++) {
                put(fixture, "log/%012d/entry".formatted(index + 100_000), index);
            }
            assertEquals("log/00000010".length() - 1, fixture.memtable.nextPrefix().length());
        }
    }

    @Test
    void isNotSpoiledByAFewKeysApartFromAllOthers() {
        try (MemtableFixture fixture = new MemtableFixture(1 << 22)) {
            put(fixture, "\0metadata", 1);
            put(fixture, "\u007fmetadata", 1);
            for (int index = 0; index < 5_000; index++) {
                put(fixture, "customers/" + (index * 7919L % 5_000 + 10_000) + "/and/something/behind", index);
            }
            assertEquals("customers/1".length(), fixture.memtable.nextPrefix().length());
        }
    }

    @Test
    void leavesNumbersOfFixedWidthTheirLastBytes() {
        try (MemtableFixture fixture = new MemtableFixture(1 << 22)) {
            for (int index = 0; index < 200; index++) {
                put(fixture, "%016d".formatted(index), index);
            }
            assertEquals(9, fixture.memtable.nextPrefix().length());
        }
    }

    @Test
    void isPassedOnByAMemtableWithTooFewKeysToTell() {
        Prefix guess = guess("abcdefghijklmnop/%05d");
        assertEquals("abcdefghijklmnop/0".length() - 1, guess.length());
        try (MemtableFixture fixture = new MemtableFixture(1 << 22, guess)) {
            put(fixture, "zzz", 1);
            assertSame(guess, fixture.memtable.nextPrefix());
        }
    }

    private static Prefix guess(String format) {
        try (MemtableFixture fixture = new MemtableFixture(1 << 22)) {
            for (int index = 0; index < 6_000; index++) {
                put(fixture, format.formatted(index) + "/behind", index);
            }
            return fixture.memtable.nextPrefix();
        }
    }

    private static void put(MemtableFixture fixture, String key, long seqno) {
        assertTrue(fixture.put(key.getBytes(StandardCharsets.US_ASCII), seqno, new byte[0]));
    }
}
