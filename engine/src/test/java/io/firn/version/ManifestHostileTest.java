package io.firn.version;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Goal: a manifest that lies with valid checksums gives a typed error or a state that is consistent, and costs no more
 * memory or time than its size. Method: valid edits, changed in their structure, sealed again and read.
 */
final class ManifestHostileTest {
    private static final String FORMER_CURRENT = "46435552010000000100000000000000260bf65ebd2783d8c1d4250d";
    private static final String FORMER_MANIFEST = ""
            + "464d414e010000000100000000000000260bf65ebd2783d82bd4efbee77252a2b5fb77e12200000002000000"
            + "0601000000000000000100000000000000010000000701000000000000002ff5fff4ca3d4491250100000600"
            + "0000063200000000000000070000000000000003000000010100000005757365727300000004000000000701"
            + "00100000010101000000000000000003000001010002022d431cebe2361a3f01000000000000244003010100"
            + "0201000100010000000400000004000000000100000000000024400301000000000000000001000000030000"
            + "000000000000100000000000000a000000000000000200000000000000050000000000000014000000000000"
            + "00e8030000000000000100020061636403010000000600000000010000000400000000000000002000000000"
            + "00001e0000000000000000000000000000000000000000000000000000000000000084030000000000000100"
            + "020061636405010000001400000000000000070200000000000000";

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

    /** A manifest as format 1 was written, before there were blob files. */
    @Test
    void theFormerFormatIsRead() throws IOException {
        HeapStorage storage = new HeapStorage();
        storage.files.put(FILES.current(), HexFormat.of().parseHex(FORMER_CURRENT));
        storage.files.put(FILES.manifest(1), HexFormat.of().parseHex(FORMER_MANIFEST));
        KeySpan keys = new KeySpan(new byte[] {'a'}, new byte[] {'c', 'd'});
        ManifestState expected = ManifestState.EMPTY.apply(VersionEdit.of(
                new Change.Counters(50, 7, 3),
                new Change.KeyspaceCreated(1, "users", KeyspaceOptions.defaults()),
                new Change.RunAdded(1, 0, 0, List.of(new TableRecord(3, 4096, 10, 2, 5, 20, 1000, keys, List.of()))),
                new Change.RunAdded(1, 6, 0, List.of(new TableRecord(4, 8192, 30, 0, 0, 0, 900, keys, List.of()))),
                new Change.Flushed(1, 20), new Change.JournalsLive(2)));
        RecoveredManifest recovered = Manifest.recover(storage, DB);
        assertEquals(expected, recovered.state());
        assertFalse(recovered.isTailDamaged());
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
