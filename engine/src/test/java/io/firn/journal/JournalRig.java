package io.firn.journal;

import io.firn.config.RecoveryMode;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Layouts;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** A journal under test: {@code put} and {@code batch} append, {@code replay} tells as text what a recovery visits. */
final class JournalRig implements AutoCloseable {
    static final Path DIRECTORY = Path.of("/db/journal");
    static final JournalSettings SMALL = new JournalSettings(1024, 4096, 1 << 20);

    final Storage storage;
    final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    final RecordEncoder encoder = new RecordEncoder();
    final AtomicReference<Throwable> failure = new AtomicReference<>();
    final Journal journal;
    /** What was appended, record by record, as {@link #replay} would tell it. */
    final List<String> appended = new ArrayList<>();
    /** Where each of them ends. */
    final List<Long> ends = new ArrayList<>();
    private final Path directory;
    private Thread thread;
    long seqno;

    JournalRig(Storage storage, JournalSettings settings) throws IOException {
        this(storage, DIRECTORY, settings, 1, 0, 1);
    }

    JournalRig(
            Storage storage, Path directory, JournalSettings settings, long firstFileId, long predecessorEnd,
            long seqno)
            throws IOException {
        this.storage = storage;
        this.directory = directory;
        this.seqno = seqno;
        journal = Journal.open(storage, directory, firstFileId, predecessorEnd, settings, budget,
                cause -> failure.compareAndSet(null, cause));
    }

    /** Goes on after a replay as the database does. */
    static JournalRig after(JournalReplay.Replayed replayed, Storage storage, Path directory, JournalSettings settings)
            throws IOException {
        return new JournalRig(
                storage, directory, settings,
                replayed.highestFileId() + 1, replayed.endPosition(), replayed.seqnoMax() + 1);
    }

    JournalRig running() {
        thread = new Thread(journal::run, "journal");
        thread.setDaemon(true);
        thread.start();
        return this;
    }

    long put(String key, String value) throws IOException {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        encoder.start().put(1, key, bytes);
        return append(List.of(tell(1, Trailer.VALUE, key.getBytes(StandardCharsets.UTF_8), bytes)));
    }

    /** Appends what the encoder holds. */
    long append(List<String> told) throws IOException {
        long recordBytes = encoder.finish();
        if (!journal.tryReserve(recordBytes)) {
            journal.prepare(recordBytes);
            if (!journal.tryReserve(recordBytes)) {
                throw new AssertionError("prepared and not ready");
            }
        }
        long end = journal.append(encoder.record, recordBytes, seqno);
        appended.add(seqno++ + told.toString());
        ends.add(end);
        return end;
    }

    void witness(long manifestId, long forcedBytes) throws IOException {
        long recordBytes = JournalFormat.encodeWitness(encoder.record, manifestId, forcedBytes, encoder.crc);
        if (!journal.tryReserve(recordBytes)) {
            journal.prepare(recordBytes);
            journal.tryReserve(recordBytes);
        }
        journal.append(encoder.record, recordBytes, seqno - 1);
    }

    /** An edit of so many bytes, which takes a seqno. */
    void edit(byte[] bytes) throws IOException {
        MemorySegment edit = Arena.ofAuto().allocate(bytes.length);
        MemorySegment.copy(bytes, 0, edit, Layouts.BYTE, 0, bytes.length);
        long recordBytes = JournalFormat.encodeEdit(encoder.record, edit, encoder.crc);
        if (!journal.tryReserve(recordBytes)) {
            journal.prepare(recordBytes);
            journal.tryReserve(recordBytes);
        }
        ends.add(journal.append(encoder.record, recordBytes, seqno));
        appended.add(seqno++ + "edit " + Arrays.toString(bytes));
    }

    long forcedPut(String key, String value) throws IOException {
        long end = put(key, value);
        journal.awaitDurable(end);
        return end;
    }

    void stop() {
        journal.stop();
        if (thread != null) {
            join(thread);
        }
    }

