package io.firn.journal;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;

import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Crc32c;
import java.lang.foreign.MemorySegment;

/**
 * The bytes of a journal: offsets, names, positions, and the encoding of a record in private memory, which a writer
 * does before it takes the commit lock.
 *
 * <p>A record is encoded from offset 0 of its memory: {@link #putEntryHeader} and key and stored value of each entry
 * from {@link #RECORD_HEADER_BYTES} on, then {@link #finishRecord}. What depends on the place is completed by {@link
 * Journal#append}.
 */
public final class JournalFormat {
    public static final int RECORD_HEADER_BYTES = 32;
    public static final int ENTRY_HEADER_BYTES = 16;

    /** The most bytes of a whole record, so that its length and every offset in it fit an int. */
    public static final long RECORD_BYTES_MAX = Integer.MAX_VALUE - 7;

    /** The keyspace of control entries; those of users start at 1. */
    public static final int CONTROL_KEYSPACE = 0;

    /** A control entry that tells how much of which manifest was on disk. */
    public static final int TYPE_MANIFEST_WITNESS = 32;

    /** A control entry that tells what becomes of files at its place in the order of the commits; alone in its record. */
    public static final int TYPE_EDIT = 33;

    public static final int WITNESS_RECORD_BYTES = RECORD_HEADER_BYTES + ENTRY_HEADER_BYTES + 16;

    static final int MAGIC = 0x4C4A5246; // "FRJL" as the bytes of the file spell it
    static final int FORMAT = 1;

    static final int FILE_MAGIC = 0;
    static final int FILE_FORMAT = 4;
    static final int FILE_JOURNAL_ID = 8;
    static final int FILE_RANDOM_ID = 16;
    static final int FILE_START_POSITION = 24;
    static final int FILE_PREDECESSOR_END = 32;
    static final int FILE_BYTES = 40;
    static final int FILE_CRC = 48;
    static final int FILE_PADDING = 52;
    static final int FILE_HEADER_BYTES = 64;

    static final int RECORD_CRC = 0;
    static final int RECORD_PAYLOAD_CRC = 4;
    static final int RECORD_LENGTH = 8;
    static final int RECORD_COUNT = 12;
    static final int RECORD_SEQNO = 16;
    static final int RECORD_FORCED = 24;
    /** The part of a record's header that its own checksum covers. */
    static final int RECORD_COVERED = 4;

    static final int ENTRY_KEYSPACE = 0;
    static final int ENTRY_TYPE = 4;
    static final int ENTRY_COMPRESSION = 5;
    static final int ENTRY_KEY_LENGTH = 6;
    static final int ENTRY_VALUE_LENGTH = 8;
    static final int ENTRY_STORED_LENGTH = 12;

    static final int SEAL_BYTES = RECORD_HEADER_BYTES;
    static final int SEAL_CLOSED = 0;
    static final int SEAL_CONTINUED = 1;

    static final long FILE_BYTES_MIN = FILE_HEADER_BYTES + SEAL_BYTES;

    private static final int POSITION_OFFSET_BITS = 40;
    private static final String SUFFIX = ".journal";
    private static final String SUFFIX_UNFINISHED = ".journal.next";
    private static final long FILE_ID_MAX = (1L << 63 - POSITION_OFFSET_BITS) - 1;

    private JournalFormat() {}

    public static long position(long fileId, long offset) {
        return fileId << POSITION_OFFSET_BITS | offset;
    }

    public static long fileIdOf(long position) {
        return position >>> POSITION_OFFSET_BITS;
    }

    public static long offsetOf(long position) {
        return position & (1L << POSITION_OFFSET_BITS) - 1;
    }

    public static String nameOf(long fileId) {
        return padded(fileId) + SUFFIX;
    }

    /** The id of the journal file of this name, or -1 when it is not the name of one. */
    public static long idOf(String name) {
        if (!name.endsWith(SUFFIX)) {
            return -1;
        }
        long id = 0;
        for (int index = 0; index < name.length() - SUFFIX.length(); index++) {
            char digit = name.charAt(index);
            if (digit < '0' || digit > '9' || id > FILE_ID_MAX / 10) {
                return -1;
            }
            id = id * 10 + digit - '0';
        }
        return 1 <= id && id <= FILE_ID_MAX && nameOf(id).equals(name) ? id : -1;
    }

    /** Whether this is the name of a file whose preparation was not finished: nothing in it was ever answered. */
    public static boolean isUnfinished(String name) {
        return name.endsWith(SUFFIX_UNFINISHED);
    }

