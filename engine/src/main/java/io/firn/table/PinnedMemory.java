package io.firn.table;

import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Memory that holds copies of a table's blocks for as long as the table is open.
 *
 * <p>Invariants: it is charged to the budget until it is closed.
 *
 * <p>Threads: filled by one, then read by any. Closed by: its table.
 */
final class PinnedMemory implements AutoCloseable {
    private static final int LINE_BYTES = 64;

    private final Arena arena;
    private final MemorySegment bytes;
    private final MemoryBudget budget;
    private long end;

    private PinnedMemory(Arena arena, MemorySegment bytes, MemoryBudget budget) {
        this.arena = arena;
        this.bytes = bytes;
        this.budget = budget;
    }

    /** Null if the budget or the machine does not give so much: what was to be copied is read where it is. */
    static @Nullable PinnedMemory tryAllocate(long size, MemoryBudget budget) {
        if (!budget.tryReserve(size)) {
            return null;
        }
        Arena arena = Arena.ofShared();
        try {
            return new PinnedMemory(arena, arena.allocate(size, LINE_BYTES), budget);
        } catch (OutOfMemoryError e) {
            arena.close();
            budget.release(size);
            return null;
        }
    }

    /** What a run of bytes may take, wherever it stood in its file. */
    static long bytesFor(long length) {
        return length + LINE_BYTES;
    }

    /** Where a run of bytes goes that stood at an offset of a file: to the same place in a line. */
    long place(long fileOffset, long length) {
        long at = end + (fileOffset - end & LINE_BYTES - 1);
        end = at + length;
        return at;
    }

    MemorySegment bytes() {
        return bytes;
    }

    @Override
    public void close() {
        long size = bytes.byteSize();
        arena.close();
        budget.release(size);
    }
}
