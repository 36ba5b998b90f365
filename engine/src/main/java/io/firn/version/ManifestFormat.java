package io.firn.version;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.error.CorruptionException;
import io.firn.error.FormatVersionException;
import io.firn.ffm.codec.Crc32c;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Where things lie in CURRENT and in a manifest; drawn in the room's package-info. */
final class ManifestFormat {
    static final int CURRENT_MAGIC = 0x52554346; // "FCUR"
    static final int MANIFEST_MAGIC = 0x4E414D46; // "FMAN"
    static final int FORMAT = 2;
    /** Without the changes that name blob files. */
    private static final int FORMAT_MIN = 1;

    static final long HEADER_BYTES = 28;
    static final long RECORD_HEADER_BYTES = 12;

    /** A segment has no larger view for the checksum; a manifest of this size would name millions of tables. */
    static final long FILE_BYTES_MAX = Integer.MAX_VALUE;

    static final int CHANGE_COUNT_BYTES = 4;
    /** The smallest change is a tag and a keyspace. */
    static final int CHANGE_BYTES_MIN = 5;
    /** A table with keys of one byte. */
    static final int TABLE_BYTES_MIN = 62;
    static final int BLOB_LINK_BYTES = 48;

    static final int KEYSPACE_CREATED = 1;
    static final int KEYSPACE_DELETED = 2;
    static final int RUN_ADDED = 3;
    static final int TABLES_REMOVED = 4;
    static final int FLUSHED = 5;
    static final int COUNTERS = 6;
    static final int JOURNALS_LIVE = 7;
    static final int TABLES_ADDED = 8;
    static final int TABLES_CLEARED = 9;
    static final int RUN_WITH_BLOBS_ADDED = 10;
    static final int TABLES_WITH_BLOBS_ADDED = 11;
    static final int SEPARATED_KEYSPACE_CREATED = 12;

    private static final long MAGIC = 0;
    private static final long FORMAT_VERSION = 4;
    private static final long MANIFEST_ID = 8;
    private static final long IDENTITY = 16;
    private static final long HEADER_CRC = 24;

    private static final long RECORD_HEADER_CRC = 0;
    private static final long RECORD_PAYLOAD_CRC = 4;
    private static final long RECORD_LENGTH = 8;

    private ManifestFormat() {}

    /** What a header says: a manifest's id, and the random number that tells it from every other of that id. */
    record Header(long manifestId, long identity) {}

    static MemorySegment encodeHeader(int magic, Header header, Arena arena) {
        MemorySegment bytes = arena.allocate(HEADER_BYTES);
        bytes.set(INT_LE, MAGIC, magic);
        bytes.set(INT_LE, FORMAT_VERSION, FORMAT);
        bytes.set(LONG_LE, MANIFEST_ID, header.manifestId());
        bytes.set(LONG_LE, IDENTITY, header.identity());
        bytes.set(INT_LE, HEADER_CRC, headerCrc(bytes));
        return bytes;
    }

    static Header decodeHeader(Path file, int magic, MemorySegment bytes) {
        if (bytes.byteSize() < HEADER_BYTES) {
            throw new CorruptionException(file, 0, "a header of " + HEADER_BYTES + " bytes",
                    bytes.byteSize() + " bytes");
        }
        int foundMagic = bytes.get(INT_LE, MAGIC);
        if (foundMagic != magic) {
            throw new CorruptionException(file, MAGIC, "magic " + hex(magic), hex(foundMagic));
        }
        int crc = headerCrc(bytes);
        if (bytes.get(INT_LE, HEADER_CRC) != crc) {
            throw new CorruptionException(file, 0, "a header with checksum " + hex(crc),
                    hex(bytes.get(INT_LE, HEADER_CRC)));
        }
        int format = bytes.get(INT_LE, FORMAT_VERSION);
        if (format < FORMAT_MIN || format > FORMAT) {
            throw new FormatVersionException(file + ": format version " + Integer.toUnsignedString(format)
                    + "; this release reads versions " + FORMAT_MIN + " to " + FORMAT);
        }
        long id = bytes.get(LONG_LE, MANIFEST_ID);
        if (id <= 0) {
            throw new CorruptionException(file, MANIFEST_ID, "a manifest id above 0", Long.toString(id));
        }
        return new Header(id, bytes.get(LONG_LE, IDENTITY));
    }

    /** Completes a record that lies alone in its segment, its payload written. */
    static void sealRecord(MemorySegment record, long identity, long position) {
        Crc32c crc = new Crc32c();
        long length = record.byteSize() - RECORD_HEADER_BYTES;
        record.set(INT_LE, RECORD_LENGTH, (int) length);
        record.set(INT_LE, RECORD_PAYLOAD_CRC, crc.of(identity, position, record, RECORD_HEADER_BYTES, length));
        record.set(INT_LE, RECORD_HEADER_CRC, recordHeaderCrc(crc, record, 0, identity, position));
    }

    /** Whether the header of a record of this file, at this place, stands there, and its payload can. */
    static boolean isRecordHeader(Crc32c crc, MemorySegment manifest, long position, long identity) {
        long room = manifest.byteSize() - position - RECORD_HEADER_BYTES;
        if (room < CHANGE_COUNT_BYTES) {
            return false;
        }
        long length = recordLength(manifest, position);
        return CHANGE_COUNT_BYTES <= length && length <= room
                && manifest.get(INT_LE, position + RECORD_HEADER_CRC)
                        == recordHeaderCrc(crc, manifest, position, identity, position);
    }

    static boolean isRecord(Crc32c crc, MemorySegment manifest, long position, long identity) {
        return isRecordHeader(crc, manifest, position, identity)
                && manifest.get(INT_LE, position + RECORD_PAYLOAD_CRC)
                        == crc.of(identity, position, manifest, position + RECORD_HEADER_BYTES,
                                recordLength(manifest, position));
    }

    static long recordLength(MemorySegment manifest, long position) {
        return Integer.toUnsignedLong(manifest.get(INT_LE, position + RECORD_LENGTH));
    }

    static String hex(int value) {
        return "0x" + Integer.toHexString(value);
    }

    private static int headerCrc(MemorySegment header) {
        return new Crc32c().of(0, 0, header, 0, HEADER_CRC);
    }

    private static int recordHeaderCrc(Crc32c crc, MemorySegment segment, long offset, long identity, long position) {
        return crc.of(identity, position, segment, offset + RECORD_PAYLOAD_CRC,
                RECORD_HEADER_BYTES - RECORD_PAYLOAD_CRC);
    }
}
