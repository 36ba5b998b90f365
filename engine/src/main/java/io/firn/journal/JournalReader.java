package io.firn.journal;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;

import io.firn.entry.EntryLimits;
import io.firn.entry.Trailer;
import io.firn.error.FormatVersionException;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * One journal file as recovery sees it: what stands at an offset, and what stands behind damage.
 *
 * <p>Invariants: (1) every byte is copied from the mapping to private memory before it is looked at (R23). (2) Memory
 * grows for a record only after the checksum of its header was right and the file was long enough for it. (3) A record
 * is {@code RECORD} only if all its entries are well formed.
 *
 * <p>Threads: one. Closed by: the replay.
 */
final class JournalReader implements AutoCloseable {
    private static final long WINDOW_BYTES = 256 * 1024;

    /** No codec makes more than this out of a byte: LZ4 255, zstd a block of 128 KiB out of 4 bytes. */
    private static final long LZ4_EXPANSION_MAX = 255;
    private static final long ZSTD_EXPANSION_MAX = 32 * 1024;

    /** What stands at an offset. */
    enum Found {
        /** A record with entries; the accessors describe it. */
        RECORD,
        /** A seal; {@link #sealKind} tells which. */
        SEAL,
        /** Nothing that was written whole: a torn record, zeros, or a former life of the file. */
        INVALID,
        /** Something that was written whole and that no journal writes; {@link #defect} tells what. */
        MALFORMED
    }

    private final Path path;
    private final long fileId;
    private final long fileBytes;
    private final MappedFile file;
    private final Scratch window;
    private final Crc32c crc;
    private long windowOffset;
    private long windowBytes;

    private boolean isHeaderWhole;
    private long randomId;
    private long predecessorEnd;

    private MemorySegment memory = MemorySegment.NULL;
    private long recordOffset;
    private int payloadCrc;
    private int length;
    private int count;
    private int dataCount;
    private long dataBytes;
    private boolean isEdit;
    private long seqno;
    private long forcedPosition;
    private String defect = "";

    JournalReader(Storage storage, Path path, long fileId, Scratch window, Crc32c crc) throws IOException {
        this.path = path;
        this.fileId = fileId;
        this.window = window;
        this.crc = crc;
        fileBytes = storage.sizeBytes(path);
        file = storage.map(path, fileBytes);
    }

    /**
     * Whether the file's header is what was forced before the file got its name; else {@link #defect} tells why not.
     */
    boolean readHeader() {
        if (fileBytes < JournalFormat.FILE_HEADER_BYTES) {
            defect = "a file of " + fileBytes + " bytes";
            return false;
        }
        long base = fetch(0, JournalFormat.FILE_HEADER_BYTES);
        MemorySegment source = memory;
        int magic = source.get(INT_LE, base + JournalFormat.FILE_MAGIC);
        int expectedCrc = JournalFile.headerCrc(source, base, fileId, crc);
        int foundCrc = source.get(INT_LE, base + JournalFormat.FILE_CRC);
        int format = source.get(INT_LE, base + JournalFormat.FILE_FORMAT);
        if (magic != JournalFormat.MAGIC || foundCrc != expectedCrc) {
            defect = "magic 0x" + Integer.toHexString(magic) + ", checksum 0x" + Integer.toHexString(foundCrc)
                    + " instead of 0x" + Integer.toHexString(expectedCrc);
            return false;
        }
        if (format != JournalFormat.FORMAT) {
            throw new FormatVersionException(path + ": journal format " + Integer.toUnsignedString(format)
                    + "; this version reads " + JournalFormat.FORMAT);
        }
        randomId = source.get(LONG_LE, base + JournalFormat.FILE_RANDOM_ID);
        predecessorEnd = source.get(LONG_LE, base + JournalFormat.FILE_PREDECESSOR_END);
        isHeaderWhole = true;
        return isHeaderSane(source, base);
    }

    private boolean isHeaderSane(MemorySegment source, long base) {
        long journalId = source.get(LONG_LE, base + JournalFormat.FILE_JOURNAL_ID);
        long start = source.get(LONG_LE, base + JournalFormat.FILE_START_POSITION);
        long statedBytes = source.get(LONG_LE, base + JournalFormat.FILE_BYTES);
        boolean isPaddingZero = source.get(INT_LE, base + JournalFormat.FILE_PADDING) == 0
                && source.get(LONG_LE, base + JournalFormat.FILE_PADDING + 4) == 0;
        if (journalId != fileId || start != position(JournalFormat.FILE_HEADER_BYTES) || !isPaddingZero
                || predecessorEnd < 0 || JournalFormat.fileIdOf(predecessorEnd) >= fileId) {
            defect = "journal " + journalId + " that starts at " + start + " after " + predecessorEnd;
            return false;
        }
        if (statedBytes != fileBytes) {
            defect = fileBytes + " bytes instead of " + statedBytes;
            return false;
        }
        return true;
    }

    /** Whether the checksum of the header was right: then salvage finds records, whatever else is wrong. */
    boolean isHeaderWhole() {
        return isHeaderWhole;
    }

