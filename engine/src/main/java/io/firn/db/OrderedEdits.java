package io.firn.db;

import io.firn.config.KeyRange;
import io.firn.entry.EntryLimits;
import io.firn.error.WriteStalledException.Reason;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.memory.Scratch;
import io.firn.journal.Journal;
import io.firn.journal.JournalFormat;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeContext;
import io.firn.version.BlobUse;
import io.firn.version.Change;
import io.firn.version.DatabaseFiles;
import io.firn.version.TableFiles;
import io.firn.version.TableRecord;
import io.firn.version.Version;
import io.firn.version.VersionEdit;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The edits that have a place in the commit order: clear, delete, ingest and drop range (R2).
 *
 * <pre>
 * outputs forced ─▶ manifest lock { commit lock { seqno, journal record, installed, published } ─▶ journal forced ─▶ edit forced }
 *   ─▶ files that it forgets deleted after their last reader
 * </pre>
 *
 * <p>Invariants: (1) while the manifest lock is held no other edit comes between the record in the journal and the edit in the
 * manifest: at most the last record of a journal lacks its edit, and fits the state that the manifest has. (2) What fails before the
 * record leaves no trace; what fails behind it poisons. (3) Commits to the tree wait only while its memtables are flushed, if
 * they have to be, and in no other tree. (4) What a snapshot may see is only ever forgotten when no memtable holds it (R12).
 *
 * <p>Threads: callers of the API wait here; files are touched by workers.
 */
final class OrderedEdits {
    /** The keys of a range's ends. */
    private static final long RANGE_BYTES_MAX = 2L * (EntryLimits.KEY_BYTES_MAX + 1);

    private final Commits commits;
    private final Edits edits;
    private final Flushes flushes;
    private final Compactions compactions;
    private final Journal journal;
    private final Trees trees;
    private final Workers workers;
    private final Health health;
    private final Backpressure backpressure;
    private final TreeContext context;
    private final TableFiles files;
    private final Set<RangeDrop> drops = new HashSet<>();

    /** How an attempt ended. */
    private enum Outcome { DONE, NOT_READY, NO_ROOM }

    OrderedEdits(
            Commits commits, Edits edits, Flushes flushes, Compactions compactions, Journal journal, Trees trees,
            Workers workers, Health health, Backpressure backpressure, TreeContext context,
            TableFiles files) {
        this.commits = commits;
        this.edits = edits;
        this.flushes = flushes;
        this.compactions = compactions;
        this.journal = journal;
        this.trees = trees;
        this.workers = workers;
        this.health = health;
        this.backpressure = backpressure;
        this.context = context;
        this.files = files;
    }

    /** Every entry of the tree goes. */
    void clear(Tree tree) {
        make(new OrderedEdit() {
            @Override
            public Tree tree() {
                return tree;
            }

            @Override
            public boolean isReady() {
                return isForgettable(tree);
            }

            @Override
            public List<Change> changes(long seqno) {
                return List.of(new Change.TablesCleared(tree.id()), new Change.Flushed(tree.id(), seqno));
            }

            @Override
            public void install(long seqno) {
                tree.replace(Version.empty(tree.options().levels()));
            }
        });
    }

    /** The tree goes, its name can be given again. */
    void delete(Tree tree) {
        make(new OrderedEdit() {
            @Override
            public Tree tree() {
                return tree;
            }

            @Override
            public boolean isReady() {
                return isForgettable(tree);
            }

            @Override
            public List<Change> changes(long seqno) {
                return List.of(new Change.KeyspaceDeleted(tree.id()));
            }

            @Override
            public void install(long seqno) {
                trees.remove(tree);
                tree.delete();
            }
        });
    }

    /**
     * The tables of a run become the newest of the tree; their entries, which have seqno 0, get that of the edit. {@code onPlaced} is
     * told when the run belongs to the tree, whatever fails from then on: readers see it, and so may recovery.
     */
    void ingest(Tree tree, WrittenRun run, Runnable onPlaced) {
        awaitFewRuns(tree);
        make(new OrderedEdit() {
            @Override
            public Tree tree() {
                return tree;
            }

            @Override
            public KeyRange range() {
                return KeyRange.all()
                        .from(run.records().getFirst().keys().first())
                        .to(run.records().getLast().keys().last());
            }

            @Override
            public boolean isReady() {
                // What is older has to stand in tables: a memtable is asked before them.
                return tree.hasOnlyTables();
            }

            @Override
            public List<Change> changes(long seqno) {
                return List.of(run(seqno), new Change.Flushed(tree.id(), seqno));
            }

            @Override
            public void install(long seqno) {
                tree.ingest(List.of(run(seqno)), run.showAt(seqno).tables());
                onPlaced.run();
            }

            private Change.OfLevels run(long seqno) {
                return new Change.RunAdded(
                        tree.id(), 0, 0, run.records().stream().map(table -> table.at(seqno)).toList());
            }
        });
        compactions.request(tree);
    }

    /** The keys of a range go. Commits go on while most of it is written; they wait while the rest is. */
    void dropRange(Tree tree, KeyRange range) {
        health.checkWritable();
        tree.checkOpen();
        if (range.isEmpty()) {
            return;
        }
        synchronized (tree.editing()) {
            RangeDrop drop = new RangeDrop(tree, range, files, workers);
            open(drop);
            boolean isReserved = false;
            try {
                isReserved = workers.callCompaction(() -> compactions.reserve(tree));
                commits.rotate(tree);
                flushes.awaitFlushed(tree);
                drop.prepare();
                make(drop);
            } finally {
                if (isReserved) {
                    compactions.endReservation(tree);
                }
                drop.close();
                close(drop);
            }
        }
    }

