package io.firn.version;

import io.firn.error.CorruptionException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the manifest says: an immutable value, its keyspaces in the order of their ids. */
public record ManifestState(
        Map<Integer, KeyspaceState> keyspaces,
        long nextSeqno,
        long nextFileId,
        int nextKeyspaceId,
        long firstJournalId) {
    /** Of a database that is being created. */
    public static final ManifestState EMPTY = new ManifestState(Map.of(), 1, 1, 1, 1);

    public ManifestState {
        keyspaces = Collections.unmodifiableMap(new TreeMap<>(keyspaces));
    }

    /** Whether there was a keyspace of this id: ids are given in order, and never again. */
    public boolean isDeleted(int keyspaceId) {
        return 0 < keyspaceId && keyspaceId < nextKeyspaceId && !keyspaces.containsKey(keyspaceId);
    }

    /** Throws the corruption of who wrote an edit that does not fit this state. */
    public void check(VersionEdit edit, Path file, long offset) {
        try {
            applied(edit);
        } catch (InvalidEditException e) {
            throw new CorruptionException(file, offset, e.expected(), e.found());
        }
    }

    /** This state after an edit that fits it. */
    public ManifestState apply(VersionEdit edit) {
        try {
            return applied(edit);
        } catch (InvalidEditException e) {
            throw new AssertionError("an edit that does not fit the state: " + e.getMessage(), e);
        }
    }

    private ManifestState applied(VersionEdit edit) throws InvalidEditException {
        ManifestStateBuilder builder = new ManifestStateBuilder();
        builder.apply(asEdit());
        builder.apply(edit);
        return builder.state();
    }

    /** The edit that makes this state out of nothing. */
    VersionEdit asEdit() {
        List<Change> changes = new ArrayList<>();
        changes.add(new Change.Counters(nextSeqno, nextFileId, nextKeyspaceId));
        changes.add(new Change.JournalsLive(firstJournalId));
        for (KeyspaceState keyspace : keyspaces.values()) {
            changes.add(new Change.KeyspaceCreated(keyspace.id(), keyspace.name(), keyspace.options()));
            changes.add(new Change.Flushed(keyspace.id(), keyspace.flushedSeqno()));
            for (int level = 0; level < keyspace.levels().count(); level++) {
                // Each run that is added becomes the newest, so the oldest goes first.
                for (List<TableRecord> run : keyspace.levels().runs(level).reversed()) {
                    changes.add(new Change.RunAdded(keyspace.id(), level, 0, run));
                }
            }
        }
        return new VersionEdit(changes);
    }
}
