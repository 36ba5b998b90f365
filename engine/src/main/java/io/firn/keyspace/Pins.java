package io.firn.keyspace;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Who reads something: counters in stripes, chosen by thread, so that readers do not meet on a cache line.
 *
 * <p>Invariants: (1) a pin that was confirmed by a second look at the {@link Current} it came from keeps the thing from being
 * freed (R17). (2) Drained means that every stripe was seen at zero after the retirement: from then on no pin is confirmed. (3)
 * Things with pins are never pooled: a late increment of a reader that will undo it touches only this object's own array.
 *
 * <p>Threads: pinned and unpinned by any; drained by the maintenance thread.
 */
class Pins {
    private static final VarHandle COUNTERS = MethodHandles.arrayElementVarHandle(long[].class);

    /** Two cache lines of longs: neighbours are fetched in pairs. */
    private static final int STRIDE = 16;

    static final int STRIPES = stripes(Runtime.getRuntime().availableProcessors());

    private final long[] counters = new long[(STRIPES + 1) * STRIDE];
    private final boolean[] isStripeDrained = new boolean[STRIPES];
    private volatile boolean isRetired;

    static int stripeOfThread() {
        return stripe(Thread.currentThread().threadId());
    }

    static int stripe(long threadId) {
        return (int) threadId & STRIPES - 1;
    }

    /** Volatile: must not move behind the second look at the current thing; pairs with the scan of isDrained. */
    final void pin(int stripe) {
        COUNTERS.getAndAdd(counters, (stripe + 1) * STRIDE, 1L);
    }

    /**
     * Answers whether the maintenance thread should look again: the thing is retired and this stripe at zero. Volatile: the
     * reader's loads stay before it, and the flag is read after it; pairs with retire, which sets the flag and then scans.
     */
    final boolean unpin(int stripe) {
        long before = (long) COUNTERS.getAndAdd(counters, (stripe + 1) * STRIDE, -1L);
        assert before > 0 : "unpinned more often than pinned";
        return isRetired && before == 1;
    }

    /** It is no longer current. */
    final void retire() {
        isRetired = true;
    }

    /** Whether every stripe has been seen at zero since the retirement. */
    final boolean isDrained() {
        assert isRetired;
        boolean isDrained = true;
        for (int stripe = 0; stripe < STRIPES; stripe++) {
            if (!isStripeDrained[stripe]) {
                isStripeDrained[stripe] = (long) COUNTERS.getVolatile(counters, (stripe + 1) * STRIDE) == 0;
                isDrained &= isStripeDrained[stripe];
            }
        }
        return isDrained;
    }

    private static int stripes(int processors) {
        return Integer.highestOneBit(Math.max(2, processors) * 2 - 1);
    }
}
