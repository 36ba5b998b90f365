package io.firn.journal;

import io.firn.error.ClosedException;
import io.firn.error.PoisonedException;
import org.jspecify.annotations.Nullable;

/**
 * What durable commits ask of the journal's thread, and what it answers: positions, a failure, or its end.
 *
 * <p>Invariants: (1) a request is never lost: it is raised under the monitor that the journal's thread waits on. (2) An
 * answer is never lost: it is given under the monitor that the commits wait on, and each looks again before it waits.
 * (3) The forced position never goes back, and never advances after a failure. (4) Nobody waits for a thread that has
 * ended. (5) Nothing is allocated, and no wait is timed (R25).
 *
 * <p>Threads: any.
 */
final class ForceHandOff {
    private final Object work = new Object();
    private final Object done = new Object();

    // Under work.
    private long requested;
    private boolean isStopped;
    private boolean isOpen;

    // Written under done.
    private volatile long forced;
    private volatile @Nullable Throwable failure;
    private boolean hasEnded;

    /** As long as it is not opened, requests are kept and not worked on. */
    ForceHandOff(long forcedPosition, boolean isOpen) {
        forced = forcedPosition;
        requested = forcedPosition;
        this.isOpen = isOpen;
    }

    long forcedPosition() {
        return forced;
    }

    @Nullable Throwable failure() {
        return failure;
    }

    long requestedPosition() {
        synchronized (work) {
            return requested;
        }
    }

    void request(long position) {
        synchronized (work) {
            if (position > requested) {
                requested = position;
                work.notifyAll();
            }
        }
    }

    /**
     * Waits until the forced position has come so far. An interrupt does not end the wait; it is there again
     * afterwards.
     */
    void await(long position) {
        boolean wasInterrupted = false;
        try {
            synchronized (done) {
                while (forced < position) {
                    checkAlive();
                    try {
                        done.wait();
                    } catch (InterruptedException e) {
                        // A commit that is in the journal cannot be taken back: its caller has to learn how it ended.
                        wasInterrupted = true;
                    }
                }
            }
        } finally {
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void checkAlive() {
        Throwable cause = failure;
        if (cause != null) {
            throw new PoisonedException(cause);
        }
        if (hasEnded) {
            throw new ClosedException("the journal was closed before the write was forced");
        }
    }

    /**
     * The journal's thread: waits for work; false when it should end. What was asked for before a stop is still worked
     * on.
     */
    boolean awaitRequest() {
        synchronized (work) {
            while (true) {
                if (failure != null) {
                    return false;
                }
                if (isOpen && requested > forced) {
                    return true;
                }
                if (isStopped) {
                    return false;
                }
                try {
                    work.wait();
                } catch (InterruptedException e) {
                    // Only stop ends the thread. The flag stays down: with it, a force would close its channel for
                    // everybody.
                }
            }
        }
    }

    void advance(long position) {
        synchronized (done) {
            if (forced < position && failure == null) {
                forced = position;
                done.notifyAll();
            }
        }
    }

    /** The first failure stays the one that everybody is told. */
    void fail(Throwable cause) {
        synchronized (done) {
            if (failure == null) {
                failure = cause;
            }
            done.notifyAll();
        }
        wake();
    }

    boolean isOpen() {
        synchronized (work) {
            return isOpen;
        }
    }

    void open() {
        synchronized (work) {
            isOpen = true;
            work.notifyAll();
        }
    }

    void stop() {
        synchronized (work) {
            isStopped = true;
            work.notifyAll();
        }
    }

    /** The journal's thread is gone: whoever waits, now or later, is told so. */
    void end() {
        synchronized (done) {
            hasEnded = true;
            done.notifyAll();
        }
    }

    private void wake() {
        synchronized (work) {
            work.notifyAll();
        }
    }
}
