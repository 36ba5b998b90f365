package io.firn.db;

import io.firn.keyspace.Openings;
import io.firn.keyspace.Retirement;
import java.time.Duration;
import java.util.concurrent.ThreadFactory;
import org.jspecify.annotations.Nullable;

/**
 * The maintenance thread: frees retired super versions when their readers have left, releases what users forgot to close, keeps
 * the persist interval, and has tables looked at that age.
 *
 * <p>Invariants: a wake-up between a look and the wait is not missed: it is counted under the monitor.
 *
 * <p>Threads: its own; {@code wake} by any. Closed by: the database, by {@code stopWhenAllFreed}.
 */
final class Maintenance {
    private static final long TICK_NANOS = 1_000_000_000;

    private final long intervalNanos;
    private final Runnable persist;
    private final Runnable onFreed;
    private @Nullable Thread thread;
    private boolean isWoken;
    private boolean isStopping;
    private @Nullable Runnable ticked;

    /** {@code onFreed} is told when memory was freed or no longer counts. */
    Maintenance(@Nullable Duration interval, Runnable persist, Runnable onFreed) {
        this.intervalNanos = interval == null ? 0 : interval.toNanos();
        this.persist = persist;
        this.onFreed = onFreed;
    }

    void start(ThreadFactory threads, Retirement retirement, Openings openings) {
        Thread started = threads.newThread(() -> run(retirement, openings));
        thread = started;
        started.start();
    }

    synchronized void wake() {
        isWoken = true;
        notifyAll();
    }

    /** From now on runs this each second, or nothing. */
    synchronized void everySecond(@Nullable Runnable task) {
        ticked = task;
        isWoken = true;
        notifyAll();
    }

    /** Ends the thread when no super version is retired and not freed. Every tree must have been closed. */
    void stopWhenAllFreed() {
        synchronized (this) {
            isStopping = true;
            notifyAll();
        }
        Thread started = thread;
        if (started != null) {
            Workers.join(started);
        }
    }

    private void run(Retirement retirement, Openings openings) {
        long nextPersist = System.nanoTime() + intervalNanos;
        long nextTick = System.nanoTime();
        while (true) {
            Runnable due = null;
            openings.releaseForgotten();
            boolean isFreed = retirement.freeDrained();
            if (retirement.exemptPinned() || isFreed) {
                onFreed.run();
            }
            synchronized (this) {
                if (isStopping && retirement.count() == 0) {
                    return;
                }
                if (!isWoken) {
                    await(nextPersist - System.nanoTime(), nextTick - System.nanoTime());
                }
                isWoken = false;
                if (ticked != null && System.nanoTime() >= nextTick) {
                    due = ticked;
                    nextTick = System.nanoTime() + TICK_NANOS;
                }
            }
            if (due != null) {
                due.run();
            }
            if (intervalNanos > 0 && System.nanoTime() >= nextPersist) {
                persist.run();
                nextPersist = System.nanoTime() + intervalNanos;
            }
        }
    }

    /** Until woken, or until something is to be done. Monitor held. */
    private void await(long nanosToPersist, long nanosToTick) {
        try {
            long nanos = Math.min(
                    intervalNanos == 0 ? Long.MAX_VALUE : nanosToPersist, ticked == null ? Long.MAX_VALUE : nanosToTick);
            if (nanos == Long.MAX_VALUE) {
                wait();
            } else if (nanos > 0) {
                wait(nanos / 1_000_000, (int) (nanos % 1_000_000));
            }
        } catch (InterruptedException e) {
            // Nobody has this thread to interrupt; it looks again.
            isWoken = true;
        }
    }
}
