package io.firn.keyspace;

import org.jspecify.annotations.Nullable;

/**
 * What one tree consists of at a moment, kept for a flush: its memtables stay, whatever edit drops them meanwhile.
 *
 * <p>Threads: one. Closed by: its opener, who has deleted by then what was written in vain.
 */
public final class HeldSuperVersion implements AutoCloseable {
    private final SuperVersion pinned;
    private final int stripe;
    private final Retirement retirement;

    HeldSuperVersion(SuperVersion pinned, int stripe, Retirement retirement) {
        this.pinned = pinned;
        this.stripe = stripe;
        this.retirement = retirement;
    }

    /** The sealed memtable that is the next to be flushed; null if there is none. */
    public @Nullable JournaledMemtable oldestSealed() {
        return pinned.sealed.isEmpty() ? null : pinned.sealed.getLast();
    }

    @Override
    public void close() {
        if (pinned.unpin(stripe)) {
            retirement.wake();
        }
    }
}
