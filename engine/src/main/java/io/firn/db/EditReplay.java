package io.firn.db;

import io.firn.error.CorruptionException;
import io.firn.journal.JournalFormat;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeContext;
import io.firn.version.Change;
import io.firn.version.ManifestState;
import io.firn.version.VersionEdit;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.agrona.collections.Int2ObjectHashMap;

/**
 * Executes the edits that a journal tells and the manifest lacks, in their place among the entries (R2).
 *
 * <p>Invariants: (1) an edit that the manifest has is passed over: its keyspace is flushed up to it, or deleted. (2) What an edit says is
 * checked against the state that it is to change before anything is done. (3) Nothing is deleted: files that an edit forgets
 * are swept when the new manifest is current.
 *
 * <p>Threads: recovery's.
 */
final class EditReplay {
    private final TreeContext context;
    private final ManifestState found;
    private final Int2ObjectHashMap<Tree> treeById;
    private final List<Change> changes;

    /** Recovery's part in it. */
    interface Recovering {
        /** Writes what was replayed into the tree as tables. */
        void flush(Tree tree) throws IOException;

        long nextFileId();
    }

    /** {@code changes} are those that the new manifest will have beyond what was found. */
    EditReplay(TreeContext context, ManifestState found, Int2ObjectHashMap<Tree> treeById, List<Change> changes) {
        this.context = context;
        this.found = found;
        this.treeById = treeById;
        this.changes = changes;
    }

    /** Executes the edit whose bytes stand at this position of the journals. */
    void execute(long position, long seqno, MemorySegment memory, long offset, int length, Recovering recovering)
            throws IOException {
        Path file = context.files().journalDirectory().resolve(JournalFormat.nameOf(JournalFormat.fileIdOf(position)));
        long place = JournalFormat.offsetOf(position);
        VersionEdit edit = VersionEdit.decode(file, place - offset, memory, offset, length);
        int keyspaceId = keyspaceOf(edit, file, place);
        if (found.isDeleted(keyspaceId)) {
            return;
        }
        Tree tree = treeById.get(keyspaceId);
        if (tree == null) {
            throw new CorruptionException(
                    file, place, "an edit of a keyspace that the manifest knows", "one of keyspace " + keyspaceId);
        }
        if (seqno <= tree.flushedSeqno()) {
            return;
        }
        if (!isForgetting(edit)) {
            recovering.flush(tree);
        }
        check(edit, seqno, recovering.nextFileId(), file, place);
        execute(edit, tree);
        changes.addAll(edit.changes());
    }

    private void check(VersionEdit edit, long seqno, long nextFileId, Path file, long place) {
        List<Change> all = new ArrayList<>(changes);
        all.addAll(edit.changes());
        all.add(new Change.Counters(Math.max(found.nextSeqno(), seqno + 1), nextFileId, found.nextKeyspaceId()));
        found.check(new VersionEdit(all), file, place);
    }

    private void execute(VersionEdit edit, Tree tree) throws IOException {
        if (edit.changes().stream().anyMatch(change -> change instanceof Change.KeyspaceDeleted)) {
            tree.close();
            treeById.remove(tree.id());
            return;
        }
        List<Change.OfLevels> ofLevels = edit.changes().stream()
                .filter(change -> change instanceof Change.OfLevels).map(change -> (Change.OfLevels) change).toList();
        // The files of tables that are added were forced before the record.
        tree.replay(ofLevels);
    }

    /** Whether replayed entries need no tables any more. */
    private static boolean isForgetting(VersionEdit edit) {
        return edit.changes().stream()
                .anyMatch(change -> change instanceof Change.KeyspaceDeleted || change instanceof Change.TablesCleared);
    }

    /** The one keyspace that the edit is about. */
    private static int keyspaceOf(VersionEdit edit, Path file, long place) {
        Set<Integer> ids = new HashSet<>();
        for (Change change : edit.changes()) {
            switch (change) {
                case Change.KeyspaceDeleted deleted -> ids.add(deleted.id());
                case Change.OfLevels ofLevels -> ids.add(ofLevels.keyspaceId());
                case Change.Flushed flushed -> ids.add(flushed.keyspaceId());
                case Change.KeyspaceCreated other -> throw notOfJournals(other, file, place);
                case Change.Counters other -> throw notOfJournals(other, file, place);
                case Change.JournalsLive other -> throw notOfJournals(other, file, place);
            }
        }
        if (ids.size() != 1) {
            throw new CorruptionException(file, place, "an edit of one keyspace", "one of keyspaces " + ids);
        }
        return ids.iterator().next();
    }

    private static CorruptionException notOfJournals(Change change, Path file, long place) {
        return new CorruptionException(file, place, "a change that a journal tells", change.toString());
    }
}
