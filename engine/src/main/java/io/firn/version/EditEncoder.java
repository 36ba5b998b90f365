package io.firn.version;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;

import io.firn.config.BlobOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Writes an edit as a record, in native memory that grows. Threads: one at a time. Closed by: the arena's owner. */
final class EditEncoder {
    private static final long FIRST_BYTES = 1024;

    private final Arena arena;
    private MemorySegment bytes;
    private long usedBytes = ManifestFormat.RECORD_HEADER_BYTES;

    private EditEncoder(Arena arena) {
        this.arena = arena;
        bytes = arena.allocate(FIRST_BYTES);
    }

    /** The changes alone, as they are the payload of a record. */
    static MemorySegment encode(VersionEdit edit, Arena arena) {
        EditEncoder out = encoded(edit, arena);
        return out.bytes.asSlice(ManifestFormat.RECORD_HEADER_BYTES, out.usedBytes - ManifestFormat.RECORD_HEADER_BYTES);
    }

    /** The whole record for this place of the file of this identity. */
    static MemorySegment encode(VersionEdit edit, long identity, long position, Arena arena) throws IOException {
        EditEncoder out = encoded(edit, arena);
        if (position + out.usedBytes > ManifestFormat.FILE_BYTES_MAX) {
            throw new IOException("a manifest of more than " + ManifestFormat.FILE_BYTES_MAX + " bytes");
        }
        MemorySegment record = out.bytes.asSlice(0, out.usedBytes);
        ManifestFormat.sealRecord(record, identity, position);
        return record;
    }

    private static EditEncoder encoded(VersionEdit edit, Arena arena) {
        EditEncoder out = new EditEncoder(arena);
        out.putInt(edit.changes().size());
        for (Change change : edit.changes()) {
            out.put(change);
        }
        return out;
    }

    private void put(Change change) {
        switch (change) {
            case Change.KeyspaceCreated created -> {
                BlobOptions blobs = created.options().blobs();
                putByte(blobs == null ? ManifestFormat.KEYSPACE_CREATED : ManifestFormat.SEPARATED_KEYSPACE_CREATED);
                putInt(created.id());
                byte[] name = Change.nameBytes(created.name());
                putByte(name.length);
                putBytes(name);
                OptionsFormat.encode(this, created.options());
                if (blobs != null) {
                    OptionsFormat.encodeBlobs(this, blobs);
                }
            }
            case Change.KeyspaceDeleted(int id) -> {
                putByte(ManifestFormat.KEYSPACE_DELETED);
                putInt(id);
            }
            case Change.RunAdded(int keyspaceId, int level, int position, List<TableRecord> tables) -> {
                boolean hasBlobs = hasBlobs(tables);
                putByte(hasBlobs ? ManifestFormat.RUN_WITH_BLOBS_ADDED : ManifestFormat.RUN_ADDED);
                putTables(keyspaceId, level, position, tables, hasBlobs);
            }
            case Change.TablesAdded(int keyspaceId, int level, int position, List<TableRecord> tables) -> {
                boolean hasBlobs = hasBlobs(tables);
                putByte(hasBlobs ? ManifestFormat.TABLES_WITH_BLOBS_ADDED : ManifestFormat.TABLES_ADDED);
                putTables(keyspaceId, level, position, tables, hasBlobs);
            }
            case Change.TablesRemoved(int keyspaceId, List<Long> tableIds) -> {
                putByte(ManifestFormat.TABLES_REMOVED);
                putInt(keyspaceId);
                putInt(tableIds.size());
                tableIds.forEach(this::putLong);
            }
            case Change.TablesCleared(int keyspaceId) -> {
                putByte(ManifestFormat.TABLES_CLEARED);
                putInt(keyspaceId);
            }
            case Change.Flushed(int keyspaceId, long seqno) -> {
                putByte(ManifestFormat.FLUSHED);
                putInt(keyspaceId);
                putLong(seqno);
            }
            case Change.Counters counters -> {
                putByte(ManifestFormat.COUNTERS);
                putLong(counters.nextSeqno());
                putLong(counters.nextFileId());
                putInt(counters.nextKeyspaceId());
            }
            case Change.JournalsLive(long firstJournalId) -> {
                putByte(ManifestFormat.JOURNALS_LIVE);
                putLong(firstJournalId);
            }
        }
    }

    private static boolean hasBlobs(List<TableRecord> tables) {
        return tables.stream().anyMatch(table -> !table.blobs().isEmpty());
    }

    private void putTables(int keyspaceId, int level, int position, List<TableRecord> tables, boolean hasBlobs) {
        putInt(keyspaceId);
        putByte(level);
        putInt(position);
        putInt(tables.size());
        for (TableRecord table : tables) {
            put(table);
            if (hasBlobs) {
                putInt(table.blobs().size());
                table.blobs().forEach(this::put);
            }
        }
    }

    private void put(TableRecord table) {
        putLong(table.id());
        putLong(table.fileBytes());
        putLong(table.entryCount());
        putLong(table.tombstoneCount());
        putLong(table.seqnoMin());
        putLong(table.seqnoMax());
        putLong(table.createdMillis());
        putShort(table.keys().first().length);
        putShort(table.keys().last().length);
        putBytes(table.keys().first());
        putBytes(table.keys().last());
    }

    private void put(BlobLink link) {
        putLong(link.file().id());
        putLong(link.file().fileBytes());
        putLong(link.file().valueCount());
        putLong(link.file().storedBytes());
        putLong(link.valueCount());
        putLong(link.storedBytes());
    }

    void putByte(int value) {
        assert 0 <= value && value <= 255 : value;
        long at = make(1);
        bytes.set(BYTE, at, (byte) value);
    }

    private void putShort(int value) {
        assert 0 <= value && value <= 65_535 : value;
        long at = make(Short.BYTES);
        bytes.set(SHORT_LE, at, (short) value);
    }

    void putInt(int value) {
        long at = make(Integer.BYTES);
        bytes.set(INT_LE, at, value);
    }

    void putLong(long value) {
        long at = make(Long.BYTES);
        bytes.set(LONG_LE, at, value);
    }

    void putDouble(double value) {
        putLong(Double.doubleToRawLongBits(value));
    }

    private void putBytes(byte[] source) {
        long at = make(source.length);
        MemorySegment.copy(source, 0, bytes, BYTE, at, source.length);
    }

    /** Room for so many bytes; answers where. */
    private long make(int count) {
        if (usedBytes + count > bytes.byteSize()) {
            MemorySegment grown = arena.allocate(2 * bytes.byteSize() + count);
            MemorySegment.copy(bytes, 0, grown, 0, usedBytes);
            bytes = grown;
        }
        usedBytes += count;
        return usedBytes - count;
    }
}
