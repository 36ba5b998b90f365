package io.firn.version;

import static io.firn.version.InvalidEditException.unless;

import io.firn.entry.Trailer;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A manifest's state in the making: edits go in, each is checked against what is there.
 *
 * <p>Invariants: (1) counters, the first live journal and flushedSeqno never go back. (2) An id or name of a keyspace
 * is there once, a table's id once in the whole database; all are below their counters. (3) After an
 * InvalidEditException it is not to be used again.
 *
 * <p>Threads: one at a time.
 */
final class ManifestStateBuilder {
    private final Map<Integer, KeyspaceState> keyspaces = new TreeMap<>();
    private final Set<String> names = new HashSet<>();
    private final Set<Long> tableIds = new HashSet<>();
    private long nextSeqno;
    private long nextFileId = 1;
    private int nextKeyspaceId = 1;
    private long firstJournalId;

    ManifestState state() {
        return new ManifestState(keyspaces, nextSeqno, nextFileId, nextKeyspaceId, firstJournalId);
    }

    void apply(VersionEdit edit) throws InvalidEditException {
        // The edit's own counters bound the ids that it uses, wherever in it they stand; an id of a new keyspace is
        // also not below the former counter.
        int keyspaceIdMin = nextKeyspaceId;
        raiseCounters(edit);
        for (Change change : edit.changes()) {
            switch (change) {
                case Change.KeyspaceCreated created -> create(created, keyspaceIdMin);
                case Change.KeyspaceDeleted deleted -> delete(deleted);
                case Change.RunAdded added -> addTables(added, added.tables());
                case Change.TablesAdded added -> addTables(added, added.tables());
                case Change.TablesRemoved removed -> removeTables(removed);
                case Change.TablesCleared cleared -> clearTables(cleared);
                case Change.Flushed flushed -> raiseFlushedSeqno(flushed);
                case Change.Counters counters -> { }
                case Change.JournalsLive live -> raiseFirstJournalId(live);
            }
        }
        for (KeyspaceState keyspace : keyspaces.values()) {
            if (keyspace.options().blobs() != null) {
                checkBlobs(keyspace);
            }
        }
    }

    private void raiseCounters(VersionEdit edit) throws InvalidEditException {
        List<Change> all = edit.changes().stream().filter(change -> change instanceof Change.Counters).toList();
        unless(all.size() == 1, "an edit with its counters once", all.size() + " times");
        Change.Counters counters = (Change.Counters) all.getFirst();
        unless(nextSeqno <= counters.nextSeqno() && counters.nextSeqno() <= Trailer.SEQNO_MAX,
                "a next seqno from " + nextSeqno + " on", counters.nextSeqno());
        unless(nextFileId <= counters.nextFileId(), "a next file id from " + nextFileId + " on", counters.nextFileId());
        unless(nextKeyspaceId <= counters.nextKeyspaceId(), "a next keyspace id from " + nextKeyspaceId + " on",
                counters.nextKeyspaceId());
        nextSeqno = counters.nextSeqno();
        nextFileId = counters.nextFileId();
        nextKeyspaceId = counters.nextKeyspaceId();
    }

    private void create(Change.KeyspaceCreated created, int keyspaceIdMin) throws InvalidEditException {
        unless(keyspaceIdMin <= created.id() && created.id() < nextKeyspaceId,
                "a new keyspace with an id from " + keyspaceIdMin + " to below " + nextKeyspaceId, created.id());
        unless(!keyspaces.containsKey(created.id()), "a new keyspace id", created.id());
        unless(names.add(created.name()), "a new keyspace name", created.name());
        keyspaces.put(created.id(), KeyspaceState.created(created.id(), created.name(), created.options()));
    }

    private void delete(Change.KeyspaceDeleted deleted) throws InvalidEditException {
        KeyspaceState keyspace = keyspace(deleted.id());
        forgetTables(keyspace);
        names.remove(keyspace.name());
        keyspaces.remove(deleted.id());
    }

