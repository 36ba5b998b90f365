package io.firn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A copy that is handed out in place of the bytes where they lie, with {@code -Dfirn.checks=true}: it is mangled and
 * its memory closed when its validity ends, so that who keeps it is found out.
 *
 * <p>Threads: one at a time. Closed by: whoever lent it.
 */
final class Lent implements AutoCloseable {
    static final boolean IS_CHECKED = Boolean.getBoolean("firn.checks");

    private static final byte MANGLED = (byte) 0xDB;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment copy;

    Lent(MemorySegment segment, long offset, long length) {
        copy = arena.allocate(length, 1);
        MemorySegment.copy(segment, offset, copy, 0, length);
    }

    /** Lends a value to a visitor. */
    static void show(MemorySegment segment, long offset, long length, ValueVisitor visitor) {
        try (Lent lent = new Lent(segment, offset, length)) {
            visitor.value(lent.segment());
        }
    }

    /** Ends the validity of what was lent, if anything was. */
    static @Nullable Lent end(@Nullable Lent lent) {
        if (lent != null) {
            lent.close();
        }
        return null;
    }

    MemorySegment segment() {
        return copy.asReadOnly();
    }

    @Override
    public void close() {
        copy.fill(MANGLED);
        arena.close();
    }
}
