package io.firn.keyspace;

import io.firn.entry.Probe;
import io.firn.memtable.Memtable;
import io.firn.table.Table;
import io.firn.version.Version;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a reader sees of one keyspace: active memtable, sealed memtables newest first, version.
 *
 * <p>Invariants: (1) immutable but for its pins. (2) It counts as one user of each memtable and table that it reaches, from its
 * making until it is freed.
 *
 * <p>Threads: read by any that has pinned it; freed by the maintenance thread.
 */
final class SuperVersion extends Pins {
    final JournaledMemtable active;
    final List<JournaledMemtable> sealed;
    final Version version;

    /** How many of its tables nobody held before. */
    final int newTables;

    private final TreeDirectory directory;

    SuperVersion(JournaledMemtable active, List<JournaledMemtable> sealed, Version version, TreeDirectory directory) {
        this.active = active;
        this.sealed = List.copyOf(sealed);
        this.version = version;
        this.directory = directory;
        directory.enter();
        active.memtable.retain();
        for (JournaledMemtable each : sealed) {
            each.memtable.retain();
        }
        int firstHeld = 0;
        for (Table table : version.tables()) {
            firstHeld += table.retain() ? 1 : 0;
        }
        newTables = firstHeld;
    }

    /** Whether no memtable has an entry. */
    boolean hasOnlyTables() {
        return sealed.isEmpty() && active.memtable.isEmpty();
    }

    /** The newest version of the probe's key at or below its seqno; tombstones are answers too. */
    boolean get(Probe probe) {
        if (active.memtable.get(probe)) {
            return true;
        }
        for (int i = 0; i < sealed.size(); i++) {
            if (sealed.get(i).memtable.get(probe)) {
                return true;
            }
        }
        return version.get(probe);
    }

    /** Bytes of all memtables' slabs. */
    long memtableBytes() {
        long bytes = active.slabBytes();
        for (int i = 0; i < sealed.size(); i++) {
            bytes += sealed.get(i).slabBytes();
        }
        return bytes;
    }

    /** Entries in memtables, versions and tombstones included. */
    long memtableEntries() {
        long entries = active.memtable.count();
        for (int i = 0; i < sealed.size(); i++) {
            entries += sealed.get(i).memtable.count();
        }
        return entries;
    }

    /** The oldest journal file that any memtable but the given one needs. */
    long firstFileIdWithout(@Nullable JournaledMemtable flushed) {
        long first = active.firstFileId();
        for (int i = 0; i < sealed.size(); i++) {
            if (sealed.get(i) != flushed) {
                first = Math.min(first, sealed.get(i).firstFileId());
            }
        }
        return first;
    }

    List<Memtable> memtables() {
        List<Memtable> all = new ArrayList<>();
        all.add(active.memtable);
        sealed.forEach(each -> all.add(each.memtable));
        return all;
    }

    /** Gives up what it reaches; what nobody else reaches is freed. Once, when it is drained. */
    void free() {
        release(active);
        sealed.forEach(SuperVersion::release);
        for (Table table : version.tables()) {
            if (table.release()) {
                table.close();
            }
        }
        directory.leave();
    }

    private static void release(JournaledMemtable each) {
        if (each.memtable.release()) {
            each.memtable.free();
        }
    }
}
