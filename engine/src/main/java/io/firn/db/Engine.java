package io.firn.db;

import io.firn.compaction.Pace;
import io.firn.config.CompactionStrategy;
import io.firn.cache.BlockCache;
import io.firn.cache.CacheStatistics;
import io.firn.compaction.FilterFailedException;
import io.firn.config.Compression;
import io.firn.config.DatabaseStatistics;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.KeyspaceStatistics;
import io.firn.config.MemoryUsage;
import io.firn.config.PersistMode;
import io.firn.error.ClosedException;
import io.firn.error.CodecMissingException;
import io.firn.error.FirnException;
import io.firn.error.WriteStalledException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.file.DirectoryLock;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Leases;
import io.firn.ffm.memory.SlabPool;
import io.firn.journal.Journal;
import io.firn.keyspace.PublishedSeqno;
import io.firn.keyspace.Readers;
import io.firn.keyspace.Retirement;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeContext;
import io.firn.keyspace.Upkeep;
import io.firn.version.Change;
import io.firn.version.DatabaseFiles;
import io.firn.version.Manifest;
import io.firn.version.TableFiles;
import io.firn.version.Version;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An open database: what it consists of, and the order in which that is opened and closed.
 *
 * <p>Invariants: (1) everything that is opened here is closed by {@code close}, which always ends and throws the first failure at
 * its end. (2) Opening and closing run on threads of their own, so that no interrupt of a caller reaches a file.
 *
 * <p>Threads: any. Closed by: its opener; idempotent.
 */
public final class Engine implements AutoCloseable {
    private static final long SLABS_KEPT_BYTES = 128 << 20;

    private final Settings settings;
    private final Storage storage;
    private final Health health;
    private final Backpressure backpressure;
    private final PublishedSeqno published = new PublishedSeqno();
    private final MemoryParts memory;
    private final SlabPool slabs;
    private final BlockCache cache;
    private final Readers readers;
    private final Leases<Batch> batches;
    private final Maintenance maintenance;
    private final TreeContext context;
    private final Trees trees = new Trees();
    private final DirectoryLock directoryLock;
    private final Manifest manifest;
    private final Journal journal;
    private final Workers workers;
    private final Commits commits;
    private final Flushes flushes;
    private final Compactions compactions;
    private final OrderedEdits orderedEdits;
    private final Gating gating = new Gating();
    private final TableFiles ingestedFiles;
    private final Upkeep ingestions = new Upkeep();
    private final Thread journalThread;
    private final FutureTask<@Nullable Void> closing = new FutureTask<>(this::closeAll, null);

    /** Opens a database, as the settings say. */
    public static Engine open(Settings settings) {
        checkCodec(settings.journaling().compression());
        FutureTask<Engine> opening = new FutureTask<>(() -> new Engine(settings));
        settings.machine().threads().newThread(opening).start();
        return Workers.await(opening);
    }

