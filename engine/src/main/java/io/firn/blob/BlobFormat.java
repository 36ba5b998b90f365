package io.firn.blob;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.error.CorruptionException;
import io.firn.error.FormatVersionException;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Crc32c;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Where things lie in a blob file; drawn in the room's package-info. */
final class BlobFormat {
    static final int MAGIC = 0x424C4246; // "FBLB"
    static final int FORMAT = 1;

    static final int HEADER_BYTES = 64;
    static final int ALIGNMENT_BYTES = 64;

    /** A granule is at least the distance of two frames, and at most more than any value has. */
    private static final int GRANULE_SHIFT_MIN = 6;
    private static final int GRANULE_SHIFT_MAX = 30;

    private static final long AT_FORMAT = 4;
    private static final long AT_FILE_ID = 8;
    private static final long AT_CODEC = 16;
    private static final long AT_GRANULE_SHIFT = 17;
    private static final long AT_CRC = 60;

    private BlobFormat() {}

    /** What a header says besides the file's id. */
    record Header(Codec codec, int granuleShift) {}

    /** The largest power of two that no value is smaller than. */
    static int granuleShift(int valueBytesMin) {
        int shift = Integer.SIZE - 1 - Integer.numberOfLeadingZeros(Math.max(1, valueBytesMin));
        return Math.clamp(shift, GRANULE_SHIFT_MIN, GRANULE_SHIFT_MAX);
    }

    static void encodeHeader(MemorySegment target, long fileId, Header header) {
        target.asSlice(0, HEADER_BYTES).fill((byte) 0);
        target.set(INT_LE, 0, MAGIC);
        target.set(INT_LE, AT_FORMAT, FORMAT);
        target.set(LONG_LE, AT_FILE_ID, fileId);
        target.set(BYTE, AT_CODEC, (byte) header.codec.id());
        target.set(BYTE, AT_GRANULE_SHIFT, (byte) header.granuleShift);
        target.set(INT_LE, AT_CRC, new Crc32c().of(0, 0, target, 0, AT_CRC));
    }

    /** The header of the file of this id, in private memory. */
    static Header decodeHeader(Path path, long fileId, MemorySegment header) {
        int crc = new Crc32c().of(0, 0, header, 0, AT_CRC);
        unless(path, AT_CRC, header.get(INT_LE, AT_CRC) == crc, String.format("checksum 0x%08x", crc),
                String.format("0x%08x", header.get(INT_LE, AT_CRC)));
        unless(path, 0, header.get(INT_LE, 0) == MAGIC, String.format("magic 0x%08x", MAGIC),
                String.format("0x%08x", header.get(INT_LE, 0)));
        int format = header.get(INT_LE, AT_FORMAT);
        if (format != FORMAT) {
            throw new FormatVersionException(path + ": format version " + Integer.toUnsignedString(format)
                    + "; this release reads version " + FORMAT);
        }
        long foundId = header.get(LONG_LE, AT_FILE_ID);
        unless(path, AT_FILE_ID, foundId == fileId, "blob file " + fileId, "blob file " + foundId);
        int codecId = Byte.toUnsignedInt(header.get(BYTE, AT_CODEC));
        unless(path, AT_CODEC, Codec.isId(codecId), "a known codec", "" + codecId);
        int shift = header.get(BYTE, AT_GRANULE_SHIFT);
        unless(path, AT_GRANULE_SHIFT, GRANULE_SHIFT_MIN <= shift && shift <= GRANULE_SHIFT_MAX,
                "a shift of " + GRANULE_SHIFT_MIN + " to " + GRANULE_SHIFT_MAX, "" + shift);
        return new Header(Codec.ofId(codecId), shift);
    }

    private static void unless(Path path, long offset, boolean isRight, String expected, String found) {
        if (!isRight) {
            throw new CorruptionException(path, offset, expected, found);
        }
    }
}
