package io.firn.version;

import io.firn.config.BlobOptions;
import io.firn.entry.Trailer;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import io.firn.table.Table;
import io.firn.table.TableAccess;
import io.firn.table.TableSettings;
import io.firn.table.TableSummary;
import io.firn.table.TableWriter;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Writes entries, which come in entry order, as the tables of one run.
 *
 * <p>Where values are separated, large ones go to blob files, see {@link Separation}.
 *
 * <p>Invariants: (1) tables are cut between user keys only, so that all versions of a key lie in one of them. (2) Without
 * {@link #finish} no file of it is left, as far as the disk allows, and none is named by anyone. (3) In steady state an entry
 * allocates nothing on the heap; a table does.
 *
 * <p>Threads: one. Closed by: its opener.
 */
public final class RunWriter implements AutoCloseable {
    /** How often a cancellation is looked for. */
    private static final int ENTRIES_BETWEEN_LOOKS = 1024;

    private final TableFiles files;
    private final int keyspaceId;
    private final TableSettings settings;
    private final TableAccess access;
    private final long tableBytes;
    private final Scratch lastKey;
    private final List<Path> written = new ArrayList<>();
    private final List<Table> tables = new ArrayList<>();
    private final List<List<Separation.Named>> named = new ArrayList<>();
    private final List<Long> createdMillis = new ArrayList<>();
    private final @Nullable Separation separation;

    private @Nullable TableWriter writer;
    private Path path = Path.of("");
    private long tableId;
    private int lastKeyLength;
    /** The table is large enough: it ends before the next key. */
    private boolean isFull;
    private long entryCount;
    private long finishedBytes;
    private boolean isFinished;
    private boolean isClosed;

    /**
     * Tables are cut when they have {@code tableBytes}, and opened as the access of their level says. Values are separated if there are
     * options for that; no entry has a handle yet.
     */
    public RunWriter(
            TableFiles files, int keyspaceId, TableSettings settings, TableAccess access, long tableBytes,
            @Nullable BlobOptions blobs) {
        this(files, keyspaceId, settings, access, tableBytes, blobs, BlobSource.NONE, Set.of());
    }

    /** The same for entries that may have handles, which lead to the source; values of the files to be rewritten are written anew. */
    public RunWriter(
            TableFiles files, int keyspaceId, TableSettings settings, TableAccess access, long tableBytes,
            @Nullable BlobOptions blobs, BlobSource source, Set<Long> rewrittenFiles) {
        this.files = files;
        this.keyspaceId = keyspaceId;
        this.settings = settings;
        this.access = access;
        this.tableBytes = tableBytes;
        lastKey = Scratch.confined(files.budget());
        separation = blobs == null ? null : new Separation(files, keyspaceId, blobs, source, rewrittenFiles);
    }

    public void add(
            MemorySegment key, long keyOffset, int keyLength, long trailer,
            MemorySegment value, long valueOffset, int valueLength) throws IOException {
        if (++entryCount % ENTRIES_BETWEEN_LOOKS == 0) {
            throwIfCancelled();
        }
        if (isFull && !Bytes.equal(lastKey.bytes(), 0, lastKeyLength, key, keyOffset, keyLength)) {
            endTable();
        }
        TableWriter open = writer;
        if (open == null) {
            open = beginTable();
        }
        Separation separating = separation;
        if (separating == null || Trailer.isTombstone(trailer)) {
            open.add(key, keyOffset, keyLength, trailer, value, valueOffset, valueLength);
        } else {
            separating.place(trailer, value, valueOffset, valueLength);
            open.add(key, keyOffset, keyLength, separating.trailer(),
                    separating.valueSegment(), separating.valueOffset(), separating.valueLength());
        }
        if (!isFull && open.estimatedBytes() >= tableBytes) {
            isFull = true;
            Bytes.copy(key, keyOffset, lastKey.atLeast(keyLength), 0, keyLength);
            lastKeyLength = keyLength;
        }
    }

    /** For those who read much and add little: an InterruptedIOException if they are to stop. */
    public void throwIfCancelled() throws InterruptedIOException {
        if (files.isCancelled().getAsBoolean()) {
            throw new InterruptedIOException(
                    files.files().tablesDirectory(keyspaceId) + ": the writing of a run was cancelled");
        }
    }

    /** About what was written so far. */
    public long writtenBytes() {
        return finishedBytes + (writer == null ? 0 : writer.estimatedBytes())
                + (separation == null ? 0 : separation.writtenBytes());
    }

    /** Forces and opens the tables, and makes their names durable. */
    public WrittenRun finish() throws IOException {
        assert !isFinished : "finished twice";
        if (writer != null) {
            endTable();
        }
        throwIfCancelled();
        if (separation != null) {
            separation.finish();
        }
        if (!written.isEmpty()) {
            // Crash here: the tables are whole, but their names may be gone; nobody names them.
            files.storage().syncDirectory(files.files().tablesDirectory(keyspaceId));
            // Crash here: orphans, which recovery deletes; what they hold still stands where it came from.
        }
        List<TableRecord> records = new ArrayList<>(tables.size());
        for (int i = 0; i < tables.size(); i++) {
            List<BlobLink> links = separation == null ? List.of() : separation.links(named.get(i));
            if (!links.isEmpty()) {
                tables.get(i).holdOpen(separation.files(links));
            }
            records.add(TableRecord.of(tables.get(i), createdMillis.get(i), links));
        }
        isFinished = true;
        return new WrittenRun(tables, records, separation == null ? List.of() : separation.files());
    }

    private TableWriter beginTable() throws IOException {
        tableId = files.nextFileId().getAsLong();
        path = files.files().table(keyspaceId, tableId);
        written.add(path);
        TableWriter opened =
                new TableWriter(files.storage().create(path), path, tableId, settings, files.budget());
        writer = opened;
        isFull = false;
        return opened;
    }

    private void endTable() throws IOException {
        TableWriter ending = writer;
        assert ending != null : "no table was begun";
        TableSummary summary = ending.finish();
        ending.close();
        writer = null;
        finishedBytes += summary.fileBytes();
        Table table = Table.open(files.storage(), path, tableId, summary.fileBytes(), access);
        tables.add(table);
        createdMillis.add(files.millisClock().getAsLong());
        named.add(separation == null ? List.of() : separation.endTable());
    }

    /** Frees the memory; of a run that was not finished, everything goes. */
    @Override
    public void close() throws IOException {
        if (isClosed) {
            return;
        }
        isClosed = true;
        lastKey.close();
        try {
            if (!isFinished) {
                discard();
            }
        } finally {
            if (separation != null) {
                separation.close();
            }
        }
    }

    private void discard() throws IOException {
        IOException failure = null;
        try {
            if (writer != null) {
                writer.close();
            }
        } finally {
            tables.forEach(Table::close);
            if (separation != null) {
                written.addAll(separation.discard());
            }
            for (Path file : written) {
                try {
                    files.storage().delete(file);
                } catch (IOException e) {
                    failure = e;
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
