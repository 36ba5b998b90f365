package io.firn.ffm.budget;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class MemoryBudgetTest {
    @Test
    void givesUpToItsLimitAndNoMore() {
        MemoryBudget budget = MemoryBudget.ofBytes(100);
        assertTrue(budget.tryReserve(60));
        assertFalse(budget.tryReserve(41));
        assertEquals(60, budget.usedBytes());
        assertTrue(budget.tryReserve(40));
        assertFalse(budget.tryReserve(1));
        assertTrue(budget.tryReserve(0));
        budget.release(100);
        assertEquals(0, budget.usedBytes());
        assertTrue(budget.tryReserve(100));
    }

    @Test
    void anOverdraftNeverFailsAndHoldsOthersBack() {
        MemoryBudget budget = MemoryBudget.ofBytes(100);
        budget.overdraw(150);
        assertEquals(150, budget.usedBytes());
        assertFalse(budget.tryReserve(1));
        budget.release(60);
        assertTrue(budget.tryReserve(10));
        assertFalse(budget.tryReserve(1));
    }

    @Test
    void aHugeReservationDoesNotOverflow() {
        MemoryBudget budget = MemoryBudget.ofBytes(Long.MAX_VALUE);
        assertTrue(budget.tryReserve(10));
        assertFalse(budget.tryReserve(Long.MAX_VALUE));
        assertTrue(budget.tryReserve(Long.MAX_VALUE - 10));
        assertFalse(budget.tryReserve(1));
    }

    @Test
    void refusesALimitThatIsNone() {
        assertThrows(IllegalArgumentException.class, () -> MemoryBudget.ofBytes(0));
        assertThrows(IllegalArgumentException.class, () -> MemoryBudget.ofMebibytes(-1));
        assertThrows(ArithmeticException.class, () -> MemoryBudget.ofMebibytes(Long.MAX_VALUE));
        assertEquals(3 << 20, MemoryBudget.ofMebibytes(3).limitBytes());
    }

    @Test
    void noticesAReleaseOfWhatWasNotReserved() {
        MemoryBudget budget = MemoryBudget.ofBytes(100);
        budget.overdraw(10);
        assertThrows(AssertionError.class, () -> budget.release(11));
    }

    @Test
    void neverPassesItsLimitUnderContention() throws InterruptedException {
        MemoryBudget budget = MemoryBudget.ofBytes(1_000);
        AtomicLong most = new AtomicLong();
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 4; number++) {
            int bytes = 100 + 77 * number;
            threads.add(Thread.ofPlatform().start(() -> {
                for (int round = 0; round < 20_000; round++) {
                    if (budget.tryReserve(bytes)) {
                        most.accumulateAndGet(budget.usedBytes(), Math::max);
                        budget.release(bytes);
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(0, budget.usedBytes());
        assertTrue(0 < most.get() && most.get() <= 1_000, "most " + most);
    }

    @Test
    void aPartChargesTheWholeAndHasALimitOfItsOwn() {
        MemoryBudget whole = MemoryBudget.ofBytes(100);
        MemoryBudget one = whole.part(60);
        MemoryBudget two = whole.part(100);
        assertTrue(one.tryReserve(50));
        assertFalse(one.tryReserve(11));
        assertEquals(50, whole.usedBytes());
        assertFalse(two.tryReserve(51));
        assertEquals(0, two.usedBytes());
        assertTrue(two.tryReserve(50));
        assertFalse(one.tryReserve(1));
        two.overdraw(30);
        assertEquals(130, whole.usedBytes());
        two.release(80);
        one.release(50);
        assertEquals(0, whole.usedBytes());
    }

    @Test
    void aFloorIsUsedFromItsBeginningToItsEnd() {
        MemoryBudget whole = MemoryBudget.ofBytes(100);
        assertNull(whole.partWithFloor(100, 101));
        MemoryBudget part = whole.partWithFloor(70, 40);
        assertEquals(40, whole.usedBytes());
        assertEquals(40, part.usedBytes());
        assertTrue(whole.tryReserve(60));
        assertEquals(40, part.leftBytes());
        assertTrue(part.tryReserve(40), "the whole is used up, but the floor is the part's");
        assertEquals(0, part.leftBytes());
        assertEquals(30, part.leftOfLimitBytes());
        assertFalse(part.tryReserve(1));
        assertEquals(40, part.usedBytes());
        whole.release(60);
        assertTrue(part.tryReserve(30));
        assertFalse(part.tryReserve(1), "the limit of the part");
        assertEquals(70, whole.usedBytes());
        part.release(60);
        assertEquals(40, whole.usedBytes());
        part.endFloor();
        assertEquals(10, part.usedBytes());
        assertEquals(10, whole.usedBytes());
        part.release(10);
        assertEquals(0, part.usedBytes());
        assertEquals(0, whole.usedBytes());
    }

    @Test
    void r21_whatOnlyPinsHoldIsUsedButKeepsNobodyFromReserving() {
        MemoryBudget whole = MemoryBudget.ofBytes(100);
        MemoryBudget part = whole.part(80);
        assertTrue(part.tryReserve(80));
        assertFalse(part.tryReserve(1));
        part.exempt(50);
        assertTrue(part.tryReserve(50));
        assertFalse(part.tryReserve(1));
        assertTrue(whole.tryReserve(20));
        assertEquals(150, whole.usedBytes());
        part.releaseExempt(50);
        assertEquals(80, part.usedBytes());
        assertEquals(0, whole.exemptBytes());
        assertFalse(whole.tryReserve(1));
    }

    @Test
    void whoHoldsMemoryThatCanBeHadBackIsAskedForWhatIsMissing() {
        MemoryBudget whole = MemoryBudget.ofBytes(100);
        MemoryBudget part = whole.part(50);
        assertTrue(whole.tryReserve(80));
        List<Long> asked = new ArrayList<>();
        Reclaimer poor = bytes -> 0;
        Reclaimer rich = bytes -> {
            asked.add(bytes);
            whole.release(bytes);
            return bytes;
        };
        whole.register(poor);
        assertFalse(part.reserveOrReclaim(30));
        part.register(rich);
        assertTrue(part.reserveOrReclaim(30));
        assertEquals(List.of(10L), asked);
        assertFalse(part.reserveOrReclaim(21), "the part's own limit, which nobody can ease");
        assertEquals(List.of(10L), asked);
        whole.unregister(rich);
        assertFalse(part.reserveOrReclaim(20));
    }

    @Test
    void theLargestDebtIsSettledUnlessEnoughIsComing() {
        MemoryBudget whole = MemoryBudget.ofBytes(100);
        whole.overdraw(100);
        assertFalse(whole.settle(10));
        Owing small = new Owing(20);
        Owing large = new Owing(30);
        whole.register(small);
        whole.register(large);
        assertTrue(whole.settle(10));
        assertEquals(List.of(0, 1), List.of(small.settled, large.settled));
        large.settling = 30;
        large.debt = 0;
        assertTrue(whole.settle(30));
        assertEquals(List.of(0, 1), List.of(small.settled, large.settled));
        assertEquals(1, large.kept);
        assertTrue(whole.settle(31));
        assertEquals(List.of(1, 1), List.of(small.settled, large.settled));
        whole.announceFreed();
        assertEquals(List.of(1, 1), List.of(small.told, large.told));
        whole.unregister(small);
        whole.unregister(large);
        assertFalse(whole.settle(1));
    }

    private static final class Owing implements Debtor {
        private long debt;
        private long settling;
        private int settled;
        private int kept;
        private int told;

        private Owing(long debt) {
            this.debt = debt;
        }

        @Override
        public long largestDebtBytes() {
            return debt;
        }

        @Override
        public long settlingBytes() {
            return settling;
        }

        @Override
        public void settleLargest() {
            settled++;
        }

        @Override
        public void keepSettling() {
            kept++;
        }

        @Override
        public void memoryFreed() {
            told++;
        }
    }

    @Test
    void partsWithFloorsSumToTheWholeUnderContention() throws InterruptedException {
        MemoryBudget whole = MemoryBudget.ofBytes(3_000);
        MemoryBudget one = whole.partWithFloor(2_000, 500);
        MemoryBudget two = whole.partWithFloor(2_000, 700);
        AtomicLong most = new AtomicLong();
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 4; number++) {
            MemoryBudget part = number % 2 == 0 ? one : two;
            int bytes = 100 + 311 * number;
            threads.add(Thread.ofPlatform().start(() -> {
                for (int round = 0; round < 50_000; round++) {
                    if (part.tryReserve(bytes)) {
                        most.accumulateAndGet(whole.usedBytes() - whole.exemptBytes(), Math::max);
                        if (round % 3 == 0) {
                            part.exempt(bytes);
                            part.releaseExempt(bytes);
                        } else {
                            part.release(bytes);
                        }
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(1_200, whole.usedBytes());
        one.endFloor();
        two.endFloor();
        assertEquals(0, whole.usedBytes());
        assertEquals(0, whole.exemptBytes());
        assertTrue(1_200 < most.get(), "most " + most);
    }
}
