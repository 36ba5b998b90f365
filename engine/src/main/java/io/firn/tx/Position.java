package io.firn.tx;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Up to where in the recent writes an attempt has looked; at first where they ended when it began.
 *
 * <p>Threads: one at a time.
 */
final class Position {
    private @Nullable Chunk pinned;
    private @Nullable Chunk chunk;
    private int offset;
    private boolean isForgotten;

    /** Begins at the end of the last chunk. Commit lock. */
    void pin(Chunk last) {
        last.pins.getAndIncrement();
        pinned = last;
        chunk = last;
        offset = last.endOffset;
    }

    /** The chunk in which it began. */
    Chunk pinned() {
        return Objects.requireNonNull(pinned, "pinned");
    }

    Chunk chunk() {
        return Objects.requireNonNull(chunk, "chunk");
    }

    int offset() {
        return offset;
    }

    void enter(Chunk next) {
        chunk = next;
        offset = 0;
    }

    /** Stands at an entry, or at the end. */
    void stop(int atOffset) {
        offset = atOffset;
    }

    void forget() {
        isForgotten = true;
    }

    /** Whether what was written since the beginning is no longer known. */
    boolean isForgotten() {
        return isForgotten;
    }
}
