package io.firn.db;

import io.firn.error.ClosedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import io.firn.keyspace.Retirement;
import io.firn.keyspace.Tree;
import org.jspecify.annotations.Nullable;

/**
 * The memory of all memtables of a database: gives slabs, and makes memory come free where there is none.
 *
 * <p>Invariants: (1) memtables hold no more than the limit of their part of the budget, but for what pins alone hold and for a
 * single write that could not be made otherwise. (2) What is being flushed counts as coming free, so that waiting writers do
 * not seal more memtables than that takes. (3) Whoever shares the budget may make this database flush.
 *
 * <p>Threads: any; none of its callers holds the commit lock.
 */
final class WriteBuffer {
    private final MemoryBudget whole;
    private final MemoryBudget memtables;
    private final SlabPool slabs;
    private final Retirement retirement;
    private final Trees trees;
    private final Commits commits;
    private final Flushes flushes;
    private final Health health;
    private final Backpressure backpressure;
    private final Object providing = new Object();

    WriteBuffer(
            MemoryBudget whole, MemoryBudget memtables, SlabPool slabs, Retirement retirement, Trees trees, Commits commits,
            Flushes flushes, Health health, Backpressure backpressure) {
        this.whole = whole;
        this.memtables = memtables;
        this.slabs = slabs;
        this.retirement = retirement;
        this.trees = trees;
        this.commits = commits;
        this.flushes = flushes;
        this.health = health;
        this.backpressure = backpressure;
    }

    /**
     * Gives the tree a slab of the size that it wanted, unless another thread has done so meanwhile; false if there is no memory
     * for it now. One thread at a time: a new slab takes milliseconds, and whoever waits for one wants that which is being made.
     */
    boolean provide(Tree tree, long slabBytes) {
        synchronized (providing) {
            return slabBytes == 0
                    || commits.slabBytesWanted(tree) != slabBytes
                    || give(tree, acquire(slabBytes, false));
        }
    }

    /**
     * Gives the tree the slab that it will soon want. Where memtables would then hold more than half of their limit the largest is
     * sealed instead, so that there is memory for the next ones while it is flushed.
     */
    void provideAhead(Tree tree, long slabBytes) {
        if (activeBytes() + slabBytes > memtables.limitBytes() / 2 && pendingBytes() == 0) {
            settleLargest();
            if (commits.slabBytesWanted(tree) != slabBytes) {
                return;
            }
        }
        provide(tree, slabBytes);
    }

    /**
     * Makes memory come free for a slab that could not be given: sees that what only pins hold is not counted, then flushes the
     * largest memtable, of this database if its own limit is reached, else of whoever shares the budget. Where nothing of this
     * database can come free, as for a batch over more keyspaces than the limit has slabs for, the slab goes over that limit.
     */
    void relieve(Tree tree, long slabBytes) {
        retirement.requestExemption();
        if (slabBytes <= memtables.leftOfLimitBytes()) {
            whole.settle(slabBytes);
            return;
        }
        long shortBytes = slabBytes - memtables.leftOfLimitBytes();
        if (pendingBytes() < shortBytes && largest() != null) {
            settleLargest();
        } else if (pendingBytes() > 0) {
            keepSettling();
        } else if (slabBytes <= whole.leftBytes()) {
            give(tree, acquire(slabBytes, true));
            backpressure.changed();
        }
    }

    // ---- what others who share the budget see

    /** The largest memtable that can be sealed; 0 if others must not count on it. */
    long largestDebtBytes() {
        Tree largest = isStuck() ? null : largest();
        return largest == null ? 0 : largest.activeSlabBytes();
    }

    /** What is being flushed, or was and is not freed yet; 0 if others must not count on it. */
    long settlingBytes() {
        return isStuck() ? 0 : pendingBytes();
    }

    /** Seals the largest memtable and flushes it in the background. */
    void settleLargest() {
        try {
            Tree largest = largest();
            if (largest != null) {
                commits.rotate(largest);
            }
            keepSettling();
        } catch (ClosedException e) {
            // What this database holds comes back as it closes.
            return;
        }
    }

    /** Goes on with what is sealed. */
    void keepSettling() {
        if (!backpressure.hasJustFailed()) {
            trees.all().forEach(flushes::request);
        }
    }

    /** Flushes fail, or end before their time: others must not count on them. */
    private boolean isStuck() {
        return backpressure.isFailing() || !health.isWritable();
    }

    /** What is sealed, or flushed and not freed yet. */
    private long pendingBytes() {
        long countedBytes = memtables.limitBytes() - memtables.leftOfLimitBytes();
        return Math.max(0, countedBytes - slabs.freeBytes() - activeBytes());
    }

    private long activeBytes() {
        long bytes = 0;
        for (Tree tree : trees.all()) {
            bytes += tree.activeMemtableBytes();
        }
        return bytes;
    }

    private @Nullable Tree largest() {
        Tree largest = null;
        for (Tree tree : trees.all()) {
            if (tree.activeSlabBytes() > (largest == null ? 0 : largest.activeSlabBytes())
                    && tree.sealedCount() < Commits.SEALED_MEMTABLES_MAX) {
                largest = tree;
            }
        }
        return largest;
    }

    private @Nullable Slab acquire(long slabBytes, boolean isBeyondLimit) {
        try {
            return isBeyondLimit ? slabs.tryAcquireBeyondLimit(slabBytes) : slabs.tryAcquireOrReclaim(slabBytes);
        } catch (IllegalStateException e) {
            throw new ClosedException("the database is closed");
        }
    }

    /** False if there is no slab. One that is not wanted any more goes back. */
    private boolean give(Tree tree, @Nullable Slab slab) {
        if (slab == null) {
            return false;
        }
        if (!commits.provide(tree, slab)) {
            slabs.release(slab);
        }
        return true;
    }
}
