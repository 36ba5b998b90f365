package io.firn.ffm.sim;

import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Layouts;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The smallest store with a journal, tables and a file that names the current ones, to prove that the simulated disk
 * finds mistakes. The nth put sets key n % 13 to n.
 *
 * <pre>
 * db/CURRENT            := id:u64 crc:u64
 * db/manifest-id        := count:u64 sequence:u64 crc:u64      of the table with this id
 * db/id.table           := {key:u64 value:u64}* crc:u64
 * db/journal/id.journal := {crc:u64 sequence:u64}*
 * </pre>
 */
final class ToyStore implements AutoCloseable {
    /** What the store itself can do wrong; the rest is done by a LazyStorage. */
    enum Mistake {
        NONE,
        NO_CHECKSUM,
        NO_SYNC_AFTER_RENAME
    }

    static final Path DIRECTORY = Path.of("/db");
    private static final Path JOURNALS = DIRECTORY.resolve("journal");
    private static final int KEYS = 13;
    private static final long JOURNAL_BYTES = 4 * 4096;
    private static final long RECORD_BYTES = 16;

    private final Storage storage;
    private final Mistake mistake;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(64 * 1024);
    private final Crc32c crc = new Crc32c();
    private final TreeMap<Long, Long> entries = new TreeMap<>();
    private long sequence;
    private long id;
    private @Nullable JournalMapping journal;
    private long journalEnd;

    private ToyStore(Storage storage, Mistake mistake) {
        this.storage = storage;
        this.mistake = mistake;
    }

    static ToyStore open(Storage storage, Mistake mistake) throws IOException {
        ToyStore store = new ToyStore(storage, mistake);
        try {
            store.recover();
        } catch (Throwable e) {
            store.close();
            throw e;
        }
        return store;
    }

    static TreeMap<Long, Long> stateAfter(long sequence) {
        TreeMap<Long, Long> state = new TreeMap<>();
        for (long n = Math.max(1, sequence - KEYS + 1); n <= sequence; n++) {
            state.put(n % KEYS, n);
        }
        return state;
    }

    Map<Long, Long> entries() {
        return entries;
    }

    long sequence() {
        return sequence;
    }

    /** Answers when the put is durable. */
    void put() throws IOException {
        JournalMapping current = Optional.ofNullable(journal).orElseThrow();
        if (journalEnd + RECORD_BYTES > JOURNAL_BYTES) {
            checkpoint();
            put();
            return;
        }
        long next = sequence + 1;
        buffer.set(Layouts.LONG_LE, 8, next);
        buffer.set(Layouts.LONG_LE, 0, checksum(8, 8, journalEnd));
        MemorySegment.copy(buffer, 0, current.bytes(), journalEnd, RECORD_BYTES);
        journalEnd += RECORD_BYTES;
        apply(next);
        current.force();
    }

    private void apply(long next) {
        sequence = next;
        entries.put(next % KEYS, next);
    }

    /** Table forced, manifest forced, names synced, CURRENT renamed, names synced, then the former files deleted. */
    void checkpoint() throws IOException {
        long former = id;
        long next = Math.max(highestId(), former) + 1;
        @Nullable JournalMapping formerJournal = journal;
        if (formerJournal != null) {
            formerJournal.close();
            journal = null;
        }
        id = next;
        writeTable();
        writeManifest();
        Path fresh = JOURNALS.resolve(next + ".journal");
        @Nullable Path spare = spareJournal(former);
        journal = storage.journal(fresh, JOURNAL_BYTES, spare);
        journalEnd = 0;
        storage.syncDirectory(JOURNALS);
        storage.syncDirectory(DIRECTORY);
        Path temporary = DIRECTORY.resolve("CURRENT.tmp");
        storage.delete(temporary);
        buffer.set(Layouts.LONG_LE, 0, next);
        writeFile(temporary, 8, 0);
        storage.rename(temporary, DIRECTORY.resolve("CURRENT"));
        if (mistake != Mistake.NO_SYNC_AFTER_RENAME) {
            storage.syncDirectory(DIRECTORY);
        }
        deleteAllBut(next, former);
    }

    private long highestId() throws IOException {
        long highest = 0;
        for (Path directory : List.of(DIRECTORY, JOURNALS)) {
            for (String name : storage.list(directory)) {
                highest = Math.max(highest, idOf(name));
            }
        }
        return highest;
    }

