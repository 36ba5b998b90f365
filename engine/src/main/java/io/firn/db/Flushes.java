package io.firn.db;

import io.firn.error.WriteStalledException.Reason;
import io.firn.event.Events;
import io.firn.event.FlushEvent;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.memory.Scratch;
import io.firn.journal.Journal;
import io.firn.journal.JournalFormat;
import io.firn.keyspace.HeldSuperVersion;
import io.firn.keyspace.JournaledMemtable;
import io.firn.keyspace.MemtableFlush;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeContext;
import io.firn.keyspace.Upkeep;
import io.firn.version.Change;
import io.firn.version.ManifestPosition;
import io.firn.version.TableFiles;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The background work that ends a writer's stall: flushing memtables, naming their tables in the manifest, retiring journals, and
 * keeping the next journal and the next slab ready.
 *
 * <p>Invariants: (1) one flush a tree at a time, oldest memtable first (R6). (2) The order of a flush is that of the package's
 * drawing. (3) A failed output is deleted and written again, as a new file, when it is asked for again; a failed edit poisons.
 *
 * <p>Threads: requests from any, the work on the workers.
 */
final class Flushes {
    /** In place of a journal: the memtable is not there any more. */
    private static final long DROPPED = -1;

    private final Workers workers;
    private final Journal journal;
    private final Edits edits;
    private final TableFiles files;
    private final Trees trees;
    private final Commits commits;
    private final TreeContext context;
    private final Health health;
    private final Backpressure backpressure;
    private final long journalBytesMax;
    private WriteBuffer writeBuffer;
    private Compactions compactions;

    private final Upkeep totals = new Upkeep();

    private final Object preparationLock = new Object();
    private final AtomicBoolean isJournalQueued = new AtomicBoolean();
    private final AtomicLong journalBytesWanted = new AtomicLong();
    private final AtomicBoolean isSlabQueued = new AtomicBoolean();
    private final AtomicBoolean isRunwayQueued = new AtomicBoolean();
    private final Runnable runwayTask = this::prepareRunway;

    Flushes(
            Workers workers, Journal journal, Edits edits, TableFiles files, Trees trees, Commits commits,
            TreeContext context, Health health, Backpressure backpressure, long journalBytesMax) {
        this.workers = workers;
        this.journal = journal;
        this.edits = edits;
        this.files = files;
        this.trees = trees;
        this.commits = commits;
        this.context = context;
        this.health = health;
        this.backpressure = backpressure;
        this.journalBytesMax = journalBytesMax;
        commits.flushes(this);
    }

    void compactions(Compactions newCompactions) {
        compactions = newCompactions;
    }

    void writeBuffer(WriteBuffer newWriteBuffer) {
        writeBuffer = newWriteBuffer;
    }

    // ---- requests

    /** Flushes the tree's sealed memtables in the background. */
    void request(Tree tree) {
        if (tree.oldestSealed() != null && tree.claimFlush()) {
            workers.submit(() -> flushAll(tree));
        }
    }

    /** Brings the slabs that active memtables will soon want. Each commit asks for as long as one is wanted. */
    void requestSlabs() {
        if (isSlabQueued.compareAndSet(false, true)) {
            workers.submitPreparation(() -> {
                try {
                    provideSlabs();
                } finally {
                    isSlabQueued.set(false);
                }
            });
        }
    }

    /** Has the pages of the journal that are needed next made ready. */
    void requestRunway() {
        if (!isRunwayQueued.get() && isRunwayQueued.compareAndSet(false, true) && !workers.submitPreparation(runwayTask)) {
            isRunwayQueued.set(false);
        }
    }

    private void prepareRunway() {
        try {
            journal.prepareRunway();
        } finally {
            isRunwayQueued.set(false);
        }
    }

    /** Prepares the next journal file, large enough for a record of this size. */
    void requestJournal(long recordBytes) {
        journalBytesWanted.accumulateAndGet(recordBytes, Math::max);
        if (isJournalQueued.compareAndSet(false, true)) {
            workers.submitPreparation(() -> {
                isJournalQueued.set(false);
                prepareJournalNow(journalBytesWanted.getAndSet(0));
                if (journal.leftBytes() > journalBytesMax / 2) {
                    relieveJournals();
                }
            });
        }
    }

