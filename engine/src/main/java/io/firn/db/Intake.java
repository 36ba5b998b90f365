package io.firn.db;

import io.firn.entry.EntryLimits;
import io.firn.entry.Trailer;
import io.firn.error.ClosedException;
import io.firn.error.FirnException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Layouts;
import io.firn.keyspace.Tree;
import io.firn.keyspace.Upkeep;
import io.firn.version.KeySpan;
import io.firn.version.RunWriter;
import io.firn.version.TableFiles;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Sorted entries on their way into the tables of one keyspace: who gives them fills one buffer while a thread of the engine writes
 * the other.
 *
 * <p>Invariants: (1) keys ascend strictly; one that does not is refused and leaves no trace. (2) Files are touched by the engine's
 * thread alone. (3) Nobody sees the entries before {@code finish}, then everybody sees all of them. (4) After {@code close} there is
 * no file of what was not finished. (5) In steady state an entry allocates nothing on the heap.
 *
 * <p>Threads: one gives; {@code run} is the engine's own. Closed by: its opener.
 */
public final class Intake implements AutoCloseable {
    /** A buffer of so much is handed over. */
    private static final long HANDED_OVER_BYTES = 256 << 10;

    private final Tree tree;
    private final TableFiles files;
    private final OrderedEdits orderedEdits;
    private final Health health;
    private final LongSupplier nanoClock;
    private final Gating gating;

    // The giver's, but for the buffer that is handed over.
    private EntryBuffer filling;
    private EntryBuffer other;
    private MemorySegment lastKeyMemory = MemorySegment.NULL;
    private long lastKeyOffset;
    private int lastKeyLength = -1;
    private long givenBytes;
    private boolean isClosed;

    /** The giver's, and of the worker that shows what was given, for whom the giver waits. */
    private final CountedWork counted;
    private final long sinceNanos;

    // Under this object's monitor.
    private @Nullable EntryBuffer handedOver;
    private Stage stage = Stage.TAKING;
    private @Nullable WrittenRun written;
    private @Nullable Throwable failure;
    private boolean isEnded;

    private enum Stage { TAKING, FINISHING, KEPT, DISCARDED }

    Intake(
            Tree tree, TableFiles files, MemoryBudget budget, OrderedEdits orderedEdits, Health health, Upkeep totals,
            LongSupplier nanoClock, Gating gating) {
        this.tree = tree;
        this.files = files;
        this.orderedEdits = orderedEdits;
        this.health = health;
        filling = new EntryBuffer(budget);
        other = new EntryBuffer(budget);
        this.nanoClock = nanoClock;
        this.gating = gating;
        sinceNanos = nanoClock.getAsLong();
        counted = new CountedWork(tree.ingestions(), totals);
    }

    // ---- giving

    public void put(byte[] key, byte[] value) {
        EntryLimits.checkKey(key.length);
        EntryLimits.checkValue(value.length);
        long at = filling.prepare(key.length, value.length);
        MemorySegment memory = filling.memory();
        MemorySegment.copy(key, 0, memory, Layouts.BYTE, at, key.length);
        MemorySegment.copy(value, 0, memory, Layouts.BYTE, at + key.length, value.length);
        add(Trailer.VALUE, at, key.length, value.length);
    }

    public void put(MemorySegment key, MemorySegment value) {
        EntryLimits.checkKey(key.byteSize());
        EntryLimits.checkValue(value.byteSize());
        int keyLength = (int) key.byteSize();
        int valueLength = (int) value.byteSize();
        long at = filling.prepare(keyLength, valueLength);
        MemorySegment.copy(key, 0, filling.memory(), at, keyLength);
        MemorySegment.copy(value, 0, filling.memory(), at + keyLength, valueLength);
        add(Trailer.VALUE, at, keyLength, valueLength);
    }

    /** A tombstone of the given type. */
    public void remove(int type, MemorySegment key) {
        EntryLimits.checkKey(key.byteSize());
        int keyLength = (int) key.byteSize();
        long at = filling.prepare(keyLength, 0);
        MemorySegment.copy(key, 0, filling.memory(), at, keyLength);
        add(type, at, keyLength, 0);
    }

    private void add(int type, long keyOffset, int keyLength, int valueLength) {
        if (stageNow() != Stage.TAKING) {
            throw new IllegalStateException("the ingestion is finished");
        }
        MemorySegment memory = filling.memory();
        if (lastKeyLength >= 0
                && Bytes.compare(memory, keyOffset, keyLength, lastKeyMemory, lastKeyOffset, lastKeyLength) <= 0) {
            throw new IllegalArgumentException("key " + text(memory, keyOffset, keyLength) + " behind key "
                    + text(lastKeyMemory, lastKeyOffset, lastKeyLength) + "; the keys of an ingestion ascend");
        }
        filling.add(type, keyLength, valueLength);
        givenBytes += keyLength + valueLength;
        // It stays where it is until the buffer is filled again, which is after the next key was added to the other one.
        lastKeyMemory = memory;
        lastKeyOffset = keyOffset;
        lastKeyLength = keyLength;
        if (filling.bytes() >= HANDED_OVER_BYTES) {
            handOver();
        }
    }

