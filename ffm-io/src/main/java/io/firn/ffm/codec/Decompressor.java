package io.firn.ffm.codec;

import java.lang.foreign.MemorySegment;

/** Decompresses runs of private native memory. Threads: one at a time. Closed by: its holder. */
public interface Decompressor extends AutoCloseable {
    /**
     * Decompresses to exactly {@code targetLength} bytes; false when the source is malformed or has another length.
     * Then the target's bytes are undefined.
     */
    boolean decompress(
            MemorySegment source, long sourceOffset, int sourceLength,
            MemorySegment target, long targetOffset, int targetLength);

    @Override
    void close();
}
