package io.firn.db;

import io.firn.error.ClosedException;
import io.firn.error.FirnException;
import io.firn.error.PoisonedException;
import io.firn.event.Events;
import org.jspecify.annotations.Nullable;

/**
 * Whether the database may still be written: not after a poisoning failure, not after close.
 *
 * <p>Invariants: the first poison is the cause for ever. Threads: any; both fields are volatile, written before the wake-up and
 * read by every writer under the commit lock.
 */
final class Health {
    private final Runnable onChange;
    private volatile @Nullable Throwable poison;
    private volatile boolean isClosed;

    /** {@code onChange} wakes whoever waits. */
    Health(Runnable onChange) {
        this.onChange = onChange;
        Events.load();
    }

    void poison(Throwable cause) {
        boolean isFirst;
        synchronized (this) {
            isFirst = poison == null;
            if (isFirst) {
                poison = cause;
            }
        }
        onChange.run();
        if (isFirst) {
            tell(cause);
        }
    }

    private static void tell(Throwable cause) {
        try {
            Events.poison(cause);
        } catch (StackOverflowError | OutOfMemoryError e) {
            // The cause may have been the same, and is what its thrower is to throw (R8).
            return;
        }
    }

    /** False if it was closed before. */
    boolean close() {
        synchronized (this) {
            if (isClosed) {
                return false;
            }
            isClosed = true;
        }
        onChange.run();
        return true;
    }

    boolean isClosed() {
        return isClosed;
    }

    boolean isWritable() {
        return !isClosed && poison == null;
    }

    boolean isPoisoned() {
        return poison != null;
    }

    void checkOpen() {
        if (isClosed) {
            throw new ClosedException("the database is closed");
        }
    }

    void checkWritable() {
        checkOpen();
        checkNotPoisoned();
    }

    void checkNotPoisoned() {
        Throwable cause = poison;
        if (cause != null) {
            throw new PoisonedException(cause instanceof FirnException && cause.getCause() != null ? cause.getCause() : cause);
        }
    }
}
