package io.firn.db;

import io.firn.config.MemoryUsage;
import io.firn.error.WriteStalledException.Reason;
import io.firn.ffm.budget.Debtor;
import io.firn.ffm.budget.MemoryBudget;
import org.jspecify.annotations.Nullable;

/**
 * What one database may use of a budget, which others may share, in parts by purpose.
 *
 * <p>Invariants: (1) every off-heap byte of the database is charged to one part. (2) From opening to closing the scratch of one
 * flush and one compaction and a first slab for memtables are set aside: whatever others hold, a writer who waits for its own
 * flushes goes on (R21).
 *
 * <p>Who shares the budget sees the database as one debtor from opening to closing: while it is open its write buffer answers; before,
 * recovery flushes what it replays, and afterwards everything comes back.
 *
 * <p>Threads: any. Closed by: the engine, when nothing is charged any more but what users have not closed.
 */
final class MemoryParts implements Debtor, AutoCloseable {
    /** For one flush and one compaction: buffers of 256 KiB each, blocks, and the filter of a small table. */
    private static final long SCRATCH_FLOOR_BYTES = 768 << 10;

    /** The first slab of a memtable. */
    private static final long MEMTABLES_FLOOR_BYTES = 256 << 10;

    /** Of the whole for indexes and filters: more would leave writers nothing. */
    private static final int PINNED_SHARE = 4;

    /** So often, a slice of waiting each, nobody may be able to free memory before opening gives up. */
    private static final int FRUITLESS_SLICES_MAX = 10;

    private final MemoryBudget whole;
    private final Backpressure backpressure;
    private final MemoryBudget memtables;
    private final MemoryBudget cache;
    private final MemoryBudget pinned;
    private final MemoryBudget scratch;
    private volatile @Nullable WriteBuffer writeBuffer;

    /** Waits for memory that others who share the budget will free; if there is none, it is an IllegalArgumentException. */
    MemoryParts(Settings.Memory settings, Backpressure backpressure) {
        whole = settings.budget();
        this.backpressure = backpressure;
        scratch = certain(Long.MAX_VALUE, SCRATCH_FLOOR_BYTES);
        try {
            memtables = certain(settings.writeBufferBytes(), MEMTABLES_FLOOR_BYTES);
        } catch (Throwable t) {
            scratch.endFloor();
            throw t;
        }
        cache = whole.part(whole.limitBytes());
        pinned = whole.part(whole.limitBytes() / PINNED_SHARE);
        whole.register(this);
    }

    private MemoryBudget certain(long limitBytes, long floorBytes) {
        long sinceNanos = backpressure.now();
        int fruitlessSlices = 0;
        boolean wasInterrupted = false;
        try {
            while (true) {
                long seen = backpressure.generation();
                MemoryBudget part = whole.partWithFloor(limitBytes, floorBytes);
                if (part != null) {
                    return part;
                }
                fruitlessSlices = whole.settle(floorBytes) ? 0 : fruitlessSlices + 1;
                if (fruitlessSlices > FRUITLESS_SLICES_MAX) {
                    throw new IllegalArgumentException("the budget, " + whole + ", is used up: a database needs "
                            + (SCRATCH_FLOOR_BYTES + MEMTABLES_FLOOR_BYTES) + " bytes of it for itself");
                }
                wasInterrupted |= backpressure.await(seen, sinceNanos, Reason.MEMORY);
            }
        } finally {
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Memtables, limited by the write buffer. */
    MemoryBudget memtables() {
        return memtables;
    }

    /** Private memory of calls and background work. */
    MemoryBudget scratch() {
        return scratch;
    }

    /** The block cache. */
    MemoryBudget cache() {
        return cache;
    }

    /** Indexes and filters of open tables. */
    MemoryBudget pinned() {
        return pinned;
    }

    /** From now on the write buffer, or nobody any more, answers others who lack memory. */
    void answersBy(@Nullable WriteBuffer newWriteBuffer) {
        writeBuffer = newWriteBuffer;
    }

    MemoryUsage usage() {
        return new MemoryUsage(memtables.usedBytes(), cache.usedBytes(), pinned.usedBytes(), scratch.usedBytes());
    }

    // ---- what others who share the budget see

    @Override
    public long largestDebtBytes() {
        WriteBuffer open = writeBuffer;
        return open == null ? 0 : open.largestDebtBytes();
    }

    @Override
    public long settlingBytes() {
        WriteBuffer open = writeBuffer;
        return open == null ? memtables.usedBytes() - memtables.exemptBytes() : open.settlingBytes();
    }

    @Override
    public void settleLargest() {
        WriteBuffer open = writeBuffer;
        if (open != null) {
            open.settleLargest();
        }
    }

    @Override
    public void keepSettling() {
        WriteBuffer open = writeBuffer;
        if (open != null) {
            open.keepSettling();
        }
    }

    @Override
    public void memoryFreed() {
        backpressure.changed();
    }

    @Override
    public void close() {
        scratch.endFloor();
        memtables.endFloor();
        whole.unregister(this);
        whole.announceFreed();
    }
}
