package io.firn.db;

import org.jspecify.annotations.Nullable;

/**
 * How edits pass the gate, if the database has one.
 *
 * <p>Threads: any; the gate is there before others know the database.
 */
final class Gating {
    private @Nullable Gate gate;

    void gate(Gate newGate) {
        gate = newGate;
    }

    @Nullable Gate gate() {
        return gate;
    }

    /** Makes an edit that is no transaction's. */
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
}
