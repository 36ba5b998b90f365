package io.firn;

import io.firn.config.PersistMode;
import io.firn.db.Engine;
import io.firn.keyspace.Opening;
import io.firn.keyspace.Tree;
import io.firn.tx.Attempt;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * Reads of all keyspaces at one moment, and writes to them that become visible and durable together, or not at all. It sees its own
 * writes; nobody else does before {@code commit}. They lie outside the heap. Closing it without {@code commit} rolls back; after either
 * it answers ClosedException, as do its cursors.
 *
 * <p>That of a {@link SingleWriterDatabase} is the only one that writes while it is open. That of an {@link OptimisticDatabase} is
 * checked by {@code commit}: if anything that it has read was written meanwhile, by whatever means, that is a ConflictException.
 *
 * <p>Threads: one at a time, it may be handed on; a second one meanwhile is an IllegalStateException. Closed by: its user, not inside a
 * callback of its own reads; a forgotten one is rolled back and reported some time after it became garbage. When the database is closed,
 * so are its transactions.
 */
public final class Transaction implements AutoCloseable {
    private final Engine engine;
    private final Attempt attempt;
    private final Opening opening;
    private @Nullable PersistMode mode;

    Transaction(Engine engine, Attempt begun) {
        this.engine = engine;
        attempt = begun;
        opening = engine.readers().openings().open(this, "a transaction", begun::end);
        begun.open(opening);
    }

    /** A keyspace as the transaction sees it, and writes it. What is read so is checked by an optimistic one. */
    public TransactionKeyspace in(Keyspace keyspace) {
        Tree tree = keyspace.treeOf(engine);
        return new TransactionKeyspace(this, attempt, tree, attempt.writesTo(tree), opening);
    }

    /** A keyspace as it was when the transaction began, without its own writes. What is read so is not checked. */
    public KeyspaceView untracked(Keyspace keyspace) {
        opening.checkOpen();
        Tree tree = keyspace.treeOf(engine);
        return new KeyspaceView(
                new Reads(tree, tree.reader(), engine.readers().openings(), attempt.seqno(), opening), this);
    }

    /** How far the writes have come when {@code commit} returns; default: as the database was opened. */
    public Transaction durability(PersistMode newMode) {
        mode = newMode;
        return this;
    }

    /**
     * All or nothing, one seqno, the last write of each key; nothing written: nothing. Then the transaction is closed. It is closed by a
     * ConflictException too; whatever else refuses it leaves it open as it was, to be tried again or closed.
     */
    public void commit() {
        attempt.checkNoCallback();
        try {
            attempt.commit(mode);
        } finally {
            // Until here this is no garbage, and not forgotten.
            Reference.reachabilityFence(this);
        }
    }

    /** Idempotent; without {@code commit} it rolls back. */
    @Override
    public void close() {
        attempt.checkNoCallback();
        opening.close();
        // Until here this is no garbage, and not forgotten.
        Reference.reachabilityFence(this);
    }

    @Override
    public String toString() {
        return "Transaction[" + attempt.seqno() + "]";
    }

    Engine engine() {
        return engine;
    }
}
