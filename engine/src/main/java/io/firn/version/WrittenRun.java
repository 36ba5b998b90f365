package io.firn.version;

import io.firn.blob.BlobFile;
import io.firn.ffm.file.Storage;
import io.firn.table.Table;
import java.io.IOException;
import java.util.List;

/**
 * A run that was written, forced and opened, and that nobody names yet, with the blob files that were written for it, which the tables hold
 * open. Empty if nothing was left to write.
 */
public record WrittenRun(List<Table> tables, List<TableRecord> records, List<BlobFile> blobFiles) {
    /** Of a step that writes nothing. */
    public static final WrittenRun NOTHING = new WrittenRun(List.of(), List.of(), List.of());

    public WrittenRun {
        tables = List.copyOf(tables);
        records = List.copyOf(records);
        blobFiles = List.copyOf(blobFiles);
    }

    public boolean isEmpty() {
        return tables.isEmpty();
    }

    /** Shows all entries, which were written with seqno 0, at this one; before anybody else reaches the tables. */
    public WrittenRun showAt(long seqno) {
        tables.forEach(table -> table.showAt(seqno));
        return new WrittenRun(tables, records.stream().map(record -> record.at(seqno)).toList(), blobFiles);
    }

    public long fileBytes() {
        long bytes = 0;
        for (TableRecord record : records) {
            bytes += record.fileBytes();
        }
        for (BlobFile file : blobFiles) {
            bytes += file.fileBytes();
        }
        return bytes;
    }

    /** Unmaps the tables of a run that was not installed. */
    public void close() {
        tables.forEach(Table::close);
    }

    /** Unmaps and deletes the tables of a run that nobody will name. */
    public void discard(Storage storage) throws IOException {
        close();
        for (Table table : tables) {
            storage.delete(table.path());
        }
        for (BlobFile file : blobFiles) {
            storage.delete(file.path());
        }
    }
}