    private synchronized void open(RangeDrop drop) {
        drops.add(drop);
    }

    private synchronized void close(RangeDrop drop) {
        drops.remove(drop);
    }

    /** Deletes what calls in progress have written in vain. After the workers have ended. */
    synchronized void close() {
        for (RangeDrop drop : drops) {
            drop.discard();
        }
    }

    private boolean isForgettable(Tree tree) {
        return tree.hasOnlyTables() || !context.readers().snapshots().isAny();
    }

    // ---- waiting, on the caller's thread

    /** Whoever adds runs waits for compactions as writers do. */
    private void awaitFewRuns(Tree tree) {
        long since = backpressure.now();
        boolean wasInterrupted = false;
        try {
            while (tree.excessRuns() > Commits.EXCESS_RUNS_MAX) {
                long seen = backpressure.generation();
                health.checkWritable();
                compactions.request(tree);
                if (tree.excessRuns() > Commits.EXCESS_RUNS_MAX) {
                    wasInterrupted |= backpressure.await(seen, since, Reason.L0_RUNS);
                }
            }
        } finally {
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Makes an edit, and whatever has to be done before. */
    private void make(OrderedEdit edit) {
        Tree tree = edit.tree();
        long since = backpressure.now();
        boolean wasInterrupted = false;
        synchronized (tree.editing()) {
            try {
                while (true) {
                    long seen = backpressure.generation();
                    health.checkWritable();
                    tree.checkOpen();
                    switch (workers.call(() -> attempt(edit))) {
                        case DONE -> {
                            return;
                        }
                        case NOT_READY -> {
                            commits.holdBack(tree);
                            commits.rotate(tree);
                            flushes.awaitFlushed(tree);
                            edit.prepare();
                        }
                        case NO_ROOM -> wasInterrupted |= backpressure.await(seen, since, Reason.JOURNAL_NOT_READY);
                    }
                }
            } finally {
                commits.letGo(tree);
                if (wasInterrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    // ---- the steps, on a worker

    /** The record that tells the changes; answers how many bytes of the memory it takes. */
    static long encode(List<Change> changes, Scratch record) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment edit = new VersionEdit(changes).encode(arena);
            MemorySegment memory = record.atLeast(JournalFormat.editRecordBytes(edit.byteSize()));
            return JournalFormat.encodeEdit(memory, edit, new Crc32c());
        }
    }

    private Outcome attempt(OrderedEdit edit) throws IOException {
        long firstJournalId;
        List<Path> forgotten;
        commits.makeRoomAtGate(RANGE_BYTES_MAX, 1);
        synchronized (edits.lock()) {
            Placement placement;
            try (Scratch record = Scratch.confined(context.budget())) {
                placement = commits.tryPlace(edit, record, context.readers().snapshots());
            }
            switch (placement) {
                case Placement.NotReady() -> {
                    return Outcome.NOT_READY;
                }
                case Placement.NoRoom(long recordBytes) -> {
                    if (!backpressure.hasJustFailed()) {
                        flushes.requestJournal(recordBytes);
                    }
                    return Outcome.NO_ROOM;
                }
                case Placement.Placed placed -> {
                    firstJournalId = makeDurable(placed);
                    forgotten = forgotten(edit.tree(), placed.before());
                }
            }
        }
        delete(edit.tree(), forgotten);
        retire(firstJournalId);
        return Outcome.DONE;
    }

    /** The edit is made: that journals before it cannot be deleted does not undo it. */
    private void retire(long firstJournalId) {
        try {
            flushes.retire(firstJournalId);
        } catch (IOException e) {
            // The manifest needs them no more: the next to be retired take them along, or the next opening sweeps them.
            System.getLogger("io.firn").log(System.Logger.Level.WARNING, "a journal was not retired", e);
        }
    }

    /** Makes durable what readers see already; answers the first journal that is still needed. Manifest lock. */
    private long makeDurable(Placement.Placed placed) throws IOException {
        try {
            // Crash here: the record is there or not, as that of any commit that was not forced.
            journal.awaitForced(placed.end());
        } catch (Throwable t) {
            health.poison(t);
            throw t;
        }
        // Crash here: recovery meets the record, for which the manifest has no edit, and executes it.
        long firstJournalId = flushes.firstJournalId();
        List<Change> changes = new ArrayList<>(placed.changes());
        changes.add(new Change.JournalsLive(firstJournalId));
        edits.append(changes, () -> { });
        // Crash here: recovery passes the record over. Files that the edit forgets are swept.
        return firstJournalId;
    }

    /** The files of the tables that there were and are not any more, and the blob files that these alone have named. Manifest lock. */
    private List<Path> forgotten(Tree tree, List<TableRecord> before) {
        DatabaseFiles names = context.files();
        List<TableRecord> after = tree.tables();
        Set<Long> left = new HashSet<>();
        after.forEach(table -> left.add(table.id()));
        List<Path> forgotten = new ArrayList<>();
        before.stream().filter(table -> !left.contains(table.id()))
                .forEach(table -> forgotten.add(names.table(tree.id(), table.id())));
        BlobUse.forgotten(before, after).forEach(id -> forgotten.add(names.blob(tree.id(), id)));
        return forgotten;
    }

    /** The files go at once; the mappings when the last reader has left, and with them the space on the disk. */
    private void delete(Tree tree, List<Path> forgotten) {
        for (Path file : forgotten) {
            try {
                context.storage().delete(file);
            } catch (IOException e) {
                // Nobody names it: the next opening sweeps it.
                System.getLogger("io.firn").log(System.Logger.Level.WARNING, "a forgotten file was not deleted", e);
            }
        }
        if (tree.isDeleted()) {
            tree.deleteDirectory();
        }
    }
}