    private static String text(MemorySegment memory, long offset, int length) {
        byte[] key = new byte[length];
        MemorySegment.copy(memory, Layouts.BYTE, offset, key, 0, length);
        return KeySpan.text(key);
    }

    private void handOver() {
        tree.checkOpen();
        awaitThread(Stage.TAKING);
        EntryBuffer full = filling;
        filling = other;
        other = full;
    }

    /**
     * Shows everything that was given to readers, at one moment between two commits. Where nothing was given nothing happens. What
     * fails before that moment may be tried again; what fails behind it leaves what was written to the keyspace.
     */
    public void finish() {
        if (stageNow() == Stage.KEPT) {
            throw new IllegalStateException("the ingestion is finished");
        }
        health.checkWritable();
        tree.checkOpen();
        awaitThread(Stage.FINISHING);
        WrittenRun run = Objects.requireNonNull(writtenNow(), "written");
        if (!run.isEmpty()) {
            gating.run(() -> orderedEdits.ingest(tree, run, () -> keep(run)));
        } else {
            keep(run);
        }
    }

    private void keep(WrittenRun run) {
        moveTo(Stage.KEPT);
        counted.complete(givenBytes, run.fileBytes(), nanoClock.getAsLong() - sinceNanos);
    }

    /** Gives up what was not finished: its files are deleted when this returns. Idempotent. */
    @Override
    public void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        if (stageNow() != Stage.KEPT) {
            moveTo(Stage.DISCARDED);
        }
        awaitEnd();
        filling.close();
        other.close();
        countEnd();
    }

    // ---- handing over

    /** Hands the filled buffer over when the one before is written; and, to finish, waits until everything is. */
    private void awaitThread(Stage next) {
        boolean wasInterrupted = false;
        try {
            synchronized (this) {
                while (handedOver != null && failure == null) {
                    wasInterrupted |= isInterruptedWaiting();
                }
                throwFailure();
                if (stage == Stage.TAKING) {
                    handedOver = filling;
                    stage = next;
                    notifyAll();
                }
                while (next == Stage.FINISHING && written == null && failure == null) {
                    wasInterrupted |= isInterruptedWaiting();
                }
                throwFailure();
            }
        } finally {
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private synchronized void awaitEnd() {
        boolean wasInterrupted = false;
        while (!isEnded) {
            wasInterrupted |= isInterruptedWaiting();
        }
        if (wasInterrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Monitor held. */
    private boolean isInterruptedWaiting() {
        try {
            wait();
            return false;
        } catch (InterruptedException e) {
            return true;
        }
    }

    /** Monitor held. */
    private void throwFailure() {
        switch (failure) {
            case null -> { }
            case IOException e when health.isClosed() -> throw new ClosedException("the database was closed meanwhile");
            case IOException e -> throw Failures.translated(e);
            case FirnException e -> throw e;
            default -> throw new IllegalStateException("an ingestion failed", failure);
        }
    }

    private synchronized void countEnd() {
        if (failure != null) {
            counted.fail(failure);
        }
        counted.close();
    }

    private synchronized Stage stageNow() {
        return stage;
    }

    private synchronized @Nullable WrittenRun writtenNow() {
        return written;
    }

    private synchronized void moveTo(Stage next) {
        stage = next;
        notifyAll();
    }

    // ---- writing, on the engine's thread

    /** Writes what is handed over until it is finished or given up, and keeps or deletes it as its opener says. */
    void run() {
        try (RunWriter writer = tree.ingestionWriter(files)) {
            for (EntryBuffer next = take(); next != null; next = take()) {
                next.drain(writer);
                next.shrink();
                drained();
            }
            if (stageNow() == Stage.FINISHING) {
                WrittenRun run = writer.finish();
                if (!awaitVerdict(run)) {
                    run.discard(files.storage());
                }
            }
        } catch (Throwable t) {
            // The outermost frame of the thread: its giver is told.
            fail(t);
        } finally {
            tree.leaveDirectory();
            end();
        }
    }

    /** Null when nothing more will come. */
    private synchronized @Nullable EntryBuffer take() {
        while (handedOver == null && stage == Stage.TAKING) {
            awaitGiver();
        }
        return stage == Stage.DISCARDED ? null : handedOver;
    }

    private synchronized void drained() {
        handedOver = null;
        notifyAll();
    }

    /** Whether what was written is kept. */
    private synchronized boolean awaitVerdict(WrittenRun run) {
        written = run;
        notifyAll();
        while (stage == Stage.FINISHING) {
            awaitGiver();
        }
        return stage == Stage.KEPT;
    }

    /** Monitor held. */
    private void awaitGiver() {
        try {
            wait();
        } catch (InterruptedException e) {
            // Nobody has this thread to interrupt; it looks again.
            return;
        }
    }

    private synchronized void fail(Throwable t) {
        failure = t;
        notifyAll();
    }

    private synchronized void end() {
        isEnded = true;
        notifyAll();
    }
}
