package io.firn.tx;

import io.firn.db.Gate;

/** How transactions are kept apart: one writer at a time, or many that are checked at the end. */
sealed interface Scheme extends Gate permits Oracle, Turn {
    Supplies supplies();

    /** The attempt has ended, committed or not. Once. */
    void end(Attempt attempt);
}
