package io.firn.db;

import io.firn.keyspace.Upkeep;
import java.io.InterruptedIOException;

/**
 * A flush, a compaction or an ingestion on its way, which is counted for its keyspace and for all, and what becomes of it.
 *
 * <p>Threads: one, or one after another while they wait for each other. Closed by: its opener, at the end of the work.
 */
final class CountedWork implements AutoCloseable {
    private static final String COMPLETED = "completed";
    private static final String FAILED = "failed";
    private static final String CANCELLED = "cancelled";

    private final Upkeep ofTree;
    private final Upkeep ofAll;
    private String outcome = CANCELLED;
    private long readBytes;
    private long writtenBytes;

    CountedWork(Upkeep ofTree, Upkeep ofAll) {
        this.ofTree = ofTree;
        this.ofAll = ofAll;
        ofTree.begin();
        ofAll.begin();
    }

    /** What was written stands in the place of what was read. */
    void complete(long bytesRead, long bytesWritten, long nanosTaken) {
        outcome = COMPLETED;
        readBytes = bytesRead;
        writtenBytes = bytesWritten;
        ofTree.complete(bytesRead, bytesWritten, nanosTaken);
        ofAll.complete(bytesRead, bytesWritten, nanosTaken);
    }

    /** It ends without an outcome. What was interrupted was cancelled. */
    void fail(Throwable cause) {
        if (outcome.equals(CANCELLED) && !(cause instanceof InterruptedIOException)) {
            outcome = FAILED;
            ofTree.fail();
            ofAll.fail();
        }
    }

    /** How it ended, in a word. */
    String outcome() {
        return outcome;
    }

    long readBytes() {
        return readBytes;
    }

    long writtenBytes() {
        return writtenBytes;
    }

    /** What is neither complete nor failed was cancelled. */
    @Override
    public void close() {
        if (outcome.equals(CANCELLED)) {
            ofTree.cancel();
            ofAll.cancel();
        }
        ofTree.end();
        ofAll.end();
    }
}
