package io.firn.tool;

import io.firn.config.RecoveryMode;
import io.firn.entry.EntryCursor;
import io.firn.error.FirnException;
import io.firn.error.NotADatabaseException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.DirectoryLock;
import io.firn.ffm.file.Storage;
import io.firn.journal.JournalFormat;
import io.firn.journal.JournalReplay;
import io.firn.journal.JournalReplay.Replayed;
import io.firn.table.Table;
import io.firn.table.TableAccess;
import io.firn.version.BlobUse;
import io.firn.version.Change;
import io.firn.version.DatabaseFiles;
import io.firn.version.KeyspaceState;
import io.firn.version.Manifest;
import io.firn.version.ManifestState;
import io.firn.version.RecoveredManifest;
import io.firn.version.TableRecord;
import io.firn.version.VersionEdit;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A database that is not open, read to its last byte: CURRENT, the manifest, the journals that are not dead, and
 * every table.
 *
 * <p>Invariants: (1) nothing but LOCK is written. (2) A problem with one file does not hide those of the others;
 * without a manifest nobody knows which files there should be, and it is the only problem. (3) What a crash may leave
 * is a note.
 *
 * <p>Threads: one.
 */
final class Verification {
    private static final long BUDGET_MEBIBYTES = 64;

    private final Storage storage;
    private final DatabaseFiles files;
    private final BlobVerification blobs;
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(BUDGET_MEBIBYTES);
    private final List<String> problems = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final Set<Path> filesToCome = new HashSet<>();
    private long tableCount;
    private long tableBytes;
    private long tableEntries;
    private long journalEntries;

    /** A step that reads one file, or files that cannot be told apart. */
    private interface Step {
        void run() throws IOException;
    }

    Verification(Storage storage, Path directory) {
        this.storage = storage;
        files = new DatabaseFiles(directory);
        blobs = new BlobVerification(storage, files, budget);
    }

    void run() throws IOException {
        if (!storage.exists(files.directory()) || !Manifest.exists(storage, files.directory())) {
            throw new NotADatabaseException(files.directory() + ": there is no database here");
        }
        try (DirectoryLock _ = storage.lock(files.directory())) {
            attempt(() -> {
                RecoveredManifest manifest = Manifest.recover(storage, files.directory());
                if (manifest.isTailDamaged()) {
                    notes.add(files.manifest(manifest.manifestId()) + ": not whole from offset " + manifest.bytes()
                            + " on, as a crash leaves it; the next open drops that");
                }
                attempt(() -> readJournals(manifest));
                for (KeyspaceState keyspace : manifest.state().keyspaces().values()) {
                    readKeyspace(keyspace);
                }
                blobs.close();
                attempt(() -> noteOrphans(manifest.state()));
            });
        }
    }

    private void attempt(Step step) {
        try {
            step.run();
        } catch (FirnException | IOException e) {
            problems.add(Explanation.of(e));
        } catch (InternalError e) {
            // A page of a mapping could not be read: the disk failed (R23).
            problems.add("a page of a mapped file could not be read: " + e.getMessage());
        }
    }

    // ---- journals

    private void readJournals(RecoveredManifest manifest) throws IOException {
        Set<Integer> unknown = new HashSet<>();
        Replayed replayed = JournalReplay.replay(
                storage, files.journalDirectory(), manifest.state().firstJournalId(), RecoveryMode.TORN_TAIL, budget,
                new JournalReplay.Visitor() {
                    @Override
                    public void record(long position, long seqno, int entryCount, long entryBytes) {
                        journalEntries += entryCount;
                    }

                    @Override
                    public void entry(
                            long seqno, int keyspaceId, int type, MemorySegment key, long keyOffset, int keyLength,
                            MemorySegment value, long valueOffset, int valueLength) {
                        if (!manifest.state().keyspaces().containsKey(keyspaceId)
                                && !manifest.state().isDeleted(keyspaceId)) {
                            unknown.add(keyspaceId);
                        }
                    }

                    @Override
                    public void edit(long position, long seqno, MemorySegment edit, long offset, int length) {
                        Path file = files.journalDirectory()
                                .resolve(JournalFormat.nameOf(JournalFormat.fileIdOf(position)));
                        attempt(() -> readEdit(manifest.state(), seqno, VersionEdit.decode(
                                file, JournalFormat.offsetOf(position) - offset, edit, offset, length)));
                    }
                });
        manifest.check(files.directory(), replayed.witnessManifestId(), replayed.witnessForcedBytes());
        for (int keyspaceId : unknown) {
            problems.add(files.journalDirectory() + ": entries of keyspace " + keyspaceId
                    + ", which the manifest does not name");
        }
        if (!replayed.isSealed()) {
            notes.add(files.journalDirectory()
                    + ": not closed, as a crash leaves it; the next open recovers what is whole");
        }
        replayed.discarded().forEach(each -> notes.add("the next open drops " + each));
    }

