package io.firn.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Test;

/** Readers on a cache that is much too small for them, while others purge, resize and take memory back. */
class CacheConcurrencyTest {
    private static final int READERS = 4;
    private static final long MILLIS = Long.getLong("hammer.millis", 1500);

    private final LongAdder hits = new LongAdder();
    private final LongAdder refusals = new LongAdder();

    @Test
    void aPinnedBlockHasItsBytesWhateverOthersDo() throws Exception {
        hammer(192 * 1024, MemoryBudget.ofMebibytes(16), 150, 4000, false);
    }

    @Test
    void thatHoldsWithPurgesResizesAndABudgetThatIsShort() throws Exception {
        hammer(512 * 1024, MemoryBudget.ofBytes(400 * 1024), 150, 9000, true);
    }

    @Test
    void thatHoldsWhereSlabsAreMadeInTheBackground() throws Exception {
        hammer(64 << 20, MemoryBudget.ofMebibytes(48), 1000, 60_000, true);
    }

    private void hammer(long capacity, MemoryBudget budget, int blocks, int lengthMax, boolean isDisturbed)
            throws InterruptedException, ExecutionException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        AtomicBoolean isOver = new AtomicBoolean();
        try (ExecutorService background = Executors.newSingleThreadExecutor();
                CacheFixture fixture = new CacheFixture(capacity, budget, task -> isAccepted(background, task));
                ExecutorService threads = Executors.newFixedThreadPool(READERS + 1)) {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < READERS; i++) {
                Random random = new Random(seed + i);
                running.add(threads.submit(() -> read(fixture.cache, random, blocks, lengthMax, isOver)));
            }
            if (isDisturbed) {
                running.add(threads.submit(() -> disturb(fixture.cache, capacity, new Random(seed - 1), isOver)));
            }
            long start = System.nanoTime();
            do {
                Thread.sleep(MILLIS);
            } while (!hasSeenEnough(fixture.cache.statistics()) && running.stream().noneMatch(Future::isDone)
                    && System.nanoTime() - start < TimeUnit.MINUTES.toNanos(5));
            isOver.set(true);
            for (Future<?> each : running) {
                each.get();
            }
            background.shutdown();
            assertTrue(background.awaitTermination(1, TimeUnit.MINUTES));
            CacheStatistics figures = fixture.cache.statistics();
            System.out.println(figures + ", refused " + refusals);
            assertEquals(hits.sum(), figures.dataHits());
            assertTrue(hasSeenEnough(figures), figures::toString);
            for (long file = 1; file <= 4; file++) {
                fixture.cache.purge(file);
            }
            assertEquals(0, fixture.cache.statistics().blocks(), "pins that nobody has");
        }
    }

    private static boolean isAccepted(ExecutorService background, Runnable task) {
        background.execute(task);
        return true;
    }

    private static boolean hasSeenEnough(CacheStatistics figures) {
        return figures.evictions() > 100 && figures.dataHits() > 1000;
    }

    private void read(BlockCache cache, Random random, int blocks, int lengthMax, AtomicBoolean isOver) {
        MemorySegment source = Arena.ofAuto().allocate(lengthMax, 8);
        long[] pins = new long[4];
        long[] keys = new long[4];
        for (int i = 0; !isOver.get(); i++) {
            int slot = i & 3;
            if (pins[slot] != BlockCache.NONE) {
                check(cache, pins[slot], keys[slot], lengthMax);
                cache.unpin(pins[slot]);
            }
            long key = random.nextInt(random.nextInt(blocks) + 1);
            keys[slot] = key;
            pins[slot] = cache.pin(CachedType.DATA, 1 + (key & 3), key);
            if (pins[slot] != BlockCache.NONE) {
                hits.increment();
            } else {
                CacheFixture.fill(source, 1 + (key & 3), key, lengthOf(key, lengthMax));
                pins[slot] = cache.insert(CachedType.DATA, 1 + (key & 3), key, source, 0, lengthOf(key, lengthMax));
                if (pins[slot] == BlockCache.NONE) {
                    refusals.increment();
                }
            }
            if (pins[slot] != BlockCache.NONE) {
                check(cache, pins[slot], key, lengthMax);
            }
        }
        for (long pin : pins) {
            if (pin != BlockCache.NONE) {
                cache.unpin(pin);
            }
        }
    }

    private static void check(BlockCache cache, long pin, long key, int lengthMax) {
        assertEquals(lengthOf(key, lengthMax), cache.length(pin));
        int wrong = CacheFixture.wrongAt(
                cache.segment(pin), cache.offset(pin), cache.length(pin), 1 + (key & 3), key);
        assertEquals(-1, wrong, "block " + key);
    }

    private static int lengthOf(long key, int lengthMax) {
        return (int) (1 + key * 7919 % lengthMax);
    }

    private static void disturb(BlockCache cache, long capacity, Random random, AtomicBoolean isOver) {
        while (!isOver.get()) {
            switch (random.nextInt(3)) {
                case 0 -> cache.purge(1 + random.nextInt(4));
                case 1 -> cache.resize(random.nextInt((int) capacity));
                default -> cache.giveBack(random.nextInt(100_000));
            }
            if (random.nextInt(4) == 0) {
                cache.resize(capacity);
            }
            Thread.onSpinWait();
        }
    }
}
