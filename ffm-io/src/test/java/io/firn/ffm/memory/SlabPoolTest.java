package io.firn.ffm.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SlabPoolTest {
    private static final long KIB = 1024;

    private final MemoryBudget budget = MemoryBudget.ofBytes(1024 * KIB);

    private SlabPool pool(long keptBytes) {
        return new SlabPool(budget, keptBytes);
    }

    private static Slab acquire(SlabPool pool, long sizeBytes) {
        Slab slab = pool.tryAcquire(sizeBytes);
        assertNotNull(slab);
        return slab;
    }

    @Test
    void givesSlabsOfExactlyTheSizeAskedForAndChargesThem() {
        try (SlabPool pool = pool(0)) {
            for (long size : new long[] {64, 100, 4096, 65_537}) {
                long before = budget.usedBytes();
                Slab slab = acquire(pool, size);
                assertEquals(size, slab.sizeBytes());
                assertEquals(before + size, budget.usedBytes());
                assertEquals(0, slab.bytes().address() % 64);
                slab.bytes().fill((byte) 1);
            }
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void givesASlabAgainThatCameBack() {
        try (SlabPool pool = pool(64 * KIB)) {
            Slab slab = acquire(pool, 16 * KIB);
            pool.release(slab);
            assertEquals(16 * KIB, pool.freeBytes());
            assertEquals(16 * KIB, budget.usedBytes());
            assertNotSame(slab, acquire(pool, 32 * KIB));
            assertSame(slab, acquire(pool, 16 * KIB));
            assertEquals(0, pool.freeBytes());
            assertEquals(48 * KIB, budget.usedBytes());
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void closesWhatIsOverWhatItKeepsAndWhatIsNoPowerOfTwo() {
        try (SlabPool pool = pool(32 * KIB)) {
            Slab kept = acquire(pool, 32 * KIB);
            Slab over = acquire(pool, 16 * KIB);
            Slab odd = acquire(pool, 1000);
            pool.release(kept);
            pool.release(over);
            pool.release(odd);
            assertEquals(32 * KIB, budget.usedBytes());
            assertThrows(IllegalStateException.class, () -> over.bytes().get(ValueLayout.JAVA_BYTE, 0));
            assertThrows(IllegalStateException.class, () -> odd.bytes().get(ValueLayout.JAVA_BYTE, 0));
            kept.bytes().fill((byte) 1);
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void answersNullWhenTheBudgetIsUsedUpAndChangesNothing() {
        try (SlabPool pool = pool(0)) {
            Slab slab = acquire(pool, 1000 * KIB);
            assertNull(pool.tryAcquire(32 * KIB));
            assertEquals(1000 * KIB, budget.usedBytes());
            pool.release(slab);
            assertNotNull(pool.tryAcquire(32 * KIB));
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void givesUpFreeSlabsOfOtherSizesForOneThatIsAskedFor() {
        try (SlabPool pool = pool(1024 * KIB)) {
            List<Slab> slabs = new ArrayList<>();
            for (int index = 0; index < 16; index++) {
                slabs.add(acquire(pool, 64 * KIB));
            }
            slabs.forEach(pool::release);
            assertEquals(1024 * KIB, pool.freeBytes());
            assertNotNull(pool.tryAcquire(512 * KIB));
            assertEquals(512 * KIB, pool.freeBytes());
            assertEquals(1024 * KIB, budget.usedBytes());
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void givesUpFreeSlabsForWhoSharesTheBudget() {
        MemoryBudget budget = MemoryBudget.ofBytes(1024 * KIB);
        try (SlabPool one = new SlabPool(budget.part(1024 * KIB), 1024 * KIB);
                SlabPool two = new SlabPool(budget, 1024 * KIB)) {
            one.release(one.tryAcquire(512 * KIB));
            one.release(one.tryAcquire(256 * KIB));
            assertEquals(768 * KIB, budget.usedBytes());
            assertNull(two.tryAcquire(512 * KIB));
            Slab slab = two.tryAcquireOrReclaim(512 * KIB);
            assertEquals(256 * KIB, one.freeBytes());
            assertNull(two.tryAcquireOrReclaim(1024 * KIB));
            assertEquals(0, one.freeBytes());
            two.release(slab);
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void r21_aSlabThatOnlyPinsHoldKeepsNobodyFromTheirs() {
        MemoryBudget budget = MemoryBudget.ofBytes(512 * KIB);
        try (SlabPool pool = new SlabPool(budget, 1024 * KIB)) {
            Slab held = pool.tryAcquire(512 * KIB);
            assertNull(pool.tryAcquire(256 * KIB));
            pool.exempt(held);
            pool.exempt(held);
            Slab next = pool.tryAcquire(512 * KIB);
            assertEquals(1024 * KIB, budget.usedBytes());
            pool.release(held);
            assertEquals(512 * KIB, budget.usedBytes());
            assertEquals(0, pool.freeBytes(), "it is not kept: it counts again");
            pool.release(next);
            pool.exempt(pool.tryAcquire(512 * KIB));
        }
        assertEquals(0, budget.usedBytes());
        assertEquals(0, budget.exemptBytes());
    }

    @Test
    void anOverdraftGivesASlabWhereTheBudgetHasNone() {
        MemoryBudget budget = MemoryBudget.ofBytes(256 * KIB);
        try (SlabPool pool = new SlabPool(budget, 1024 * KIB)) {
            Slab slab = pool.tryAcquireBeyondLimit(512 * KIB);
            assertEquals(512 * KIB, budget.usedBytes());
            assertNull(pool.tryAcquire(256 * KIB));
            pool.release(slab);
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void r22_closesSlabsThatAreStillInUseSoThatALateAccessThrows() {
        SlabPool pool = pool(64 * KIB);
        MemorySegment used = acquire(pool, 16 * KIB).bytes();
        Slab late = acquire(pool, 16 * KIB);
        MemorySegment lateBytes = late.bytes();
        pool.release(acquire(pool, 16 * KIB));
        pool.close();
        pool.close();
        assertThrows(IllegalStateException.class, () -> used.get(ValueLayout.JAVA_BYTE, 0));
        assertThrows(IllegalStateException.class, () -> lateBytes.get(ValueLayout.JAVA_BYTE, 0));
        pool.release(late);
        assertEquals(0, budget.usedBytes());
        assertThrows(IllegalStateException.class, () -> pool.tryAcquire(16 * KIB));
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void noticesASlabThatComesBackTwice() {
        try (SlabPool pool = pool(64 * KIB)) {
            Slab slab = acquire(pool, 16 * KIB);
            pool.release(slab);
            assertThrows(AssertionError.class, () -> pool.release(slab));
        }
    }

    @Test
    void anAllocationThatFailsIsNoSlabAndNoCharge() {
        MemoryBudget endless = MemoryBudget.ofBytes(Long.MAX_VALUE);
        try (SlabPool pool = new SlabPool(endless, 0)) {
            assertNull(pool.tryAcquire(1L << 60));
            assertEquals(0, endless.usedBytes());
        }
    }

    @Test
    void staysInItsBudgetUnderContention() throws InterruptedException {
        SlabPool pool = pool(256 * KIB);
        List<Throwable> failures = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 4; number++) {
            byte mark = (byte) (number + 1);
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    churn(pool, mark);
                } catch (Throwable e) {
                    synchronized (failures) {
                        failures.add(e);
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(), failures);
        assertEquals(pool.freeBytes(), budget.usedBytes());
        pool.close();
        assertEquals(0, budget.usedBytes());
    }

    private void churn(SlabPool pool, byte mark) {
        for (int round = 0; round < 300; round++) {
            Slab slab = pool.tryAcquire(64 * KIB << round % 4);
            if (slab != null) {
                slab.bytes().fill(mark);
                assertTrue(budget.usedBytes() <= budget.limitBytes());
                for (long at = 0; at < slab.sizeBytes(); at += 4096) {
                    assertEquals(mark, slab.bytes().get(ValueLayout.JAVA_BYTE, at));
                }
                pool.release(slab);
            }
        }
    }
}
