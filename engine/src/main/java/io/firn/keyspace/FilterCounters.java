package io.firn.keyspace;

import io.firn.entry.Probe;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What the filters of a keyspace's tables were worth: how often they were asked in vain, in stripes, as pins are. A lookup counts in
 * its probe and adds that once, to a cache line that its thread's core owns.
 *
 * <p>Threads: any.
 */
final class FilterCounters {
    private static final VarHandle COUNTERS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int STRIDE = 16;
    private static final int SKIPS = 0;
    private static final int PASSES = 1;

    private final long[] counters = new long[(Pins.STRIPES + 1) * STRIDE];

    /** Takes over what the probe has counted. */
    void take(Probe probe, int stripe) {
        int at = (stripe + 1) * STRIDE;
        // opaque would do for each, were a stripe not shared by the threads that fall on it
        if (probe.filterSkips() != 0) {
            COUNTERS.getAndAdd(counters, at + SKIPS, (long) probe.filterSkips());
        }
        if (probe.filterPasses() != 0) {
            COUNTERS.getAndAdd(counters, at + PASSES, (long) probe.filterPasses());
        }
        probe.clearFilterCounts();
    }

    /** How often a filter told that its table has not the key. */
    long skips() {
        return sum(SKIPS);
    }

    /** How often one let a key pass that its table has not. */
    long passes() {
        return sum(PASSES);
    }

    private long sum(int which) {
        long sum = 0;
        for (int stripe = 0; stripe < Pins.STRIPES; stripe++) {
            sum += (long) COUNTERS.getVolatile(counters, (stripe + 1) * STRIDE + which);
        }
        return sum;
    }
}
