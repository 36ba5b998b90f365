package io.firn.db;

import org.jspecify.annotations.Nullable;

/**
 * How what is no transaction's passes the gate, if the database has one.
 *
 * <p>Threads: any; the gate is there before others know the database. Closed by: the engine.
 */
final class Gating implements AutoCloseable {
    private @Nullable Gate gate;

    void gate(Gate newGate) {
        gate = newGate;
    }

    /** Commits a batch; answers the journal position behind it. */
    long commit(Batch batch, Commits commits) {
        Gate passed = gate;
        if (passed == null) {
            return commits.commit(batch, null);
        }
        passed.enter();
        try {
            return commits.commit(batch, null);
        } finally {
            passed.leave();
        }
    }

    /** Makes an edit. */
    void run(Runnable edit) {
        Gate passed = gate;
        if (passed == null) {
            edit.run();
            return;
        }
        passed.enter();
        try {
            edit.run();
        } finally {
            passed.leave();
        }
    }

    /** The database was poisoned or closed. */
    void changed() {
        Gate passed = gate;
        if (passed != null) {
            passed.changed();
        }
    }

    @Override
    public void close() {
        Gate passed = gate;
        if (passed != null) {
            passed.close();
        }
    }
}
