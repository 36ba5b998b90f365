package io.firn.tool;

import io.firn.blob.BlobFile;
import io.firn.entry.BlobHandle;
import io.firn.entry.EntryCursor;
import io.firn.entry.HeldBlock;
import io.firn.entry.Trailer;
import io.firn.error.CorruptionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import io.firn.table.Table;
import io.firn.version.BlobLink;
import io.firn.version.BlobRecord;
import io.firn.version.DatabaseFiles;
import io.firn.version.TableRecord;
import java.io.IOException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads what tables name in blob files: every byte of each file once, and every value by the handle that leads to it.
 *
 * <p>Threads: one. Closed by: its opener.
 */
final class BlobVerification implements AutoCloseable {
    private final Storage storage;
    private final DatabaseFiles files;
    private final MemoryBudget budget;
    private final Map<Long, BlobFile> opened = new HashMap<>();
    private long fileCount;
    private long fileBytes;
    private long valueCount;

    BlobVerification(Storage storage, DatabaseFiles files, MemoryBudget budget) {
        this.storage = storage;
        this.files = files;
        this.budget = budget;
    }

    /** What was read; empty if there was nothing to read. */
    String summary() {
        return fileCount == 0
                ? ""
                : String.format(
                        Locale.ROOT, " %,d blob files of %,d bytes with %,d values,", fileCount, fileBytes, valueCount);
    }

    /** Throws the first thing that is wrong with what the table names. */
    void readTable(int keyspaceId, Table table, TableRecord record) throws IOException {
        for (BlobLink link : record.blobs()) {
            if (!opened.containsKey(link.file().id())) {
                open(keyspaceId, link.file());
            }
        }
        Map<Long, BlobLink> found = new TreeMap<>();
        try (EntryCursor cursor = table.cursor(budget); HeldBlock value = HeldBlock.confined(budget)) {
            while (cursor.next()) {
                if (Trailer.isSeparated(cursor.trailer())) {
                    read(table, cursor, value, found);
                }
            }
        }
        for (BlobLink link : record.blobs()) {
            BlobLink counted = found.get(link.file().id());
            if (counted == null || counted.valueCount() != link.valueCount()
                    || counted.storedBytes() != link.storedBytes()) {
                throw new CorruptionException(table.path(), 0, "the values that the manifest names, " + link,
                        String.valueOf(counted));
            }
        }
    }

    private void read(Table table, EntryCursor cursor, HeldBlock value, Map<Long, BlobLink> found) {
        long id = BlobHandle.fileId(cursor.valueSegment(), cursor.valueOffset());
        long stored = BlobHandle.storedBytes(cursor.valueSegment(), cursor.valueOffset());
        BlobFile file = opened.get(id);
        if (file == null) {
            throw new CorruptionException(table.path(), 0, "values in blob files that the manifest names", "one in blob file " + id);
        }
        file.holdOnce(cursor.valueSegment(), cursor.valueOffset(), value);
        value.release();
        BlobLink one = new BlobLink(new BlobRecord(id, file.fileBytes(), 0, 0), 1, stored);
        found.merge(id, one, (a, b) ->
                new BlobLink(a.file(), a.valueCount() + b.valueCount(), a.storedBytes() + b.storedBytes()));
    }

    private void open(int keyspaceId, BlobRecord record) throws IOException {
        BlobFile file = BlobFile.open(
                storage, files.blob(keyspaceId, record.id()), record.id(), record.fileBytes(), null, budget);
        file.retain();
        opened.put(record.id(), file);
        fileCount++;
        fileBytes += record.fileBytes();
        long values = file.verify(budget);
        valueCount += values;
        if (values != record.valueCount()) {
            throw new CorruptionException(
                    file.path(), 0, record.valueCount() + " values, as the manifest says", values + " values");
        }
    }

    @Override
    public void close() {
        opened.values().forEach(BlobFile::release);
        opened.clear();
    }
}
