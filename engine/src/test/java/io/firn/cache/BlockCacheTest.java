package io.firn.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BlockCacheTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int BLOCK = 4000;

    /** A cache of so many bytes has slabs of so many. */
    private static final int LARGE = 64 << 20;
    private static final int SLAB = 1 << 20;

    private static final MemorySegment SOURCE = Arena.ofAuto().allocate(65_536, 8);

    @Test
    void aBlockIsFoundByFileAndOffset() {
        try (CacheFixture fixture = new CacheFixture(1 << 20)) {
            assertFalse(fixture.contains(7, 4096));
            fixture.insertUnpinned(7, 4096, BLOCK);
            assertTrue(fixture.contains(7, 4096));
            assertFalse(fixture.contains(7, 4097));
            assertFalse(fixture.contains(8, 4096));
            CacheStatistics figures = fixture.cache.statistics();
            assertEquals(1, figures.dataHits());
            assertEquals(3, figures.dataMisses());
            assertEquals(0, figures.indexHits() + figures.indexMisses());
            assertEquals(1, figures.inserts());
            assertEquals(1, figures.blocks());
            assertEquals(1 << 20, figures.capacityBytes());
            assertEquals(fixture.budget.usedBytes(), figures.usedBytes());
        }
    }

    @Test
    void hitsAndMissesAreCountedByType() {
        try (CacheFixture fixture = new CacheFixture(1 << 20)) {
            assertEquals(BlockCache.NONE, fixture.cache.pin(CachedType.INDEX, 1, 0));
            fixture.insertUnpinned(1, 0, 10);
            assertEquals(BlockCache.NONE, fixture.cache.pin(CachedType.INDEX, 1, 0), "a data block stands there");
            fixture.cache.unpin(fixture.cache.insert(CachedType.INDEX, 1, 0, SOURCE, 0, 10));
            fixture.cache.unpin(fixture.cache.pin(CachedType.INDEX, 1, 0));
            fixture.cache.unpin(fixture.cache.pin(CachedType.INDEX, 1, 0));
            fixture.cache.unpin(fixture.cache.pin(CachedType.DATA, 1, 0));
            CacheStatistics figures = fixture.cache.statistics();
            assertEquals(2, figures.indexHits());
            assertEquals(2, figures.indexMisses());
            assertEquals(1, figures.dataHits());
            assertEquals(0, figures.dataMisses());
        }
    }

    @Test
    void memoryIsTakenAsBlocksComeAndNeverMoreThanTheCapacity() {
        long capacity = 2 << 20;
        try (CacheFixture fixture = new CacheFixture(capacity)) {
            assertEquals(0, fixture.cache.usedBytes());
            fixture.insertUnpinned(1, 0, BLOCK);
            long small = fixture.cache.usedBytes();
            assertTrue(0 < small && small < capacity / 8, small + " bytes for one block");
            for (int i = 1; i < 3000; i++) {
                fixture.insertUnpinned(1, i, BLOCK);
                assertTrue(fixture.cache.usedBytes() <= capacity);
                assertEquals(fixture.budget.usedBytes(), fixture.cache.usedBytes());
            }
            CacheStatistics figures = fixture.cache.statistics();
            assertTrue(figures.blockBytes() > capacity * 3 / 4, figures::toString);
            assertEquals(3000 - figures.evictions(), figures.blocks());
        }
    }

    @Test
    void theNextLargeSlabIsMadeInTheBackground() {
        List<Runnable> tasks = new ArrayList<>();
        try (CacheFixture fixture = new CacheFixture(LARGE, MemoryBudget.ofMebibytes(256), tasks::add)) {
            fixture.insertUnpinned(1, 0, BLOCK);
            long before = fixture.cache.usedBytes();
            fixture.insertUnpinned(1, 0, BLOCK);
            assertEquals(1, tasks.size(), "one for each shard, not one for each insert");
            tasks.removeFirst().run();
            assertEquals(before + SLAB, fixture.cache.usedBytes(), "a spare slab");
            assertEquals(fixture.budget.usedBytes(), fixture.cache.usedBytes());
            assertEquals(SLAB, fixture.cache.giveBack(1), "it goes before any block does");
            assertTrue(fixture.contains(1, 0));
            int inserted = fill(fixture, tasks);
            long full = fixture.cache.usedBytes();
            assertTrue(full <= LARGE && full > LARGE * 3L / 4, full + " bytes");
            assertTrue(tasks.isEmpty(), "there will be no other slab");
            assertTrue(fixture.contains(1, inserted - 1));
        }
    }

    /** Runs tasks at once until nothing grows any more; answers how many blocks came. */
    private static int fill(CacheFixture fixture, List<Runnable> tasks) {
        int inserted = 0;
        while (fixture.cache.statistics().evictions() < LARGE / BLOCK) {
            fixture.insertUnpinned(1, inserted++, BLOCK);
            tasks.forEach(Runnable::run);
            tasks.clear();
            assertEquals(fixture.budget.usedBytes(), fixture.cache.usedBytes());
        }
        return inserted;
    }

    @Test
    void whoNeedsASlabBeforeItIsThereMakesOne() {
        List<Runnable> tasks = new ArrayList<>();
        try (CacheFixture fixture = new CacheFixture(LARGE, MemoryBudget.ofMebibytes(256), tasks::add)) {
            for (int i = 0; i < 4 * LARGE / BLOCK; i++) {
                assertTrue(isInserted(fixture, i));
            }
            assertTrue(fixture.cache.statistics().blockBytes() > LARGE * 3 / 4);
            tasks.forEach(Runnable::run);
            assertTrue(fixture.cache.usedBytes() <= LARGE, "they come too late");
        }
    }

    @Test
    void aSlabThatTheBudgetDoesNotGiveIsNotWaitedFor() {
        List<Runnable> tasks = new ArrayList<>();
        MemoryBudget budget = MemoryBudget.ofMebibytes(256);
        try (CacheFixture fixture = new CacheFixture(LARGE, budget, tasks::add)) {
            int inserted = 0;
            while (inserted < LARGE / 4 / BLOCK || tasks.isEmpty()) {
                tasks.forEach(Runnable::run);
                tasks.clear();
                fixture.insertUnpinned(1, inserted++, BLOCK);
            }
            long rest = budget.leftBytes();
            assertTrue(budget.tryReserve(rest));
            tasks.removeFirst().run();
            for (int i = 0; i < 4 * LARGE / BLOCK; i++) {
                assertTrue(isInserted(fixture, inserted + i), "in the place of the oldest");
            }
            budget.release(rest);
        }
    }

    private static boolean isInserted(CacheFixture fixture, int offset) {
        long pin = fixture.insert(1, offset, BLOCK);
        if (pin == BlockCache.NONE) {
            return false;
        }
        fixture.cache.unpin(pin);
        return true;
    }

    @Test
    void theRoomOfPurgedBlocksIsUsedBeforeMoreMemoryIsTaken() {
        try (CacheFixture fixture = new CacheFixture(8 << 20)) {
            for (int i = 0; i < 500; i++) {
                fixture.insertUnpinned(1, i, BLOCK);
            }
            long held = fixture.cache.usedBytes();
            for (int file = 2; file < 6; file++) {
                fixture.cache.purge(file - 1);
                for (int i = 0; i < 500; i++) {
                    fixture.insertUnpinned(file, i, BLOCK);
                }
            }
            CacheStatistics figures = fixture.cache.statistics();
            assertTrue(figures.usedBytes() < 2 * held, held + " bytes before, now " + figures);
            assertTrue(figures.blocks() > 400, figures::toString);
        }
    }

    @Test
    void smallBlocksFindHandlesEnough() {
        long capacity = 2 << 20;
        try (CacheFixture fixture = new CacheFixture(capacity)) {
            for (int i = 0; i < 40_000; i++) {
                fixture.insertUnpinned(1, i, 128);
            }
            CacheStatistics figures = fixture.cache.statistics();
            assertTrue(figures.blockBytes() > capacity * 2 / 5, figures::toString);
            assertTrue(figures.usedBytes() <= capacity, figures::toString);
        }
    }

    @Test
    void theOldestUnusedBlockGoesFirst() {
        try (CacheFixture fixture = new CacheFixture(1 << 19)) {
            int held = fillUp(fixture);
            for (int i = 0; i < held / 2; i++) {
                fixture.insertUnpinned(2, i, BLOCK);
            }
            int left = 0;
            boolean isLeft = false;
            for (int i = 0; i < held; i++) {
                boolean isThere = fixture.contains(1, i);
                assertTrue(isThere || !isLeft, "block " + i + " went before an older one");
                isLeft |= isThere;
                left += isThere ? 1 : 0;
            }
            assertTrue(held / 3 < left && left < held * 2 / 3, left + " of " + held + " left");
        }
    }

    @Test
    void aBlockThatWasUsedGetsASecondChance() {
        try (CacheFixture fixture = new CacheFixture(1 << 19)) {
            int held = fillUp(fixture);
            for (int i = 0; i < held; i += 8) {
                assertTrue(fixture.contains(1, i));
            }
            // So many that the ring has gone round once, and no used block was met twice.
            for (int i = 0; i < held * 3 / 4; i++) {
                fixture.insertUnpinned(2, i, BLOCK);
            }
            int used = 0;
            int unused = 0;
            for (int i = 0; i < held; i++) {
                boolean isThere = fixture.contains(1, i);
                used += isThere && i % 8 == 0 ? 1 : 0;
                unused += isThere && i % 8 != 0 ? 1 : 0;
            }
            assertEquals((held + 7) / 8, used, "used blocks of " + held);
            assertTrue(unused < held / 3, unused + " unused blocks of " + held);
        }
    }

    /** Blocks that are used again and again stay, whatever a scan of others brings through. */
    @Test
    void aScanDoesNotDriveOutWhatIsUsed() {
        try (CacheFixture fixture = new CacheFixture(1 << 20)) {
            for (int i = 0; i < 20; i++) {
                fixture.insertUnpinned(1, i, BLOCK);
            }
            int missed = 0;
            for (int i = 0; i < 20_000; i++) {
                if (!fixture.contains(1, i % 20)) {
                    missed++;
                }
                fixture.insertUnpinned(2, i, 1000 + i % 5000);
            }
            assertEquals(0, missed);
        }
    }

    /** R19: whatever is evicted, moved and inserted around it, a pinned block keeps its bytes and its place. */
    @Test
    void r19_thePinnedBlockIsNeitherMovedNorOverwritten() {
        try (CacheFixture fixture = new CacheFixture(1 << 18)) {
            List<Long> pins = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                long pin = fixture.insert(1, i, 500 + i);
                if (i % 40 == 0) {
                    pins.add(pin);
                } else {
                    fixture.cache.unpin(pin);
                }
            }
            List<Long> places = new ArrayList<>();
            pins.forEach(pin -> places.add(fixture.cache.offset(pin)));
            for (int i = 0; i < 20_000; i++) {
                fixture.insertUnpinned(2, i, 300 + i * 7 % 3000);
                fixture.contains(2, i - 3);
                if (i % 500 == 0) {
                    for (int p = 0; p < pins.size(); p++) {
                        fixture.assertRight(pins.get(p), 1, p * 40L);
                        assertEquals(places.get(p), fixture.cache.offset(pins.get(p)));
                    }
                }
            }
            assertTrue(fixture.cache.statistics().evictions() > 15_000);
            for (int p = 0; p < pins.size(); p++) {
                assertTrue(fixture.contains(1, p * 40L), "pinned, so it is still there");
                fixture.cache.unpin(pins.get(p));
            }
        }
    }

    /** R19: the word of a handle; a pin that comes late to a block that has gone changes nothing of the next one. */
    @Test
    void r19_aHandleIsPinnedOnlyInTheGenerationThatWasSeen() {
        MemorySegment chunk = Arena.ofAuto().allocate(HandleFormat.BYTES, 8);
        assertFalse(HandleFormat.pin(chunk, 0), "a handle that stands for nothing");
        HandleFormat.publish(chunk, 0, 0);
        long seen = HandleFormat.word(chunk, 0);
        assertTrue(HandleFormat.kill(chunk, 0, seen));
        assertFalse(HandleFormat.pin(chunk, 0), "dead");
        HandleFormat.publish(chunk, 0, 0);
        assertNotEquals(seen, HandleFormat.word(chunk, 0), "the next generation is another word");
        assertFalse(HandleFormat.kill(chunk, 0, seen), "who saw the former generation cannot kill this one");
        assertTrue(HandleFormat.pin(chunk, 0));
        assertFalse(HandleFormat.kill(chunk, 0, HandleFormat.word(chunk, 0)), "pinned");
        HandleFormat.doom(chunk, 0);
        assertFalse(HandleFormat.pin(chunk, 0), "doomed");
        HandleFormat.unpin(chunk, 0);
        assertTrue(HandleFormat.kill(chunk, 0, HandleFormat.word(chunk, 0)));
    }

    @Test
    void aHandleThatCanTakeNoMorePinsIsMissed() {
        MemorySegment chunk = Arena.ofAuto().allocate(HandleFormat.BYTES, 8);
        HandleFormat.publish(chunk, 0, HandleFormat.PINS_MAX - 1);
        assertTrue(HandleFormat.pin(chunk, 0));
        assertFalse(HandleFormat.pin(chunk, 0));
        HandleFormat.unpin(chunk, 0);
        assertTrue(HandleFormat.pin(chunk, 0));
    }

    @Test
    void theSecondInserterOfABlockTakesTheFirsts() {
        try (CacheFixture fixture = new CacheFixture(1 << 20)) {
            long first = fixture.insert(1, 0, BLOCK);
            long second = fixture.insert(1, 0, BLOCK);
            assertEquals(first, second);
            assertEquals(1, fixture.cache.statistics().inserts());
            fixture.cache.unpin(first);
            fixture.assertRight(second, 1, 0);
            fixture.cache.unpin(second);
        }
    }

    /**
     * R21: where pins hold everything, an insert says at once that there is no room, and the reader goes on without.
     */
    @Test
    void r21_aReaderThatFindsNoRoomIsToldSoAndNeverWaits() {
        try (CacheFixture fixture = new CacheFixture(1 << 18)) {
            List<Long> pins = new ArrayList<>();
            int refused = 0;
            for (int i = 0; i < 200; i++) {
                long pin = fixture.insert(1, i, BLOCK);
                if (pin == BlockCache.NONE) {
                    refused++;
                } else {
                    pins.add(pin);
                }
            }
            assertTrue(pins.size() > 40 && refused > 100, pins.size() + " pinned");
            for (int i = 0; i < pins.size(); i++) {
                fixture.assertRight(pins.get(i), 1, i);
                fixture.cache.unpin(pins.get(i));
            }
            assertNotEquals(BlockCache.NONE, fixture.insert(2, 0, BLOCK), "room again when the pins have gone");
        }
    }

    /** R21: a budget that gives nothing is no reason to wait either, nor to allocate. */
    @Test
    void r21_anEmptyBudgetLeavesTheCacheEmpty() {
        MemoryBudget budget = MemoryBudget.ofMebibytes(1);
        assertTrue(budget.tryReserve(1 << 20));
        try (CacheFixture fixture = new CacheFixture(1 << 20, budget)) {
            for (int i = 0; i < 100; i++) {
                assertEquals(BlockCache.NONE, fixture.insert(1, i, BLOCK));
            }
            assertEquals(0, fixture.cache.usedBytes());
            budget.release(1 << 20);
            long pin = fixture.insert(1, 0, BLOCK);
            assertNotEquals(BlockCache.NONE, pin);
            fixture.cache.unpin(pin);
        }
    }

    @Test
    void aCacheWithoutCapacityHoldsNothingUntilItIsGivenSome() {
        try (CacheFixture fixture = new CacheFixture(0)) {
            assertEquals(BlockCache.NONE, fixture.insert(1, 0, BLOCK));
            assertFalse(fixture.contains(1, 0));
            assertEquals(0, fixture.budget.usedBytes());
            fixture.cache.resize(1 << 20);
            fixture.insertUnpinned(1, 0, BLOCK);
            assertTrue(fixture.contains(1, 0));
        }
    }

    @Test
    void aBlockThatIsLargerThanASlabIsNotCached() {
        try (CacheFixture fixture = new CacheFixture(1 << 19)) {
            assertEquals(BlockCache.NONE, fixture.insert(1, 0, 40_000));
            assertNotEquals(BlockCache.NONE, fixture.insert(1, 1, 30_000));
        }
    }

    @Test
    void purgingDropsTheBlocksOfOneFile() {
        try (CacheFixture fixture = new CacheFixture(1 << 20)) {
            for (int i = 0; i < 50; i++) {
                fixture.insertUnpinned(1, i, BLOCK);
                fixture.insertUnpinned(2, i, BLOCK);
            }
            long pinned = fixture.pin(1, 7);
            long bytes = fixture.cache.statistics().blockBytes();
            fixture.cache.purge(1);
            for (int i = 0; i < 50; i++) {
                assertFalse(fixture.contains(1, i));
                assertTrue(fixture.contains(2, i));
            }
            fixture.assertRight(pinned, 1, 7);
            assertEquals(51, fixture.cache.statistics().blocks(), "the pinned one is still held");
            assertTrue(fixture.cache.statistics().blockBytes() < bytes * 6 / 10);
            for (int i = 0; i < 500; i++) {
                fixture.insertUnpinned(3, i, BLOCK);
            }
            fixture.assertRight(pinned, 1, 7);
            fixture.cache.unpin(pinned);
            for (int i = 0; i < 500; i++) {
                fixture.insertUnpinned(4, i, BLOCK);
            }
            assertFalse(fixture.contains(1, 7));
            fixture.cache.purge(1);
        }
    }

    @Test
    void whatIsOverTheNewCapacityIsGivenBack() {
        try (CacheFixture fixture = new CacheFixture(4 << 20)) {
            fillUp(fixture);
            long pinned = fixture.insert(9, 9, BLOCK);
            fixture.cache.resize(1 << 20);
            assertTrue(fixture.cache.usedBytes() <= (1 << 20) + (1 << 18), () -> fixture.cache.statistics().toString());
            assertEquals(fixture.budget.usedBytes(), fixture.cache.usedBytes());
            fixture.assertRight(pinned, 9, 9);
            fixture.cache.unpin(pinned);
            fixture.cache.resize(0);
            CacheStatistics empty = fixture.cache.statistics();
            assertEquals(0, empty.blocks());
            assertTrue(empty.usedBytes() < 512 * 1024, "the directory stays: " + empty);
            fixture.cache.resize(8 << 20);
            for (int i = 0; i < 3000; i++) {
                fixture.insertUnpinned(3, i, BLOCK);
            }
            assertTrue(fixture.cache.statistics().blockBytes() > 6 << 20, () -> fixture.cache.statistics().toString());
        }
    }

    @Test
    void memoryIsGivenBackOnDemandInWholeSlabsAndTakenAgain() {
        try (CacheFixture fixture = new CacheFixture(4 << 20)) {
            fillUp(fixture);
            long before = fixture.budget.usedBytes();
            long given = fixture.cache.giveBack(1 << 20);
            assertTrue(1 << 20 <= given && given < 3 << 19, given + " bytes");
            assertEquals(before - given, fixture.budget.usedBytes());
            for (int i = 0; i < 2000; i++) {
                fixture.insertUnpinned(3, i, BLOCK);
            }
            assertEquals(before, fixture.budget.usedBytes());
            given = fixture.cache.giveBack(Long.MAX_VALUE);
            assertEquals(before - given, fixture.budget.usedBytes());
            assertEquals(0, fixture.cache.statistics().blocks());
            assertEquals(0, fixture.cache.giveBack(1));
        }
    }

    @Test
    void aSlabInWhichABlockIsPinnedIsNotGivenBack() {
        try (CacheFixture fixture = new CacheFixture(1 << 20)) {
            fillUp(fixture);
            long pinned = fixture.insert(2, 0, BLOCK);
            fixture.cache.giveBack(Long.MAX_VALUE);
            fixture.assertRight(pinned, 2, 0);
            assertTrue(fixture.contains(2, 0));
            fixture.cache.unpin(pinned);
            assertTrue(fixture.cache.giveBack(1) > 0);
            assertFalse(fixture.contains(2, 0));
        }
    }

    @Test
    void afterCloseALateAccessThrowsAndALateUnpinDoesNothing() {
        CacheFixture fixture = new CacheFixture(1 << 20);
        long pin = fixture.insert(1, 0, BLOCK);
        MemorySegment segment = fixture.cache.segment(pin);
        long offset = fixture.cache.offset(pin);
        fixture.close();
        assertThrows(IllegalStateException.class, () -> segment.get(Layouts.BYTE, offset));
        assertThrows(IllegalStateException.class, () -> fixture.pin(1, 0));
        assertThrows(IllegalStateException.class, () -> fixture.insert(1, 1, BLOCK));
        fixture.cache.unpin(pin);
        fixture.close();
    }

    @Test
    void nothingIsAllocatedOnTheHeap() {
        try (CacheFixture fixture = new CacheFixture(1 << 20)) {
            long allocated = -1;
            for (int round = 0; round < 60 && allocated != 0; round++) {
                long before = THREADS.getCurrentThreadAllocatedBytes();
                int found = work(fixture, round);
                allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
                assertTrue(found > 1000);
            }
            assertEquals(0, allocated);
        }
    }

    /** Hits, misses, inserts with eviction and second chances, refused inserts, purges. */
    private static int work(CacheFixture fixture, int round) {
        int found = 0;
        for (int i = 0; i < 4000; i++) {
            long pin = fixture.pin(round, i & 31);
            if (pin == BlockCache.NONE) {
                pin = fixture.cache.insert(CachedType.DATA, round, i & 31, SOURCE, 0, BLOCK);
            } else {
                found++;
            }
            if (pin != BlockCache.NONE) {
                found += fixture.cache.segment(pin).get(Layouts.BYTE, fixture.cache.offset(pin)) == 0 ? 1 : 0;
                fixture.cache.unpin(pin);
            }
            long other = fixture.cache.insert(CachedType.DATA, round, 1000 + i, SOURCE, 0, BLOCK);
            if (other != BlockCache.NONE) {
                fixture.cache.unpin(other);
            }
            if (fixture.cache.insert(CachedType.DATA, round, i, SOURCE, 0, 65_536) != BlockCache.NONE) {
                return -1;
            }
        }
        fixture.cache.purge(round);
        return found;
    }

    /** Fills the cache with blocks of file 1 without using one; answers how many it holds: 0 up to that. */
    private static int fillUp(CacheFixture fixture) {
        int count = 0;
        while (fixture.cache.statistics().evictions() == 0) {
            fixture.insertUnpinned(1, count++, BLOCK);
        }
        // The one that drove out the first, and those that went for its sake, come back so that all up to count are
        // there.
        fixture.cache.purge(1);
        int held = count - 2;
        for (int i = 0; i < held; i++) {
            fixture.insertUnpinned(1, i, BLOCK);
        }
        return held;
    }
}
