package io.firn.ffm.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

final class ScratchTest {
    private final MemoryBudget budget = MemoryBudget.ofBytes(10_000);

    @Test
    void growsByDoublingAndThenStays() {
        try (Scratch scratch = new Scratch(budget)) {
            assertEquals(0, scratch.bytes().byteSize());
            assertEquals(0, scratch.atLeast(0).byteSize());
            MemorySegment first = scratch.atLeast(1);
            assertEquals(4096, first.byteSize());
            assertSame(first, scratch.atLeast(4096));
            MemorySegment second = scratch.atLeast(4097);
            assertEquals(8192, second.byteSize());
            assertSame(second, scratch.atLeast(10));
            assertSame(second, scratch.bytes());
            assertEquals(65_536, scratch.atLeast(65_536).byteSize());
            assertEquals(131_072, scratch.atLeast(65_537).byteSize());
        }
    }

    @Test
    void keepsWhatItIsToldToKeep() {
        try (Scratch scratch = new Scratch(budget)) {
            scratch.atLeast(4096).fill((byte) 7);
            MemorySegment grown = scratch.atLeastKeeping(5000, 4096);
            for (long at = 0; at < 4096; at++) {
                assertEquals(7, grown.get(ValueLayout.JAVA_BYTE, at));
            }
            assertSame(grown, scratch.atLeastKeeping(8192, 8192));
        }
    }

    @Test
    void chargesTheBudgetAsAnOverdraftUntilItIsClosed() {
        Scratch scratch = new Scratch(budget);
        MemorySegment outgrown = scratch.atLeast(100);
        MemorySegment last = scratch.atLeast(100_000);
        assertEquals(4096 + 131_072, budget.usedBytes());
        outgrown.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
        scratch.close();
        scratch.close();
        assertEquals(0, budget.usedBytes());
        assertEquals(0, scratch.bytes().byteSize());
        assertThrows(IllegalStateException.class, () -> outgrown.get(ValueLayout.JAVA_BYTE, 0));
        assertThrows(IllegalStateException.class, () -> last.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void anAllocationThatFailsChargesNothingAndLeavesWhatThereWas() {
        try (Scratch scratch = new Scratch(budget)) {
            MemorySegment before = scratch.atLeast(10);
            assertThrows(OutOfMemoryError.class, () -> scratch.atLeast(1L << 60));
            assertEquals(4096, budget.usedBytes());
            assertSame(before, scratch.bytes());
            assertTrue(before.scope().isAlive());
        }
    }
}