    /** Looks at what stands at an offset, which is a multiple of 8. */
    Found read(long offset) {
        defect = "";
        recordOffset = offset;
        if (offset + JournalFormat.RECORD_HEADER_BYTES > fileBytes || !readRecordHeader(offset)) {
            return Found.INVALID;
        }
        if (!isRecordHeaderSane(offset)) {
            return Found.MALFORMED;
        }
        return count == 0 ? Found.SEAL : readPayload(offset);
    }

    /** Whether a header with the right checksum stands there; then its fields are set. */
    private boolean readRecordHeader(long offset) {
        long base = fetch(offset, JournalFormat.RECORD_HEADER_BYTES);
        MemorySegment source = memory;
        int found = source.get(INT_LE, base + JournalFormat.RECORD_CRC);
        int expected = crc.of(
                randomId, position(offset), source, base + JournalFormat.RECORD_COVERED,
                JournalFormat.RECORD_HEADER_BYTES - JournalFormat.RECORD_COVERED);
        if (found != expected) {
            return false;
        }
        payloadCrc = source.get(INT_LE, base + JournalFormat.RECORD_PAYLOAD_CRC);
        length = source.get(INT_LE, base + JournalFormat.RECORD_LENGTH);
        count = source.get(INT_LE, base + JournalFormat.RECORD_COUNT);
        seqno = source.get(LONG_LE, base + JournalFormat.RECORD_SEQNO);
        forcedPosition = source.get(LONG_LE, base + JournalFormat.RECORD_FORCED);
        return true;
    }

    private boolean isRecordHeaderSane(long offset) {
        boolean isSane = 0 <= seqno && seqno <= Trailer.SEQNO_MAX
                && 0 <= forcedPosition && forcedPosition <= position(offset)
                && (count == 0 ? isSealSane() : isLengthSane(offset));
        if (!isSane) {
            defect = count + " entries in " + length + " bytes, payload checksum 0x" + Integer.toHexString(payloadCrc)
                    + ", seqno " + seqno + ", forced up to " + forcedPosition;
        }
        return isSane;
    }

    private boolean isSealSane() {
        return length == 0 && (payloadCrc == JournalFormat.SEAL_CLOSED || payloadCrc == JournalFormat.SEAL_CONTINUED);
    }

    private boolean isLengthSane(long offset) {
        return 0 < length && 0 < count && count <= length / JournalFormat.ENTRY_HEADER_BYTES
                && JournalFormat.recordBytes(length) <= fileBytes - offset - JournalFormat.SEAL_BYTES;
    }

    private Found readPayload(long offset) {
        long recordBytes = JournalFormat.recordBytes(length);
        long base = fetch(offset, recordBytes);
        long start = base + JournalFormat.RECORD_HEADER_BYTES;
        if (crc.of(0, 0, memory, start, length) != payloadCrc) {
            return Found.INVALID;
        }
        for (long at = start + length; at < base + recordBytes; at++) {
            if (memory.get(BYTE, at) != 0) {
                return Found.INVALID;
            }
        }
        return areEntriesWellFormed(start) ? Found.RECORD : Found.MALFORMED;
    }

    private boolean areEntriesWellFormed(long start) {
        MemorySegment source = memory;
        long end = start + length;
        long at = start;
        dataCount = 0;
        dataBytes = 0;
        isEdit = false;
        for (int index = 0; index < count; index++) {
            if (end - at < JournalFormat.ENTRY_HEADER_BYTES || !isEntryWellFormed(source, at, end)) {
                defect = "entry " + index + " of " + count + ", malformed, at " + (at - start) + " of " + length;
                return false;
            }
            at += entryBytes(source, at);
        }
        if (at != end) {
            defect = count + " entries of " + (at - start) + " bytes in " + length;
            return false;
        }
        return true;
    }

    private boolean isEntryWellFormed(MemorySegment source, long at, long end) {
        int keyspaceId = source.get(INT_LE, at + JournalFormat.ENTRY_KEYSPACE);
        int type = Byte.toUnsignedInt(source.get(BYTE, at + JournalFormat.ENTRY_TYPE));
        int codec = Byte.toUnsignedInt(source.get(BYTE, at + JournalFormat.ENTRY_COMPRESSION));
        int keyLength = keyLength(source, at);
        int valueLength = source.get(INT_LE, at + JournalFormat.ENTRY_VALUE_LENGTH);
        int storedLength = source.get(INT_LE, at + JournalFormat.ENTRY_STORED_LENGTH);
        if (storedLength < 0 || JournalFormat.entryBytes(keyLength, storedLength) > end - at || keyspaceId < 0) {
            return false;
        }
        if (keyspaceId == JournalFormat.CONTROL_KEYSPACE) {
            isEdit = type == JournalFormat.TYPE_EDIT;
            return codec == Codec.NONE.id() && keyLength == 0 && valueLength == storedLength
                    && (isEdit ? count == 1 : type == JournalFormat.TYPE_MANIFEST_WITNESS && valueLength == 16);
        }
        dataCount++;
        dataBytes += (long) keyLength + valueLength;
        return Trailer.isWrittenType(type) && (type == Trailer.VALUE || valueLength == 0)
                && EntryLimits.KEY_BYTES_MIN <= keyLength && isValueSane(codec, valueLength, storedLength);
    }

