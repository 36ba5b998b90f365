package io.firn.error;

/**
 * A former failure, the cause, makes writing unsafe: reopening recovers what was acknowledged. Reads go on, but for those that come
 * to a place in memory that the failure left half changed: they throw this too.
 */
public final class PoisonedException extends FirnException {
    private static final long serialVersionUID = 1;

    public PoisonedException(Throwable firstCause) {
        super("the database was poisoned by a former failure: " + firstCause, firstCause);
    }
}