    private Engine(Settings settings) throws IOException {
        this.settings = settings;
        storage = settings.machine().storage();
        Recovery.checkDirectory(settings);
        backpressure = new Backpressure(settings.machine().nanoClock(), settings.durability().writeTimeout());
        health = new Health(this::healthChanged);
        memory = new MemoryParts(settings.memory(), backpressure);
        slabs = new SlabPool(memory.memtables(), SLABS_KEPT_BYTES);
        readers = new Readers(memory.scratch(), published);
        batches = new Leases<>(this::newSharedBatch);
        maintenance = new Maintenance(
                settings.durability().interval(), this::persistInBackground, settings.budget()::announceFreed);
        Retirement retirement = new Retirement(maintenance::wake);
        DatabaseFiles files = new DatabaseFiles(settings.directory());
        cache = new BlockCache(settings.memory().cacheBytes(), memory.cache(), this::prepare);
        settings.budget().register(cache);
        context = TreeContext.of(
                storage, files, cache, memory.pinned(), memory.scratch(), slabs, published, readers, retirement,
                health::poison);
        boolean isNew;
        try {
            isNew = !storage.exists(settings.directory());
            Recovery.createDirectory(storage, settings.directory());
            directoryLock = storage.lock(settings.directory());
        } catch (Throwable t) {
            closeCache();
            slabs.close();
            memory.close();
            throw t;
        }
        Recovery.Recovered recovered;
        try {
            Recovery.checkDirectory(settings);
            recovered = new Recovery(settings, context, health::poison).run();
        } catch (Throwable t) {
            undoOpening(retirement, isNew, t);
            throw t;
        }
        manifest = recovered.manifest();
        journal = recovered.journal();
        published.publish(recovered.lastSeqno());
        recovered.trees().forEach(trees::add);
        commits = new Commits(journal, published, health, backpressure, settings.journaling().maxBytes());
        workers = new Workers(settings.background().workers(), settings.machine().threads(), this::taskFailed);
        Edits edits = new Edits(manifest, commits, health, recovered.nextFileId());
        TableFiles tableFiles =
                context.tableFiles(edits.nextFileId(), settings.machine().millisClock(), health::isClosed);
        flushes = new Flushes(
                workers, journal, edits, tableFiles, trees, commits, context, health, backpressure,
                settings.journaling().maxBytes());
        TableFiles compactedFiles =
                context.tableFiles(edits.nextFileId(), settings.machine().millisClock(), () -> !health.isWritable());
        compactions = new Compactions(
                workers, edits, flushes, context, health, backpressure, compactedFiles,
                new Pace(settings.background().compactionBytesPerSecond(), settings.machine().nanoClock(), compactedFiles.isCancelled()),
                Workers.compactionsMax(settings.background().workers()), settings.background().filters(),
                maintenance::everySecond);
        commits.compactions(compactions);
        flushes.compactions(compactions);
        WriteBuffer writeBuffer = new WriteBuffer(
                settings.budget(), memory.memtables(), slabs, retirement, trees, commits, flushes, health,
                backpressure);
        commits.writeBuffer(writeBuffer);
        flushes.writeBuffer(writeBuffer);
        memory.answersBy(writeBuffer);
        ingestedFiles = tableFiles;
        orderedEdits = new OrderedEdits(
                commits, edits, flushes, compactions, journal, trees, workers, health, backpressure, context,
                compactedFiles);
        journalThread = settings.machine().threads().newThread(journal::run);
        journalThread.start();
        maintenance.start(settings.machine().threads(), retirement, readers.openings());
        flushes.requestJournal(0);
        trees.all().forEach(compactions::request);
    }

    /** Makes something ready that will soon be needed; false while the database is being opened, and after its end. */
    private boolean prepare(Runnable task) {
        Workers open = workers;
        return open != null && open.submitPreparation(task);
    }

