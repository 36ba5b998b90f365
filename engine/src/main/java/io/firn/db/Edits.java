package io.firn.db;

import io.firn.version.Change;
import io.firn.version.Manifest;
import io.firn.version.VersionEdit;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * The edits of the manifest, one after the other, each with what it installs in memory.
 *
 * <p>Invariants: (1) every edit carries the next ids and the next seqno, so that none is given twice. (2) What an edit says is
 * installed before the next edit is appended. (3) An edit that fails poisons: what the manifest holds on the disk is unknown until
 * it is read again.
 *
 * <p>Threads: workers.
 */
final class Edits {
    private final Manifest manifest;
    private final Commits commits;
    private final Health health;
    private final AtomicLong nextFileId;

    /** The manifest lock. Taken before the commit lock. */
    private final Object lock = new Object();

    Edits(Manifest manifest, Commits commits, Health health, long nextFileId) {
        this.manifest = manifest;
        this.commits = commits;
        this.health = health;
        this.nextFileId = new AtomicLong(nextFileId);
    }

    LongSupplier nextFileId() {
        return nextFileId::getAndIncrement;
    }

    Manifest manifest() {
        return manifest;
    }

    /** The manifest lock, held around a decision and the edit that it leads to. */
    Object lock() {
        return lock;
    }

    /** Makes the changes durable, then installs them. */
    void append(List<? extends Change> changes, Runnable install) throws IOException {
        synchronized (lock) {
            append(changes, manifest.state().nextKeyspaceId(), install);
        }
    }

    void append(List<? extends Change> changes, int nextKeyspaceId, Runnable install) throws IOException {
        synchronized (lock) {
            try {
                long nextSeqno;
                synchronized (commits.lock()) {
                    nextSeqno = commits.lastSeqno() + 1;
                }
                List<Change> all = new ArrayList<>(changes);
                all.add(new Change.Counters(nextSeqno, nextFileId.get(), nextKeyspaceId));
                manifest.append(new VersionEdit(all));
                install.run();
            } catch (Throwable t) {
                health.poison(t);
                throw t;
            }
        }
    }
}
