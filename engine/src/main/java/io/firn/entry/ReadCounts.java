package io.firn.entry;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What the reads of one keyspace by one piece of leased memory came to: where blocks were found, by type, and what filters were worth.
 *
 * <p>Threads: one counts at a time, whoever has leased the memory, by plain additions on a cache line of its own; any sums up
 * meanwhile, and may see a figure a little late.
 */
public final class ReadCounts {
    /** Types of blocks. */
    public static final int DATA = 0;
    public static final int INDEX = 4;
    public static final int FILTER = 8;
    public static final int BLOB = 12;

    /** Figures of a type. */
    public static final int IN_PLACE = 0;
    public static final int CACHED = 1;
    public static final int LOADED = 2;
    public static final int LOADED_BYTES = 3;

    public static final int FILTER_SKIPS = 16;
    public static final int FILTER_PASSES = 17;

    /** How many figures there are. */
    public static final int COUNT = 18;

    private static final VarHandle FIGURES = MethodHandles.arrayElementVarHandle(long[].class);

    /** A cache line of longs, on either side: the neighbours in the heap are another thread's. */
    private static final int PADDING = 8;

    private final long[] figures = new long[PADDING + COUNT + PADDING];

    /** A block was read where it lies: in the file's mapping, verified before, or in a copy that its table has. */
    public void inPlace(int type) {
        figures[PADDING + type + IN_PLACE]++;
    }

    /** A block was found in the cache. */
    public void cached(int type) {
        figures[PADDING + type + CACHED]++;
    }

    /** A block was read from the file as a whole, where it takes so many bytes, to be verified or unpacked. */
    public void loaded(int type, int bytes) {
        figures[PADDING + type + LOADED]++;
        figures[PADDING + type + LOADED_BYTES] += bytes;
    }

    /** A filter told that a table has not the key. */
    public void filterSkip() {
        figures[PADDING + FILTER_SKIPS]++;
    }

    /** A filter let the key pass, and the table has not got it. */
    public void filterPass() {
        figures[PADDING + FILTER_PASSES]++;
    }

    /** A figure as it is now. Opaque: against the plain additions of who counts it need only be read each time, and whole. */
    public long figure(int which) {
        return (long) FIGURES.getOpaque(figures, PADDING + which);
    }
}
