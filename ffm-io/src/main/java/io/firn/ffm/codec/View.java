package io.firn.ffm.codec;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The direct buffer over the segment that was last looked at, for interfaces that speak ByteBuffer. A buffer is 104
 * bytes of garbage and its callers use the same few segments again and again, so the last one is kept.
 *
 * <p>Invariants: (1) a run is checked against its segment, and the segment is alive, before native code sees either.
 * (2) A buffer starts at offset 0 unless the run ends beyond what a buffer reaches.
 *
 * <p>Threads: one at a time.
 */
final class View {
    /** The largest buffer that a segment gives. */
    static final int REACH_BYTES = Integer.MAX_VALUE - 8;

    private @Nullable MemorySegment segment;
    private @Nullable ByteBuffer buffer;
    private long start;
    private long end;

    /** The buffer in which the run lies, at {@link #indexOf} of its offset. Its position and limit are the caller's. */
    ByteBuffer of(MemorySegment wanted, long offset, int length) {
        Objects.checkFromIndexSize(offset, length, wanted.byteSize());
        if (!wanted.scope().isAlive()) {
            throw new IllegalStateException("the segment is closed");
        }
        ByteBuffer last = buffer;
        if (segment != wanted || last == null || offset < start || end < offset + length) {
            return move(wanted, offset, length);
        }
        return last;
    }

    int indexOf(long offset) {
        return (int) (offset - start);
    }

    private ByteBuffer move(MemorySegment wanted, long offset, int length) {
        start = offset + length <= REACH_BYTES ? 0 : offset;
        end = start + Math.min(wanted.byteSize() - start, REACH_BYTES);
        ByteBuffer moved = wanted.asSlice(start, end - start).asByteBuffer();
        buffer = moved;
        segment = wanted;
        return moved;
    }
}
