package io.firn.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Hits and misses of each type of block, counted in stripes chosen by thread, so that readers do not meet on a line.
 *
 * <p>Threads: any. A sum that is taken meanwhile is of no one moment.
 */
final class HitCounters {
    private static final VarHandle COUNTERS = MethodHandles.arrayElementVarHandle(long[].class);

    /** Two cache lines of longs: neighbours are fetched in pairs. */
    private static final int STRIDE = 16;

    private static final int STRIPES =
            Integer.highestOneBit(Math.max(2, Runtime.getRuntime().availableProcessors()) * 2 - 1);

    private final long[] counters = new long[(STRIPES + 1) * STRIDE];

    void hit(CachedType type) {
        count(2 * type.ordinal());
    }

    void miss(CachedType type) {
        count(2 * type.ordinal() + 1);
    }

    long hits(CachedType type) {
        return sum(2 * type.ordinal());
    }

    long misses(CachedType type) {
        return sum(2 * type.ordinal() + 1);
    }

    private void count(int counter) {
        int stripe = (int) Thread.currentThread().threadId() & STRIPES - 1;
        // release: the sum needs no order; the weakest that does not lose a count
        long ignored = (long) COUNTERS.getAndAddRelease(counters, (stripe + 1) * STRIDE + counter, 1L);
    }

    private long sum(int counter) {
        long sum = 0;
        for (int stripe = 1; stripe <= STRIPES; stripe++) {
            sum += (long) COUNTERS.getOpaque(counters, stripe * STRIDE + counter);
        }
        return sum;
    }
}
