package io.firn.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.budget.MemoryBudget;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Random operations against what must hold: a block that is found has its bytes, one that is pinned stays findable and
 * keeps its bytes and its place, one of a purged file or one that was never inserted is not found, and the account is
 * right.
 */
class CacheModelTest {
    private static final int OPERATIONS = 400_000;
    private static final int[] LENGTHS = {1, 7, 8, 100, 1000, 4096, 4200, 15_000, 60_000};

    private record Key(long fileId, long offset) {}

    private record Held(Key key, long pin, long place) {}

    @Test
    void aFoundBlockIsRightAndAPinnedOneStays() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 8; round++) {
            try {
                round(random);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round, e);
            }
        }
    }

    private final Map<Key, Integer> inserted = new HashMap<>();
    private final Set<Long> purged = new HashSet<>();
    private final List<Held> held = new ArrayList<>();
    private long hits;
    private long misses;

    private void round(Random random) {
        inserted.clear();
        purged.clear();
        hits = 0;
        misses = 0;
        long capacity = random.nextInt(4) == 0 ? random.nextInt(60_000) : random.nextInt(6 << 20);
        MemoryBudget budget = MemoryBudget.ofBytes(random.nextInt(3) == 0 ? 1 << 20 : 64 << 20);
        long capacityMax = capacity;
        int pinsMax = random.nextInt(3) == 0 ? 400 : 10;
        try (CacheFixture fixture = new CacheFixture(capacity, budget)) {
            for (int i = 0; i < OPERATIONS / 8; i++) {
                Key key = new Key(1 + random.nextInt(8) + i / 10_000 * 4L, random.nextInt(random.nextInt(400) + 1));
                switch (random.nextInt(2000)) {
                    case 0 -> {
                        long resized = random.nextInt(4) == 0 ? 0 : random.nextInt(6 << 20);
                        capacityMax = Math.max(capacityMax, resized);
                        fixture.cache.resize(resized);
                        if (held.isEmpty()) {
                            assertTrue(fixture.cache.statistics().blockBytes() <= resized);
                        }
                    }
                    case 1 -> {
                        long before = budget.usedBytes();
                        long given = fixture.cache.giveBack(random.nextInt(1 << 20));
                        assertEquals(before - given, budget.usedBytes());
                    }
                    case 2, 3 -> {
                        purged.add(key.fileId);
                        fixture.cache.purge(key.fileId);
                    }
                    default -> lookUp(fixture, key, random, pinsMax);
                }
                assertTrue(fixture.cache.usedBytes() <= Math.max(capacityMax, 0), "more than the capacity ever was");
                if (i % 4096 == 0) {
                    check(fixture);
                }
            }
            check(fixture);
            CacheStatistics figures = fixture.cache.statistics();
            assertEquals(hits, figures.dataHits());
            assertEquals(misses, figures.dataMisses());
            held.forEach(each -> fixture.cache.unpin(each.pin));
            held.clear();
            inserted.keySet().forEach(key -> fixture.cache.purge(key.fileId));
            assertEquals(0, fixture.cache.statistics().blocks(), "blocks of no file, or with pins that nobody has");
        }
    }

    /** As a reader does: find it, or insert it; keep the pin for a while or not. */
    private void lookUp(CacheFixture fixture, Key key, Random random, int pinsMax) {
        long pin = fixture.pin(key.fileId, key.offset);
        boolean isHeld = held.stream().anyMatch(each -> each.key.equals(key));
        if (pin == BlockCache.NONE) {
            misses++;
            assertTrue(!isHeld || purged.contains(key.fileId), "a pinned block is not found");
            if (purged.contains(key.fileId) || random.nextInt(4) == 0) {
                return;
            }
            int length = LENGTHS[random.nextInt(LENGTHS.length)];
            pin = fixture.insert(key.fileId, key.offset, length);
            if (pin == BlockCache.NONE) {
                return;
            }
            inserted.put(key, length);
        } else {
            hits++;
            assertTrue(!purged.contains(key.fileId), "a block of a purged file is found");
        }
        assertEquals(inserted.get(key), fixture.cache.length(pin));
        if (held.size() < pinsMax && random.nextInt(3) == 0) {
            held.add(new Held(key, pin, fixture.cache.offset(pin)));
        } else {
            if (random.nextInt(16) == 0) {
                fixture.assertRight(pin, key.fileId, key.offset);
            }
            fixture.cache.unpin(pin);
        }
        if (!held.isEmpty() && random.nextInt(3) == 0) {
            Held gone = held.remove(random.nextInt(held.size()));
            fixture.assertRight(gone.pin, gone.key.fileId, gone.key.offset);
            fixture.cache.unpin(gone.pin);
        }
    }

    private void check(CacheFixture fixture) {
        assertEquals(fixture.budget.usedBytes(), fixture.cache.usedBytes());
        for (Held each : held) {
            fixture.assertRight(each.pin, each.key.fileId, each.key.offset);
            assertEquals(each.place, fixture.cache.offset(each.pin), "a pinned block was moved");
        }
    }
}
