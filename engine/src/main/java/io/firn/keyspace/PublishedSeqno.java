package io.firn.keyspace;

/**
 * The seqno up to which every write is visible, for a whole database. Not final, so that a test can let others go on between
 * its reading and its use.
 *
 * <p>Threads: stored by the holder of the commit lock, after the last entry of the write stands in its memtable; read by anyone.
 */
public class PublishedSeqno {
    private volatile long seqno;

    public long get() {
        return seqno;
    }

    public void publish(long newSeqno) {
        assert seqno <= newSeqno : "seqno " + newSeqno + " after " + seqno;
        seqno = newSeqno;
    }
}
