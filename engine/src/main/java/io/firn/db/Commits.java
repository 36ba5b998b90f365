package io.firn.db;

import io.firn.config.DatabaseStatistics;
import io.firn.error.WriteStalledException.Reason;
import io.firn.event.Events;
import io.firn.event.StallEvent;
import io.firn.ffm.memory.Scratch;
import io.firn.ffm.memory.Slab;
import io.firn.journal.Journal;
import io.firn.keyspace.PublishedSeqno;
import io.firn.keyspace.Snapshots;
import io.firn.keyspace.Tree;
import io.firn.version.Change;
import io.firn.version.TableRecord;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The commit path: one writer at a time, a few hundred nanoseconds under the lock.
 *
 * <p>Invariants: (1) seqnos are given and published in order. (2) Everything is reserved before the first byte is copied;
 * what is not ready is waited for outside the lock (R9). (3) From the first byte copied to publication, any Throwable poisons, and
 * before it any Error, which may have left a journal file or a memtable half exchanged (R8).
 *
 * <p>Threads: any.
 */
final class Commits {
    /** Sealed memtables of one keyspace that stall its writers. */
    static final int SEALED_MEMTABLES_MAX = 4;

    /** With more than so many sealed memtables its writers go at the pace of its flushes, so that they seldom come to a stall. */
    private static final int CALM_MEMTABLES = 1;

    /** Runs of level 0 above the calm number that slow writers down; more stall them. */
    static final int EXCESS_RUNS_MAX = 10;

    /** What a write costs at the first run too many; each further one doubles it. */
    private static final long SLOWED_NANOS = 1_000;

    /** So many bytes of a batch count as a write, where its entries are fewer. */
    private static final int SLOWED_BYTES = 1024;

    /** No journal is ready. */
    static final long NO_ROOM = -1;

    /** The batch was refused by its validator. */
    static final long REFUSED = -2;

    /** The commit lock. Taken before a tree's monitor, after the manifest lock. */
    private final Object lock = new Object();

    private final Journal journal;
    private final PublishedSeqno published;
    private final Health health;
    private final Backpressure backpressure;
    private final long journalBytesMax;
    private final StallTotals stalls = new StallTotals();

    // Under the lock.
    private long lastSeqno;
    private long commitCount;
    private long entryCount;
    private long entryBytes;
    private long journaledBytes;
    private Flushes flushes;
    private WriteBuffer writeBuffer;
    private Compactions compactions;
    private @Nullable Gate gate;

    /** What broke off a change under the lock. Set without a call: there may be no stack left to poison with (R8). */
    private @Nullable Throwable failure;

    /** What a commit lacks. */
    private enum Need { NOTHING, SLAB, FLUSH, EDIT, COMPACTION, JOURNAL_FILE, JOURNAL_BYTES, GATE }

    Commits(
            Journal journal, PublishedSeqno published, Health health, Backpressure backpressure,
            long journalBytesMax) {
        this.journal = journal;
        this.published = published;
        this.health = health;
        this.backpressure = backpressure;
        this.journalBytesMax = journalBytesMax;
        this.lastSeqno = published.get();
    }

    void flushes(Flushes newFlushes) {
        flushes = newFlushes;
    }

    void compactions(Compactions newCompactions) {
        compactions = newCompactions;
    }

    void writeBuffer(WriteBuffer newWriteBuffer) {
        writeBuffer = newWriteBuffer;
    }

    /** From now on every write passes the gate. */
    void gate(Gate newGate) {
        synchronized (lock) {
            gate = newGate;
        }
    }

    /** Runs a step while no commit is in progress: what was committed before is published. */
    <T> T between(Supplier<T> step) {
        synchronized (lock) {
            return step.get();
        }
    }

    Object lock() {
        return lock;
    }

    /** Commit lock. */
    long lastSeqno() {
        return lastSeqno;
    }

