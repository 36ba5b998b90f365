package io.firn.keyspace;

import io.firn.memtable.Memtable;
import io.firn.table.Table;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Super versions that were replaced and wait for their last reader, and the histories of those that wait for snapshots.
 *
 * <p>Threads: {@code retire} and {@code wake} by any, {@code freeDrained} by the maintenance thread alone: closing a mapping
 * stops other threads for tens of microseconds, with busy ones for milliseconds.
 */
public final class Retirement {
    private final List<SuperVersion> waiting = new ArrayList<>();
    private final List<Table> unused = new ArrayList<>();
    private volatile List<History> histories = List.of();
    private final Runnable wake;
    private int freeingCount;
    private boolean isExemptionWanted;

    /** {@code wake} makes the maintenance thread call {@link #freeDrained}. */
    public Retirement(Runnable wake) {
        this.wake = wake;
    }

    void retire(SuperVersion superVersion) {
        superVersion.retire();
        synchronized (this) {
            waiting.add(superVersion);
        }
        wake.run();
    }

    /** The table was released by the last who counted; it is closed. */
    void retire(Table table) {
        synchronized (this) {
            unused.add(table);
        }
        wake.run();
    }

    void wake() {
        wake.run();
    }

    /** The history has something that it will forget when snapshots are closed. */
    synchronized void watch(History history) {
        if (!histories.contains(history)) {
            List<History> more = new ArrayList<>(histories);
            more.add(history);
            histories = List.copyOf(more);
        }
    }

    /** A snapshot was closed: what it alone saw can go. */
    public void snapshotClosed() {
        if (!histories.isEmpty()) {
            wake.run();
        }
    }

    /** Frees what no reader has pinned any more and no snapshot reads; whether there was something. */
    public boolean freeDrained() {
        forgetHistories();
        List<SuperVersion> drained = new ArrayList<>();
        List<Table> closing;
        synchronized (this) {
            waiting.removeIf(each -> each.isDrained() && drained.add(each));
            freeingCount = drained.size();
            closing = List.copyOf(unused);
        }
        drained.forEach(SuperVersion::free);
        closing.forEach(Table::close);
        synchronized (this) {
            freeingCount = 0;
            unused.removeAll(closing);
        }
        return !drained.isEmpty();
    }

    private void forgetHistories() {
        if (!histories.isEmpty()) {
            histories.forEach(History::forget);
            synchronized (this) {
                histories = histories.stream().filter(each -> !each.isEmpty()).toList();
            }
        }
    }

    /** Somebody lacks memory: what of it is not freed for its readers' pins alone shall not count against limits (R21). */
    public void requestExemption() {
        synchronized (this) {
            if (isExemptionWanted || waiting.isEmpty()) {
                return;
            }
            isExemptionWanted = true;
        }
        wake.run();
    }

    /** Does what was requested, after {@link #freeDrained}; whether anything came of it. */
    public boolean exemptPinned() {
        Map<Memtable, Integer> retiredUsers = new IdentityHashMap<>();
        Set<Memtable> pinned = Collections.newSetFromMap(new IdentityHashMap<>());
        synchronized (this) {
            if (!isExemptionWanted) {
                return false;
            }
            isExemptionWanted = false;
            for (SuperVersion each : waiting) {
                boolean isPinned = !each.isDrained();
                for (Memtable memtable : each.memtables()) {
                    retiredUsers.merge(memtable, 1, Integer::sum);
                    if (isPinned) {
                        pinned.add(memtable);
                    }
                }
            }
        }
        boolean isAnyExempt = false;
        for (Memtable memtable : pinned) {
            // What only retired super versions use is in no current one, and so never in a later one.
            isAnyExempt |= retiredUsers.get(memtable) == memtable.userCount() && memtable.exempt();
        }
        return isAnyExempt;
    }

    /** How many still wait or are being freed, and what is to be closed. */
    public synchronized int count() {
        return waiting.size() + freeingCount + unused.size();
    }
}
