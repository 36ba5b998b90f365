package io.firn.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.FilterPolicy;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class FilterTest {
    private static final int KEYS = 200_000;

    @Test
    void letsPassEveryKeyThatItHoldsAndAsManyOthersAsTheorySays() {
        for (double bits : new double[] {2, 4, 6.5, 10, 16, 24}) {
            double rate = measure(bits, Filter.probes(bits));
            double expected = Filter.falsePositiveRate(bits, Filter.probes(bits));
            System.out.printf("%.1f bits a key, %d probes: %.4f %% pass, expected %.4f %%%n",
                    bits, Filter.probes(bits), 100 * rate, 100 * expected);
            double noise = 4 * Math.sqrt(expected / KEYS);
            assertTrue(Math.abs(rate - expected) <= 0.05 * expected + noise, rate + " against " + expected);
        }
    }

    @Test
    void tenBitsAKeyLetPassOneInAHundred() {
        double bits = Filter.bitsPerKey(new FilterPolicy.BitsPerKey(10));
        assertEquals(6, Filter.probes(bits));
        assertTrue(measure(bits, 6) < 0.0105);
    }

    @Test
    void aRateIsKept() {
        for (double wanted : new double[] {0.5, 0.1, 0.01, 0.001, 1e-4}) {
            double bits = Filter.bitsPerKey(new FilterPolicy.FalsePositiveRate(wanted));
            double rate = measure(bits, Filter.probes(bits));
            double noise = 4 * Math.sqrt(wanted / KEYS);
            assertTrue(rate <= 1.05 * wanted + noise, bits + " bits give " + rate + ", not " + wanted);
            double cheaper = Filter.falsePositiveRate(bits / 1.3, Filter.probes(bits / 1.3));
            assertTrue(cheaper > wanted, bits + " bits are too many for " + wanted);
        }
        assertTrue(Filter.bitsPerKey(new FilterPolicy.FalsePositiveRate(1e-7)) <= 64);
        assertEquals(0, Filter.bitsPerKey(new FilterPolicy.None()));
    }

    @Test
    void aFractionOfABitAKeyIsAFilterToo() {
        for (double bits : new double[] {0.01, 0.3, 1}) {
            assertEquals(1, Filter.probes(bits));
            assertTrue(measure(bits, 1) < 1.01);
        }
        assertEquals(1, Filter.lineCount(1, 0.01));
    }

    /** Builds a filter of so many keys; answers the share of other keys that pass. */
    private static double measure(double bits, int probes) {
        try (Arena arena = Arena.ofConfined()) {
            int lineCount = Filter.lineCount(KEYS, bits);
            long length = (long) lineCount * Filter.LINE_BYTES + Filter.TAIL_BYTES;
            MemorySegment filter = arena.allocate(length, 64);
            MemorySegment key = arena.allocate(16);
            for (int i = 0; i < KEYS; i++) {
                Filter.add(filter, 0, lineCount, probes, hash(key, i));
            }
            Filter.putTail(filter, length - Filter.TAIL_BYTES, lineCount, probes);
            for (int i = 0; i < KEYS; i++) {
                assertTrue(Filter.mayContain(filter, 0, (int) length, hash(key, i)));
            }
            int passed = 0;
            for (int i = KEYS; i < 2 * KEYS; i++) {
                passed += Filter.mayContain(filter, 0, (int) length, hash(key, i)) ? 1 : 0;
            }
            assertFalse(passed == 0 && bits < 10);
            return (double) passed / KEYS;
        }
    }

    private static long hash(MemorySegment key, int i) {
        key.set(Layouts.LONG_BE, 0, i);
        key.set(Layouts.LONG_LE, 8, 0x3030303030303030L);
        return Bytes.hash(key, 0, 16);
    }
}
