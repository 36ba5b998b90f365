package io.firn.db;

import io.firn.config.OpenMode;
import io.firn.config.RecoveryMode;
import io.firn.entry.Trailer;
import io.firn.error.CorruptionException;
import io.firn.error.NotADatabaseException;
import io.firn.error.StorageException;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Slab;
import io.firn.journal.Journal;
import io.firn.journal.JournalFormat;
import io.firn.journal.JournalReplay;
import io.firn.keyspace.JournaledMemtable;
import io.firn.keyspace.MemtableFlush;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeContext;
import io.firn.memtable.Memtable;
import io.firn.version.BlobUse;
import io.firn.version.Change;
import io.firn.version.DatabaseFiles;
import io.firn.version.KeyspaceState;
import io.firn.version.Manifest;
import io.firn.version.ManifestState;
import io.firn.version.RecoveredManifest;
import io.firn.version.TableRecord;
import io.firn.version.VersionEdit;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.agrona.collections.Int2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * From a directory to a database that can be written: creates it, or reads the manifest, replays the journals into memtables,
 * flushes these, and starts a new manifest and a new journal.
 *
 * <p>Invariants: (1) no old journal is appended to. (2) When this returns, all that was recovered stands in forced tables that a
 * forced manifest names, and that manifest declares the old journals dead (R3). (3) Nothing is deleted before that
 * manifest is current. (4) Memtables are flushed as they fill: replaying takes no more memory than writing (R21).
 *
 * <p>Threads: one engine thread, before any other exists.
 */
final class Recovery {
    private static final long FIRST_MANIFEST_ID = 1;

    private final Settings settings;
    private final Storage storage;
    private final Path directory;
    private final TreeContext context;
    private final Consumer<Throwable> onJournalFailure;

    private final Int2ObjectHashMap<Tree> treeById = new Int2ObjectHashMap<>();
    private final DatabaseFiles files;
    private final List<Change> changes = new ArrayList<>();
    private long nextFileId;
    private long replayedSeqno;

    /** What a database starts from. */
    record Recovered(Manifest manifest, Journal journal, List<Tree> trees, long lastSeqno, long nextFileId) {}

    Recovery(Settings settings, TreeContext context, Consumer<Throwable> onJournalFailure) {
        this.settings = settings;
        this.storage = context.storage();
        this.directory = settings.directory();
        this.context = context;
        this.files = context.files();
        this.onJournalFailure = onJournalFailure;
    }

    /** Whether the directory may be locked: it holds a database, an interrupted creation of one, or nothing. */
    static void checkDirectory(Settings settings) throws IOException {
        Storage storage = settings.machine().storage();
        Path directory = settings.directory();
        OpenMode mode = settings.opening().mode();
        boolean isDatabase = storage.exists(directory) && Manifest.exists(storage, directory);
        if (isDatabase) {
            if (mode == OpenMode.CREATE) {
                throw new StorageException(new FileAlreadyExistsException(directory + ": there is a database already"));
            }
            return;
        }
        if (mode == OpenMode.RECOVER) {
            throw new NotADatabaseException(directory + ": there is no database here");
        }
        if (storage.exists(directory)) {
            checkInterruptedCreation(storage, directory);
        }
    }

    /** A directory without CURRENT is an interrupted creation only if no data stands in it. */
    private static void checkInterruptedCreation(Storage storage, Path directory) throws IOException {
        List<String> names;
        try {
            names = storage.list(directory);
        } catch (IOException e) {
            throw new NotADatabaseException(directory + ": no directory that can be read: " + e.getMessage());
        }
        for (String name : names) {
            if (!DatabaseFiles.isOurs(name)) {
                throw new NotADatabaseException(directory + ": holds " + name + ", which is no file of a database");
            }
            if (DatabaseFiles.manifestId(name) > FIRST_MANIFEST_ID) {
                throw lostCurrent(directory, "manifest " + DatabaseFiles.manifestId(name));
            }
        }
        Path keyspaces = new DatabaseFiles(directory).keyspacesDirectory();
        if (storage.exists(keyspaces) && !storage.list(keyspaces).isEmpty()) {
            throw lostCurrent(directory, "keyspaces");
        }
    }

    private static CorruptionException lostCurrent(Path directory, String witness) {
        return new CorruptionException(
                new DatabaseFiles(directory).current(), 0, "a file that names the manifest, as there are " + witness, "none");
    }

