package io.firn.keyspace;

import io.firn.config.CompactionStrategy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.KeyspaceStatistics;
import io.firn.entry.Trailer;
import io.firn.error.ClosedException;
import io.firn.error.FirnException;
import io.firn.error.KeyspaceDeletedException;
import io.firn.ffm.memory.Slab;
import io.firn.memtable.Memtable;
import io.firn.memtable.Prefix;
import io.firn.table.Table;
import io.firn.table.TableSettings;
import io.firn.version.BlobUse;
import io.firn.version.Change;
import io.firn.version.KeyspaceState;
import io.firn.version.Levels;
import io.firn.version.RunWriter;
import io.firn.version.TableFiles;
import io.firn.version.TableRecord;
import io.firn.version.Version;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One keyspace: its current super version, and everything that replaces it. {@link TreeReader} reads it.
 *
 * <p>Invariants: (1) {@code current} changes under this object's monitor only; the active memtable also needs the commit
 * lock, which is taken first. (2) After {@code close} every call answers ClosedException (R22), after {@code delete}
 * KeyspaceDeletedException; but a snapshot reads on what is in the history.
 *
 * <p>Threads: any; what says so, under the commit lock.
 */
public final class Tree {
    private static final int CALM_RUNS = 19;
    private static final int RUNS_ABOVE_SETTLED = 8;

    /**
     * The tables of an ingestion are laid out as those of level 1, though they come into level 0: they are large and do not overlap, and
     * so move down as they are, where the layout of level 0, made for small tables that are soon merged, would stay with them.
     */
    private static final int INGESTED_LEVEL = 1;

    private static final long INGESTED_TABLE_BYTES = 64 << 20;

    private final int id;
    private final String name;
    private final KeyspaceOptions options;
    private final long flushedSeqno;
    private final TreeContext context;

    private final ReadCounters readCounters = new ReadCounters();
    private final AtomicLong tablesOpened = new AtomicLong();
    private final Upkeep flushes = new Upkeep();
    private final Upkeep compactions = new Upkeep();
    private final Upkeep ingestions = new Upkeep();
    private final int calmRuns;

    private final AtomicBoolean isFlushing = new AtomicBoolean();
    private volatile double flushNanosPerByte;

    private final Current<SuperVersion> current;
    private final History history;
    private final Front front;
    private final TreeReader reader;
    private final TreeDirectory treeDirectory;
    private final Object editing = new Object();
    private volatile boolean isDeleted;
    private boolean isHeldBack;

    /** Opens the tables that the manifest names. */
    public static Tree open(KeyspaceState state, TreeContext context) throws IOException {
        Version version = Version.open(context.storage(), context.files(), state, context.access());
        return new Tree(state.id(), state.name(), state.options(), version, state.flushedSeqno(), context);
    }

    /** A tree whose journal entries at or below {@code flushedSeqno} stand in the version. */
    public Tree(
            int id, String name, KeyspaceOptions options, Version version, long flushedSeqno, TreeContext context) {
        this.id = id;
        this.name = name;
        this.options = options;
        this.flushedSeqno = flushedSeqno;
        this.context = context;
        calmRuns = calmRuns(options.compaction());
        history = new History(context.readers().snapshots(), context.retirement());
        treeDirectory = new TreeDirectory(context.storage(), context.files(), id, options.blobs() != null);
        current = new Current<>(superVersion(newMemtable(Prefix.NONE), List.of(), version), context.retirement()::wake);
        front = new Front(context.published());
        reader = new TreeReader(name, current, history, front, readCounters, context, this::gone);
    }

    public int id() {
        return id;
    }

    public String name() {
        return name;
    }

    public KeyspaceOptions options() {
        return options;
    }

    /** Where its files lie. */
    public Path directory() {
        return context.files().keyspaceDirectory(id);
    }

    /** Up to here the journal's entries stood in tables when the tree was opened. */
    public long flushedSeqno() {
        return flushedSeqno;
    }

    /** What reads the tree. */
    public TreeReader reader() {
        return reader;
    }

    // ---- writing, under the commit lock

    /** Whether so many entries of so many bytes in all fit into the active memtable. Commit lock. */
    public Memtable.Room tryReserve(long entryBytes, int entries) {
        return open().active.memtable.tryReserve(entryBytes, entries);
    }