    static void join(Thread thread) {
        try {
            thread.join(300_000);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        if (thread.isAlive()) {
            throw new AssertionError(thread.getName() + " hangs at " + Arrays.toString(thread.getStackTrace()));
        }
    }

    /** Ends as a clean close does. */
    void closeCleanly() throws IOException {
        stop();
        journal.seal();
        close();
    }

    /** Ends as a kill does: nothing is written any more. */
    @Override
    public void close() throws IOException {
        stop();
        journal.close();
        if (budget.usedBytes() != 0) {
            throw new AssertionError(budget + " left");
        }
    }

    static String tell(int keyspaceId, int type, byte[] key, byte[] value) {
        String told = value.length <= 16
                ? new String(value, StandardCharsets.UTF_8)
                : value.length + "#" + Arrays.hashCode(value);
        return keyspaceId + ":" + type + ":" + new String(key, StandardCharsets.UTF_8) + "=" + told;
    }

    /** What a recovery visited, and what it answered. */
    record Recovered(List<String> visited, JournalReplay.Replayed result) {}

    /** What a recovery in the ordinary mode visits. */
    static List<String> visited(Storage storage) throws IOException {
        return replay(storage, RecoveryMode.TORN_TAIL).visited();
    }

    static Recovered replay(Storage storage, RecoveryMode mode) throws IOException {
        return replay(storage, DIRECTORY, 1, mode);
    }

    static Recovered replay(Storage storage, Path directory, long firstLiveId, RecoveryMode mode) throws IOException {
        List<String> visited = new ArrayList<>();
        MemoryBudget budget = MemoryBudget.ofMebibytes(64);
        try {
            return new Recovered(
                    visited, JournalReplay.replay(storage, directory, firstLiveId, mode, budget, new Teller(visited)));
        } finally {
            if (budget.usedBytes() != 0) {
                throw new AssertionError(budget + " left");
            }
        }
    }

    /** Checks what the visitor is promised, and tells each record as {@link #appended} does. */
    private static final class Teller implements JournalReplay.Visitor {
        private final List<String> visited;
        private final List<String> entries = new ArrayList<>();
        private long seqno;
        private int left;
        private long bytesLeft;
        private long lastPosition;

        Teller(List<String> visited) {
            this.visited = visited;
        }

        @Override
        public void record(long position, long seqno, int entryCount, long entryBytes) {
            check(left == 0 && bytesLeft == 0 && 0 < entryCount, "a record inside a record");
            check(lastPosition < position, "positions rise");
            lastPosition = position;
            this.seqno = seqno;
            left = entryCount;
            bytesLeft = entryBytes;
        }

        @Override
        public void entry(
                long seqno, int keyspaceId, int type, MemorySegment key, long keyOffset, int keyLength,
                MemorySegment value, long valueOffset, int valueLength) {
            check(seqno == this.seqno && 0 < left, "an entry outside its record");
            byte[] keyBytes = new byte[keyLength];
            byte[] valueBytes = new byte[valueLength];
            MemorySegment.copy(key, Layouts.BYTE, keyOffset, keyBytes, 0, keyLength);
            MemorySegment.copy(value, Layouts.BYTE, valueOffset, valueBytes, 0, valueLength);
            entries.add(tell(keyspaceId, type, keyBytes, valueBytes));
            left--;
            bytesLeft -= keyLength + valueLength;
            if (left == 0) {
                check(bytesLeft == 0, "the bytes of a record");
                visited.add(seqno + entries.toString());
                entries.clear();
            }
        }

        @Override
        public void edit(long position, long seqno, MemorySegment edit, long offset, int length) {
            check(left == 0 && bytesLeft == 0, "an edit inside a record");
            check(lastPosition < position, "positions rise");
            lastPosition = position;
            visited.add(seqno + "edit " + Arrays.toString(edit.asSlice(offset, length).toArray(Layouts.BYTE)));
        }

        private static void check(boolean isTrue, String what) {
            if (!isTrue) {
                throw new AssertionError(what);
            }
        }
    }
}
