package io.firn.error;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A write waited longer than {@code writeTimeout} for background work, or for another writer. It left no trace. */
public final class WriteStalledException extends FirnException {
    private static final long serialVersionUID = 1;

    private final Reason reason;
    private final Duration waited;

    /** What the write waited for. */
    public enum Reason {
        /** Sealed memtables that are not flushed yet. */
        SEALED_MEMTABLES,
        /** An edit of the keyspace that takes its place between two commits: an ingestion, a dropped range. */
        KEYSPACE_EDIT,
        /** Runs of level 0 that are not merged yet. */
        L0_RUNS,
        /** Journals that cannot be retired yet. */
        JOURNAL_BYTES,
        /** A journal file that is not ready yet. */
        JOURNAL_NOT_READY,
        /** The memory budget. */
        MEMORY,
        /** The turn of the single writer, which another transaction has. */
        WRITER_TURN
    }

    /** The cause is the failure of the background work that the write waited for, if it failed. */
    public WriteStalledException(Reason reason, Duration waited, @Nullable Throwable cause) {
        super("stalled for " + waited.toMillis() + " ms, reason " + reason
                + (cause == null ? "" : "; the last failure: " + cause.getMessage()), cause);
        this.reason = reason;
        this.waited = waited;
    }

    public Reason reason() {
        return reason;
    }

    public Duration waited() {
        return waited;
    }
}