    /**
     * Makes the directory and those above it exist, durably. The deepest that is there may be what an interrupted creation
     * left, so its own name is made durable as well; what stands above it was, before it was created.
     */
    static void createDirectory(Storage storage, Path directory) throws IOException {
        if (Manifest.exists(storage, directory)) {
            return;
        }
        Deque<Path> missing = new ArrayDeque<>();
        Path there = directory;
        while (there.getParent() != null && !storage.exists(there)) {
            missing.push(there);
            there = there.getParent();
        }
        if (there.getParent() != null) {
            storage.syncDirectory(there.getParent());
        }
        for (Path next : missing) {
            storage.createDirectory(next);
            // Crash here: a directory whose name may be gone, with nothing in it.
            storage.syncDirectory(next.getParent());
        }
    }

    Recovered run() throws IOException {
        return Manifest.exists(storage, directory) ? recover() : create();
    }

    // ---- creating

    private Recovered create() throws IOException {
        checkInterruptedCreation(storage, directory);
        Path journals = files.journalDirectory();
        storage.createDirectory(journals);
        storage.createDirectory(new DatabaseFiles(directory).keyspacesDirectory());
        for (String name : storage.list(journals)) {
            storage.delete(journals.resolve(name));
        }
        for (String name : storage.list(directory)) {
            if (DatabaseFiles.manifestId(name) != DatabaseFiles.NO_ID) {
                storage.delete(directory.resolve(name));
            }
        }
        // Crash here, and until CURRENT is durable: names of ours and no CURRENT: the creation is begun again. The names become
        // durable when that of the manifest does.
        long firstJournalId = ManifestState.EMPTY.firstJournalId();
        Journal journal = Journal.open(
                storage, journals, firstJournalId, 0, settings.journaling().files(), context.budget(), onJournalFailure);
        try {
            Manifest manifest = Manifest.create(
                    storage, directory, FIRST_MANIFEST_ID, ManifestState.EMPTY, settings.machine().manifestRewriteBytes());
            // Crash here: an empty database.
            return new Recovered(manifest, journal, List.of(), 0, 1);
        } catch (Throwable t) {
            journal.close();
            throw t;
        }
    }

    // ---- recovering

    private Recovered recover() throws IOException {
        RecoveredManifest found = Manifest.recover(storage, directory);
        ManifestState state = found.state();
        checkDirectories(state);
        // Of a keyspace without tables too: its first flush would fail in the background.
        state.keyspaces().values().forEach(keyspace -> Engine.checkCodecs(keyspace.options()));
        nextFileId = Math.max(state.nextFileId(), highestFileId() + 1);
        replayedSeqno = state.nextSeqno() - 1;
        Journal journal = null;
        Manifest manifest = null;
        try {
            for (KeyspaceState keyspace : state.keyspaces().values()) {
                treeById.put(keyspace.id(), Tree.open(keyspace, context));
            }
            JournalReplay.Replayed replayed = replay(found);
            for (Tree tree : treeById.values()) {
                flush(tree);
            }
            // A process that was killed may have left a journal, or CURRENT, whose name is not durable yet. Without this the name
            // of a successor could be left without it: a gap in the journals, a later manifest without CURRENT.
            storage.syncDirectory(files.journalDirectory());
            storage.syncDirectory(directory);
            long firstJournalId = replayed.highestFileId() + 1;
            journal = Journal.open(
                    storage, files.journalDirectory(), firstJournalId, replayed.endPosition(), settings.journaling().files(),
                    context.budget(), onJournalFailure);
            // Crash here: the old manifest still names the old journals, and the new one is an empty successor.
            changes.add(new Change.JournalsLive(firstJournalId));
            changes.add(new Change.Counters(replayedSeqno + 1, nextFileId, state.nextKeyspaceId()));
            manifest = Manifest.create(
                    storage, directory, found.manifestId() + 1, state.apply(new VersionEdit(changes)),
                    settings.machine().manifestRewriteBytes());
            // Crash here: everything recovered is named; old journals and orphans are swept at the next open.
            journal.declarePredecessorsDead();
            JournalReplay.sweep(storage, files.journalDirectory(), firstJournalId);
            if (found.isTailDamaged()) {
                System.getLogger("io.firn").log(System.Logger.Level.WARNING,
                        directory + ": the end of the manifest was damaged; files that it does not name are kept");
            } else {
                sweepFiles(manifest.state());
            }
            return new Recovered(manifest, journal, List.copyOf(treeById.values()), replayedSeqno, nextFileId);
        } catch (Throwable t) {
            closeAfter(t, manifest);
            closeAfter(t, journal);
            treeById.values().forEach(Tree::close);
            throw t;
        }
    }

