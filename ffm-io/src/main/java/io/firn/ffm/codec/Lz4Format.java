package io.firn.ffm.codec;

import static io.firn.ffm.memory.Layouts.LONG_LE;

import java.lang.foreign.MemorySegment;

/** The numbers of the LZ4 block format that its two directions share; the drawing is in the package's page. */
final class Lz4Format {
    /** A nibble of the token at which the length goes on in further bytes. */
    static final int LENGTH_GOES_ON = 15;
    static final int MATCH_BYTES_MIN = 4;
    static final int DISTANCE_MAX = 65_535;

    /** The last bytes of a block are literals. */
    static final int LAST_LITERALS_BYTES = 5;

    /** The last match starts at least so many bytes before the end of the block. */
    static final int LAST_MATCH_START_BYTES = 12;

    /** What {@link #copyStride} copies; it runs over the end of what is wanted, so both sides need the room. */
    static final int STRIDE_BYTES = 32;

    private Lz4Format() {}

    /** The most bytes that a block of so many bytes becomes. */
    static long boundBytes(int sourceLength) {
        return sourceLength + sourceLength / 255L + 16;
    }

    static void copyStride(MemorySegment source, long sourceOffset, MemorySegment target, long targetOffset) {
        long a = source.get(LONG_LE, sourceOffset);
        long b = source.get(LONG_LE, sourceOffset + 8);
        long c = source.get(LONG_LE, sourceOffset + 16);
        long d = source.get(LONG_LE, sourceOffset + 24);
        target.set(LONG_LE, targetOffset, a);
        target.set(LONG_LE, targetOffset + 8, b);
        target.set(LONG_LE, targetOffset + 16, c);
        target.set(LONG_LE, targetOffset + 24, d);
    }
}