    /** Inserts what was reserved. Commit lock. */
    public void insert(
            long journalFileId, MemorySegment key, long keyOffset, int keyLength, long trailer,
            MemorySegment value, long valueOffset, int valueLength) {
        JournaledMemtable active = open().active;
        active.noteFile(journalFileId);
        if (!Trailer.isTombstone(trailer)) {
            front.put(key, keyOffset, keyLength);
        }
        active.memtable.insert(key, keyOffset, keyLength, trailer, value, valueOffset, valueLength);
    }

    /** The size of the slab that the active memtable wants, now or soon; 0 for none. Commit lock. */
    public long slabBytesWanted() {
        SuperVersion now = current.get();
        return now == null ? 0 : now.active.memtable.slabBytesWanted();
    }

    /** Takes the slab if it is still wanted. Commit lock. */
    public boolean provide(Slab slab) {
        SuperVersion now = current.get();
        if (now == null || now.active.memtable.slabBytesWanted() != slab.sizeBytes()) {
            return false;
        }
        now.active.memtable.provide(slab);
        return true;
    }

    /** Seals the active memtable; false if it is empty, or the tree gone. Commit lock. */
    public boolean rotate(long lastSeqno, long journalEndPosition) {
        SuperVersion before;
        synchronized (this) {
            before = current.get();
            if (before == null || before.active.memtable.isEmpty()) {
                return false;
            }
            before.active.seal(lastSeqno, journalEndPosition);
            List<JournaledMemtable> sealed = new ArrayList<>();
            sealed.add(before.active);
            sealed.addAll(before.sealed);
            current.set(superVersion(newMemtable(before.active.memtable.nextPrefix()), sealed, before.version));
        }
        context.retirement().retire(before);
        return true;
    }

    // ---- flushing

    /** The oldest sealed memtable, which is the next to be flushed; null if there is none. */
    public @Nullable JournaledMemtable oldestSealed() {
        SuperVersion now = current.get();
        return now == null || now.sealed.isEmpty() ? null : now.sealed.getLast();
    }

    public int sealedCount() {
        SuperVersion now = current.get();
        return now == null ? 0 : now.sealed.size();
    }

    /** Bytes of the active memtable's slabs; 0 if it is empty and so cannot be sealed. */
    public long activeSlabBytes() {
        SuperVersion now = current.get();
        return now == null || now.active.memtable.isEmpty() ? 0 : now.active.slabBytes();
    }

    /** The same, also if the memtable is empty. */
    public long activeMemtableBytes() {
        SuperVersion now = current.get();
        return now == null ? 0 : now.active.slabBytes();
    }

    /** Bytes of all memtables' slabs. */
    public long memtableBytes() {
        SuperVersion now = current.get();
        return now == null ? 0 : now.memtableBytes();
    }

    /** Entries in memtables, versions and tombstones included. */
    public long memtableEntries() {
        SuperVersion now = current.get();
        return now == null ? 0 : now.memtableEntries();
    }

    /** Entries in memtables and tables, versions and tombstones included. */
    public long storedEntries() {
        SuperVersion now = open();
        return now.version.entryCount() + now.memtableEntries();
    }

    /** What the keyspace consists of now and did; whoever compacts it knows the debt. */
    public KeyspaceStatistics statistics(long compactionDebtBytes) {
        SuperVersion now = open();
        ReadSums reads = new ReadSums();
        addReadsTo(reads);
        return new KeyspaceStatistics(
                now.memtableEntries(), now.memtableBytes(), now.sealed.size(), Contents.of(now.version, options.levels()),
                Contents.blobsOf(now.version), flushes.sum(), compactions.sum(), ingestions.sum(), compactionDebtBytes, reads.toStatistics());
    }

    /** What its readers did. */
    public void addReadsTo(ReadSums sums) {
        readCounters.addTo(sums);
        sums.addTablesOpened(tablesOpened.get());
    }

    /** The size of its tables and blob files; 0 when it is closed. */
    public long tableBytes() {
        SuperVersion now = current.get();
        return now == null ? 0 : now.version.fileBytes();
    }

    /** The oldest journal file that any memtable but the given one needs. Commit lock. */
    public long firstFileIdWithout(@Nullable JournaledMemtable flushed) {
        SuperVersion now = current.get();
        return now == null ? JournaledMemtable.NO_FILE : now.firstFileIdWithout(flushed);
    }

    /** What its last flush took for each used byte of the memtable; 0 before the first. */
    public double flushNanosPerByte() {
        return flushNanosPerByte;
    }

