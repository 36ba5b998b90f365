package io.firn.version;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;

import io.firn.error.CorruptionException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads an edit out of a record whose checksums were right. Nothing that it says is trusted: every length is compared
 * with the bytes that are there before anything is made of it.
 *
 * <p>Threads: one at a time.
 */
final class EditDecoder {
    private final Path file;
    private final MemorySegment bytes;
    private final long place;
    private final long end;
    private long position;

    private EditDecoder(Path file, MemorySegment bytes, long place, long start, long end) {
        this.file = file;
        this.bytes = bytes;
        this.place = place;
        this.position = start;
        this.end = end;
    }

    /** The edit in the payload of the record at a position. */
    static VersionEdit decode(Path file, MemorySegment manifest, long recordPosition) {
        long start = recordPosition + ManifestFormat.RECORD_HEADER_BYTES;
        return decode(file, 0, manifest, start, ManifestFormat.recordLength(manifest, recordPosition));
    }

    /** The edit in so many bytes from {@code start} on. Byte 0 of the memory stands at {@code place} of the file. */
    static VersionEdit decode(Path file, long place, MemorySegment memory, long start, long length) {
        EditDecoder in = new EditDecoder(file, memory, place, start, start + length);
        int count = in.takeCount(ManifestFormat.CHANGE_BYTES_MIN);
        List<Change> changes = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            changes.add(in.takeChange());
        }
        if (in.position != in.end) {
            throw in.corruption(in.position, "the end of the edit", (in.end - in.position) + " bytes more");
        }
        return new VersionEdit(changes);
    }

    long position() {
        return position;
    }

    CorruptionException corruption(long at, String expected, String found) {
        return new CorruptionException(file, place + at, expected, found);
    }

    int takeByte() {
        return Byte.toUnsignedInt(bytes.get(BYTE, take(1)));
    }

    private int takeShort() {
        return Short.toUnsignedInt(bytes.get(SHORT_LE, take(Short.BYTES)));
    }

    int takeInt() {
        return bytes.get(INT_LE, take(Integer.BYTES));
    }

    long takeLong() {
        return bytes.get(LONG_LE, take(Long.BYTES));
    }

    double takeDouble() {
        return Double.longBitsToDouble(takeLong());
    }

    private Change takeChange() {
        long at = position;
        int tag = takeByte();
        return switch (tag) {
            case ManifestFormat.KEYSPACE_CREATED ->
                    new Change.KeyspaceCreated(takeInt(), takeName(), OptionsFormat.decode(this));
            case ManifestFormat.SEPARATED_KEYSPACE_CREATED ->
                    new Change.KeyspaceCreated(takeInt(), takeName(), OptionsFormat.decodeWithBlobs(this));
            case ManifestFormat.KEYSPACE_DELETED -> new Change.KeyspaceDeleted(takeInt());
            case ManifestFormat.RUN_ADDED ->
                    new Change.RunAdded(takeInt(), takeByte(), takeInt(), takeTables(false));
            case ManifestFormat.RUN_WITH_BLOBS_ADDED ->
                    new Change.RunAdded(takeInt(), takeByte(), takeInt(), takeTables(true));
            case ManifestFormat.TABLES_ADDED ->
                    new Change.TablesAdded(takeInt(), takeByte(), takeInt(), takeTables(false));
            case ManifestFormat.TABLES_WITH_BLOBS_ADDED ->
                    new Change.TablesAdded(takeInt(), takeByte(), takeInt(), takeTables(true));
            case ManifestFormat.TABLES_REMOVED -> new Change.TablesRemoved(takeInt(), takeLongs());
            case ManifestFormat.TABLES_CLEARED -> new Change.TablesCleared(takeInt());
            case ManifestFormat.FLUSHED -> new Change.Flushed(takeInt(), takeLong());
            case ManifestFormat.COUNTERS -> new Change.Counters(takeLong(), takeLong(), takeInt());
            case ManifestFormat.JOURNALS_LIVE -> new Change.JournalsLive(takeLong());
            default -> throw corruption(at, "a change", "tag " + tag);
        };
    }

    private String takeName() {
        long at = position;
        int length = takeByte();
        if (length == 0) {
            throw corruption(at, "a keyspace name of 1 to " + Change.NAME_BYTES_MAX + " bytes", "none");
        }
        ByteBuffer name = bytes.asSlice(take(length), length).asByteBuffer();
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(name).toString();
        } catch (CharacterCodingException e) {
            throw corruption(at, "a keyspace name in UTF-8", e.toString());
        }
    }

    private List<TableRecord> takeTables(boolean hasBlobs) {
        int count = takeCount(ManifestFormat.TABLE_BYTES_MIN);
        List<TableRecord> tables = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            tables.add(new TableRecord(
                    takeLong(), takeLong(), takeLong(), takeLong(), takeLong(), takeLong(), takeLong(), takeKeys(),
                    hasBlobs ? takeLinks() : List.of()));
        }
        return tables;
    }

    private List<BlobLink> takeLinks() {
        int count = takeCount(ManifestFormat.BLOB_LINK_BYTES);
        List<BlobLink> links = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            BlobRecord file = new BlobRecord(takeLong(), takeLong(), takeLong(), takeLong());
            links.add(new BlobLink(file, takeLong(), takeLong()));
        }
        return links;
    }

    private KeySpan takeKeys() {
        long at = position;
        int firstLength = takeShort();
        int lastLength = takeShort();
        if (firstLength == 0 || lastLength == 0) {
            throw corruption(at, "a first and a last key", "an empty one");
        }
        byte[] first = takeBytes(firstLength);
        byte[] last = takeBytes(lastLength);
        if (Arrays.compareUnsigned(first, last) > 0) {
            throw corruption(at, "a first key that is not behind the last", "one behind it");
        }
        return new KeySpan(first, last);
    }

    private byte[] takeBytes(int length) {
        byte[] taken = new byte[length];
        MemorySegment.copy(bytes, BYTE, take(length), taken, 0, length);
        return taken;
    }

    private List<Long> takeLongs() {
        int count = takeCount(Long.BYTES);
        List<Long> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            values.add(takeLong());
        }
        return values;
    }

    /** A count of things that have at least so many bytes each, all of which must fit into what is left. */
    private int takeCount(int bytesEachMin) {
        long at = position;
        int count = takeInt();
        if (count < 0 || count > (end - position) / bytesEachMin) {
            throw corruption(at, "a count for the " + (end - position) + " bytes that are left",
                    Integer.toUnsignedString(count));
        }
        return count;
    }

    private long take(int count) {
        long at = position;
        if (end - at < count) {
            throw corruption(at, count + " bytes", (end - at) + " bytes before the end of the edit");
        }
        position += count;
        return at;
    }
}
