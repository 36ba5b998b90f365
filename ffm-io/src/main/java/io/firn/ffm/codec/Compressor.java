package io.firn.ffm.codec;

import java.lang.foreign.MemorySegment;

/** Compresses runs of private native memory. Threads: one at a time. Closed by: its holder. */
public interface Compressor extends AutoCloseable {
    /** The most bytes that a source of this length can become; a target that holds so many always suffices. */
    long boundBytes(int sourceLength);

    /**
     * Compresses into the target; answers the compressed length, or -1 when {@code targetLength} bytes do not hold it.
     * Then, and behind the compressed bytes, the target's bytes are undefined.
     */
    int compress(
            MemorySegment source, long sourceOffset, int sourceLength,
            MemorySegment target, long targetOffset, int targetLength);

    @Override
    void close();
}