    static String unfinishedNameOf(long fileId) {
        return padded(fileId) + SUFFIX_UNFINISHED;
    }

    private static String padded(long fileId) {
        String digits = Long.toString(fileId);
        return "0".repeat(Math.max(0, 6 - digits.length())) + digits;
    }

    public static long entryBytes(int keyLength, int storedLength) {
        return (long) ENTRY_HEADER_BYTES + keyLength + storedLength;
    }

    /** The bytes of a whole record whose entries have so many. */
    public static long recordBytes(long payloadBytes) {
        return RECORD_HEADER_BYTES + payloadBytes + 7 & ~7L;
    }

    /** Answers the offset behind the header, where the key belongs and behind it the stored value. */
    public static long putEntryHeader(
            MemorySegment record, long offset, int keyspaceId, int type, int codecId, int keyLength, int valueLength,
            int storedLength) {
        long first = Integer.toUnsignedLong(keyspaceId)
                | (long) type << 32 | (long) codecId << 40 | (long) keyLength << 48;
        long second = Integer.toUnsignedLong(valueLength) | (long) storedLength << 32;
        record.set(LONG_LE, offset, first);
        record.set(LONG_LE, offset + 8, second);
        return offset + ENTRY_HEADER_BYTES;
    }

    /** The keyspace of the entry whose header begins at the offset; so are the following. */
    public static int keyspaceId(MemorySegment record, long offset) {
        return record.get(INT_LE, offset + ENTRY_KEYSPACE);
    }

    public static int type(MemorySegment record, long offset) {
        return Byte.toUnsignedInt(record.get(BYTE, offset + ENTRY_TYPE));
    }

    public static int codecId(MemorySegment record, long offset) {
        return Byte.toUnsignedInt(record.get(BYTE, offset + ENTRY_COMPRESSION));
    }

    public static int keyLength(MemorySegment record, long offset) {
        return Short.toUnsignedInt(record.get(SHORT_LE, offset + ENTRY_KEY_LENGTH));
    }

    public static int valueLength(MemorySegment record, long offset) {
        return record.get(INT_LE, offset + ENTRY_VALUE_LENGTH);
    }

    public static int storedLength(MemorySegment record, long offset) {
        return record.get(INT_LE, offset + ENTRY_STORED_LENGTH);
    }

    /**
     * Completes a record as far as it does not depend on its place. The memory must hold
     * {@code recordBytes(endOffset - RECORD_HEADER_BYTES)} bytes, which is what is answered.
     */
    public static long finishRecord(MemorySegment record, long endOffset, int count, Crc32c crc) {
        long length = endOffset - RECORD_HEADER_BYTES;
        long recordBytes = recordBytes(length);
        assert 0 < count && recordBytes <= RECORD_BYTES_MAX : count + " entries, " + recordBytes + " bytes";
        for (long at = endOffset; at < recordBytes; at++) {
            record.set(BYTE, at, (byte) 0);
        }
        record.set(INT_LE, RECORD_PAYLOAD_CRC, crc.of(0, 0, record, RECORD_HEADER_BYTES, length));
        record.set(INT_LE, RECORD_LENGTH, (int) length);
        record.set(INT_LE, RECORD_COUNT, count);
        return recordBytes;
    }

    /** Encodes a record that is a witness of the manifest; it takes {@link #WITNESS_RECORD_BYTES}. */
    public static long encodeWitness(MemorySegment record, long manifestId, long forcedBytes, Crc32c crc) {
        long value = putEntryHeader(
                record, RECORD_HEADER_BYTES, CONTROL_KEYSPACE, TYPE_MANIFEST_WITNESS, Codec.NONE.id(), 0, 16, 16);
        record.set(LONG_LE, value, manifestId);
        record.set(LONG_LE, value + 8, forcedBytes);
        return finishRecord(record, value + 16, 1, crc);
    }

    /** The bytes of a record that tells an edit of so many. */
    public static long editRecordBytes(long editBytes) {
        return recordBytes(ENTRY_HEADER_BYTES + editBytes);
    }

    /** Encodes a record that tells an edit; it takes {@link #editRecordBytes}. */
    public static long encodeEdit(MemorySegment record, MemorySegment edit, Crc32c crc) {
        int length = Math.toIntExact(edit.byteSize());
        long value = putEntryHeader(
                record, RECORD_HEADER_BYTES, CONTROL_KEYSPACE, TYPE_EDIT, Codec.NONE.id(), 0, length, length);
        MemorySegment.copy(edit, 0, record, value, length);
        return finishRecord(record, value + length, 1, crc);
    }
}
