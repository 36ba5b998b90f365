package io.firn.journal;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.error.PoisonedException;
import io.firn.event.Events;
import io.firn.event.ForceEvent;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The journal of a database while it is open: files that are appended to through their mappings and forced on a thread
 * of their own.
 *
 * <p>Invariants: (1) the published end is stored with release after the last byte before it was copied; only it, never
 * a reserved end, is sampled by who forces (R4). (2) All unforced files are forced in order before the forced position
 * advances; a failed force is final: it never advances again, and no force is repeated (R5). (3) Every file that is
 * left ends in a seal. (4) Nothing waits under the commit lock: rotation swaps to a file that a worker has made ready
 * (R9). (5) After a recovery nothing counts as forced until {@link #declarePredecessorsDead} (R3). (6) append and
 * awaitForced allocate nothing (R25).
 *
 * <p>Threads: the methods say. Monitors, outermost first: preparing, forcing, then live or those of the hand-off.
 *
 * <p>Closed by: the database, after {@link #run} has ended.
 */
public final class Journal implements AutoCloseable {
    /** For so many times forceAfterBytes behind a durable commit, the journal's thread also forces in between (R5). */
    private static final int FORCES_BEHIND_A_DURABLE_COMMIT = 64;

    /** Dead files that are kept to become the next one. */
    private static final int RECYCLED_FILES_MAX = 4;

    private static final long FILE_ROUNDING_BYTES = 4096;

    /** So far ahead of the end, at most, pages are made ready to be stored into: 8 ms of appends at full speed. */
    private static final long RUNWAY_BYTES_MAX = 1 << 20;
    private static final long PAGE_BYTES = 4096;
    private static final VarHandle FIRST_OF_PAGE = ValueLayout.JAVA_INT.varHandle();
    private static final JournalFile[] NONE = {};
    private static final VarHandle PUBLISHED;

    static {
        try {
            PUBLISHED = MethodHandles.lookup().findVarHandle(Journal.class, "published", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Storage storage;
    private final Path directory;
    private final JournalSettings settings;
    private final Consumer<Throwable> onFailure;
    private final Object preparing = new Object();
    private final Object forcing = new Object();
    private final Object live = new Object();

    /** What the two headers lie in. */
    private final Scratch headers;

    // Under the commit lock.
    private final MemorySegment header;
    private final Crc32c crc = new Crc32c();
    private final long firstPosition;
    private JournalFile current;
    private MemorySegment bytes;
    private long offset;
    private long limitOffset;
    private long lastSeqno;
    private long nudgeOffset;
    private boolean isSealed;

    private long published;

    // Written under live; an array is never changed once it is here.
    private volatile JournalFile[] files = NONE;
    private volatile @Nullable JournalFile next;
    private volatile long liveBytes;
    private volatile long prepareAtPosition;

    // Under preparing.
    private final MemorySegment fileHeader;
    private final Crc32c preparingCrc = new Crc32c();
    private JournalFile[] recycled = NONE;
    private long plannedBytes;
    private boolean isClosed;

    // Written under forcing.
    private volatile long forces;

    private final ForceHandOff handOff;
    private volatile int nudgesLeft;

    /** Up to where pages are ready; in the next file when all of the current one are. */
    private volatile long runwayPosition;

    private Journal(
            Storage storage, Path directory, JournalSettings settings, MemoryBudget budget,
            Consumer<Throwable> onFailure, long firstFileId, long predecessorEnd)
            throws IOException {
        this.storage = storage;
        this.directory = directory;
        this.settings = settings;
        this.onFailure = onFailure;
        headers = new Scratch(budget);
        firstPosition = JournalFormat.position(firstFileId, JournalFormat.FILE_HEADER_BYTES);
        handOff = new ForceHandOff(predecessorEnd == 0 ? firstPosition : 0, predecessorEnd == 0);
        try {
            MemorySegment both = headers.atLeast(2 * JournalFormat.FILE_HEADER_BYTES);
            header = both.asSlice(0, JournalFormat.FILE_HEADER_BYTES);
            fileHeader = both.asSlice(JournalFormat.FILE_HEADER_BYTES, JournalFormat.FILE_HEADER_BYTES);
            plannedBytes = settings.firstFileBytes();
            current = prepareFile(firstFileId, plannedBytes, predecessorEnd, null);
        } catch (Throwable t) {
            headers.close();
            throw t;
        }
        files = new JournalFile[] {current};
        liveBytes = current.sizeBytes;
        bytes = current.mapping.bytes();
        enter(current);
    }

    /**
     * Makes the first file of this life and activates it.
     *
     * @param predecessorEnd where the recovery ended that came before ({@link JournalReplay.Replayed#endPosition}), or
     *     0 when there is nothing before. Unless it is 0, nothing is forced or counts as forced, and no {@link
     *     #awaitForced} returns, before {@link #declarePredecessorsDead}.
     * @param onFailure told the first cause, on the thread that met it, before any waiter is
     */
    public static Journal open(
            Storage storage, Path directory, long firstFileId, long predecessorEnd, JournalSettings settings,
            MemoryBudget budget, Consumer<Throwable> onFailure)
            throws IOException {
        return new Journal(storage, directory, settings, budget, onFailure, firstFileId, predecessorEnd);
    }

    /**
     * Commit lock held. Whether such a record can be appended now; where it takes that, goes on to the prepared file.
     */
    public boolean tryReserve(long recordBytes) {
        return recordBytes <= limitOffset - offset || rotate(recordBytes);
    }

    /**
     * Commit lock held, after {@link #tryReserve}. Completes the header of a record, which lies in the caller's private
     * memory, and copies it in. Answers the position behind it.
     */
    public long append(MemorySegment record, long recordBytes, long seqno) {
        assert recordBytes <= limitOffset - offset && (recordBytes & 7) == 0 : recordBytes;
        assert recordBytes == JournalFormat.recordBytes(
                Integer.toUnsignedLong(record.get(INT_LE, JournalFormat.RECORD_LENGTH))) : recordBytes;
        assert lastSeqno <= seqno : "seqno " + seqno + " after " + lastSeqno;
        lastSeqno = seqno;
        long payloadWord = record.get(LONG_LE, JournalFormat.RECORD_CRC);
        long lengthAndCount = record.get(LONG_LE, JournalFormat.RECORD_LENGTH);
        putHeader(offset, (int) (payloadWord >>> 32), lengthAndCount, seqno);
        long payloadBytes = recordBytes - JournalFormat.RECORD_HEADER_BYTES;
        MemorySegment.copy(
                record, JournalFormat.RECORD_HEADER_BYTES,
                bytes, offset + JournalFormat.RECORD_HEADER_BYTES, payloadBytes);
        offset += recordBytes;
        long end = JournalFormat.position(current.id, offset);
        publish(end);
        if (offset >= nudgeOffset) {
            nudge(end);
        }
        return end;
    }

    /** Any thread. Where the last appended record ends. */
    public long endPosition() {
        return (long) PUBLISHED.getAcquire(this); // acquire: pairs with the release in publish
    }

    /** Any thread. Everything before is on disk. */
    public long forcedPosition() {
        return handOff.forcedPosition();
    }

    /** Any thread. The file that is appended to; it takes part in no {@link #retire}. */
    public long currentFileId() {
        return JournalFormat.fileIdOf(endPosition());
    }

    /** Any thread. The sizes of all files that are not retired. */
    public long liveBytes() {
        return liveBytes;
    }

    /** Any thread. How many files are not retired. */
    public int liveFiles() {
        return files.length;
    }

    /** Any thread. How often a file was forced. */
    public long forces() {
        return forces;
    }

    /** Any thread. The sizes of the files that were left by a rotation and are not retired. */
    public long leftBytes() {
        JournalFile[] all = files;
        long sum = 0;
        for (int index = 0; index < all.length - 1; index++) {
            sum += all[index].sizeBytes;
        }
        return sum;
    }

    /** Any thread. Whether a {@link #retire} would find something. */
    public boolean hasFilesBefore(long fileId) {
        JournalFile[] all = files;
        return all.length > 0 && all[0].id < fileId;
    }

    /** Any thread. Asks for a force up to a position, which was published, and does not wait for it. */
    public void requestForce(long position) {
        handOff.request(position);
    }

    /** Any thread. {@link #awaitForced} for a commit: others like it may follow, and are not to wait for much (R5). */
    public void awaitDurable(long position) {
        nudgesLeft = FORCES_BEHIND_A_DURABLE_COMMIT;
        awaitForced(position);
    }

    /**
     * Any thread but those of the journal and the workers it waits for. Returns when everything before a position,
     * which was published, is on disk. After a failure that never happens: PoisonedException with the first cause. An
     * interrupt does not end the wait; it is there again afterwards.
     */
    public void awaitForced(long position) {
        assert position <= endPosition() : position + " after the end " + endPosition();
        if (position > handOff.forcedPosition()) {
            handOff.request(position);
            handOff.await(position);
        }
    }

    /**
     * Any thread, once, after an edit was forced that declares all journals before the first file of this life dead:
     * from now on forces happen and count.
     */
    public void declarePredecessorsDead() {
        synchronized (forcing) {
            if (!handOff.isOpen()) {
                handOff.advance(firstPosition); // its file's header was forced
                handOff.open();
            }
        }
    }

    /**
     * Any thread. Whether a worker should call {@link #prepare}: there is no next file, and a quarter of the current
     * one is used.
     */
    public boolean needsPreparation() {
        return next == null && endPosition() >= prepareAtPosition;
    }

    /**
     * Any thread. Whether a worker should call {@link #prepareRunway}: appends have used half of what was ready. Not while durable
     * commits occur: each force takes the pages back, and writes those that were ready in vain.
     */
    public boolean needsRunway() {
        long end = endPosition();
        return runwayPosition < end + runwayBytes(end) / 2 && nudgesLeft == 0;
    }

    /** As much as has been appended to the file, so that what is small stays small. */
    private static long runwayBytes(long end) {
        return Math.min(RUNWAY_BYTES_MAX, JournalFormat.offsetOf(end));
    }

    /**
     * A worker, one at a time. Makes the pages behind the end ready: the first store into one takes microseconds, which are the worker's
     * then and not those of a commit, under the lock.
     */
    public void prepareRunway() {
        long end = endPosition();
        long id = JournalFormat.fileIdOf(end);
        for (JournalFile file : files) {
            if (file.id == id) {
                long from = Math.max(end, Math.min(runwayPosition, JournalFormat.position(id, file.sizeBytes)));
                long to = Math.min(file.sizeBytes, JournalFormat.offsetOf(end) + runwayBytes(end));
                touch(file.mapping.bytes(), JournalFormat.offsetOf(from), to);
                runwayPosition = to < file.sizeBytes ? JournalFormat.position(id, to) : JournalFormat.position(id + 1, 0);
            }
        }
    }

    /** Adds nothing to a number of each page, in one step: the appends may be there by now. */
    private static void touch(MemorySegment bytes, long from, long to) {
        try {
            for (long at = from + PAGE_BYTES - 1 & -PAGE_BYTES; at < to; at += PAGE_BYTES) {
                // volatile: of one step with what it reads, so that no store of an append can come between
                int unused = (int) FIRST_OF_PAGE.getAndAdd(bytes, at, 0);
            }
        } catch (IllegalStateException e) {
            // The file was left and unmapped meanwhile: nobody stores there any more.
            return;
        }
    }

    /**
     * A worker. Makes the next file ready, with room for such a record at least. An IOException leaves things as they
     * were, so that it can be tried again when there is room on the disk; but a failed sync of the directory is final,
     * as a failed force.
     */
    public void prepare(long recordBytes) throws IOException {
        synchronized (preparing) {
            if (isClosed) {
                return;
            }
            JournalFile ready;
            synchronized (live) {
                ready = next;
                if (ready != null && ready.canHold(recordBytes)) {
                    return;
                }
                next = null; // without a next file there is no rotation: the current file stays the current one
            }
            JournalFile last = files[files.length - 1];
            long wanted = ready == null ? nextBytes() : plannedBytes;
            JournalFile old = takeRecycled(wanted, recordBytes);
            try {
                JournalFile prepared = prepareFile(last.id + 1, fileBytesFor(recordBytes, wanted), 0, old);
                plannedBytes = wanted;
                synchronized (live) {
                    next = prepared;
                }
            } catch (IOException e) {
                deleteDead(old, e);
                throw e;
            } finally {
                if (ready != null) {
                    ready.mapping.close(); // too small for the record; its successor of the same name has replaced it
                }
            }
        }
    }

    private void deleteDead(@Nullable JournalFile old, IOException cause) {
        if (old != null) {
            try {
                storage.delete(old.path);
            } catch (IOException e) {
                cause.addSuppressed(e);
            }
        }
    }

    private JournalFile prepareFile(long id, long sizeBytes, long predecessorEnd, @Nullable JournalFile old)
            throws IOException {
        long randomId = ThreadLocalRandom.current().nextLong();
        JournalFile file = JournalFile.prepare(
                storage, directory, id, old == null ? sizeBytes : old.sizeBytes, randomId, predecessorEnd,
                old == null ? null : old.path, fileHeader, preparingCrc);
        try {
            storage.syncDirectory(directory);
            // Crash here: a named file without records. It takes part in nothing: its predecessor has no seal.
            return file;
        } catch (Throwable t) {
            file.mapping.close();
            fail(t);
            throw t;
        }
    }

    private static long fileBytesFor(long recordBytes, long wantedBytes) {
        long least = JournalFormat.FILE_HEADER_BYTES + recordBytes + JournalFormat.SEAL_BYTES;
        return least <= wantedBytes
                ? wantedBytes
                : (least + FILE_ROUNDING_BYTES - 1) / FILE_ROUNDING_BYTES * FILE_ROUNDING_BYTES;
    }

    private @Nullable JournalFile takeRecycled(long wantedBytes, long recordBytes) {
        for (int index = 0; index < recycled.length; index++) {
            JournalFile file = recycled[index];
            if (file.sizeBytes >= wantedBytes && file.canHold(recordBytes)) {
                recycled = without(recycled, index);
                return file;
            }
        }
        return null;
    }

    /**
     * A worker, after an edit was forced that declares the files before {@code beforeFileId} dead. Keeps few of them
     * to be written again, under their old names, and deletes the others.
     */
    public void retire(long beforeFileId) throws IOException {
        assert beforeFileId <= currentFileId() : beforeFileId + " of " + currentFileId();
        synchronized (preparing) {
            if (isClosed) {
                return;
            }
            JournalFile[] dead = removeDead(beforeFileId);
            IOException first = closeAll(dead);
            for (JournalFile file : dead) {
                if (recycled.length < RECYCLED_FILES_MAX && fitsRecycling(file)) {
                    recycled = with(recycled, file);
                    continue;
                }
                try {
                    storage.delete(file.path);
                    // Crash here: the name may come back. Its id is below the first live one: nobody reads it.
                } catch (IOException e) {
                    first = firstOf(first, e);
                }
            }
            if (first != null) {
                throw first;
            }
        }
    }

    private boolean fitsRecycling(JournalFile file) {
        return nextBytes() <= file.sizeBytes && file.sizeBytes <= settings.maxFileBytes();
    }

    private long nextBytes() {
        return Math.min(settings.maxFileBytes(), 2 * plannedBytes);
    }

    /**
     * No force is in progress meanwhile; one that comes later does without these files, since their content is durable
     * elsewhere.
     */
    private JournalFile[] removeDead(long beforeFileId) {
        synchronized (forcing) {
            synchronized (live) {
                JournalFile[] all = files;
                int count = 0;
                while (all[count].id < beforeFileId) {
                    liveBytes -= all[count].sizeBytes;
                    count++;
                }
                files = Arrays.copyOfRange(all, count, all.length);
                return Arrays.copyOf(all, count);
            }
        }
    }

    /** The journal's thread: forces what is asked for, until {@link #stop} or a failure. */
    public void run() {
        try {
            while (handOff.awaitRequest()) {
                long asked = handOff.requestedPosition();
                if (JournalFormat.offsetOf(asked) == JournalFormat.FILE_HEADER_BYTES) {
                    forceUpTo(asked); // the files that were left: of the current one nobody wants anything yet
                } else {
                    force();
                }
            }
        } catch (Throwable t) {
            // The outermost frame of a thread: whatever it is, nobody may wait for it for ever.
            fail(t);
        } finally {
            handOff.end();
        }
    }

    /** Any thread. Ends {@link #run} after it has done what was asked for until now. */
    public void stop() {
        handOff.stop();
    }

    /** The journal's thread. Forces up to the published end; a failure is noted, not thrown. */
    void force() {
        forceUpTo(endPosition());
    }

    private void forceUpTo(long end) {
        synchronized (forcing) {
            if (handOff.failure() == null && forceFiles(end)) {
                // Crash here: all before end is on disk, and nobody was answered yet. Either is right.
                handOff.advance(end);
            }
        }
    }

    private boolean forceFiles(long end) {
        JournalFile[] all = files; // read after the end: holds every file up to it
        long endId = JournalFormat.fileIdOf(end);
        try {
            for (int index = 0; index < all.length && all[index].id <= endId; index++) {
                JournalFile file = all[index];
                long fileEnd = file.id == endId ? JournalFormat.offsetOf(end) : file.endOffset;
                if (file.forcedOffset < fileEnd) {
                    if (file.id != endId && fileEnd - file.forcedOffset > settings.forceAfterBytes()) {
                        file.mapping.unmap(); // much to force, and nobody stores in a file that was left
                    }
                    ForceEvent event = Events.force();
                    file.mapping.force();
                    if (event != null) {
                        event.tell(file.id, fileEnd - file.forcedOffset);
                    }
                    forces = forces + 1;
                    file.forcedOffset = fileEnd;
                }
            }
            return true;
        } catch (Throwable t) {
            // Throwable: a lost page under the mapping is an InternalError. What is on disk is unknown from here on.
            fail(t);
            return false;
        }
    }

    private void fail(Throwable cause) {
        try {
            onFailure.accept(cause);
        } finally {
            handOff.fail(cause);
        }
    }

    /**
     * An engine thread, after the last append. Writes the seal of a clean close and forces it. The force before lets
     * the seal testify for every record. PoisonedException when a force has failed, here or before.
     */
    public void seal() {
        synchronized (forcing) {
            if (isSealed) {
                return;
            }
            forceNow();
            isSealed = true;
            putSeal(offset, JournalFormat.SEAL_CLOSED);
            long second = current.sizeBytes - JournalFormat.SEAL_BYTES;
            if (offset + JournalFormat.SEAL_BYTES <= second) {
                putSeal(second, JournalFormat.SEAL_CLOSED);
            }
            offset += JournalFormat.SEAL_BYTES;
            limitOffset = offset;
            publish(JournalFormat.position(current.id, offset));
            // Crash here: with the seal or without it, every record is there.
            forceNow();
        }
    }

    private void forceNow() {
        long end = endPosition();
        Throwable cause = handOff.failure();
        if (cause == null && forceFiles(end)) {
            if (handOff.isOpen()) {
                handOff.advance(end);
            }
            return;
        }
        throw new PoisonedException(cause == null ? Objects.requireNonNull(handOff.failure()) : cause);
    }

    /**
     * An engine thread, after {@link #run} has ended and nobody appends any more. Idempotent. The files stay as they
     * are.
     */
    @Override
    public void close() throws IOException {
        synchronized (preparing) {
            if (isClosed) {
                return;
            }
            isClosed = true;
            handOff.end();
            JournalFile ready = next;
            JournalFile[] all = ready == null ? files : with(files, ready);
            next = null;
            files = NONE;
            recycled = NONE;
            IOException first;
            try {
                first = closeAll(all);
            } finally {
                headers.close();
            }
            if (first != null) {
                throw first;
            }
        }
    }

    private static @Nullable IOException closeAll(JournalFile[] all) {
        IOException first = null;
        for (JournalFile file : all) {
            try {
                file.mapping.close();
            } catch (IOException e) {
                first = firstOf(first, e);
            }
        }
        return first;
    }

    private static IOException firstOf(@Nullable IOException first, IOException next) {
        if (first == null) {
            return next;
        }
        first.addSuppressed(next);
        return first;
    }

    private boolean rotate(long recordBytes) {
        if (isSealed) {
            throw new IllegalStateException("the journal is sealed");
        }
        JournalFile left = current;
        JournalFile entered;
        synchronized (live) {
            entered = next;
            if (entered == null || !entered.canHold(recordBytes)) {
                return false;
            }
            files = with(files, entered);
            next = null;
            liveBytes += entered.sizeBytes;
        }
        putSeal(offset, JournalFormat.SEAL_CONTINUED);
        left.endOffset = offset + JournalFormat.SEAL_BYTES;
        // Crash here: the chain ends in an empty file, or before the seal if its page is not on disk.
        current = entered;
        bytes = entered.mapping.bytes();
        enter(entered);
        requestForce(entered.startPosition()); // the left file soon goes to disk, whether or not somebody waits for it
        return true;
    }

    private void enter(JournalFile file) {
        offset = JournalFormat.FILE_HEADER_BYTES;
        limitOffset = file.sizeBytes - JournalFormat.SEAL_BYTES;
        nudgeOffset = offset + settings.forceAfterBytes();
        prepareAtPosition = JournalFormat.position(file.id, file.sizeBytes / 4);
        publish(file.startPosition());
    }

    private void publish(long end) {
        PUBLISHED.setRelease(this, end); // release: all before end was copied; pairs with the acquire in endPosition
    }

    /**
     * Durable commits occur and forceAfterBytes are unforced: a durable commit to come should not wait for all of them
     * (R5).
     */
    private void nudge(long end) {
        long forced = handOff.forcedPosition();
        long forcedHere = JournalFormat.fileIdOf(forced) == current.id ? JournalFormat.offsetOf(forced) : 0;
        if (forcedHere + settings.forceAfterBytes() > offset) {
            nudgeOffset = forcedHere + settings.forceAfterBytes();
            return;
        }
        nudgeOffset = offset + settings.forceAfterBytes();
        int left = nudgesLeft;
        if (left > 0) {
            nudgesLeft = left - 1; // a durable commit at the same time may lose its renewal: its successor renews
            requestForce(end);
        }
    }

    private void putSeal(long at, int kind) {
        putHeader(at, kind, 0, lastSeqno);
    }

    /**
     * The checksum is taken in memory of the journal's own: callers' memories differ, and a mapping must not be
     * checksummed.
     */
    private void putHeader(long at, int payloadCrc, long lengthAndCount, long seqno) {
        MemorySegment source = header;
        long forcedNow = handOff.forcedPosition();
        source.set(INT_LE, JournalFormat.RECORD_PAYLOAD_CRC, payloadCrc);
        source.set(LONG_LE, JournalFormat.RECORD_LENGTH, lengthAndCount);
        source.set(LONG_LE, JournalFormat.RECORD_SEQNO, seqno);
        source.set(LONG_LE, JournalFormat.RECORD_FORCED, forcedNow);
        int headerCrc = crc.of(
                current.randomId, JournalFormat.position(current.id, at), source, JournalFormat.RECORD_COVERED,
                JournalFormat.RECORD_HEADER_BYTES - JournalFormat.RECORD_COVERED);
        MemorySegment target = bytes;
        target.set(LONG_LE, at, Integer.toUnsignedLong(headerCrc) | (long) payloadCrc << 32);
        target.set(LONG_LE, at + JournalFormat.RECORD_LENGTH, lengthAndCount);
        target.set(LONG_LE, at + JournalFormat.RECORD_SEQNO, seqno);
        target.set(LONG_LE, at + JournalFormat.RECORD_FORCED, forcedNow);
    }

    private static JournalFile[] with(JournalFile[] all, JournalFile one) {
        JournalFile[] longer = Arrays.copyOf(all, all.length + 1);
        longer[all.length] = one;
        return longer;
    }

    private static JournalFile[] without(JournalFile[] all, int index) {
        JournalFile[] shorter = Arrays.copyOf(all, all.length - 1);
        System.arraycopy(all, index + 1, shorter, index, shorter.length - index);
        return shorter;
    }
}