    private static void closeAfter(Throwable cause, @Nullable AutoCloseable opened) {
        try {
            if (opened != null) {
                opened.close();
            }
        } catch (Exception e) {
            cause.addSuppressed(e);
        }
    }

    /** They were made, durably, before the manifest named what lies in them. */
    private void checkDirectories(ManifestState state) throws IOException {
        List<Path> named = new ArrayList<>();
        named.add(files.journalDirectory());
        named.add(files.keyspacesDirectory());
        for (KeyspaceState keyspace : state.keyspaces().values()) {
            named.add(files.tablesDirectory(keyspace.id()));
            if (keyspace.options().blobs() != null) {
                named.add(files.blobsDirectory(keyspace.id()));
            }
        }
        for (Path each : named) {
            if (!storage.exists(each)) {
                throw new CorruptionException(each, 0, "a directory of the database", "none");
            }
        }
    }

    private JournalReplay.Replayed replay(RecoveredManifest found) throws IOException {
        Path journals = files.journalDirectory();
        JournalReplay.Replayed replayed = JournalReplay.replay(
                storage, journals, found.state().firstJournalId(), settings.opening().recovery(), context.budget(),
                new Visitor(found.state()));
        found.check(directory, replayed.witnessManifestId(), replayed.witnessForcedBytes());
        for (String each : replayed.discarded()) {
            System.getLogger("io.firn").log(System.Logger.Level.INFO, directory + ": discarded " + each);
        }
        replayedSeqno = Math.max(replayedSeqno, replayed.seqnoMax());
        return replayed;
    }

    /** Gives the tree the slab that it wants, for which the largest memtable is flushed where there is no memory. */
    private void provide(Tree wanting) throws IOException {
        Slab slab = context.slabs().tryAcquireOrReclaim(wanting.slabBytesWanted());
        if (slab == null) {
            Tree largest = wanting;
            for (Tree tree : treeById.values()) {
                if (tree.activeSlabBytes() > largest.activeSlabBytes()) {
                    largest = tree;
                }
            }
            if (flush(largest)) {
                context.retirement().freeDrained();
                return;
            }
            // Nothing is left to flush; what was acknowledged is recovered even so, and flushed next.
            slab = context.slabs().tryAcquireBeyondLimit(wanting.slabBytesWanted());
            if (slab == null) {
                throw new OutOfMemoryError(directory + ": no memory to recover the journals");
            }
        }
        boolean isTaken = wanting.provide(slab);
        assert isTaken : "nobody else provides while recovering";
    }

    /** Writes what was replayed into a tree as a run, which the new manifest will name; false if there is nothing. */
    private boolean flush(Tree tree) throws IOException {
        if (!tree.rotate(replayedSeqno, 0)) {
            return false;
        }
        JournaledMemtable memtable = tree.oldestSealed();
        // Nobody has a snapshot of what is being recovered.
        WrittenRun run = MemtableFlush.run(tree, memtable, new long[] {Trailer.SEQNO_MAX}, context.tableFiles(
                () -> nextFileId++, settings.machine().millisClock(), () -> false));
        if (!run.isEmpty()) {
            changes.add(new Change.RunAdded(tree.id(), 0, 0, run.records()));
        }
        tree.installFlushed(memtable, run);
        return true;
    }

    /** Puts what the journals hold into the memtables, flushing as they fill. */
    private final class Visitor implements JournalReplay.Visitor, EditReplay.Recovering {
        private final ManifestState found;
        private final EditReplay edits;
        private final List<Part> parts = new ArrayList<>();
        private long recordPosition;

        /** What a record holds of one keyspace. */
        private record Part(Tree tree, int entryCount, long entryBytes) {}

        Visitor(ManifestState found) {
            this.found = found;
            edits = new EditReplay(context, found, treeById, changes);
        }

        @Override
        public void record(long position, long seqno, int entryCount, long entryBytes) {
            recordPosition = position;
            parts.clear();
            replayedSeqno = Math.max(replayedSeqno, seqno);
        }

        @Override
        public void part(long seqno, int keyspaceId, int entryCount, long entryBytes) {
            Tree tree = treeById.get(keyspaceId);
            if (tree != null && seqno > tree.flushedSeqno()) {
                parts.add(new Part(tree, entryCount, entryBytes));
            }
        }

        /**
         * Room for all of a batch before the first of it: what it holds of a keyspace goes into one memtable, as it did when it was
         * committed (R8). To make room for one part may flush the memtable of another, which then looks again.
         */
        private void reserve() throws IOException {
            boolean isReady = false;
            while (!isReady) {
                isReady = true;
                for (Part part : parts) {
                    Memtable.Room room = part.tree.tryReserve(part.entryBytes, part.entryCount);
                    switch (room) {
                        case READY -> { }
                        case FULL -> {
                            flush(part.tree);
                            context.retirement().freeDrained();
                        }
                        case NEEDS_SLAB -> provide(part.tree);
                    }
                    isReady &= room == Memtable.Room.READY;
                }
            }
            parts.clear();
        }

