package io.firn.compaction;

import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * How fast compactions write, all of a database together.
 *
 * <p>Invariants: (1) over any time not more is written than the rate allows, and one burst. (2) A wait ends within a slice when
 * the writing is cancelled.
 *
 * <p>Threads: any.
 */
public final class Pace {
    public static final long UNLIMITED = Long.MAX_VALUE;

    /** So far ahead of its time a compaction may write without a wait. */
    private static final long BURST_NANOS = 20_000_000;

    private static final long SLICE_MILLIS = 100;

    private static final long NANOS_PER_SECOND = 1_000_000_000;

    private final long bytesPerSecond;
    private final LongSupplier nanoClock;
    private final BooleanSupplier isCancelled;
    private boolean isBegun;
    private long dueNanos;

    public Pace(long bytesPerSecond, LongSupplier nanoClock, BooleanSupplier isCancelled) {
        this.bytesPerSecond = bytesPerSecond;
        this.nanoClock = nanoClock;
        this.isCancelled = isCancelled;
    }

    /** So many bytes were written: waits until more may be. */
    public void spend(long bytes) {
        if (bytesPerSecond != UNLIMITED && bytes > 0) {
            await(bytes);
        }
    }

    private synchronized void await(long bytes) {
        long now = nanoClock.getAsLong();
        if (!isBegun || dueNanos - now < 0) {
            isBegun = true;
            dueNanos = now;
        }
        dueNanos += (long) ((double) bytes * NANOS_PER_SECOND / bytesPerSecond);
        long due = dueNanos;
        long wait = due - now;
        while (wait > BURST_NANOS && !isCancelled.getAsBoolean()) {
            try {
                wait(Math.min(SLICE_MILLIS, wait / 1_000_000));
            } catch (InterruptedException e) {
                // Nobody has this thread to interrupt; the clock says how long.
                continue;
            } finally {
                wait = due - nanoClock.getAsLong();
            }
        }
    }
}