    /** Seals and flushes the memtables that hold the oldest journal. */
    void relieveJournals() {
        long oldest;
        synchronized (commits.lock()) {
            oldest = firstFileIdWithout(null);
            if (oldest < journal.currentFileId()) {
                for (Tree tree : trees.all()) {
                    if (tree.oldestSealed() == null && tree.firstFileIdWithout(null) == oldest) {
                        commits.rotate(tree);
                    }
                }
            }
        }
        trees.all().forEach(this::request);
        if (oldest >= journal.currentFileId()) {
            workers.submit(this::retireJournals);
        }
    }

    /** Makes the next journal file ready, on this thread. Worker threads only. */
    void prepareJournalNow(long recordBytes) {
        try {
            synchronized (preparationLock) {
                if (health.isWritable()) {
                    journal.prepare(recordBytes);
                }
            }
            backpressure.succeeded();
        } catch (IOException e) {
            failed(e);
        }
    }

    /** Gives every active memtable the slab that it wants, as far as the memory goes. */
    private void provideSlabs() {
        for (Tree tree : trees.all()) {
            long wanted = commits.slabBytesWanted(tree);
            if (wanted != 0 && health.isWritable()) {
                writeBuffer.provideAhead(tree, wanted);
            }
        }
        backpressure.changed();
    }

    // ---- flushing

    /** Flushes since the opening, those of keyspaces that were deleted included; those of recovery came before it. */
    Upkeep totals() {
        return totals;
    }

    private void flushAll(Tree tree) {
        try {
            while (health.isWritable() && flushOldest(tree)) {
                backpressure.succeeded();
            }
        } catch (IOException e) {
            failed(e);
        } finally {
            tree.releaseFlush();
        }
        if (tree.oldestSealed() != null && health.isWritable() && !backpressure.isFailing()) {
            request(tree);
        }
    }

    /** False if no memtable is sealed. What is flushed is held: an edit may drop it meanwhile. */
    private boolean flushOldest(Tree tree) throws IOException {
        long firstJournalId;
        try (HeldSuperVersion held = tree.holdMemtables()) {
            JournaledMemtable oldest = held == null ? null : held.oldestSealed();
            if (oldest == null) {
                return false;
            }
            firstJournalId = flush(tree, oldest);
        }
        if (firstJournalId != DROPPED) {
            backpressure.changed();
            compactions.request(tree);
            retire(firstJournalId);
        }
        return true;
    }