        @Override
        public void entry(
                long seqno, int keyspaceId, int type, MemorySegment key, long keyOffset, int keyLength,
                MemorySegment value, long valueOffset, int valueLength) throws IOException {
            Tree tree = treeById.get(keyspaceId);
            if (tree == null && found.isDeleted(keyspaceId)) {
                return;
            }
            if (tree == null) {
                throw new CorruptionException(
                        files.journalDirectory().resolve(JournalFormat.nameOf(JournalFormat.fileIdOf(recordPosition))),
                        JournalFormat.offsetOf(recordPosition),
                        "entries of keyspaces that the manifest knows", "one of keyspace " + keyspaceId);
            }
            if (seqno <= tree.flushedSeqno()) {
                return;
            }
            if (!parts.isEmpty()) {
                reserve();
            }
            tree.insert(0, key, keyOffset, keyLength, Trailer.of(seqno, type), value, valueOffset, valueLength);
        }

        @Override
        public void edit(long position, long seqno, MemorySegment edit, long offset, int length) throws IOException {
            replayedSeqno = Math.max(replayedSeqno, seqno);
            try {
                edits.execute(position, seqno, edit, offset, length, this);
            } catch (CorruptionException e) {
                if (settings.opening().recovery() != RecoveryMode.SALVAGE) {
                    throw e;
                }
                System.getLogger("io.firn").log(System.Logger.Level.WARNING, "an edit was discarded", e);
            }
        }

        @Override
        public void flush(Tree tree) throws IOException {
            Recovery.this.flush(tree);
        }

        @Override
        public long nextFileId() {
            return nextFileId;
        }
    }

    // ---- sweeping

    private void sweepFiles(ManifestState state) throws IOException {
        Set<Path> named = new HashSet<>();
        for (KeyspaceState keyspace : state.keyspaces().values()) {
            List<TableRecord> tables = keyspace.levels().tables();
            tables.forEach(table -> named.add(files.table(keyspace.id(), table.id())));
            BlobUse.of(tables).keySet().forEach(id -> named.add(files.blob(keyspace.id(), id)));
        }
        for (Path file : dataFiles().keySet()) {
            if (!named.contains(file)) {
                storage.delete(file);
            }
        }
        sweepKeyspaces(state);
    }

    /** Deletes the directories of keyspaces that were deleted, or not created to their end. */
    private void sweepKeyspaces(ManifestState state) throws IOException {
        for (String name : storage.list(files.keyspacesDirectory())) {
            long id = DatabaseFiles.keyspaceId(name);
            if (id != DatabaseFiles.NO_ID && !state.keyspaces().containsKey((int) id)) {
                sweepDirectory(files.blobsDirectory((int) id));
                sweepDirectory(files.tablesDirectory((int) id));
                sweepDirectory(files.keyspaceDirectory((int) id));
            }
        }
    }

    /** What is none of ours is left alone, and so is where it lies. */
    private void sweepDirectory(Path directory) throws IOException {
        if (storage.exists(directory) && storage.list(directory).isEmpty()) {
            storage.delete(directory);
        }
    }

    private long highestFileId() throws IOException {
        long highest = 0;
        for (long id : dataFiles().values()) {
            highest = Math.max(highest, id);
        }
        return highest;
    }

    /** Every table and blob file on the disk with its id, named or not; what has no name of ours is left alone. */
    private Map<Path, Long> dataFiles() throws IOException {
        Map<Path, Long> found = new TreeMap<>();
        for (String keyspace : storage.list(files.keyspacesDirectory())) {
            long id = DatabaseFiles.keyspaceId(keyspace);
            if (id != DatabaseFiles.NO_ID) {
                addFiles(files.tablesDirectory((int) id), DatabaseFiles::tableId, found);
                addFiles(files.blobsDirectory((int) id), DatabaseFiles::blobId, found);
            }
        }
        return found;
    }

    private void addFiles(Path directory, ToLongFunction<String> idOf, Map<Path, Long> found) throws IOException {
        if (storage.exists(directory)) {
            for (String name : storage.list(directory)) {
                if (idOf.applyAsLong(name) != DatabaseFiles.NO_ID) {
                    found.put(directory.resolve(name), idOf.applyAsLong(name));
                }
            }
        }
    }
}
