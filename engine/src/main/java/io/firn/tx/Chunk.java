package io.firn.tx;

import io.firn.ffm.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A piece of the recent writes: entries one behind the other, {keyspaceId:u32 lowerLength:u32 upperLength:i32}, lower key, upper key.
 * An upper length of KEY makes it one key, the lower one; of -1 a range without an end.
 *
 * <p>Threads: filled under the commit lock; read by any whose attempt pins this chunk or an older one. {@code endOffset} is volatile,
 * written after the bytes before it; {@code next} after the last {@code endOffset}.
 */
final class Chunk {
    static final int HEADER_BYTES = 12;
    static final int KEY = -2;

    final Slab slab;
    final MemorySegment bytes;

    volatile int endOffset;
    volatile @Nullable Chunk next;

    /** Its entries are no longer known to anybody: its memory may serve another. */
    volatile boolean isForgotten;

    /** Attempts that began while this was the last chunk. */
    final AtomicInteger pins = new AtomicInteger();

    Chunk(Slab slab) {
        this.slab = slab;
        bytes = slab.bytes();
    }

    int leftBytes() {
        return (int) bytes.byteSize() - endOffset;
    }
}