    /** What the manifest lacks is executed by the next open. The tables that it adds are there already. */
    private void readEdit(ManifestState state, long seqno, VersionEdit edit) {
        for (Change change : edit.changes()) {
            if (change instanceof Change.OfLevels added) {
                KeyspaceState keyspace = state.keyspaces().get(added.keyspaceId());
                if (keyspace != null && keyspace.flushedSeqno() < seqno) {
                    for (TableRecord table : added.tables()) {
                        filesToCome.add(files.table(keyspace.id(), table.id()));
                        table.blobs().forEach(link -> filesToCome.add(files.blob(keyspace.id(), link.file().id())));
                    }
                    readRun(keyspace.id(), added.tables());
                }
            }
        }
    }

    // ---- tables

    private void readKeyspace(KeyspaceState keyspace) {
        for (List<List<TableRecord>> level : keyspace.levels().levels()) {
            for (List<TableRecord> run : level) {
                readRun(keyspace.id(), run);
            }
        }
    }

    private void readRun(int keyspaceId, List<TableRecord> run) {
        @Nullable Table before = null;
        try {
            for (TableRecord record : run) {
                Table table = readTable(keyspaceId, record);
                if (table != null && before != null) {
                    Table predecessor = before;
                    attempt(() -> checkOrder(predecessor, table));
                }
                if (before != null) {
                    before.close();
                }
                before = table;
            }
        } finally {
            if (before != null) {
                before.close();
            }
        }
    }

    /** The table if every byte of it is right. */
    private @Nullable Table readTable(int keyspaceId, TableRecord record) {
        Path file = files.table(keyspaceId, record.id());
        int problemsBefore = problems.size();
        List<Table> opened = new ArrayList<>();
        attempt(() -> {
            Table table = record.open(storage, file, TableAccess.alone(budget));
            opened.add(table);
            table.verify(budget);
            checkRecord(file, record, TableRecord.of(table, record.createdMillis(), record.blobs()));
            blobs.readTable(keyspaceId, table, record);
        });
        tableCount++;
        tableBytes += record.fileBytes();
        tableEntries += record.entryCount();
        if (problems.size() == problemsBefore) {
            return opened.getFirst();
        }
        opened.forEach(Table::close);
        return null;
    }

    private void checkRecord(Path file, TableRecord named, TableRecord found) {
        if (!found.equals(named)) {
            problems.add(file + ": the manifest names " + named + ", the table says " + found);
        }
    }

    private void checkOrder(Table before, Table table) {
        try (EntryCursor cursor = table.cursor(budget)) {
            if (cursor.first()
                    && before.compareToLastKey(cursor.keySegment(), cursor.keyOffset(), cursor.keyLength()) <= 0) {
                problems.add(table.path() + ": begins before the end of " + before.path()
                        + ", which stands before it in its run");
            }
        }
    }

    private void noteOrphans(ManifestState state) throws IOException {
        Set<Path> named = new HashSet<>(filesToCome);
        for (KeyspaceState keyspace : state.keyspaces().values()) {
            List<TableRecord> tables = keyspace.levels().tables();
            tables.forEach(table -> named.add(files.table(keyspace.id(), table.id())));
            BlobUse.of(tables).keySet().forEach(id -> named.add(files.blob(keyspace.id(), id)));
        }
        for (String keyspace : storage.list(files.keyspacesDirectory())) {
            long id = DatabaseFiles.keyspaceId(keyspace);
            if (id != DatabaseFiles.NO_ID) {
                noteOrphans(files.tablesDirectory((int) id), named);
                noteOrphans(files.blobsDirectory((int) id), named);
            }
        }
    }

    private void noteOrphans(Path directory, Set<Path> named) throws IOException {
        for (String name : storage.exists(directory) ? storage.list(directory) : List.<String>of()) {
            Path file = directory.resolve(name);
            if (!named.contains(file)) {
                notes.add(file + ": not named by the manifest, as a crash leaves it; the next open deletes it");
            }
        }
    }

    // ---- the answer

    /** What is wrong, each with its file and where it is known the offset. */
    List<String> problems() {
        return problems;
    }

    List<String> notes() {
        return notes;
    }

    String summary() {
        String found = switch (problems.size()) {
            case 0 -> "everything is right";
            case 1 -> "1 problem";
            default -> problems.size() + " problems";
        };
        return String.format(
                Locale.ROOT, "%s: read %,d tables of %,d bytes with %,d entries,%s and %,d entries in journals: %s",
                files.directory(), tableCount, tableBytes, tableEntries, blobs.summary(), journalEntries, found);
    }
}
