package io.firn;

import io.firn.db.Engine;
import io.firn.tx.Turn;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A database of which one transaction at a time writes: what it has read stays as it is until it ends. A write outside of one, a batch,
 * {@code clear}, {@code dropRange}, {@code deleteKeyspace} or the end of an ingestion waits for its turn as a transaction of its own.
 * Readers wait for nobody.
 *
 * <p>Turns go in the order of asking. Who waits longer than {@code writeTimeout} gets a WriteStalledException, reason WRITER_TURN.
 *
 * <p>Threads: any. A thread that has begun a transaction gets an IllegalStateException where it would wait for the end of that.
 */
public final class SingleWriterDatabase extends Database {
    private final Engine engine;
    private final Turn turn;

    SingleWriterDatabase(Engine engine) {
        super(engine);
        this.engine = engine;
        turn = new Turn(engine);
        engine.gate(turn);
    }

    /** Begins a transaction when the one before has ended; its user closes it. */
    public Transaction begin() {
        return new Transaction(engine, turn.begin());
    }

    /** Runs the body in a transaction, commits it and gives the answer; rolls back what throws. The body does not commit. */
    public <R extends @Nullable Object> R transact(Function<Transaction, R> body) {
        try (Transaction transaction = begin()) {
            R answer = body.apply(transaction);
            transaction.commit();
            return answer;
        }
    }
}
