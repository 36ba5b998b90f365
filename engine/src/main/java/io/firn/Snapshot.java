package io.firn;

import io.firn.db.Engine;
import io.firn.keyspace.Opening;
import io.firn.keyspace.Snapshots;
import io.firn.keyspace.Tree;
import java.lang.ref.Reference;

/**
 * All keyspaces as they were at one moment, whatever is written since. What it sees is kept on disk until it is closed.
 *
 * <p>Threads: any. Closed by: its user; a forgotten one is released and reported some time after it became garbage.
 */
public final class Snapshot implements AutoCloseable {
    private final Engine engine;
    private final Opening opening;
    private final long seqno;

    Snapshot(Engine engine) {
        this.engine = engine;
        Snapshots snapshots = engine.readers().snapshots();
        long atSeqno = snapshots.open();
        seqno = atSeqno;
        opening = engine.readers().openings().open(this, "a snapshot", () -> engine.closeSnapshot(atSeqno));
    }

    /** The keyspace at the snapshot; empty for one that was created later. */
    public KeyspaceView in(Keyspace keyspace) {
        opening.checkOpen();
        Tree tree = keyspace.treeOf(engine);
        return new KeyspaceView(
                new Reads(tree, tree.reader(), engine.readers().openings(), seqno, opening), this);
    }

    /** The seqno of the last write that it sees. */
    public long seqno() {
        return seqno;
    }

    /** Idempotent. */
    @Override
    public void close() {
        opening.close();
        // Until here this is no garbage, and not forgotten.
        Reference.reachabilityFence(this);
    }

    @Override
    public String toString() {
        return "Snapshot[" + seqno + "]";
    }
}
