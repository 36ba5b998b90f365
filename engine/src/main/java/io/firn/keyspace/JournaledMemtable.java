package io.firn.keyspace;

import io.firn.memtable.Memtable;

/**
 * A memtable and the stretch of the journal that holds its entries.
 *
 * <p>Threads: changed under the commit lock until it is sealed; then read by the flush, to which the seal hands it over.
 */
public final class JournaledMemtable {
    /** No journal file holds an entry of this memtable. */
    public static final long NO_FILE = Long.MAX_VALUE;

    final Memtable memtable;
    private long firstFileId = NO_FILE;
    private long sealedSeqno;
    private long sealedPosition;

    JournaledMemtable(Memtable memtable) {
        this.memtable = memtable;
    }

    void noteFile(long fileId) {
        if (firstFileId == NO_FILE) {
            firstFileId = fileId;
        }
    }

    void seal(long lastSeqno, long endPosition) {
        sealedSeqno = lastSeqno;
        sealedPosition = endPosition;
    }

    /** The oldest journal file that this memtable needs. */
    public long firstFileId() {
        return firstFileId;
    }

    /** The keyspace has no entry at or below this seqno that is not in this memtable or in an older one. */
    public long sealedSeqno() {
        return sealedSeqno;
    }

    /** Where the journal ended when this memtable was sealed: behind its last record (R1). */
    public long sealedPosition() {
        return sealedPosition;
    }

    /** What its entries and their nodes take. */
    public long usedBytes() {
        return memtable.usedBytes();
    }

    public long slabBytes() {
        return memtable.slabBytes();
    }
}