    private void addTables(Change.OfLevels added, List<TableRecord> tables) throws InvalidEditException {
        boolean isSeparated = keyspace(added.keyspaceId()).options().blobs() != null;
        for (TableRecord table : tables) {
            check(table);
            unless(isSeparated || table.blobs().isEmpty(), "a table with all its values", table);
        }
        changeLevels(added);
    }

    private void changeLevels(Change.OfLevels change) throws InvalidEditException {
        KeyspaceState keyspace = keyspace(change.keyspaceId());
        keyspaces.put(keyspace.id(), keyspace.with(change));
    }

    /** What tables name of a blob file is not more than that has, and they know the same of it. */
    private void checkBlobs(KeyspaceState keyspace) throws InvalidEditException {
        List<TableRecord> tables = keyspace.levels().tables();
        Map<Long, BlobUse> uses = BlobUse.of(tables);
        for (TableRecord table : tables) {
            for (BlobLink link : table.blobs()) {
                unless(link.file().equals(uses.get(link.file().id()).file()), "a blob file that is as other tables say", link);
            }
        }
        for (BlobUse use : uses.values()) {
            BlobRecord file = use.file();
            unless(0 < file.id() && file.id() < nextFileId, "a blob file id from 1 to below " + nextFileId, file.id());
            unless(0 < use.valueCount() && use.valueCount() <= file.valueCount()
                            && 0 < use.storedBytes() && use.storedBytes() <= file.storedBytes()
                            && file.storedBytes() < file.fileBytes(),
                    "a blob file with values, and tables that name some of them", use);
        }
    }

    private void check(TableRecord table) throws InvalidEditException {
        unless(0 < table.id() && table.id() < nextFileId, "a table id from 1 to below " + nextFileId, table.id());
        unless(tableIds.add(table.id()), "a table that is there once", "table " + table.id() + " twice");
        unless(0 <= table.tombstoneCount() && table.tombstoneCount() <= table.entryCount()
                        && 0 < table.entryCount() && 0 < table.fileBytes(),
                "a table with entries, among them the tombstones", table);
        unless(0 <= table.seqnoMin() && table.seqnoMin() <= table.seqnoMax() && table.seqnoMax() < nextSeqno,
                "a table with seqnos below " + nextSeqno, table);
    }

    private void removeTables(Change.TablesRemoved removed) throws InvalidEditException {
        for (long id : removed.tableIds()) {
            unless(tableIds.remove(id), "a table that is there", id);
        }
        changeLevels(removed);
    }

    private void clearTables(Change.TablesCleared cleared) throws InvalidEditException {
        forgetTables(keyspace(cleared.keyspaceId()));
        changeLevels(cleared);
    }

    private void forgetTables(KeyspaceState keyspace) {
        keyspace.levels().tables().forEach(table -> tableIds.remove(table.id()));
    }

    private void raiseFlushedSeqno(Change.Flushed flushed) throws InvalidEditException {
        KeyspaceState keyspace = keyspace(flushed.keyspaceId());
        unless(keyspace.flushedSeqno() <= flushed.seqno() && (flushed.seqno() < nextSeqno || flushed.seqno() == 0),
                "a flushed seqno from " + keyspace.flushedSeqno() + " to below " + nextSeqno, flushed.seqno());
        keyspaces.put(keyspace.id(), keyspace.withFlushedSeqno(flushed.seqno()));
    }

    private void raiseFirstJournalId(Change.JournalsLive live) throws InvalidEditException {
        unless(firstJournalId <= live.firstJournalId(), "a first live journal from " + firstJournalId + " on",
                live.firstJournalId());
        firstJournalId = live.firstJournalId();
    }

    private KeyspaceState keyspace(int id) throws InvalidEditException {
        KeyspaceState keyspace = keyspaces.get(id);
        unless(keyspace != null, "a keyspace that is there", id);
        return keyspace;
    }
}
