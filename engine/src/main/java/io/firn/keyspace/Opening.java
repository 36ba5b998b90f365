package io.firn.keyspace;

import io.firn.error.ClosedException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import org.jspecify.annotations.Nullable;

/**
 * One cursor or snapshot that a user has opened: whether it still is, and what it holds until it is closed, by its
 * user, by the database, or after its user forgot it.
 *
 * <p>Invariants: (1) what it holds is released once, by whoever closes it, and not during a call that was entered. (2)
 * A second thread that enters meanwhile is refused: what is held is for one thread at a time.
 *
 * <p>Threads: any; between {@code enter} and {@code exit} one.
 */
public final class Opening extends PhantomReference<Object> {
    private static final int IDLE = 0;
    private static final int BUSY = 1;
    private static final int CLOSED = 2;

    private static final int SPINS_BEFORE_YIELD = 100;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Opening.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Openings openings;
    private final String name;
    private final Runnable release;
    final Throwable openedAt;
    private int state = IDLE;

    /** Somebody waits for the end of the call in progress: no other may begin, or it might wait for ever. */
    private volatile boolean isEnding;

    /** Neighbours among the open ones. Openings' monitor. */
    @Nullable Opening before;
    @Nullable Opening behind;

    Opening(Object handle, ReferenceQueue<Object> forgotten, Openings openings, String name, Runnable release) {
        super(handle, forgotten);
        this.openings = openings;
        this.name = name;
        this.release = release;
        openedAt = new Throwable("opened here");
    }

    /** Begins a call that uses what is held. Acquire: pairs with {@code exit}. */
    public void enter() {
        if (isEnding || !STATE.weakCompareAndSetAcquire(this, IDLE, BUSY)) {
            enterAgain();
        }
    }

    private void enterAgain() {
        if (isEnding) {
            throw closed();
        }
        int seen;
        // The weak exchange may fail for no reason; acquire: pairs with exit.
        while ((seen = (int) STATE.compareAndExchangeAcquire(this, IDLE, BUSY)) != IDLE) {
            if (seen == CLOSED) {
                throw closed();
            }
            throw new IllegalStateException(name + " is used by two threads at once");
        }
    }

    /** Ends the call. Release: pairs with the exchanges of enter and close. */
    public void exit() {
        STATE.setRelease(this, IDLE);
    }

    /** Throws when it is closed. Volatile: what was pinned before this is looked at only if it was open then. */
    public void checkOpen() {
        if (isEnding) {
            throw closed();
        }
    }

    /** Releases what is held, after the call in progress. Idempotent. */
    public void close() {
        if (end()) {
            release();
        }
    }

    void release() {
        clear();
        openings.remove(this);
        release.run();
    }

    /** Whether this caller is the one to release what is held. Volatile: pairs with enter and exit. */
    boolean end() {
        isEnding = true;
        for (int tries = 1; ; tries++) {
            int seen = (int) STATE.compareAndExchange(this, IDLE, CLOSED);
            if (seen != BUSY) {
                return seen == IDLE;
            }
            if (tries % SPINS_BEFORE_YIELD == 0) {
                Thread.yield();
            } else {
                Thread.onSpinWait();
            }
        }
    }

    String name() {
        return name;
    }

    private ClosedException closed() {
        return new ClosedException(openings.isClosed() ? name + ": the database is closed" : name + " is closed");
    }
}
