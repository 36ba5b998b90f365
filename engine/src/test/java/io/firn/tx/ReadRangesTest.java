package io.firn.tx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The ranges of several keyspaces against sets of the keys that are within. */
class ReadRangesTest {
    private static final int KEYS = 200;
    private static final int KEYSPACES = 3;
    private static final int ROUNDS = 300;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private final MemorySegment keys = Arena.ofAuto().allocate(2);

    @Test
    void holdTheKeysOfTheirSpansAndNoOthers() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        try (ReadRanges ranges = new ReadRanges(budget); Span span = new Span(budget)) {
            for (int round = 0; round < ROUNDS; round++) {
                ranges.clear();
                assertTrue(ranges.isEmpty());
                BitSet[] model = {new BitSet(), new BitSet(), new BitSet()};
                for (int i = random.nextInt(30); i >= 0; i--) {
                    add(ranges, span, random, model);
                    check(ranges, random, model);
                }
            }
        }
        assertEquals(0, budget.usedBytes());
    }

    private void add(ReadRanges ranges, Span span, Random random, BitSet[] model) {
        int keyspace = random.nextInt(KEYSPACES);
        if (random.nextInt(40) == 0) {
            ranges.addWhole(keyspace);
            model[keyspace].set(0, KEYS);
            return;
        }
        int from = random.nextInt(KEYS);
        int to = Math.min(KEYS - 1, from + random.nextInt(12));
        set(0, from);
        span.beginAt(keys, 0, 1);
        set(0, to);
        span.reach(keys, 0, 1);
        ranges.add(keyspace, span);
        model[keyspace].set(from, to + 1);
    }

    private void check(ReadRanges ranges, Random random, BitSet[] model) {
        for (int keyspace = 0; keyspace < KEYSPACES; keyspace++) {
            for (int key = 0; key < KEYS; key++) {
                set(0, key);
                assertEquals(model[keyspace].get(key), ranges.contains(keyspace, keys, 0, 1), keyspace + " " + key);
            }
            int from = random.nextInt(KEYS);
            int until = from + 1 + random.nextInt(KEYS - from);
            set(0, from);
            set(1, until);
            boolean isAny = model[keyspace].nextSetBit(from) >= 0 && model[keyspace].nextSetBit(from) < until;
            // Between a key and the next there are others, which a span that ends with the first has not.
            assertEquals(isAny, ranges.overlaps(keyspace, keys, 0, 1, 1, 1), from + " until " + until);
            assertEquals(model[keyspace].nextSetBit(from) >= 0, ranges.overlaps(keyspace, keys, 0, 1, 0, Span.UNBOUNDED));
        }
    }

    @Test
    void becomeWholeKeyspacesWhenTheyTakeTooMuch() {
        try (ReadRanges ranges = new ReadRanges(budget); Span span = new Span(budget); Arena arena = Arena.ofConfined()) {
            MemorySegment key = arena.allocate(60_000);
            for (int i = 0; i < 200; i++) {
                key.set(ValueLayout.JAVA_BYTE, 0, (byte) i);
                span.beginAt(key, 0, 60_000);
                ranges.add(i % 2, span);
            }
            set(0, 7);
            assertTrue(ranges.contains(0, keys, 0, 1));
            assertTrue(ranges.contains(1, keys, 0, 1));
            assertFalse(ranges.contains(2, keys, 0, 1));
            assertTrue(budget.usedBytes() < 3 * ReadRanges.KEYS_BYTES_MAX);
        }
    }

    private void set(int at, int value) {
        keys.set(ValueLayout.JAVA_BYTE, at, (byte) value);
    }
}
