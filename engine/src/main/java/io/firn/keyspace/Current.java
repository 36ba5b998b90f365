package io.firn.keyspace;

import org.jspecify.annotations.Nullable;

/**
 * The one of many successive things that is current, and how a reader gets hold of it without a lock.
 *
 * <p>Invariants: what {@code acquire} gave is not freed before it is unpinned (R17).
 *
 * <p>Threads: acquired by any; replaced by one at a time.
 */
final class Current<T extends Pins> {
    /** Volatile get and set: pairs with the pins of readers, who look at it before and after. */
    private volatile @Nullable T thing;

    private final Runnable wake;

    /** {@code wake} makes the maintenance thread look again for what is drained. */
    Current(T first, Runnable wake) {
        thing = first;
        this.wake = wake;
    }

    /** Pins what is current; null after the last. */
    @Nullable T acquire(int stripe) {
        while (true) {
            T seen = thing;
            if (seen == null) {
                return null;
            }
            seen.pin(stripe);
            if (thing == seen) {
                return seen;
            }
            // The maintenance thread may have met this pin and be waiting for its end.
            if (seen.unpin(stripe)) {
                wake.run();
            }
        }
    }

    /** For those who keep it from being replaced, or need no more than what it was a moment ago. */
    @Nullable T get() {
        return thing;
    }

    void set(@Nullable T next) {
        thing = next;
    }
}
