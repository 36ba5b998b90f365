package io.firn.journal;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * One file of the journal that is being written, or was left by rotation and is not retired yet.
 *
 * <p>Threads: the fields say. Closed by: the journal, when the file is retired or the journal is closed.
 */
final class JournalFile {
    final long id;
    final Path path;
    final long sizeBytes;
    final long randomId;
    final JournalMapping mapping;

    /** Where the file ends; set when it is left, before the first position in its successor is published. */
    long endOffset;

    /** Up to where the file is on disk; only under the journal's monitor for forcing. */
    long forcedOffset = JournalFormat.FILE_HEADER_BYTES;

    private JournalFile(long id, Path path, long sizeBytes, long randomId, JournalMapping mapping) {
        this.id = id;
        this.path = path;
        this.sizeBytes = sizeBytes;
        this.randomId = randomId;
        this.mapping = mapping;
    }

    /** Makes a file that can be appended to. A failure leaves at most a file of an unfinished name. */
    static JournalFile prepare(
            Storage storage, Path directory, long id, long sizeBytes, long randomId, long predecessorEnd,
            @Nullable Path recycled, MemorySegment scratch, Crc32c crc)
            throws IOException {
        Path unfinished = directory.resolve(JournalFormat.unfinishedNameOf(id));
        Path path = directory.resolve(JournalFormat.nameOf(id));
        storage.delete(unfinished);
        JournalMapping mapping = storage.journal(unfinished, sizeBytes, recycled);
        // Crash here: a file of an unfinished name, which recovery sweeps. A recycled one has left its old name, which
        // was dead.
        try {
            encodeHeader(scratch, id, sizeBytes, randomId, predecessorEnd, crc);
            MemorySegment.copy(scratch, 0, mapping.bytes(), 0, JournalFormat.FILE_HEADER_BYTES);
            mapping.force();
            // Crash here: as above. From now on the file's content is as a named file's must be.
            storage.rename(unfinished, path);
            return new JournalFile(id, path, sizeBytes, randomId, mapping);
        } catch (Throwable t) {
            abandon(storage, unfinished, mapping, t);
            throw t;
        }
    }

    private static void encodeHeader(
            MemorySegment target, long id, long sizeBytes, long randomId, long predecessorEnd, Crc32c crc) {
        target.asSlice(0, JournalFormat.FILE_HEADER_BYTES).fill((byte) 0);
        target.set(INT_LE, JournalFormat.FILE_MAGIC, JournalFormat.MAGIC);
        target.set(INT_LE, JournalFormat.FILE_FORMAT, JournalFormat.FORMAT);
        target.set(LONG_LE, JournalFormat.FILE_JOURNAL_ID, id);
        target.set(LONG_LE, JournalFormat.FILE_RANDOM_ID, randomId);
        long startPosition = JournalFormat.position(id, JournalFormat.FILE_HEADER_BYTES);
        target.set(LONG_LE, JournalFormat.FILE_START_POSITION, startPosition);
        target.set(LONG_LE, JournalFormat.FILE_PREDECESSOR_END, predecessorEnd);
        target.set(LONG_LE, JournalFormat.FILE_BYTES, sizeBytes);
        target.set(INT_LE, JournalFormat.FILE_CRC, headerCrc(target, 0, id, crc));
    }

    /** The checksum of a file's header, which lies in private memory at the offset. */
    static int headerCrc(MemorySegment source, long offset, long id, Crc32c crc) {
        crc.start();
        crc.update(source, offset, JournalFormat.FILE_CRC);
        long paddingBytes = JournalFormat.FILE_HEADER_BYTES - JournalFormat.FILE_PADDING;
        crc.update(source, offset + JournalFormat.FILE_PADDING, paddingBytes);
        return crc.finish(id, 0);
    }

    private static void abandon(Storage storage, Path unfinished, JournalMapping mapping, Throwable cause) {
        try {
            mapping.close();
            storage.delete(unfinished);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    long startPosition() {
        return JournalFormat.position(id, JournalFormat.FILE_HEADER_BYTES);
    }

    /** Whether an empty file of this size has room for such a record and its seal. */
    boolean canHold(long recordBytes) {
        return recordBytes <= sizeBytes - JournalFormat.FILE_HEADER_BYTES - JournalFormat.SEAL_BYTES;
    }
}
