package io.firn.keyspace;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Leases;
import java.util.BitSet;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * Who reads a database: the memory that reads lease, the snapshots that are live, and what users have open.
 *
 * <p>Threads: any. Closed by: the database, after the calls in progress have ended.
 */
public final class Readers implements AutoCloseable {
    private final MemoryBudget budget;
    private final Snapshots snapshots;
    private final Openings openings = new Openings();
    private final Leases<Lookup> lookups = new Leases<>(this::makeLookup);
    private final Leases<Scan> scans;

    /** Those that are not closed: what is leased, and what waits in its slot. */
    private final Set<Lookup> lookupsMade = Collections.newSetFromMap(new IdentityHashMap<>());

    /** The numbers of lookups and scans that are not closed: where each counts what it reads. */
    private final BitSet slots = new BitSet();

    public Readers(MemoryBudget budget, PublishedSeqno published) {
        this.budget = budget;
        snapshots = new Snapshots(published);
        scans = new Leases<>(this::makeScan);
    }

    public Snapshots snapshots() {
        return snapshots;
    }

    public Openings openings() {
        return openings;
    }

    /** Whether the calling thread runs a callback over an answer. */
    public boolean isInCallback() {
        synchronized (lookupsMade) {
            for (Lookup each : lookupsMade) {
                if (each.isInCallbackOf(Thread.currentThread())) {
                    return true;
                }
            }
        }
        return false;
    }

    Leases<Lookup> lookups() {
        return lookups;
    }

    Leases<Scan> scans() {
        return scans;
    }

    @Override
    public void close() {
        lookups.close();
        scans.close();
    }

    private Lookup makeLookup() {
        Lookup made = new Lookup(budget, takeSlot(), this::forget);
        synchronized (lookupsMade) {
            lookupsMade.add(made);
        }
        return made;
    }

    /** One that came back when enough were waiting. */
    private void forget(Lookup closed) {
        synchronized (lookupsMade) {
            lookupsMade.remove(closed);
        }
        giveBackSlot(closed.slot);
    }

    private Scan makeScan() {
        return new Scan(budget, takeSlot(), closed -> giveBackSlot(closed.slot));
    }

    private int takeSlot() {
        synchronized (slots) {
            int slot = slots.nextClearBit(0);
            slots.set(slot);
            return slot;
        }
    }

    /** Its next owner counts on. */
    private void giveBackSlot(int slot) {
        synchronized (slots) {
            slots.clear(slot);
        }
    }
}
