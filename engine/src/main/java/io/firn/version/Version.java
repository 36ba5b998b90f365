package io.firn.version;

import io.firn.blob.BlobFile;
import io.firn.config.KeyspaceOptions;
import io.firn.entry.Probe;
import io.firn.error.CorruptionException;
import io.firn.ffm.file.Storage;
import io.firn.table.Table;
import io.firn.table.TableAccess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The open tables of one keyspace as a value: {@link Levels} that can be read.
 *
 * <p>Invariants: (1) of two runs that hold the same key, the one that comes first has the newer versions of it: the
 * first hit of a lookup wins (R15). (2) A version is never changed; a new one shares the runs that stay.
 *
 * <p>Threads: any. Tables are retained, released and closed by those who hold versions, not here.
 */
public final class Version {
    private final Levels levels;
    private final Run[][] runs;
    private final BlobSource blobs;

    /** Of the runs of a former version, those that stay are shared. */
    private Version(Levels levels, Run[][] former, Map<Long, Table> tables) {
        this.levels = levels;
        runs = new Run[levels.count()][];
        for (int level = 0; level < runs.length; level++) {
            List<List<TableRecord>> all = levels.runs(level);
            runs[level] = new Run[all.size()];
            for (int position = 0; position < all.size(); position++) {
                runs[level][position] = run(all.get(position), former[level], tables);
            }
        }
        blobs = BlobSource.of(runs());
    }

    private static Run run(List<TableRecord> records, Run[] former, Map<Long, Table> tables) {
        for (Run run : former) {
            if (run.records() == records) {
                return run;
            }
        }
        return new Run(records, records.stream().map(record -> tables.get(record.id())).toList());
    }

    /** Of a keyspace with so many levels and no table. */
    public static Version empty(int levelCount) {
        return new Version(Levels.empty(levelCount), new Run[levelCount][0], Map.of());
    }

    /** Opens the tables that the manifest names; when one cannot be opened, none stays open. */
    public static Version open(Storage storage, DatabaseFiles files, KeyspaceState keyspace, TableAccess access)
            throws IOException {
        return empty(keyspace.levels().count())
                .opened(keyspace.levels(), storage, files, keyspace.id(), keyspace.options(), access);
    }

    /** After changes that a manifest will accept; the tables that they add are opened. When one cannot be, none stays open. */
    public Version withOpened(
            List<? extends Change.OfLevels> changes, Storage storage, DatabaseFiles files, int keyspaceId,
            KeyspaceOptions options, TableAccess access)
            throws IOException {
        return opened(changed(changes), storage, files, keyspaceId, options, access);
    }

    /** Other levels, of whose tables those that are not here are opened. */
    private Version opened(
            Levels changed, Storage storage, DatabaseFiles files, int keyspaceId, KeyspaceOptions options,
            TableAccess access)
            throws IOException {
        Map<Long, Table> tables = new HashMap<>();
        tables().forEach(table -> tables.put(table.id(), table));
        List<Table> opened = new ArrayList<>();
        Map<Long, BlobFile> openedBlobs = new HashMap<>();
        boolean isOpen = false;
        try {
            for (int level = 0; level < changed.count(); level++) {
                TableAccess ofLevel = access.at(options, level);
                for (List<TableRecord> run : changed.runs(level)) {
                    for (TableRecord record : run) {
                        if (!tables.containsKey(record.id())) {
                            Table table = open(storage, files.table(keyspaceId, record.id()), record, ofLevel);
                            opened.add(table);
                            tables.put(record.id(), table);
                            table.holdOpen(openBlobs(record, storage, files, keyspaceId, access, openedBlobs));
                        }
                    }
                }
            }
            isOpen = true;
            return new Version(changed, runs, tables);
        } finally {
            if (!isOpen) {
                opened.forEach(Table::close);
            }
            openedBlobs.values().forEach(BlobFile::release);
        }
    }