    private void undoOpening(Retirement retirement, boolean isNew, Throwable cause) {
        retirement.freeDrained();
        readers.close();
        batches.close();
        closeCache();
        slabs.close();
        memory.close();
        try {
            directoryLock.close();
            if (isNew && settings.opening().isTemporary()) {
                deleteAll(settings.directory());
            }
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    /** Nobody reads any more, or what they have pinned goes (R22). */
    private void closeCache() {
        settings.budget().unregister(cache);
        cache.close();
    }

    private void healthChanged() {
        backpressure.changed();
        gating.changed();
    }

    // ---- keyspaces

    public Path directory() {
        return settings.directory();
    }

    public Trees trees() {
        return trees;
    }

    /** Who reads the database. */
    public Readers readers() {
        return readers;
    }

    /** The keyspace of a name, created with the options if there is none. */
    public Tree keyspace(String name, KeyspaceOptions ifCreated) {
        health.checkOpen();
        Tree tree = trees.get(name);
        return tree != null ? tree : workers.call(() -> createKeyspace(name, ifCreated));
    }

    private synchronized Tree createKeyspace(String name, KeyspaceOptions options) throws IOException {
        Tree existing = trees.get(name);
        if (existing != null) {
            return existing;
        }
        Change.nameBytes(name);
        checkCodecs(options);
        health.checkWritable();
        int id = flushes.nextKeyspaceId();
        DatabaseFiles files = context.files();
        storage.createDirectory(files.tablesDirectory(id));
        if (options.blobs() != null) {
            storage.createDirectory(files.blobsDirectory(id));
        }
        storage.syncDirectory(files.keyspaceDirectory(id));
        storage.syncDirectory(files.keyspacesDirectory());
        // Crash here: an empty directory that no edit names; the id is given again and the directory used.
        Tree tree = new Tree(id, name, options, Version.empty(options.levels()), 0, context);
        flushes.append(new Change.KeyspaceCreated(id, name, options), id + 1, () -> trees.add(tree));
        return tree;
    }

    /** Whether tables can be written with these options (R26). */
    static void checkCodecs(KeyspaceOptions options) {
        options.compression().values().forEach(Engine::checkCodec);
        options.indexCompression().values().forEach(Engine::checkCodec);
        if (options.blobs() != null) {
            checkCodec(options.blobs().compression());
        }
    }

    private static void checkCodec(Compression compression) {
        if (compression == Compression.ZSTD && !Codecs.isAvailable(Codec.ZSTD)) {
            throw new CodecMissingException(
                    "zstd needs native access for zstd-jni: start the application with --enable-native-access");
        }
    }

    // ---- writing

    /** A batch of the calling thread, which closes it. */
    public Batch newBatch() {
        return Batch.confined(memory.scratch(), journalCodec());
    }

    private Batch newSharedBatch() {
        return Batch.shared(memory.scratch(), journalCodec());
    }

    private Codec journalCodec() {
        return switch (settings.journaling().compression()) {
            case NONE -> Codec.NONE;
            case LZ4 -> Codec.LZ4;
            case ZSTD -> Codec.ZSTD;
        };
    }

    /** Leases an empty batch for one call; {@link #giveBack} takes it. */
    public Batch leaseBatch() {
        return batches.lease();
    }

    public void giveBack(Batch batch) {
        batch.clear();
        batches.giveBack(batch);
    }

    /** Commits the batch as durably as the database was opened for. */
    public void commit(Batch batch) {
        commit(batch, settings.durability().commits());
    }

    public void commit(Batch batch, PersistMode mode) {
        if (batch.count() == 0) {
            health.checkWritable();
            return;
        }
        awaitDurable(gating.commit(batch, commits), mode);
    }

    // ---- transactions

    /** From now on every write passes the gate, which is closed with the database. Before others know the engine. */
    public void gate(Gate gate) {
        gating.gate(gate);
        commits.gate(gate);
    }

    /**
     * Commits the batch of a transaction, which is not empty; answers the journal position behind it, or -1, and nothing is written, if
     * the validator refuses it.
     */
    public long commit(Batch batch, Validator validator) {
        return Math.max(-1, commits.commit(batch, validator));
    }

    /** Returns when what was committed up to the position is as durable as the mode says; null: as the database is opened for. */
    public void awaitDurable(long end, @Nullable PersistMode mode) {
        if ((mode == null ? settings.durability().commits() : mode) != PersistMode.BUFFER) {
            journal.awaitDurable(end);
        }
    }

    /** Runs a step while no commit is in progress: what was committed before is published. It must not wait. */
    public <T> T betweenCommits(Supplier<T> step) {
        return commits.between(step);
    }

    /** Throws when the database is closed or poisoned. */
    public void checkWritable() {
        health.checkWritable();
    }

    /** A writer waited for something else than this engine. */
    public void noteStall(WriteStalledException.Reason reason, long waitedNanos) {
        commits.stalls().add(reason, waitedNanos);
    }

    /** The account of private memory. */
    public MemoryBudget privateMemory() {
        return memory.scratch();
    }

    /** Returns when everything committed before the call is as durable as the mode says. */
    public void persist(PersistMode mode) {
        health.checkWritable();
        if (mode != PersistMode.BUFFER) {
            journal.awaitDurable(journal.endPosition());
        }
    }

    private void persistInBackground() {
        try {
            if (health.isWritable() && journal.forcedPosition() < journal.endPosition()) {
                journal.awaitForced(journal.endPosition());
            }
        } catch (FirnException e) {
            health.poison(e);
        }
    }

    // ---- maintenance

    /** Seals the keyspace's memtable and flushes it in the background; false if it was empty. */
    public boolean rotate(Tree tree) {
        health.checkWritable();
        tree.checkOpen();
        boolean isSealed = commits.rotate(tree);
        flushes.request(tree);
        return isSealed;
    }

    /** Waits until no memtable of the keyspace is sealed. */
    public void awaitFlushed(Tree tree) {
        flushes.awaitFlushed(tree);
    }

    /** Removes every entry of the keyspace. */
    public void clear(Tree tree) {
        gating.run(() -> orderedEdits.clear(tree));
    }

    /** Removes the keys of the range. */
    public void dropRange(Tree tree, KeyRange range) {
        gating.run(() -> orderedEdits.dropRange(tree, range));
    }

    /** Deletes the keyspace; its name can be given again. */
    public void deleteKeyspace(Tree tree) {
        gating.run(() -> orderedEdits.delete(tree));
    }

    /** Begins an ingestion into the keyspace; whoever gives entries closes it. */
    public Intake ingest(Tree tree) {
        health.checkWritable();
        tree.enterDirectory();
        try {
            tree.checkOpen();
            Intake intake = new Intake(
                    tree, ingestedFiles, context.budget(), orderedEdits, health, ingestions, settings.machine().nanoClock(),
                    gating);
            settings.machine().threads().newThread(intake::run).start();
            return intake;
        } catch (Throwable t) {
            tree.leaveDirectory();
            throw t;
        }
    }

    /** A snapshot at the seqno is closed. */
    public void closeSnapshot(long seqno) {
        readers.snapshots().close(seqno);
        context.retirement().snapshotClosed();
    }

    Compactions compactions() {
        return compactions;
    }

    /** Does one round of what the keyspace's own compaction finds to do, or another one, and waits for it. */
    public void compact(Tree tree, CompactionStrategy strategy) {
        health.checkWritable();
        tree.checkOpen();
        throwingFiltersFailure(() -> compactions.compact(tree, strategy));
    }

    /** Merges all that the keyspace holds into its last level, and waits for it. */
    public void compactAll(Tree tree) {
        rotate(tree);
        awaitFlushed(tree);
        throwingFiltersFailure(() -> compactions.compactAll(tree));
    }

    private static void throwingFiltersFailure(Runnable compaction) {
        try {
            compaction.run();
        } catch (FilterFailedException e) {
            throw new IllegalStateException(e.getMessage(), e.getCause());
        }
    }

    /** Whether no background work is queued or running, whatever readers pin; for tests. */
    boolean hasIdleWorkers() {
        return workers.isIdle();
    }

    /** Whether no background work is queued or running; for tests that want a quiet disk. */
    boolean isIdle() {
        return workers.isIdle() && context.retirement().count() == 0;
    }

    public Manifest manifest() {
        return manifest;
    }

    public Journal journal() {
        return journal;
    }

    /** What the database uses of its budget, by purpose. */
    public MemoryUsage memory() {
        health.checkOpen();
        return memory.usage();
    }

    /** What the database consists of and has done. */
    public DatabaseStatistics statistics() {
        health.checkOpen();
        DatabaseStatistics.Writes writes = commits.writes();
        long diskBytes = writes.journalBytes();
        long debtBytes = 0;
        int sealed = 0;
        List<Tree> all = trees.all();
        for (Tree tree : all) {
            diskBytes += tree.tableBytes();
            debtBytes += compactions.debtBytes(tree);
            sealed += tree.sealedCount();
        }
        long visibleSeqno = published.get();
        DatabaseStatistics statistics = new DatabaseStatistics(
                visibleSeqno + 1, visibleSeqno, all.size(), readers.snapshots().openCount(),
                context.retirement().count(), diskBytes, writes, flushes.totals().sum(), sealed,
                compactions.totals().sum(), debtBytes, ingestions.sum(), trees.reads(),
                memory.memtables().usedBytes(), cacheStatistics(), commits.stalls().sums());
        // What was closed meanwhile counted as nothing.
        health.checkOpen();
        return statistics;
    }

    /** What a keyspace consists of and has done. */
    public KeyspaceStatistics statistics(Tree tree) {
        return tree.statistics(compactions.debtBytes(tree));
    }

    private DatabaseStatistics.Cache cacheStatistics() {
        CacheStatistics figures = cache.statistics();
        return new DatabaseStatistics.Cache(
                figures.dataHits(), figures.dataMisses(), figures.indexHits(), figures.indexMisses(),
                figures.blobHits(), figures.blobMisses(), figures.inserts(), figures.evictions(), figures.blocks(), figures.blockBytes(), figures.usedBytes(),
                figures.capacityBytes());
    }

    public Settings settings() {
        return settings;
    }

    private void taskFailed(Throwable t) {
        if (!(t instanceof ClosedException && health.isClosed())) {
            health.poison(t);
        }
    }

    // ---- closing

    @Override
    public void close() {
        if (readers.isInCallback()) {
            throw new IllegalStateException("close inside a callback of this database");
        }
        if (health.close()) {
            settings.machine().threads().newThread(closing).start();
        }
        Workers.await(closing);
    }

    /** The order: writers, workers, journal, readers, memory, lock. Whatever fails, the rest goes on. */
    private void closeAll() {
        Closing rest = new Closing();
        rest.run(() -> memory.answersBy(null));
        rest.run(workers::stop);
        rest.run(orderedEdits::close);
        rest.run(commits::noticeFailure);
        rest.run(health::checkNotPoisoned);
        rest.run(this::finishJournal);
        rest.run(journal::stop);
        rest.run(() -> Workers.join(journalThread));
        rest.run(trees::close);
        rest.run(readers.openings()::closeAll);
        rest.run(maintenance::stopWhenAllFreed);
        rest.run(manifest::close);
        rest.run(journal::close);
        rest.run(readers::close);
        rest.run(batches::close);
        rest.run(gating::close);
        rest.run(this::closeCache);
        rest.run(slabs::close);
        rest.run(memory::close);
        if (settings.opening().isTemporary()) {
            rest.run(() -> deleteAll(settings.directory()));
        }
        rest.run(directoryLock::close);
        rest.throwFirst();
    }

    /** Forces the journal and seals it. That of a poisoned database is forced if it still can be, and ends as after a crash. */
    private void finishJournal() {
        if (health.isPoisoned()) {
            journal.awaitForced(journal.endPosition());
            return;
        }
        synchronized (commits.lock()) {
            journal.seal();
        }
    }

    /** Deletes a temporary database: what it consists of, from the leaves up. */
    private void deleteAll(Path directory) throws IOException {
        DatabaseFiles files = new DatabaseFiles(directory);
        for (String keyspace : namesIn(files.keyspacesDirectory())) {
            int id = (int) DatabaseFiles.keyspaceId(keyspace);
            deleteWithFiles(files.tablesDirectory(id));
            if (storage.exists(files.blobsDirectory(id))) {
                deleteWithFiles(files.blobsDirectory(id));
            }
            deleteWithFiles(files.keyspaceDirectory(id));
        }
        deleteWithFiles(files.keyspacesDirectory());
        deleteWithFiles(files.journalDirectory());
        deleteWithFiles(directory);
    }

    private void deleteWithFiles(Path directory) throws IOException {
        for (String name : namesIn(directory)) {
            storage.delete(directory.resolve(name));
        }
        storage.delete(directory);
    }

    private List<String> namesIn(Path directory) throws IOException {
        return storage.exists(directory) ? storage.list(directory) : List.of();
    }
}
