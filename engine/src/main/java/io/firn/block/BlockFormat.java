package io.firn.block;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;

import java.lang.foreign.MemorySegment;

/**
 * Where the parts of a block of entries lie, as drawn in the package's description. Static: a block is (segment,
 * offset, length).
 */
final class BlockFormat {
    static final int TAIL_BYTES = 24;
    static final int HEAD_BYTES = 4;

    /** The tail's first word: prefixLength u16, restart interval u8, shape u8, entry count u32. */
    static final int TAIL_SHAPE = 0;

    /** The tail's second word: restart count u32, bucket count u32. */
    static final int TAIL_COUNTS = 8;

    /** The tail's third word: the smallest trailer of the block. */
    static final int TAIL_TRAILER = 16;

    /** In the shape: how many bytes of a trailer an entry stores. */
    static final int TRAILER_WIDTH_MASK = 0x0F;

    /** In the shape: restart offsets have 4 bytes, not 2 (R24). */
    static final int WIDE_OFFSETS = 0x10;

    static final int OFFSET_NARROW_MAX = 0xFFFF;

    static final int BUCKET_FREE = 254;
    static final int BUCKET_CONFLICT = 255;

    /** More restart points than this do not fit a bucket's byte. */
    static final int HASHED_RESTARTS_MAX = 254;

    private static final int VARINT_KEY_BYTES_MAX = 3;
    private static final int VARINT_VALUE_BYTES_MAX = 5;

    private BlockFormat() {}

    static int prefixLength(long shape) {
        return (int) shape & 0xFFFF;
    }

    static int interval(long shape) {
        return (int) (shape >>> 16) & 0xFF;
    }

    static int trailerWidth(long shape) {
        return (int) (shape >>> 24) & TRAILER_WIDTH_MASK;
    }

    /** The binary logarithm of a restart offset's size: 1 or 2. */
    static int offsetShift(long shape) {
        return 1 + ((int) (shape >>> 28) & 1);
    }

    static int entryCount(long shape) {
        return (int) (shape >>> 32);
    }

    static int restartCount(long counts) {
        return (int) counts;
    }

    static int bucketCount(long counts) {
        return (int) (counts >>> 32);
    }

    static long trailerMask(int trailerWidth) {
        return trailerWidth == 0 ? 0 : -1L >>> (64 - 8 * trailerWidth);
    }

    static int bucketOf(long hash, int bucketCount) {
        return (int) ((hash & 0xFFFFFFFFL) * bucketCount >>> 32);
    }

    static int restartOffset(MemorySegment block, long offsetsAt, int offsetShift, int restart) {
        return offsetShift == 1
                ? Short.toUnsignedInt(block.get(SHORT_LE, offsetsAt + 2L * restart))
                : block.get(INT_LE, offsetsAt + 4L * restart);
    }

    /*
     * The lengths of an entry come packed in one word: value length in bits 0-30, key length (behind prefix and shared
     * part) in bits 32-47, how many bytes the two took in bits 48-55. Eight bytes can be loaded wherever an entry may
     * begin, since the tail follows. In blocks that were checked the lengths are right; in others they are garbage that
     * BlockCheck refuses.
     */

    static long lengths(MemorySegment block, long entryAt) {
        long word = block.get(LONG_LE, entryAt);
        if ((word & 0x8080L) == 0) {
            return 2L << 48 | (word & 0x7F) << 32 | word >>> 8 & 0x7F;
        }
        return longLengths(block, entryAt);
    }

    private static long longLengths(MemorySegment block, long entryAt) {
        long keyPart = varint(block, entryAt, VARINT_KEY_BYTES_MAX);
        int keyBytes = varintBytes(keyPart);
        long valuePart = varint(block, entryAt + keyBytes, VARINT_VALUE_BYTES_MAX);
        return (long) (keyBytes + varintBytes(valuePart)) << 48 | (keyPart & 0xFFFF) << 32 | valuePart & 0x7FFF_FFFFL;
    }

    static int lengthsBytes(long lengths) {
        return (int) (lengths >>> 48);
    }

    static int keyLength(long lengths) {
        return (int) (lengths >>> 32) & 0xFFFF;
    }

    static int valueLength(long lengths) {
        return (int) lengths;
    }

    /** A number below 2^35 in bits 0-34, seven bits a byte, low ones first, and the bytes it took in bits 56-63. */
    static long varint(MemorySegment block, long at, int bytesMax) {
        long value = 0;
        for (int i = 0; i < bytesMax; i++) {
            long part = block.get(BYTE, at + i);
            value |= (part & 0x7F) << 7 * i;
            if (part >= 0) {
                return (long) (i + 1) << 56 | value;
            }
        }
        return (long) bytesMax << 56 | value;
    }

    static int varintBytes(long varint) {
        return (int) (varint >>> 56);
    }

    static long varintValue(long varint) {
        return varint & 0x7_FFFF_FFFFL;
    }

    /** The length of what a key shares with its restart point; at most 3 bytes. */
    static long sharedLength(MemorySegment block, long entryAt) {
        return varint(block, entryAt, VARINT_KEY_BYTES_MAX);
    }

    /** Answers the offset behind the number. */
    static long putVarint(MemorySegment target, long at, int value) {
        int rest = value;
        while ((rest & ~0x7F) != 0) {
            target.set(BYTE, at++, (byte) (rest | 0x80));
            rest >>>= 7;
        }
        target.set(BYTE, at++, (byte) rest);
        return at;
    }
}
