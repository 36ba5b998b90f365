package io.firn.keyspace;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import org.jspecify.annotations.Nullable;

/**
 * The cursors and snapshots that users have opened and not closed.
 *
 * <p>Invariants: (1) those whose handle became garbage are released, and reported once with the stack of their opening.
 * (2) After {@code closeAll} none is open, and none is opened any more (R22).
 *
 * <p>Threads: any. Forgotten ones are looked for by the maintenance thread and by whoever opens one.
 */
public final class Openings {
    private final ReferenceQueue<Object> forgotten = new ReferenceQueue<>();
    private @Nullable Opening first;
    private volatile boolean isClosed;

    /**
     * Registers what a handle holds; {@code release} must not reach the handle. Refused after the database was closed.
     */
    public Opening open(Object handle, String name, Runnable release) {
        releaseForgotten();
        Opening opening = new Opening(handle, forgotten, this, name, release);
        synchronized (this) {
            if (!isClosed) {
                Opening former = first;
                opening.behind = former;
                if (former != null) {
                    former.before = opening;
                }
                first = opening;
                return opening;
            }
        }
        opening.close();
        opening.checkOpen();
        throw new AssertionError("unreachable: it was closed");
    }

    /** Releases and reports those whose handles are garbage. */
    public void releaseForgotten() {
        for (Reference<?> each = forgotten.poll(); each != null; each = forgotten.poll()) {
            Opening opening = (Opening) each;
            if (opening.end()) {
                opening.release();
                System.getLogger("io.firn").log(
                        System.Logger.Level.WARNING, opening.name() + " was never closed; it is released now",
                        opening.openedAt);
            }
        }
    }

    /** Closes all that are open, after the calls in progress in them, and refuses others. */
    public void closeAll() {
        synchronized (this) {
            isClosed = true;
        }
        for (Opening next = first(); next != null; next = first()) {
            next.close();
        }
    }

    /** How many are open. */
    public synchronized int count() {
        int count = 0;
        for (Opening each = first; each != null; each = each.behind) {
            count++;
        }
        return count;
    }

    boolean isClosed() {
        return isClosed;
    }

    synchronized void remove(Opening opening) {
        if (opening.before != null) {
            opening.before.behind = opening.behind;
        } else if (first == opening) {
            first = opening.behind;
        }
        if (opening.behind != null) {
            opening.behind.before = opening.before;
        }
        opening.before = null;
        opening.behind = null;
    }

    private synchronized @Nullable Opening first() {
        return first;
    }
}
