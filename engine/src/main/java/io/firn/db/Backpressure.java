package io.firn.db;

import io.firn.error.FirnException;
import io.firn.error.NoSpaceException;
import io.firn.error.WriteStalledException;
import io.firn.error.WriteStalledException.Reason;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where writers wait for background work: until something changed, at most until their deadline.
 *
 * <p>Invariants: (1) a change between {@code generation} and {@code await} is not missed: the generation is compared under the
 * monitor. (2) An interrupt does not end the waiting; it is kept for the caller. (3) A wait ends after a slice even
 * without a change, so that the writer asks again for work that failed, for want of space say.
 *
 * <p>Threads: any.
 */
final class Backpressure {
    private static final long SLICE_MILLIS = 100;

    private final LongSupplier nanoClock;
    private final long timeoutNanos;
    private long generation;
    private volatile @Nullable FirnException failure;
    private volatile long failedNanos;
    private volatile @Nullable RuntimeException compactionFailure;

    /** Until when the writers that are slowed down have waited, or will have. */
    private boolean isAnyOwed;
    private long paidUntilNanos;

    Backpressure(LongSupplier nanoClock, Duration timeout) {
        this.nanoClock = nanoClock;
        this.timeoutNanos = timeout.toNanos();
    }

    /** Something changed: a flush, a journal, a slab, poison, close. */
    synchronized void changed() {
        generation++;
        notifyAll();
    }

    /** Background work failed and can be tried again, for want of space say. Wakes nobody: nothing is there that was waited for. */
    void failed(FirnException cause) {
        failedNanos = now();
        failure = cause;
    }

    /** Background work succeeded. */
    void succeeded() {
        failure = null;
        changed();
    }

    /** Whether what failed, failed so lately that it is not tried again yet: however many wait, it is tried once a slice. */
    boolean hasJustFailed() {
        return failure != null && now() - failedNanos < TimeUnit.MILLISECONDS.toNanos(SLICE_MILLIS);
    }

    /** A compaction failed and can be tried again. */
    void compactionFailed(RuntimeException cause) {
        compactionFailure = cause;
    }

    /** A compaction succeeded. */
    void compacted() {
        compactionFailure = null;
        changed();
    }

    boolean isCompactionFailing() {
        return compactionFailure != null;
    }

    boolean isFailing() {
        return failure != null;
    }

    synchronized long generation() {
        return generation;
    }

    long now() {
        return nanoClock.getAsLong();
    }

    /**
     * Waits for a change since {@code seen}, a slice at most; throws when the deadline of a wait begun at {@code sinceNanos} has
     * passed. Answers whether the thread was interrupted: its caller keeps that until it waits no more, since a
     * thread with the flag up does not wait.
     */
    boolean await(long seen, long sinceNanos, Reason reason) {
        long waitedNanos = now() - sinceNanos;
        if (waitedNanos >= timeoutNanos) {
            RuntimeException cause = reason == Reason.L0_RUNS ? compactionFailure : failure;
            if (cause instanceof NoSpaceException) {
                throw new NoSpaceException(String.valueOf(cause.getMessage()), cause);
            }
            throw new WriteStalledException(reason, Duration.ofNanos(waitedNanos), cause);
        }
        long leftMillis = TimeUnit.NANOSECONDS.toMillis(timeoutNanos - waitedNanos) + 1;
        return awaitSlice(seen, Math.min(SLICE_MILLIS, leftMillis));
    }

    /**
     * Slows a writer down: so many nanoseconds are added to what the slowed writers owe, and when that is a millisecond it waits for it to
     * pass, or for a change. Short waits are not precise, so many of them make one.
     */
    boolean slowDown(long nanos) {
        long seen = generation();
        long owed;
        synchronized (this) {
            long now = now();
            if (!isAnyOwed || paidUntilNanos - now < 0) {
                isAnyOwed = true;
                paidUntilNanos = now;
            }
            paidUntilNanos += nanos;
            owed = paidUntilNanos - now;
        }
        long millis = TimeUnit.NANOSECONDS.toMillis(owed);
        return millis > 0 && awaitSlice(seen, Math.min(SLICE_MILLIS, millis));
    }

    /** Whether it was interrupted. */
    private synchronized boolean awaitSlice(long seen, long millis) {
        if (generation == seen) {
            try {
                wait(millis);
            } catch (InterruptedException e) {
                return true;
            }
        }
        return false;
    }
}
