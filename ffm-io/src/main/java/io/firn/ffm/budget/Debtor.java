package io.firn.ffm.budget;

/**
 * Somebody who holds memory of a budget that has to be written out before it can be given back: the memtables of a database. Called
 * on the threads of others, who hold none of its locks, at any time between its registration and its end.
 */
public interface Debtor {
    /** The largest piece that {@link #settleLargest} would begin to write out; 0 for none. */
    long largestDebtBytes();

    /** What is being written out, or was and is not given back yet; 0 while that fails. */
    long settlingBytes();

    /** Begins to write the largest piece out, in the background. */
    void settleLargest();

    /** Goes on with what is being written out, in the background, should it have failed before. */
    void keepSettling();

    /** Memory of the budget was freed, by anybody. */
    void memoryFreed();
}
