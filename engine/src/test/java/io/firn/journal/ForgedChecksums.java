package io.firn.journal;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * Gives torn records of a crash image the checksums that fit them, so that a reader that checks sees what one that does not
 * check would believe. Only records that really were begun are forged.
 */
public final class ForgedChecksums {
    private static final Crc32c CRC = new Crc32c();

    private ForgedChecksums() {}

    /** Answers how many records were forged. */
    public static synchronized int forge(SimStorage before, SimStorage crashed, Path journals) {
        int forged = 0;
        try {
            if (!crashed.exists(journals)) {
                return 0;
            }
            for (String name : crashed.list(journals)) {
                long id = JournalFormat.idOf(name);
                Path file = journals.resolve(name);
                if (id > 0 && before.exists(file)) {
                    forged += forge(before, crashed, file, id);
                }
            }
            return forged;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int forge(SimStorage before, SimStorage crashed, Path file, long id) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment whole = copyOf(before.contentOf(file), arena);
            MemorySegment left = copyOf(crashed.contentOf(file), arena);
            if (whole.byteSize() != left.byteSize()
                    || MemorySegment.mismatch(whole, 0, JournalFormat.FILE_HEADER_BYTES, left, 0, JournalFormat.FILE_HEADER_BYTES) >= 0) {
                return 0;
            }
            int forged = forgeRecords(whole, left, id);
            if (forged > 0) {
                crashed.overwrite(file, left.toArray(ValueLayout.JAVA_BYTE));
            }
            return forged;
        }
    }

    private static MemorySegment copyOf(byte[] content, Arena arena) {
        MemorySegment copy = arena.allocate(content.length, 8);
        MemorySegment.copy(content, 0, copy, ValueLayout.JAVA_BYTE, 0, content.length);
        return copy;
    }

    private static int forgeRecords(MemorySegment whole, MemorySegment left, long id) {
        long randomId = whole.get(LONG_LE, JournalFormat.FILE_RANDOM_ID);
        int forged = 0;
        long at = JournalFormat.FILE_HEADER_BYTES;
        while (at + JournalFormat.RECORD_HEADER_BYTES <= whole.byteSize()) {
            int length = whole.get(INT_LE, at + JournalFormat.RECORD_LENGTH);
            long end = at + JournalFormat.recordBytes(length);
            if (length <= 0 || end > whole.byteSize() || !isWhole(whole, at, randomId, id)) {
                return forged;
            }
            boolean isBegun = left.get(INT_LE, at + JournalFormat.RECORD_LENGTH) == length
                    && left.get(INT_LE, at + JournalFormat.RECORD_COUNT) == whole.get(INT_LE, at + JournalFormat.RECORD_COUNT);
            if (isBegun && MemorySegment.mismatch(whole, at, end, left, at, end) >= 0) {
                left.set(INT_LE, at + JournalFormat.RECORD_PAYLOAD_CRC,
                        CRC.of(0, 0, left, at + JournalFormat.RECORD_HEADER_BYTES, length));
                left.set(INT_LE, at, headerCrc(left, at, randomId, id));
                forged++;
            }
            at = end;
        }
        return forged;
    }

    private static boolean isWhole(MemorySegment source, long at, long randomId, long id) {
        return source.get(INT_LE, at) == headerCrc(source, at, randomId, id);
    }

    private static int headerCrc(MemorySegment source, long at, long randomId, long id) {
        return CRC.of(
                randomId, JournalFormat.position(id, at), source, at + JournalFormat.RECORD_COVERED,
                JournalFormat.RECORD_HEADER_BYTES - JournalFormat.RECORD_COVERED);
    }
}
