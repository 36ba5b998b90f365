package io.firn.ffm.memory;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.budget.Reclaimer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Slabs that come back: allocating 8 MiB costs 1.6 ms of zeroing and closing a shared arena stops other threads, so
 * slabs of a power of two are kept for the next who asks.
 *
 * <p>Invariants: (1) every slab, in use or free, is charged to the budget until it is closed. (2) Free slabs hold at
 * most {@code keptBytes}; what is over is closed on the releasing thread, which is the maintenance thread, and whoever lacks
 * memory of the budget gets them all. (3) A slab that is released twice is a bug of ours.
 *
 * <p>Threads: any.
 *
 * <p>Closed by: the database, after its threads have ended. Slabs still in use are closed too: a late access throws
 * (R22).
 */
public final class SlabPool implements Reclaimer, AutoCloseable {
    private final MemoryBudget budget;
    private final long keptBytes;
    private final List<ArrayDeque<Slab>> freeBySizeLog = new ArrayList<>();
    private final List<Slab> open = new ArrayList<>();
    private long freeBytes;
    private boolean isClosed;

    public SlabPool(MemoryBudget budget, long keptBytes) {
        this.budget = budget;
        this.keptBytes = keptBytes;
        for (int log = 0; log < Long.SIZE; log++) {
            freeBySizeLog.add(new ArrayDeque<>());
        }
        budget.register(this);
    }

    /** A slab of exactly so many bytes, its content undefined; null if the budget does not give them. */
    public @Nullable Slab tryAcquire(long sizeBytes) {
        Slab free = takeFree(sizeBytes);
        if (free != null) {
            return free;
        }
        if (!budget.tryReserve(sizeBytes)) {
            giveBack(sizeBytes);
            if (!budget.tryReserve(sizeBytes)) {
                return null;
            }
        }
        return make(sizeBytes);
    }

    /**
     * The same, null only if those have nothing left either who hold memory of the budget that they can do without. The caller holds
     * no lock that a {@link Reclaimer} takes.
     */
    public @Nullable Slab tryAcquireOrReclaim(long sizeBytes) {
        Slab slab = tryAcquire(sizeBytes);
        if (slab != null) {
            return slab;
        }
        return budget.reserveOrReclaim(sizeBytes) ? make(sizeBytes) : null;
    }

    /** The same, as an overdraft where even so there is nothing; null if the machine has no memory. */
    public @Nullable Slab tryAcquireBeyondLimit(long sizeBytes) {
        Slab slab = tryAcquireOrReclaim(sizeBytes);
        if (slab != null) {
            return slab;
        }
        budget.overdraw(sizeBytes);
        return make(sizeBytes);
    }

    private synchronized @Nullable Slab takeFree(long sizeBytes) {
        checkOpen();
        Slab free = isPowerOfTwo(sizeBytes) ? freeOfSize(sizeBytes).poll() : null;
        if (free != null) {
            freeBytes -= sizeBytes;
        }
        return free;
    }

    /** A new slab, whose bytes are charged. */
    private @Nullable Slab make(long sizeBytes) {
        Slab slab;
        try {
            slab = new Slab(sizeBytes);
        } catch (OutOfMemoryError e) {
            budget.release(sizeBytes);
            return null;
        }
        synchronized (this) {
            if (!isClosed) {
                open.add(slab);
                return slab;
            }
        }
        slab.close();
        budget.release(sizeBytes);
        throw new IllegalStateException("the slab pool is closed");
    }

    /** From now on only readers' pins hold the slab, until it is released: it does not keep others from reserving (R21). */
    public synchronized void exempt(Slab slab) {
        if (!isClosed && !slab.isExempt) {
            slab.isExempt = true;
            budget.exempt(slab.sizeBytes());
        }
    }

    /** Takes a slab back. No reader may reach it any more. */
    public void release(Slab slab) {
        synchronized (this) {
            if (isClosed) {
                return;
            }
            long size = slab.sizeBytes();
            if (isPowerOfTwo(size) && freeBytes + size <= keptBytes && !slab.isExempt) {
                assert !freeOfSize(size).contains(slab) : "slab released twice";
                freeOfSize(size).push(slab);
                freeBytes += size;
                return;
            }
            open.remove(slab);
        }
        close(slab);
    }

    /** Bytes of free slabs, which are charged to the budget too. */
    public synchronized long freeBytes() {
        return freeBytes;
    }

    @Override
    public void close() {
        List<Slab> rest;
        synchronized (this) {
            if (isClosed) {
                return;
            }
            isClosed = true;
            rest = List.copyOf(open);
            open.clear();
            freeBySizeLog.forEach(ArrayDeque::clear);
            freeBytes = 0;
        }
        budget.unregister(this);
        rest.forEach(this::close);
    }

    /** Closes free slabs, the largest first, until they sum to so many bytes. */
    @Override
    public long giveBack(long bytes) {
        List<Slab> given = new ArrayList<>();
        long givenBytes = 0;
        synchronized (this) {
            for (ArrayDeque<Slab> slabs : freeBySizeLog.reversed()) {
                while (givenBytes < bytes && !slabs.isEmpty()) {
                    Slab slab = slabs.pop();
                    givenBytes += slab.sizeBytes();
                    given.add(slab);
                }
            }
            open.removeAll(given);
            freeBytes -= givenBytes;
        }
        given.forEach(this::close);
        return givenBytes;
    }

    private void close(Slab slab) {
        slab.close();
        if (slab.isExempt) {
            budget.releaseExempt(slab.sizeBytes());
        } else {
            budget.release(slab.sizeBytes());
        }
    }

    private void checkOpen() {
        if (isClosed) {
            throw new IllegalStateException("the slab pool is closed");
        }
    }

    private ArrayDeque<Slab> freeOfSize(long sizeBytes) {
        return freeBySizeLog.get(Long.numberOfTrailingZeros(sizeBytes));
    }

    private static boolean isPowerOfTwo(long value) {
        return Long.bitCount(value) == 1;
    }
}
