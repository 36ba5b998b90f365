package io.firn.tx;

import io.firn.config.KeyRange;
import io.firn.db.Engine;
import io.firn.error.WriteStalledException;
import io.firn.error.WriteStalledException.Reason;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Transactions one after the other: the turn of the single writer, which a transaction has from its beginning to its end, and a write
 * that is no transaction's for as long as it takes.
 *
 * <p>Invariants: (1) the turn goes from who gives it up to who has waited longest, so nobody overtakes. (2) It belongs to the
 * transaction, not to the thread that began it, which may hand it on; but that thread is refused a second turn, for which it would
 * mostly wait in vain. (3) Who waits sees poison and close; an interrupt does not end the waiting and is kept. (4) Without a wait
 * nothing is allocated.
 *
 * <p>Threads: any. Closed by: the engine.
 */
public final class Turn implements Scheme {
    /** A wait is looked at again so often, as are those of writers for background work. */
    private static final long SLICE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final Engine engine;
    private final Supplies supplies;
    private final long timeoutNanos;

    // Under the monitor.
    private boolean isTaken;
    private @Nullable Thread owner;
    private final ArrayDeque<Waiter> waiters = new ArrayDeque<>();

    /** One who waits. {@code hasTurn} is set under the monitor, before the thread is woken. */
    private static final class Waiter {
        final Thread thread = Thread.currentThread();
        volatile boolean hasTurn;
    }

    public Turn(Engine engine) {
        this.engine = engine;
        supplies = new Supplies(engine.privateMemory());
        timeoutNanos = engine.settings().durability().writeTimeout().toNanos();
    }

    /** Begins a transaction when it is its turn. */
    public Attempt begin() {
        enter();
        try {
            return new Attempt(engine, this, engine.readers().snapshots().open(), null);
        } catch (Throwable t) {
            leave();
            throw t;
        }
    }

    @Override
    public void end(Attempt attempt) {
        leave();
    }

    @Override
    public Supplies supplies() {
        return supplies;
    }

    // ---- the gate

    @Override
    public void enter() {
        engine.checkWritable();
        Waiter waiter;
        synchronized (this) {
            if (owner == Thread.currentThread()) {
                throw new IllegalStateException("this thread has begun a transaction that has not ended: it would wait for itself");
            }
            if (!isTaken) {
                isTaken = true;
                owner = Thread.currentThread();
                return;
            }
            waiter = new Waiter();
            waiters.add(waiter);
        }
        await(waiter);
    }

    private void await(Waiter waiter) {
        long since = now();
        boolean wasInterrupted = false;
        try {
            while (!waiter.hasTurn) {
                engine.checkWritable();
                // Nobody else may be there to find that who has the turn was forgotten.
                engine.readers().openings().releaseForgotten();
                long waited = now() - since;
                if (waited >= timeoutNanos) {
                    throw new WriteStalledException(Reason.WRITER_TURN, Duration.ofNanos(waited), null);
                }
                if (!waiter.hasTurn) {
                    LockSupport.parkNanos(this, Math.min(SLICE_NANOS, timeoutNanos - waited));
                }
                wasInterrupted |= Thread.interrupted();
            }
        } catch (Throwable t) {
            giveUp(waiter);
            throw t;
        } finally {
            engine.noteStall(Reason.WRITER_TURN, now() - since);
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** It may have got the turn meanwhile. */
    private synchronized void giveUp(Waiter waiter) {
        if (!waiters.remove(waiter)) {
            leave();
        }
    }

    @Override
    public synchronized void leave() {
        Waiter next = waiters.poll();
        isTaken = next != null;
        owner = next == null ? null : next.thread;
        if (next != null) {
            next.hasTurn = true;
            LockSupport.unpark(next.thread);
        }
    }

    @Override
    public synchronized void changed() {
        waiters.forEach(each -> LockSupport.unpark(each.thread));
    }

    private long now() {
        return engine.settings().machine().nanoClock().getAsLong();
    }

    @Override
    public boolean isWatching() {
        return false;
    }

    @Override
    public boolean hasRoom(long keyBytes, int keys) {
        return true;
    }

    @Override
    public void makeRoom(long keyBytes, int keys) {}

    @Override
    public void note(int keyspaceId, MemorySegment key, long keyOffset, int keyLength) {
        throw new AssertionError("the single writer watches nobody");
    }

    @Override
    public void noteRange(int keyspaceId, KeyRange range) {
        throw new AssertionError("the single writer watches nobody");
    }

    @Override
    public void close() {
        supplies.close();
    }
}
