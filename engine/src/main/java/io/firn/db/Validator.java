package io.firn.db;

/** Whether the commit of a transaction may still be made (R16). */
public interface Validator {
    /**
     * Looks at all that was written until now, so that little is left to be looked at under the lock; false if the commit is refused.
     * No lock is held. Called again after each wait.
     */
    boolean isValidSoFar();

    /** Looks at the rest: the commit is made before any other, or refused. Commit lock; nothing is written yet. */
    boolean isValid();
}
