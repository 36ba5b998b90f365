package io.firn.version;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyspaceOptions;
import io.firn.error.CorruptionException;
import io.firn.error.FormatVersionException;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.AppendFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Goal: a manifest that lies with valid checksums gives a typed error or a state that is consistent, and costs no more
 * memory or time than its size. Method: valid edits, changed in their structure, sealed again and read.
 */
final class ManifestHostileTest {
    private static final Path DB = Path.of("/db");
    private static final DatabaseFiles FILES = new DatabaseFiles(DB);
    private static final ManifestFormat.Header HEADER = new ManifestFormat.Header(1, 0x1234_5678_9ABC_DEFL);
    private static final int CASES = 200_000;
    private static final long[] NUMBERS = {0, 1, 2, 7, 127, 128, 255, 256, 65_535, 65_536, 1 << 24, Integer.MAX_VALUE,
        0x8000_0000L, 0xFFFF_FFFFL, 1L << 32, (1L << 56) - 1, 1L << 56, Long.MAX_VALUE, Long.MIN_VALUE, -1, -2};

    @Test
    void liesWithValidChecksumsAreTypedErrorsOrConsistentStates() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        int states = 0;
        int corruptions = 0;
        for (int i = 0; i < CASES; i++) {
            long caseSeed = random.nextLong();
            try {
                ManifestState state = recover(payloads(caseSeed));
                assertConsistent(state);
                states++;
            } catch (CorruptionException e) {
                assertTrue(e.offset() >= ManifestFormat.HEADER_BYTES && FILES.manifest(1).equals(e.file()),
                        e.getMessage());
                corruptions++;
            } catch (RuntimeException | Error e) {
                throw new AssertionError("case " + i + " of -Dseed=" + seed, e);
            }
        }
        System.out.println(CASES + " cases: " + corruptions + " typed errors, " + states + " consistent states");
        assertTrue(corruptions > CASES / 4 && states > CASES / 100, corruptions + " errors, " + states + " states");
    }

    /** What named no blob files yet is told by the same changes as before. */
    @Test
    void theFormerFormatIsRead() throws IOException {
        for (Path file : List.of(FILES.current(), FILES.manifest(1))) {
            HeapStorage former = withHeader(file, header -> header.set(INT_LE, 4, 1));
            HeapStorage current = withHeader(file, header -> { });
            assertEquals(Manifest.recover(current, DB).state(), Manifest.recover(former, DB).state());
        }
    }

    @Test
    void anotherFormatVersionIsATypedErrorAndNonsenseIsCorruption() throws IOException {
        for (Path file : List.of(FILES.current(), FILES.manifest(1))) {
            for (int version : new int[] {3, 4, 1 << 20, -1, 0}) {
                HeapStorage storage = withHeader(file, header -> header.set(INT_LE, 4, version));
                FormatVersionException e =
                        assertThrows(FormatVersionException.class, () -> Manifest.recover(storage, DB));
                assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
            }
            HeapStorage otherMagic = withHeader(file, header -> header.set(INT_LE, 0, 0x12345678));
            assertThrows(CorruptionException.class, () -> Manifest.recover(otherMagic, DB));
            for (long id : new long[] {0, -1, 2, Long.MAX_VALUE}) {
                HeapStorage otherId = withHeader(file, header -> header.set(LONG_LE, 8, id));
                assertThrows(CorruptionException.class, () -> Manifest.recover(otherId, DB));
            }
        }
    }

    @Test
    void countsLargerThanTheBytesAreRefusedBeforeAnythingIsAllocated() throws IOException {
        for (int count : new int[] {Integer.MAX_VALUE, Integer.MIN_VALUE, -1, 1 << 28}) {
            byte[] changes = new byte[64];
            MemorySegment.ofArray(changes).set(INT_LE, 0, count);
            assertThrows(CorruptionException.class, () -> recover(List.of(changes)));
            for (int tag : new int[] {
                ManifestFormat.RUN_ADDED, ManifestFormat.TABLES_ADDED, ManifestFormat.TABLES_REMOVED}) {
                byte[] change = new byte[64];
                MemorySegment segment = MemorySegment.ofArray(change);
                segment.set(INT_LE, 0, 1);
                segment.set(BYTE, 4, (byte) tag);
                segment.set(INT_LE, 5, 1);
                segment.set(INT_LE, tag == ManifestFormat.TABLES_REMOVED ? 9 : 14, count);
                assertThrows(CorruptionException.class, () -> recover(List.of(change)));
            }
        }
    }

    @Test
    void aNameThatIsNotUtf8IsCorruption() throws IOException {
        VersionEdit edit = VersionEdit.of(new Change.Counters(1, 1, 2),
                new Change.KeyspaceCreated(1, "abcd", KeyspaceOptions.defaults()));
        byte[] payload = payloadOf(edit);
        int name = 4 + 1 + 20 + 1 + 4 + 1;
        assertEquals('a', payload[name]);
        payload[name] = (byte) 0xC3;
        CorruptionException e = assertThrows(CorruptionException.class, () -> recover(List.of(payload)));
        assertTrue(e.expected().contains("UTF-8"), e.getMessage());
    }

    /** Payloads of a few valid edits, one or two of them changed. */
    private static List<byte[]> payloads(long seed) throws IOException {
        RandomEdits edits = new RandomEdits(seed);
        Random random = edits.random();
        List<byte[]> payloads = new ArrayList<>();
        int count = 1 + random.nextInt(4);
        for (int i = 0; i < count; i++) {
            payloads.add(payloadOf(edits.next()));
        }
        int changes = 1 + random.nextInt(2);
        for (int i = 0; i < changes; i++) {
            change(payloads, random);
        }
        return payloads;
    }

    private static void change(List<byte[]> payloads, Random random) {
        int index = random.nextInt(payloads.size());
        byte[] payload = payloads.get(index);
        int at = random.nextInt(payload.length);
        switch (random.nextInt(8)) {
            case 0 -> payloads.set(index, Arrays.copyOf(payload, Math.max(4, at)));
            case 1 -> payloads.set(index, Arrays.copyOf(payload, payload.length + 1 + random.nextInt(64)));
            case 2 -> payloads.add(random.nextInt(payloads.size() + 1), payload.clone());
            case 3 -> payload[at] = (byte) random.nextInt();
            default -> setNumber(payload, at, random);
        }
    }

    private static void setNumber(byte[] payload, int at, Random random) {
        MemorySegment segment = MemorySegment.ofArray(payload);
        long number = NUMBERS[random.nextInt(NUMBERS.length)];
        int bytes = Math.min(1 << random.nextInt(4), Integer.highestOneBit(payload.length - at));
        switch (bytes) {
            case 8 -> segment.set(LONG_LE, at, number);
            case 4 -> segment.set(INT_LE, at, (int) number);
            case 2 -> segment.set(SHORT_LE, at, (short) number);
            default -> segment.set(BYTE, at, (byte) number);
        }
    }

    private static byte[] payloadOf(VersionEdit edit) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            return EditEncoder.encode(edit, 0, 0, arena).asSlice(ManifestFormat.RECORD_HEADER_BYTES).toArray(BYTE);
        }
    }

    private static ManifestState recover(List<byte[]> payloads) throws IOException {
        HeapStorage storage = storage();
        try (Arena arena = Arena.ofConfined()) {
            storage.delete(FILES.manifest(1));
            AppendFile file = storage.create(FILES.manifest(1));
            file.append(ManifestFormat.encodeHeader(ManifestFormat.MANIFEST_MAGIC, HEADER, arena));
            for (byte[] payload : payloads) {
                MemorySegment record = arena.allocate(ManifestFormat.RECORD_HEADER_BYTES + payload.length);
                MemorySegment.copy(payload, 0, record, BYTE, ManifestFormat.RECORD_HEADER_BYTES, payload.length);
                ManifestFormat.sealRecord(record, HEADER.identity(), file.positionBytes());
                file.append(record);
            }
            return Manifest.recover(storage, DB).state();
        }
    }

    /** A CURRENT and a manifest without records. */
    private static HeapStorage storage() throws IOException {
        HeapStorage storage = new HeapStorage();
        try (Arena arena = Arena.ofConfined()) {
            storage.create(FILES.current())
                    .append(ManifestFormat.encodeHeader(ManifestFormat.CURRENT_MAGIC, HEADER, arena));
            storage.create(FILES.manifest(1))
                    .append(ManifestFormat.encodeHeader(ManifestFormat.MANIFEST_MAGIC, HEADER, arena));
        }
        return storage;
    }

    private interface HeaderChange {
        void applyTo(MemorySegment header);
    }

    private static HeapStorage withHeader(Path file, HeaderChange change) throws IOException {
        HeapStorage storage = storage();
        byte[] bytes = storage.files.get(file);
        MemorySegment header = MemorySegment.ofArray(bytes);
        change.applyTo(header);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(bytes.length).copyFrom(header);
            header.set(INT_LE, 24, new Crc32c().of(0, 0, copy, 0, 24));
        }
        return storage;
    }

    /** It can be written and read again, and its ids are where they may be. */
    private static void assertConsistent(ManifestState state) throws InvalidEditException {
        ManifestStateBuilder builder = new ManifestStateBuilder();
        builder.apply(state.asEdit());
        assertEquals(state, builder.state());
    }
}