    /** What was written since the opening. */
    DatabaseStatistics.Writes writes() {
        synchronized (lock) {
            return new DatabaseStatistics.Writes(
                    commitCount, entryCount, entryBytes, journaledBytes, journal.forces(), journal.liveFiles(),
                    journal.liveBytes());
        }
    }

    StallTotals stalls() {
        return stalls;
    }

    /**
     * Commits a batch that is not empty; answers the journal position behind it, or REFUSED, and nothing is written, if there is a
     * validator and that says so.
     */
    long commit(Batch batch, @Nullable Validator validator) {
        long recordBytes = batch.complete();
        long sinceNanos = 0;
        boolean wasInterrupted = false;
        try {
            int excessRuns = excessRuns(batch);
            if (0 < excessRuns && excessRuns <= EXCESS_RUNS_MAX) {
                long writes = Math.max(batch.count(), recordBytes / SLOWED_BYTES);
                wasInterrupted = slowDown(batch.tree(0), writes * SLOWED_NANOS << excessRuns - 1, Reason.L0_RUNS);
            }
            long flushNanos = flushNanos(batch);
            if (flushNanos > 0) {
                wasInterrupted |= slowDown(batch.tree(0), flushNanos, Reason.SEALED_MEMTABLES);
            }
            while (true) {
                long seen = backpressure.generation();
                Need need;
                Tree tree = batch.tree(0);
                long slabBytes = 0;
                if (validator != null && !validator.isValidSoFar()) {
                    return REFUSED;
                }
                synchronized (lock) {
                    checkWritable();
                    try {
                        need = needOfJournal(recordBytes);
                        for (int i = 0; need == Need.NOTHING && i < batch.treeCount(); i++) {
                            tree = batch.tree(i);
                            need = needOf(tree, batch.bytesOfTree(i), batch.entriesOfTree(i));
                        }
                        if (need == Need.NOTHING && gate != null) {
                            need = needOfGate(gate, batch);
                        }
                        if (need == Need.NOTHING && !pass(gate, batch, validator)) {
                            return REFUSED;
                        }
                    } catch (Error e) {
                        failure = e;
                        health.poison(e);
                        throw e;
                    }
                    if (need == Need.NOTHING) {
                        return write(batch, recordBytes);
                    }
                    if (need == Need.SLAB) {
                        slabBytes = tree.slabBytesWanted();
                    }
                }
                if (need == Need.SLAB && writeBuffer.provide(tree, slabBytes)) {
                    continue;
                }
                if (need == Need.GATE) {
                    makeRoomAtGate(batch.keyBytes(), batch.count());
                    continue;
                }
                if (sinceNanos == 0) {
                    sinceNanos = backpressure.now();
                }
                Reason reason = reasonOf(need);
                if (!backpressure.hasJustFailed()) {
                    ask(need, tree, slabBytes, recordBytes);
                }
                long waitsFromNanos = backpressure.now();
                StallEvent event = Events.stall();
                try {
                    wasInterrupted |= backpressure.await(seen, sinceNanos, reason);
                } finally {
                    stalled(event, tree, reason, waitsFromNanos, sinceNanos);
                }
            }
        } finally {
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Appends a control record that no reader sees: it takes no seqno. NO_ROOM if no journal is ready for it. */
    long tryControl(MemorySegment record, long recordBytes) {
        synchronized (lock) {
            checkWritable();
            try {
                if (!journal.tryReserve(recordBytes)) {
                    return NO_ROOM;
                }
                journaledBytes += recordBytes;
                return journal.append(record, recordBytes, lastSeqno);
            } catch (Throwable t) {
                failure = t;
                health.poison(t);
                throw t;
            }
        }
    }

    /** Gives an edit its place among the commits: it is recorded, installed and published, or nothing happened. */
    Placement tryPlace(OrderedEdit edit, Scratch record, Snapshots snapshots) {
        synchronized (lock) {
            checkWritable();
            if (!edit.isReady()) {
                return new Placement.NotReady();
            }
            long seqno = lastSeqno + 1;
            List<Change> changes = edit.changes(seqno);
            long recordBytes = OrderedEdits.encode(changes, record);
            List<TableRecord> before = edit.tree().tables();
            try {
                if (!journal.tryReserve(recordBytes)) {
                    return new Placement.NoRoom(recordBytes);
                }
                if (gate != null && gate.isWatching()) {
                    gate.noteRange(edit.tree().id(), edit.range());
                }
                journaledBytes += recordBytes;
                long end = journal.append(record.bytes(), recordBytes, seqno);
                // A snapshot is before the edit, and finds what it replaces in the history, or behind it.
                return snapshots.run(() -> {
                    edit.install(seqno);
                    lastSeqno = seqno;
                    published.publish(seqno);
                    return new Placement.Placed(end, changes, before);
                });
            } catch (Throwable t) {
                failure = t;
                health.poison(t);
                throw t;
            }
        }
    }

    /** Commits to the tree wait from now on, until {@link #letGo}. */
    void holdBack(Tree tree) {
        synchronized (lock) {
            tree.holdBack(true);
        }
    }

    void letGo(Tree tree) {
        boolean wasHeldBack;
        synchronized (lock) {
            wasHeldBack = tree.isHeldBack();
            tree.holdBack(false);
        }
        if (wasHeldBack) {
            backpressure.changed();
        }
    }

    /** The size of the slab that the tree's active memtable wants, now or soon; 0 for none. */
    long slabBytesWanted(Tree tree) {
        synchronized (lock) {
            return tree.slabBytesWanted();
        }
    }

    /** Gives the tree a slab; false if it wants none of this size any more. */
    boolean provide(Tree tree, Slab slab) {
        synchronized (lock) {
            return tree.provide(slab);
        }
    }

    /** Seals the active memtable of a tree; false if it is empty. */
    boolean rotate(Tree tree) {
        synchronized (lock) {
            try {
                return tree.rotate(lastSeqno, journal.endPosition());
            } catch (Error e) {
                failure = e;
                health.poison(e);
                throw e;
            }
        }
    }

    private static int excessRuns(Batch batch) {
        int most = 0;
        for (int i = 0; i < batch.treeCount(); i++) {
            most = Math.max(most, batch.tree(i).excessRuns());
        }
        return most;
    }

    /** What the batch costs while flushes lag behind: a little more than it takes to flush it, with its part of the nodes. */
    private static long flushNanos(Batch batch) {
        long most = 0;
        for (int i = 0; i < batch.treeCount(); i++) {
            Tree tree = batch.tree(i);
            int excess = tree.sealedCount() - CALM_MEMTABLES;
            if (excess > 0) {
                long nanos = (long) (batch.bytesOfTree(i) * tree.flushNanosPerByte());
                most = Math.max(most, nanos + (nanos >> 1) << excess - 1);
            }
        }
        return most;
    }

    private boolean slowDown(Tree tree, long nanos, Reason reason) {
        long sinceNanos = backpressure.now();
        StallEvent event = Events.stall();
        boolean wasInterrupted = backpressure.slowDown(nanos);
        stalled(event, tree, reason, sinceNanos, sinceNanos);
        return wasInterrupted;
    }

    /** A wait is over; the event is null when nobody records it. */
    private void stalled(
            @Nullable StallEvent event, Tree tree, Reason reason, long waitsFromNanos, long stalledSinceNanos) {
        long now = backpressure.now();
        stalls.add(reason, now - waitsFromNanos);
        if (event != null) {
            event.tell(tree.name(), reason.name(), now - stalledSinceNanos);
        }
    }

    /** Poisons if a change under the lock was broken off; whoever is in the middle of one ends it first. */
    void noticeFailure() {
        synchronized (lock) {
            if (failure != null) {
                health.poison(failure);
            }
        }
    }

    private void checkWritable() {
        if (failure != null) {
            health.poison(failure);
        }
        health.checkWritable();
    }

    private Need needOfJournal(long recordBytes) {
        if (journal.leftBytes() > journalBytesMax) {
            return Need.JOURNAL_BYTES;
        }
        return journal.tryReserve(recordBytes) ? Need.NOTHING : Need.JOURNAL_FILE;
    }

    private Need needOf(Tree tree, long bytes, int entries) {
        if (tree.isHeldBack()) {
            return Need.EDIT;
        }
        if (tree.excessRuns() > EXCESS_RUNS_MAX) {
            return Need.COMPACTION;
        }
        while (true) {
            switch (tree.tryReserve(bytes, entries)) {
                case READY -> {
                    return Need.NOTHING;
                }
                case NEEDS_SLAB -> {
                    return Need.SLAB;
                }
                case FULL -> {
                    if (tree.sealedCount() >= SEALED_MEMTABLES_MAX) {
                        return Need.FLUSH;
                    }
                    if (!tree.rotate(lastSeqno, journal.endPosition())) {
                        throw new IllegalArgumentException(
                                entries + " entries of " + bytes + " bytes do not fit into one memtable");
                    }
                    flushes.request(tree);
                }
            }
        }
    }

    private static Need needOfGate(Gate gate, Batch batch) {
        return gate.isWatching() && !gate.hasRoom(batch.keyBytes(), batch.count()) ? Need.GATE : Need.NOTHING;
    }

    /** Whether the batch may be written; if so, the gate knows what is in it (R16). */
    private static boolean pass(@Nullable Gate gate, Batch batch, @Nullable Validator validator) {
        if (validator != null && !validator.isValid()) {
            return false;
        }
        if (gate != null && gate.isWatching()) {
            batch.tell(gate);
        }
        return true;
    }

    /** Outside the lock. */
    void makeRoomAtGate(long keyBytes, int keys) {
        Gate passed;
        synchronized (lock) {
            passed = gate;
        }
        if (passed != null) {
            passed.makeRoom(keyBytes, keys);
        }
    }

    private long write(Batch batch, long recordBytes) {
        long seqno = lastSeqno + 1;
        long end;
        try {
            journaledBytes += recordBytes;
            end = journal.append(batch.record(), recordBytes, seqno);
            batch.insertAll(seqno, journal.currentFileId());
            lastSeqno = seqno;
            commitCount++;
            entryCount += batch.count();
            entryBytes += batch.entryBytes();
            published.publish(seqno);
        } catch (Throwable t) {
            failure = t;
            health.poison(t);
            throw t;
        }
        for (int i = 0; i < batch.treeCount(); i++) {
            Tree tree = batch.tree(i);
            if (tree.slabBytesWanted() != 0) {
                flushes.requestSlabs();
            }
        }
        if (journal.needsPreparation()) {
            flushes.requestJournal(0);
        }
        if (journal.needsRunway()) {
            flushes.requestRunway();
        }
        return end;
    }

    /** Asks for the work that ends the need. */
    private void ask(Need need, Tree tree, long slabBytes, long recordBytes) {
        switch (need) {
            case NOTHING -> throw new AssertionError("nothing is needed");
            case SLAB -> writeBuffer.relieve(tree, slabBytes);
            case FLUSH, EDIT -> flushes.request(tree);
            case COMPACTION -> compactions.request(tree);
            case JOURNAL_FILE -> flushes.requestJournal(recordBytes);
            case JOURNAL_BYTES -> flushes.relieveJournals();
            case GATE -> throw new AssertionError("room is made without a wait");
        }
    }

    private static Reason reasonOf(Need need) {
        return switch (need) {
            case NOTHING -> throw new AssertionError("nothing is needed");
            case SLAB -> Reason.MEMORY;
            case FLUSH -> Reason.SEALED_MEMTABLES;
            case EDIT -> Reason.KEYSPACE_EDIT;
            case COMPACTION -> Reason.L0_RUNS;
            case JOURNAL_FILE -> Reason.JOURNAL_NOT_READY;
            case JOURNAL_BYTES -> Reason.JOURNAL_BYTES;
            case GATE -> throw new AssertionError("room is made without a wait");
        };
    }
}
