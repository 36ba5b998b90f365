package io.firn.ffm.memory;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Private memory that calls lease for their whole duration (R20): a nested call leases another piece.
 *
 * <p>Invariants: (1) a piece is leased by one call at a time; the compare-and-set that gives it back is a release, the
 * exchange that takes it an acquire. (2) Nobody waits: where every slot is empty a new piece is made, and where every slot is
 * full the surplus piece is closed.
 *
 * <p>Threads: any. Closed by: the database, after the calls in progress have ended; a piece that comes back later is closed then.
 */
public final class Leases<T extends Leases.Leased> implements AutoCloseable {
    /** References of 4 bytes on cache lines of their own, two lines apart for the adjacent-line prefetcher. */
    private static final int STRIDE = 32;

    private static final int SLOTS = 64;

    private final AtomicReferenceArray<@Nullable T> slots = new AtomicReferenceArray<>(SLOTS * STRIDE);
    private final Supplier<T> maker;
    private volatile boolean isClosed;

    /** A piece that can be leased. */
    public interface Leased extends AutoCloseable {
        @Override
        void close();
    }

    public Leases(Supplier<T> maker) {
        this.maker = maker;
    }

    public T lease() {
        int home = home();
        for (int tried = 0; tried < SLOTS; tried++) {
            int slot = slot(home + tried);
            if (slots.getPlain(slot) != null) {
                T piece = slots.getAndSet(slot, null);
                if (piece != null) {
                    return piece;
                }
            }
        }
        return maker.get();
    }

    public void giveBack(T piece) {
        int home = home();
        for (int tried = 0; tried < SLOTS && !isClosed; tried++) {
            if (slots.compareAndSet(slot(home + tried), null, piece)) {
                if (isClosed) {
                    close();
                }
                return;
            }
        }
        piece.close();
    }

    @Override
    public void close() {
        isClosed = true;
        for (int slot = 0; slot < SLOTS; slot++) {
            T piece = slots.getAndSet(slot * STRIDE, null);
            if (piece != null) {
                piece.close();
            }
        }
    }

    private static int home() {
        return (int) Thread.currentThread().threadId();
    }

    private static int slot(int index) {
        return (index & SLOTS - 1) * STRIDE;
    }
}