    /** Waits until no memtable of the tree is sealed. */
    void awaitFlushed(Tree tree) {
        long since = backpressure.now();
        boolean wasInterrupted = false;
        try {
            while (true) {
                long seen = backpressure.generation();
                health.checkWritable();
                if (tree.sealedCount() == 0) {
                    return;
                }
                request(tree);
                wasInterrupted |= backpressure.await(seen, since, Reason.SEALED_MEMTABLES);
            }
        } finally {
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Answers the first journal that is still needed, or DROPPED. */
    private long flush(Tree tree, JournaledMemtable memtable) throws IOException {
        FlushEvent event = Events.flush();
        try (CountedWork work = new CountedWork(tree.flushes(), totals)) {
            try {
                return flush(tree, memtable, work);
            } catch (Throwable t) {
                work.fail(t);
                throw t;
            } finally {
                if (event != null) {
                    event.tell(tree.name(), work.outcome(), work.readBytes(), work.writtenBytes());
                }
            }
        }
    }

    private long flush(Tree tree, JournaledMemtable memtable, CountedWork work) throws IOException {
        long sinceNanos = backpressure.now();
        WrittenRun run = MemtableFlush.run(tree, memtable, context.boundaries(), files);
        // Crash here: orphans on the disk; the journal has everything.
        try {
            journal.awaitForced(memtable.sealedPosition());
        } catch (Throwable t) {
            run.discard(context.storage());
            throw t;
        }
        // Crash here: the same. From now on nothing that the memtable holds can be lost before what precedes it (R1).
        long firstJournalId;
        try {
            firstJournalId = install(tree, memtable, run, work, sinceNanos);
        } catch (Throwable t) {
            // The files stay: the manifest may name them.
            run.close();
            throw t;
        }
        if (firstJournalId == DROPPED) {
            run.discard(context.storage());
        } else {
            tree.noteFlush(memtable, backpressure.now() - sinceNanos);
        }
        return firstJournalId;
    }

    /**
     * Names the run in the manifest and shows it to readers; answers the first journal that is still needed. DROPPED, and nothing
     * happened, if an edit has dropped the memtable meanwhile.
     */
    private long install(
            Tree tree, JournaledMemtable memtable, WrittenRun run, CountedWork work, long sinceNanos) throws IOException {
        synchronized (edits.lock()) {
            if (!tree.isOldestSealed(memtable)) {
                return DROPPED;
            }
            long firstJournalId;
            synchronized (commits.lock()) {
                firstJournalId = Math.max(edits.manifest().state().firstJournalId(), firstFileIdWithout(memtable));
            }
            List<Change> changes = new ArrayList<>();
            if (!run.isEmpty()) {
                changes.add(new Change.RunAdded(tree.id(), 0, 0, run.records()));
            }
            changes.add(new Change.Flushed(tree.id(), memtable.sealedSeqno()));
            changes.add(new Change.JournalsLive(firstJournalId));
            edits.append(changes, () -> {
                // First: who sees that the flush is over finds it counted.
                work.complete(memtable.usedBytes(), run.fileBytes(), backpressure.now() - sinceNanos);
                tree.installFlushed(memtable, run);
            });
            // Crash here: recovery opens the new tables and skips their entries in the journals.
            return firstJournalId;
        }
    }

    /** Makes a change of keyspaces durable. Worker threads only. */
    void append(Change change, int nextKeyspaceId, Runnable install) throws IOException {
        edits.append(List.of(change), nextKeyspaceId, install);
        witness();
    }

    int nextKeyspaceId() {
        return edits.manifest().state().nextKeyspaceId();
    }

    private void retireJournals() {
        try {
            long firstJournalId;
            synchronized (edits.lock()) {
                synchronized (commits.lock()) {
                    firstJournalId = firstFileIdWithout(null);
                }
                if (!health.isWritable() || firstJournalId <= edits.manifest().state().firstJournalId()) {
                    return;
                }
                edits.append(List.of(new Change.JournalsLive(firstJournalId)), () -> { });
            }
            retire(firstJournalId);
        } catch (IOException e) {
            health.poison(e);
        }
    }

    /** The first journal that a memtable needs, or that is written to. Manifest lock. */
    long firstJournalId() {
        synchronized (commits.lock()) {
            return Math.max(edits.manifest().state().firstJournalId(), firstFileIdWithout(null));
        }
    }

    /** Deletes or recycles the journals that the manifest no longer needs. */
    void retire(long firstJournalId) throws IOException {
        long position = witness();
        if (!journal.hasFilesBefore(firstJournalId)) {
            return;
        }
        if (position != Commits.NO_ROOM) {
            journal.awaitForced(position);
        }
        // Crash here: the old journals are still there; recovery ignores them by the manifest's word.
        synchronized (preparationLock) {
            journal.retire(firstJournalId);
        }
        backpressure.changed();
    }

    /**
     * Writes into the journal how long the manifest is, so that a shorter one is known for damaged (R7); answers the position
     * behind it. NO_ROOM if there is no journal to write into, on a full disk say, where retiring journals has to go on: a
     * manifest without the edit that retired them would name files that are not there.
     */
    long witness() {
        ManifestPosition position = edits.manifest().position();
        try (Scratch record = Scratch.confined(context.budget())) {
            MemorySegment memory = record.atLeast(JournalFormat.WITNESS_RECORD_BYTES);
            long recordBytes = JournalFormat.encodeWitness(
                    memory, position.manifestId(), position.forcedBytes(), new Crc32c());
            long end = commits.tryControl(memory, recordBytes);
            if (end == Commits.NO_ROOM) {
                prepareJournalNow(recordBytes);
                end = commits.tryControl(memory, recordBytes);
            }
            return end;
        }
    }

    /** The oldest journal file that any memtable but the given one needs; the current file if none does. Commit lock. */
    private long firstFileIdWithout(@Nullable JournaledMemtable flushed) {
        long first = journal.currentFileId();
        for (Tree tree : trees.all()) {
            first = Math.min(first, tree.firstFileIdWithout(flushed));
        }
        return first;
    }

    private void failed(IOException e) {
        if (!health.isWritable()) {
            return;
        }
        System.Logger.Level level = backpressure.isFailing() ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING;
        System.getLogger("io.firn").log(level, "background work failed and will be tried again", e);
        backpressure.failed(Failures.translated(e));
    }
}
