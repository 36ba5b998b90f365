package io.firn.ffm.codec;

import static io.firn.ffm.codec.Lz4Format.LENGTH_GOES_ON;
import static io.firn.ffm.codec.Lz4Format.MATCH_BYTES_MIN;
import static io.firn.ffm.codec.Lz4Format.STRIDE_BYTES;
import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Decompresses LZ4 blocks without native code.
 *
 * <p>Invariants: (1) every length is compared with what is left of source and target before it is used; a copy may run
 * over its end by a part of a stride only where both have room for a whole one. (2) The source is untrusted: whatever
 * it says, the answer is true or false.
 *
 * <p>Threads: any; it has no state.
 */
final class Lz4Decompressor implements Decompressor {
    /** The smallest multiple of a distance below 8 that is at least 8: what repeats at one repeats at the other. */
    private static final long WIDENED_DISTANCES = 0x0E_0C_0A_08_09_08_08_00L;

    @Override
    public boolean decompress(
            MemorySegment source, long sourceOffset, int sourceLength,
            MemorySegment target, long targetOffset, int targetLength) {
        Objects.checkFromIndexSize(sourceOffset, sourceLength, source.byteSize());
        Objects.checkFromIndexSize(targetOffset, targetLength, target.byteSize());
        return decode(
                source, sourceOffset, sourceOffset + sourceLength,
                target, targetOffset, targetOffset + targetLength);
    }

    @Override
    public void close() {}

    private static boolean decode(
            MemorySegment source, long sourceStart, long sourceEnd,
            MemorySegment target, long targetStart, long targetEnd) {
        long from = sourceStart;
        long to = targetStart;
        while (from < sourceEnd) {
            int token = source.get(BYTE, from++) & 0xFF;

            long literals = token >>> 4;
            if (literals == LENGTH_GOES_ON) {
                int more;
                do {
                    if (from == sourceEnd) {
                        return false;
                    }
                    more = source.get(BYTE, from++) & 0xFF;
                    literals += more;
                } while (more == 255);
            }
            if (literals <= STRIDE_BYTES && STRIDE_BYTES <= sourceEnd - from && STRIDE_BYTES <= targetEnd - to) {
                Lz4Format.copyStride(source, from, target, to);
            } else if (literals <= sourceEnd - from && literals <= targetEnd - to) {
                MemorySegment.copy(source, from, target, to, literals);
            } else {
                return false;
            }
            from += literals;
            to += literals;
            if (from == sourceEnd) {
                return to == targetEnd;
            }

            if (sourceEnd - from < 2) {
                return false;
            }
            long distance = source.get(SHORT_LE, from) & 0xFFFFL;
            from += 2;
            long match = token & 0x0F;
            if (match == LENGTH_GOES_ON) {
                int more;
                do {
                    if (from == sourceEnd) {
                        return false;
                    }
                    more = source.get(BYTE, from++) & 0xFF;
                    match += more;
                } while (more == 255);
            }
            match += MATCH_BYTES_MIN;
            if (distance == 0 || distance > to - targetStart || match > targetEnd - to) {
                return false;
            }
            if (match <= STRIDE_BYTES && STRIDE_BYTES <= distance && STRIDE_BYTES <= targetEnd - to) {
                Lz4Format.copyStride(target, to - distance, target, to);
            } else if (match <= distance) {
                MemorySegment.copy(target, to - distance, target, to, match);
            } else {
                repeat(target, to, distance, match);
            }
            to += match;
        }
        return false;
    }

    /** Copies a match that overlaps itself, exactly. */
    private static void repeat(MemorySegment target, long start, long distance, long match) {
        long at = start;
        long end = start + match;
        long wide = distance;
        if (distance < 8) {
            wide = WIDENED_DISTANCES >>> (distance * 8) & 0xFF;
            long aligned = Math.min(end, start + wide - distance);
            for (; at < aligned; at++) {
                target.set(BYTE, at, target.get(BYTE, at - distance));
            }
        }
        for (; at + 8 <= end; at += 8) {
            target.set(LONG_LE, at, target.get(LONG_LE, at - wide));
        }
        for (; at < end; at++) {
            target.set(BYTE, at, target.get(BYTE, at - wide));
        }
    }
}
