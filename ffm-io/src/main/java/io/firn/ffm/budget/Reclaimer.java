package io.firn.ffm.budget;

/** Somebody who keeps memory of a budget only because it may be useful: free slabs, cached blocks. */
public interface Reclaimer {
    /**
     * Gives back so many bytes, or what it can, to the budget, and answers how many; it waits for nobody. Called on the threads of
     * others, who hold none of its locks, at any time between its registration and its end.
     */
    long giveBack(long bytes);
}