    /** A flush of the memtable took so long. */
    public void noteFlush(JournaledMemtable flushed, long nanos) {
        flushNanosPerByte = (double) nanos / flushed.memtable.usedBytes();
    }

    /** Whether this caller is the one to flush the tree; it ends with {@link #releaseFlush}. */
    public boolean claimFlush() {
        return isFlushing.compareAndSet(false, true);
    }

    public void releaseFlush() {
        isFlushing.set(false);
    }

    /** Whether a memtable still is the oldest sealed one: no edit has dropped it. Manifest lock. */
    public boolean isOldestSealed(JournaledMemtable memtable) {
        return oldestSealed() == memtable;
    }

    /** Keeps what the tree consists of now; null if it is closed or deleted. */
    public @Nullable HeldSuperVersion holdMemtables() {
        int stripe = Pins.stripeOfThread();
        SuperVersion pinned = current.acquire(stripe);
        return pinned == null ? null : new HeldSuperVersion(pinned, stripe, context.retirement());
    }

    /** Replaces the oldest sealed memtable by the run that it became. */
    public void installFlushed(JournaledMemtable flushed, WrittenRun run) {
        SuperVersion before;
        synchronized (this) {
            before = open();
            assert before.sealed.getLast() == flushed : "memtables are installed oldest first";
            List<JournaledMemtable> sealed = before.sealed.subList(0, before.sealed.size() - 1);
            Version version = run.isEmpty()
                    ? before.version
                    : before.version.with(List.of(new Change.RunAdded(id, 0, 0, run.records())), run.tables());
            current.set(superVersion(before.active, sealed, version));
        }
        context.retirement().retire(before);
    }

    /** The version that is current now, kept open until that is closed; null if the tree is closed or deleted. */
    public @Nullable HeldVersion hold() {
        synchronized (this) {
            SuperVersion now = current.get();
            return now == null ? null : hold(now.version, now.version.tables());
        }
    }

    /** The same of these tables alone; null also if the current version does not have them all. */
    public @Nullable HeldVersion hold(Set<Long> tableIds) {
        synchronized (this) {
            SuperVersion now = current.get();
            List<Table> tables = now == null
                    ? List.of()
                    : now.version.tables().stream().filter(table -> tableIds.contains(table.id())).toList();
            return now == null || tables.size() < tableIds.size() ? null : hold(now.version, tables);
        }
    }

    /** The current super version reaches them, so that none can be closed meanwhile. Monitor held. */
    private HeldVersion hold(Version version, List<Table> tables) {
        return new HeldVersion(version, tables, treeDirectory, context.retirement());
    }

    /** Where its tables stand now; null after the end of the tree. */
    public @Nullable Levels levels() {
        SuperVersion now = current.get();
        return now == null ? null : now.version.levels();
    }

    /** Replaces the version by one with changes that the manifest has accepted; of the tables that they add, these are new. */
    public void install(List<Change.OfLevels> changes, List<Table> newTables) {
        SuperVersion before;
        synchronized (this) {
            before = open();
            current.set(superVersion(before.active, before.sealed, before.version.with(changes, newTables)));
        }
        context.retirement().retire(before);
    }

    /** The same for tables of entries that will be published. Commit lock. */
    public void ingest(List<Change.OfLevels> changes, List<Table> newTables) {
        front.reset();
        install(changes, newTables);
    }

    /** The tables that there are now; none if the tree is closed or deleted. */
    public List<TableRecord> tables() {
        SuperVersion now = current.get();
        return now == null ? List.of() : now.version.levels().tables();
    }

    /** The version that is current now. */
    public Version version() {
        return open().version;
    }

    /** What its flushes came to. */
    public Upkeep flushes() {
        return flushes;
    }

    /** What its compactions came to. */
    public Upkeep compactions() {
        return compactions;
    }

    /** What its ingestions came to. */
    public Upkeep ingestions() {
        return ingestions;
    }

    /** Runs of level 0; 0 when it is closed. */
    public int level0Runs() {
        SuperVersion now = current.get();
        return now == null ? 0 : now.version.runCount(0);
    }

    /** By how many runs level 0 has more than it may have while nobody is slowed down. */
    public int excessRuns() {
        return Math.max(0, level0Runs() - calmRuns);
    }

    // ---- edits that have a place in the commit order

    /** Whoever edits the tree holds the monitor of this object, whatever it waits for. */
    public Object editing() {
        return editing;
    }

    /** KeyspaceDeletedException or ClosedException when it is gone. */
    public void checkOpen() {
        open();
    }

