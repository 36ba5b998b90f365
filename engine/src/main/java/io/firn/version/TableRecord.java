package io.firn.version;

import io.firn.ffm.file.Storage;
import io.firn.table.Table;
import io.firn.table.TableAccess;
import io.firn.table.TableSummary;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A table as the manifest names it, with the seqnos that readers see. {@code createdMillis} is the wall clock's time of its
 * writing.
 */
public record TableRecord(
        long id, long fileBytes, long entryCount, long tombstoneCount, long seqnoMin, long seqnoMax, long createdMillis,
        KeySpan keys, List<BlobLink> blobs) {
    public TableRecord {
        blobs = List.copyOf(blobs);
    }

    /** An open table that was written at this time, and what it names of blob files. */
    public static TableRecord of(Table table, long createdMillis, List<BlobLink> blobs) {
        TableSummary summary = table.summary();
        return new TableRecord(summary.id(), summary.fileBytes(), summary.entryCount(), summary.tombstoneCount(),
                summary.seqnoMin(), summary.seqnoMax(), createdMillis, new KeySpan(table.firstKey(), table.lastKey()), blobs);
    }

    /** The same table, whose entries were written with seqno 0, when they are shown at this seqno. */
    public TableRecord at(long seqno) {
        return new TableRecord(id, fileBytes, entryCount, tombstoneCount, seqno, seqno, createdMillis, keys, blobs);
    }

    /** Of the table and of the values that it names in blob files. */
    public long bytesWithBlobs() {
        long bytes = fileBytes;
        for (BlobLink link : blobs) {
            bytes += link.storedBytes();
        }
        return bytes;
    }

    /** Opens the table's file, and shows its entries at the record's seqno if they were written before that was known. */
    public Table open(Storage storage, Path path, TableAccess access) throws IOException {
        Table table = Table.open(storage, path, id, fileBytes, access);
        if (table.summary().seqnoMax() == 0 && 0 < seqnoMin && seqnoMin == seqnoMax) {
            table.showAt(seqnoMin);
        }
        return table;
    }
}
