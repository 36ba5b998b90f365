package io.firn.ffm.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A piece of native memory with an arena of its own (R22), so that it can be closed alone.
 *
 * <p>Threads: any; a late access after {@link #close} is an IllegalStateException of the segment, never a crash.
 *
 * <p>Closed by: its {@link SlabPool}.
 */
public final class Slab {
    private final Arena arena;
    private final MemorySegment bytes;
    private final MemorySegment view;

    /** Its bytes count against no limit. Under the pool's monitor; once closed, its closer's. */
    boolean isExempt;

    Slab(long sizeBytes) {
        arena = Arena.ofShared();
        bytes = arena.allocate(sizeBytes, 64);
        view = bytes.asReadOnly();
    }

    public MemorySegment bytes() {
        return bytes;
    }

    /** The same bytes, read-only. */
    public MemorySegment view() {
        return view;
    }

    public long sizeBytes() {
        return bytes.byteSize();
    }

    void close() {
        arena.close();
    }
}
