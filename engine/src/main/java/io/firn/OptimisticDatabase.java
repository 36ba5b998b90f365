package io.firn;

import io.firn.db.Engine;
import io.firn.error.ConflictException;
import io.firn.tx.Oracle;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A database whose transactions run side by side and are as if run one after the other, in the order of their commits: one that has read
 * what was written since it began, by a transaction or a write outside of one, is refused by a ConflictException. One that has written
 * nothing, or has read nothing, is never refused.
 *
 * <p>What is remembered of the writes of others has a limit, 64 MiB of keys or an eighth of the budget: a transaction that
 * reads and stays open for longer than that is refused, too.
 *
 * <p>Threads: any.
 */
public final class OptimisticDatabase extends Database {
    private final Engine engine;
    private final Oracle oracle;

    OptimisticDatabase(Engine engine) {
        super(engine);
        this.engine = engine;
        oracle = new Oracle(engine);
        engine.gate(oracle);
    }

    /** Begins a transaction; its user closes it. */
    public Transaction begin() {
        return new Transaction(engine, oracle.begin());
    }

    /**
     * Runs the body in a transaction, commits it and gives the answer; on a conflict again, up to so many times in all, at least 1, of
     * which the last throws it. The body does not commit, and its other effects are its own care.
     */
    public <R extends @Nullable Object> R transact(int attempts, Function<Transaction, R> body) {
        if (attempts < 1) {
            throw new IllegalArgumentException(attempts + " attempts; at least 1");
        }
        for (int left = attempts - 1; ; left--) {
            try (Transaction transaction = begin()) {
                R answer = body.apply(transaction);
                transaction.commit();
                return answer;
            } catch (ConflictException e) {
                if (left == 0) {
                    throw e;
                }
            }
        }
    }
}