    private static boolean isValueSane(int codec, int valueLength, int storedLength) {
        if (valueLength < 0 || valueLength > EntryLimits.VALUE_BYTES_MAX || !Codec.isId(codec)) {
            return false;
        }
        return switch (Codec.ofId(codec)) {
            case NONE -> storedLength == valueLength;
            case LZ4 -> storedLength < valueLength && valueLength <= storedLength * LZ4_EXPANSION_MAX;
            case ZSTD -> storedLength < valueLength && valueLength <= storedLength * ZSTD_EXPANSION_MAX;
        };
    }

    static int keyLength(MemorySegment source, long entryOffset) {
        return Short.toUnsignedInt(source.get(SHORT_LE, entryOffset + JournalFormat.ENTRY_KEY_LENGTH));
    }

    static long entryBytes(MemorySegment source, long entryOffset) {
        int storedLength = source.get(INT_LE, entryOffset + JournalFormat.ENTRY_STORED_LENGTH);
        return JournalFormat.entryBytes(keyLength(source, entryOffset), storedLength);
    }

    /**
     * The offset of the first record header, at or behind an offset, that knew of forced bytes behind a position; -1
     * when there is none. The header's checksum alone decides: what it testifies was true whether or not its payload
     * came to disk.
     */
    long findForcedBehind(long fromOffset, long position) {
        for (long offset = fromOffset; offset + JournalFormat.RECORD_HEADER_BYTES <= fileBytes; offset += 8) {
            long base = fetch(offset, JournalFormat.RECORD_HEADER_BYTES);
            long claimed = memory.get(LONG_LE, base + JournalFormat.RECORD_FORCED);
            if (position < claimed && claimed <= position(offset) && readRecordHeader(offset)) {
                return offset;
            }
        }
        return -1;
    }

    /** The offset of the first whole record or seal at or behind an offset; -1 when there is none. */
    long findRecord(long fromOffset) {
        for (long offset = fromOffset; offset + JournalFormat.RECORD_HEADER_BYTES <= fileBytes; offset += 8) {
            long base = fetch(offset, JournalFormat.RECORD_HEADER_BYTES);
            int claimedLength = memory.get(INT_LE, base + JournalFormat.RECORD_LENGTH);
            long claimedForced = memory.get(LONG_LE, base + JournalFormat.RECORD_FORCED);
            boolean isPlausible = 0 <= claimedLength && claimedLength <= fileBytes - offset
                    && 0 <= claimedForced && claimedForced <= position(offset)
                    && memory.get(INT_LE, base + JournalFormat.RECORD_CRC) != 0;
            if (isPlausible) {
                Found found = read(offset);
                if (found == Found.RECORD || found == Found.SEAL) {
                    return offset;
                }
            }
        }
        return -1;
    }

    /**
     * Copies a run of the file to private memory and answers its offset there. What a lost page leaves behind in the
     * reused memory would be read as before; its error is delivered first (R23).
     */
    private long fetch(long offset, long bytes) {
        if (windowOffset <= offset && offset + bytes <= windowOffset + windowBytes) {
            return offset - windowOffset;
        }
        long fetched = Math.min(Math.max(bytes, WINDOW_BYTES), fileBytes - offset);
        memory = window.atLeast(fetched);
        memory.set(LONG_LE, 0, 0);
        windowBytes = 0;
        MemorySegment.copy(file.bytes(), offset, memory, 0, fetched);
        MappedFile.deliverFault();
        windowOffset = offset;
        windowBytes = fetched;
        return 0;
    }

    Path path() {
        return path;
    }

    long fileId() {
        return fileId;
    }

    long predecessorEnd() {
        return predecessorEnd;
    }

    String defect() {
        return defect;
    }

    /** What only the reader's user can tell is wrong with the record. */
    void markMalformed(String found) {
        defect = found;
    }

    long recordOffset() {
        return recordOffset;
    }

    long position(long offset) {
        return JournalFormat.position(fileId, offset);
    }

    long recordBytes() {
        return JournalFormat.recordBytes(length);
    }

    /** Whether the record tells an edit, and nothing else. */
    boolean isEdit() {
        return isEdit;
    }

    /** Whether the record has a seqno of its own. */
    boolean takesSeqno() {
        return isEdit || dataCount > 0;
    }

    /** Entries for keyspaces, without control entries. */
    int dataCount() {
        return dataCount;
    }

    /** Their keys and values as they were before compression. */
    long dataBytes() {
        return dataBytes;
    }

    int count() {
        return count;
    }

    long seqno() {
        return seqno;
    }

    long forcedPosition() {
        return forcedPosition;
    }

    int sealKind() {
        return payloadCrc;
    }

    /** Private memory that holds the record that was read, until the next read. */
    MemorySegment memory() {
        return memory;
    }

    /** Where in {@link #memory} the first entry stands. */
    long entriesOffset() {
        return recordOffset - windowOffset + JournalFormat.RECORD_HEADER_BYTES;
    }

    @Override
    public void close() {
        file.close();
    }
}
