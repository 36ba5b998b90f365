package io.firn.keyspace;

import io.firn.entry.Probe;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Leases;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A point lookup and the super version that it pins. Leased for a whole call including its callback (R20). */
public final class Lookup implements Leases.Leased {
    final Probe probe;
    @Nullable SuperVersion pinned;
    int stripe;

    /** Its number among all that read. */
    final int slot;

    private final Consumer<Lookup> onClose;
    private @Nullable Thread callbackThread;

    public Lookup(MemoryBudget budget, int slot, Consumer<Lookup> onClose) {
        this.slot = slot;
        probe = new Probe(budget);
        this.onClose = onClose;
    }

    public Probe probe() {
        return probe;
    }

    /** The thread runs a callback over the answer, until {@link #endCallback}: it may not close the database meanwhile (R22). */
    public void beginCallback() {
        callbackThread = Thread.currentThread();
    }

    public void endCallback() {
        callbackThread = null;
    }

    /** Exact for the asking thread itself, which is the only one that asks about it. */
    public boolean isInCallbackOf(Thread thread) {
        return callbackThread == thread;
    }

    @Override
    public void close() {
        onClose.accept(this);
        probe.close();
    }
}