    /** The blob files that a table names; those that are not open yet are opened, and retained beside the others. */
    private List<BlobFile> openBlobs(
            TableRecord record, Storage storage, DatabaseFiles files, int keyspaceId, TableAccess access,
            Map<Long, BlobFile> opened)
            throws IOException {
        List<BlobFile> named = new ArrayList<>();
        for (BlobLink link : record.blobs()) {
            long id = link.file().id();
            BlobFile file = blobs.fileOrNull(id);
            if (file == null) {
                file = opened.get(id);
            }
            if (file == null) {
                file = access.openBlobFile(storage, files.blob(keyspaceId, id), id, link.file().fileBytes());
                opened.put(id, file);
            }
            named.add(file);
        }
        return named;
    }

    private static Table open(Storage storage, Path path, TableRecord record, TableAccess access) throws IOException {
        if (!storage.exists(path)) {
            throw new CorruptionException(path, 0, "the table that the manifest names", "no file");
        }
        Table table = record.open(storage, path, access);
        TableRecord found = TableRecord.of(table, record.createdMillis(), record.blobs());
        if (!found.equals(record)) {
            table.close();
            throw new CorruptionException(path, 0, "the table that the manifest names, " + record, found.toString());
        }
        return table;
    }

    /** After changes that the manifest has accepted; of the tables that they add, these are new. */
    public Version with(List<? extends Change.OfLevels> changes, List<Table> newTables) {
        Map<Long, Table> tables = new HashMap<>();
        tables().forEach(table -> tables.put(table.id(), table));
        newTables.forEach(table -> tables.put(table.id(), table));
        return new Version(changed(changes), runs, tables);
    }

    private Levels changed(List<? extends Change.OfLevels> changes) {
        Levels changed = levels;
        try {
            for (Change.OfLevels change : changes) {
                changed = changed.with(change);
            }
            return changed;
        } catch (InvalidEditException e) {
            throw new AssertionError("a change that does not fit the version: " + e.getMessage(), e);
        }
    }

    /** Finds the newest version of the probe's key at or below its seqno: levels from the top, runs from the newest. */
    public boolean get(Probe probe) {
        for (Run[] level : runs) {
            for (Run run : level) {
                if (run.get(probe)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Where the tables stand. */
    public Levels levels() {
        return levels;
    }

    /** Whether any table names a blob file. */
    public boolean hasBlobs() {
        return blobs != BlobSource.NONE;
    }

    /** Where the handles of the tables lead. */
    public BlobSource blobs() {
        return blobs;
    }

    /** Entries of all tables, versions and tombstones included. */
    public long entryCount() {
        long entries = 0;
        for (Run[] level : runs) {
            for (Run run : level) {
                entries += run.entryCount();
            }
        }
        return entries;
    }

    /** The size of all tables and blob files. */
    public long fileBytes() {
        long bytes = 0;
        for (Run[] level : runs) {
            for (Run run : level) {
                bytes += run.fileBytes();
            }
        }
        if (hasBlobs()) {
            for (BlobUse use : BlobUse.of(levels.tables()).values()) {
                bytes += use.file().fileBytes();
            }
        }
        return bytes;
    }

    public int runCount(int level) {
        return runs[level].length;
    }

    /** A run of a level; the newest has index 0. */
    public Run run(int level, int index) {
        return runs[level][index];
    }

    /** The runs of a level, newest first. */
    public List<Run> runs(int level) {
        return List.of(runs[level]);
    }

    /** The runs of all levels, in the order in which a lookup asks them. */
    public List<Run> runs() {
        List<Run> all = new ArrayList<>();
        for (Run[] level : runs) {
            all.addAll(Arrays.asList(level));
        }
        return all;
    }

    public List<Table> tables() {
        List<Table> all = new ArrayList<>();
        runs().forEach(run -> all.addAll(run.tables()));
        return all;
    }
}