    /** A journal older than the former one is dead since the last checkpoint. */
    private @Nullable Path spareJournal(long former) throws IOException {
        for (String name : storage.list(JOURNALS)) {
            Path file = JOURNALS.resolve(name);
            if (idOf(name) < former && storage.sizeBytes(file) == JOURNAL_BYTES) {
                return file;
            }
        }
        return null;
    }

    private void deleteAllBut(long kept, long former) throws IOException {
        for (Path directory : List.of(DIRECTORY, JOURNALS)) {
            for (String name : storage.list(directory)) {
                boolean isSpare = name.endsWith(".journal") && idOf(name) == former;
                if (idOf(name) != 0 && idOf(name) != kept && !isSpare) {
                    storage.delete(directory.resolve(name));
                }
            }
        }
    }

    private static long idOf(String name) {
        String digits = name.replaceAll("[^0-9]", "");
        return digits.isEmpty() ? 0 : Long.parseLong(digits);
    }

    private void writeTable() throws IOException {
        long at = 0;
        for (Map.Entry<Long, Long> entry : entries.entrySet()) {
            buffer.set(Layouts.LONG_LE, at, entry.getKey());
            buffer.set(Layouts.LONG_LE, at + 8, entry.getValue());
            at += 16;
        }
        writeFile(DIRECTORY.resolve(id + ".table"), at, id);
    }

    private void writeManifest() throws IOException {
        buffer.set(Layouts.LONG_LE, 0, entries.size());
        buffer.set(Layouts.LONG_LE, 8, sequence);
        writeFile(DIRECTORY.resolve("manifest-" + id), 16, id);
    }

    private void writeFile(Path path, long bytes, long identity) throws IOException {
        long checked = id;
        id = identity;
        buffer.set(Layouts.LONG_LE, bytes, checksum(0, bytes, bytes));
        id = checked;
        try (AppendFile file = storage.create(path)) {
            for (long at = 0; at < bytes + 8; at += 8) {
                file.append(buffer.asSlice(at, 8));
            }
            file.force();
        }
    }

    private long checksum(long offset, long bytes, long place) {
        return mistake == Mistake.NO_CHECKSUM ? 42 : Integer.toUnsignedLong(crc.of(id, place, buffer, offset, bytes));
    }

    private void readFile(Path path, long bytes, long identity) throws IOException {
        storage.read(path, 0, buffer.asSlice(0, bytes + 8));
        long checked = id;
        id = identity;
        boolean isRight = buffer.get(Layouts.LONG_LE, bytes) == checksum(0, bytes, bytes);
        id = checked;
        if (!isRight) {
            throw new IOException(path + ": checksum");
        }
    }

    private void recover() throws IOException {
        storage.createDirectory(JOURNALS);
        storage.syncDirectory(DIRECTORY);
        storage.syncDirectory(DIRECTORY.getParent());
        if (storage.exists(DIRECTORY.resolve("CURRENT"))) {
            readFile(DIRECTORY.resolve("CURRENT"), 8, 0);
            id = buffer.get(Layouts.LONG_LE, 0);
            readFile(DIRECTORY.resolve("manifest-" + id), 16, id);
            long count = buffer.get(Layouts.LONG_LE, 0);
            sequence = buffer.get(Layouts.LONG_LE, 8);
            readFile(DIRECTORY.resolve(id + ".table"), count * 16, id);
            for (long at = 0; at < count * 16; at += 16) {
                entries.put(buffer.get(Layouts.LONG_LE, at), buffer.get(Layouts.LONG_LE, at + 8));
            }
            replay();
        }
        checkpoint();
    }

    private void replay() throws IOException {
        MemorySegment content = arena.allocate(JOURNAL_BYTES);
        storage.read(JOURNALS.resolve(id + ".journal"), 0, content);
        for (long at = 0; at < JOURNAL_BYTES; at += RECORD_BYTES) {
            MemorySegment.copy(content, at, buffer, 0, RECORD_BYTES);
            long next = buffer.get(Layouts.LONG_LE, 8);
            boolean isRight = buffer.get(Layouts.LONG_LE, 0) == checksum(8, 8, at);
            if (!isRight || (mistake == Mistake.NO_CHECKSUM ? next == 0 : next != sequence + 1)) {
                return;
            }
            apply(next);
        }
    }

    @Override
    public void close() throws IOException {
        if (journal != null) {
            journal.close();
            journal = null;
        }
        arena.close();
    }
}
