package io.firn.table;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.MappedFile;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Memory that holds copies of a table's blocks for as long as the table is open.
 *
 * <p>Invariants: it is charged to the budget until it is closed; it is freed with the table's mapping.
 *
 * <p>Threads: filled by one, then read by any. Closed by: its table, after the mapping.
 */
final class PinnedMemory implements AutoCloseable {
    private static final int LINE_BYTES = 64;

    private final MemorySegment bytes;
    private final MemoryBudget budget;
    private long end;

    private PinnedMemory(MemorySegment bytes, MemoryBudget budget) {
        this.bytes = bytes;
        this.budget = budget;
    }

    /** Null if the budget or the machine does not give so much: what was to be copied is read where it is. */
    static @Nullable PinnedMemory tryAllocate(MappedFile mapping, long size, MemoryBudget budget) {
        if (!budget.tryReserve(size)) {
            return null;
        }
        try {
            return new PinnedMemory(mapping.allocate(size), budget);
        } catch (OutOfMemoryError e) {
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
        budget.release(bytes.byteSize());
    }
}
