package io.firn.config;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** Which keys a range holds. */
class KeyRangeTest {
    @Test
    void allHoldsEveryKey() {
        assertTrue(KeyRange.all().contains(bytes("00")));
        assertTrue(KeyRange.all().contains(bytes("ffffff")));
        assertFalse(KeyRange.all().isEmpty());
        assertNull(KeyRange.all().upper());
        assertEquals(0, KeyRange.all().lower().length);
    }

    @Test
    void boundsAreInclusiveOrExclusiveByTheirName() {
        byte[] key = bytes("50");
        byte[] behind = bytes("5000");
        byte[] before = bytes("4fff");
        assertTrue(KeyRange.all().from(key).contains(key));
        assertFalse(KeyRange.all().from(key).contains(before));
        assertFalse(KeyRange.all().after(key).contains(key));
        assertTrue(KeyRange.all().after(key).contains(behind));
        assertTrue(KeyRange.all().to(key).contains(key));
        assertFalse(KeyRange.all().to(key).contains(behind));
        assertFalse(KeyRange.all().until(key).contains(key));
        assertTrue(KeyRange.all().until(key).contains(before));
    }

    @Test
    void eachBoundNarrowsWhateverTheOrder() {
        KeyRange range = KeyRange.all().from(bytes("20")).from(bytes("10")).until(bytes("50")).to(bytes("60"));
        assertEquals(KeyRange.all().until(bytes("50")).from(bytes("20")), range);
        assertEquals(range, range.to(bytes("50")));
        assertEquals(KeyRange.all().from(bytes("2000")), KeyRange.all().from(bytes("20")).after(bytes("20")));
    }

    @Test
    void boundsThatCrossLeaveNothing() {
        KeyRange empty = KeyRange.all().from(bytes("50")).until(bytes("40"));
        assertTrue(empty.isEmpty());
        assertFalse(empty.contains(bytes("45")));
        assertFalse(empty.contains(bytes("50")));
        assertTrue(KeyRange.all().after(bytes("50")).to(bytes("50")).isEmpty());
        assertTrue(KeyRange.all().from(bytes("50")).until(bytes("50")).isEmpty());
        assertFalse(KeyRange.all().from(bytes("50")).to(bytes("50")).isEmpty());
        assertEquals(empty, KeyRange.all().until(new byte[0]), "nothing is before the empty key, and nothing equals nothing");
        assertEquals(empty, empty.from(bytes("00")).to(bytes("ff")), "what is empty stays empty");
        assertFalse(empty.equals(KeyRange.all()));
    }

    @Test
    void aPrefixHoldsWhatBeginsWithIt() {
        assertPrefix("10ff", "10ff", "10ff00", "10ffff", "10ffffffff");
        assertFalse(KeyRange.prefix(bytes("10ff")).contains(bytes("11")));
        assertFalse(KeyRange.prefix(bytes("10ff")).contains(bytes("10fe")));
        assertArrayEquals(bytes("11"), KeyRange.prefix(bytes("10ff")).upper());
        assertPrefix("ff", "ff", "ff00", "ffff");
        assertFalse(KeyRange.prefix(bytes("ff")).contains(bytes("feff")));
        assertNull(KeyRange.prefix(bytes("ffff")).upper());
        assertFalse(KeyRange.prefix(bytes("ffff")).contains(bytes("fffe")));
        assertEquals(KeyRange.all(), KeyRange.prefix(new byte[0]));
        assertEquals(KeyRange.all().from(bytes("1020")).until(bytes("1021")), KeyRange.prefix(bytes("1020")));
        assertTrue(KeyRange.prefix(bytes("10")).until(bytes("10")).isEmpty());
    }

    @Test
    void copiesWhatComesInAndWhatGoesOut() {
        byte[] key = bytes("50");
        KeyRange from = KeyRange.all().from(key);
        KeyRange until = KeyRange.all().until(key);
        KeyRange prefix = KeyRange.prefix(key);
        key[0] = 0;
        from.lower()[0] = 0;
        until.upper()[0] = 0;
        assertArrayEquals(bytes("50"), from.lower());
        assertArrayEquals(bytes("50"), until.upper());
        assertArrayEquals(bytes("50"), prefix.lower());
    }

    @Test
    void isEqualByContent() {
        KeyRange one = KeyRange.all().from(bytes("20")).to(bytes("30"));
        KeyRange same = KeyRange.all().to(bytes("30")).from(bytes("20"));
        assertEquals(one, same);
        assertEquals(one.hashCode(), same.hashCode());
        assertNotEquals(one, KeyRange.all().from(bytes("20")).until(bytes("30")));
        assertEquals("[20, 3000)", one.toString());
        assertEquals("[, end)", KeyRange.all().toString());
    }

    @Test
    void holdsWhatEveryBoundHolds() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 20_000; round++) {
            KeyRange range = KeyRange.all();
            Predicate<byte[]> model = key -> true;
            for (int bounds = random.nextInt(5); bounds > 0; bounds--) {
                byte[] bound = key(random);
                switch (random.nextInt(4)) {
                    case 0 -> {
                        range = range.from(bound);
                        model = model.and(key -> Arrays.compareUnsigned(key, bound) >= 0);
                    }
                    case 1 -> {
                        range = range.after(bound);
                        model = model.and(key -> Arrays.compareUnsigned(key, bound) > 0);
                    }
                    case 2 -> {
                        range = range.to(bound);
                        model = model.and(key -> Arrays.compareUnsigned(key, bound) <= 0);
                    }
                    default -> {
                        range = range.until(bound);
                        model = model.and(key -> Arrays.compareUnsigned(key, bound) < 0);
                    }
                }
            }
            for (int i = 0; i < 5; i++) {
                byte[] key = key(random);
                assertEquals(model.test(key), range.contains(key), range + " " + HexFormat.of().formatHex(key));
                assertFalse(range.isEmpty() && range.contains(key));
            }
        }
    }

    private static void assertPrefix(String prefix, String... keys) {
        for (String key : keys) {
            assertTrue(KeyRange.prefix(bytes(prefix)).contains(bytes(key)), prefix + " " + key);
        }
    }

    private static byte[] key(Random random) {
        byte[] key = new byte[1 + random.nextInt(3)];
        for (int i = 0; i < key.length; i++) {
            key[i] = (byte) (random.nextInt(3) - 1);
        }
        return key;
    }

    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex);
    }
}