    /** Whether commits to the tree wait until an edit has its place. Commit lock. */
    public boolean isHeldBack() {
        return isHeldBack;
    }

    /** Commit lock. */
    public void holdBack(boolean isNowHeldBack) {
        isHeldBack = isNowHeldBack;
    }

    /** Whether no memtable has an entry. */
    public boolean hasOnlyTables() {
        return open().hasOnlyTables();
    }

    /** Drops all memtables and shows the version alone. Commit lock; no snapshot is opened meanwhile. */
    public void replace(Version version) {
        replace(superVersion(newMemtable(Prefix.NONE), List.of(), version));
    }

    /** Makes changes that a journal tells, and opens what they add; all memtables are dropped. Recovery. */
    public void replay(List<Change.OfLevels> changes) throws IOException {
        replace(version().withOpened(changes, context.storage(), context.files(), id, options, context.access()));
    }

    /** From now on every call answers KeyspaceDeletedException. Commit lock; no snapshot is opened meanwhile. */
    public void delete() {
        isDeleted = true;
        replace((SuperVersion) null);
    }

    private void replace(@Nullable SuperVersion next) {
        SuperVersion before;
        synchronized (this) {
            before = open();
            if (context.readers().snapshots().isAny()) {
                assert before.hasOnlyTables() : "entries in memory that a snapshot sees";
                // With a memtable that never gets a slab.
                history.add(superVersion(newMemtable(Prefix.NONE), List.of(), before.version), context.published().get());
            }
            current.set(next);
        }
        Set<Table> staying = next == null ? Set.of() : new HashSet<>(next.version.tables());
        before.version.tables().stream().filter(table -> !staying.contains(table)).forEach(Table::doom);
        before.version.blobs().doom(BlobUse.forgotten(
                before.version.levels().tables(), next == null ? List.of() : next.version.levels().tables()));
        context.retirement().retire(before);
    }

    /** The deletion is durable: the directory goes with its last user. An engine thread. */
    public void deleteDirectory() {
        treeDirectory.delete();
    }

    public boolean isDeleted() {
        return isDeleted;
    }

    // ---- ingestion

    /** A writer of the tables of an ingestion; until {@link #leaveDirectory} their directory stays. */
    public RunWriter ingestionWriter(TableFiles files) {
        return new RunWriter(
                files, id, TableSettings.of(options, INGESTED_LEVEL, false), files.access().at(options, 0), INGESTED_TABLE_BYTES,
                options.blobs());
    }

    /** Whoever will write into the tree's directory keeps it from being deleted. */
    public void enterDirectory() {
        treeDirectory.enter();
    }

    public void leaveDirectory() {
        treeDirectory.leave();
    }

    /** Whether it is deleted and nothing of it is left. */
    public boolean isGone() {
        return treeDirectory.isGone();
    }

    // ---- closing

    /** From now on every call answers ClosedException; calls in progress go on, and what they pin is freed after them. */
    public void close() {
        SuperVersion last;
        synchronized (this) {
            last = current.get();
            current.set(null);
        }
        if (last != null) {
            context.retirement().retire(last);
        }
        history.close();
    }

    /** Nobody is slowed down for runs that no compaction would take away. */
    private static int calmRuns(CompactionStrategy strategy) {
        return switch (strategy) {
            case CompactionStrategy.Leveled leveled -> Math.max(CALM_RUNS, leveled.l0Threshold() + RUNS_ABOVE_SETTLED);
            case CompactionStrategy.Tiered tiered -> Math.max(CALM_RUNS, tiered.maxRuns() + RUNS_ABOVE_SETTLED);
            case CompactionStrategy.Fifo fifo -> Integer.MAX_VALUE;
        };
    }

    private SuperVersion open() {
        SuperVersion now = current.get();
        if (now == null) {
            throw gone();
        }
        return now;
    }

    private FirnException gone() {
        return isDeleted
                ? new KeyspaceDeletedException(name)
                : new ClosedException("keyspace " + name + ": the database is closed");
    }

    private SuperVersion superVersion(JournaledMemtable active, List<JournaledMemtable> sealed, Version version) {
        SuperVersion made = new SuperVersion(active, sealed, version, treeDirectory);
        tablesOpened.addAndGet(made.newTables);
        return made;
    }

    private JournaledMemtable newMemtable(Prefix guess) {
        return new JournaledMemtable(new Memtable(context.slabs(), options.memtableBytes(), guess));
    }
}
