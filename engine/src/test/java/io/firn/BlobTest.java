package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.BlobOptions;
import io.firn.config.CompactionFilter;
import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.KeyspaceStatistics;
import io.firn.config.Verdict;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.error.CorruptionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Values that stand in blob files are read, replaced and forgotten like others, and their files go when nobody needs them. */
final class BlobTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final BlobOptions BLOBS = new BlobOptions(1000, 64 << 10, Compression.NONE, 0.25, 1);
    private static final KeyspaceOptions OPTIONS = KeyspaceOptions.defaults().memtableBytes(1 << 20).blobs(BLOBS);

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private Engine engine;
    private Database db;
    private Keyspace keyspace;

    @BeforeEach
    void open() throws IOException {
        if (!disk.exists(DIRECTORY.getParent())) {
            disk.createDirectory(DIRECTORY.getParent());
        }
        engine = Engine.open(Database.builder(DIRECTORY).storage(disk).budget(budget).cacheBytes(1 << 20).settings());
        db = new Database(engine);
        keyspace = db.keyspace("a", OPTIONS);
    }

    @AfterEach
    void close() {
        db.close();
        assertEquals(0, budget.usedBytes());
        disk.close();
    }

    private void reopen() throws IOException {
        db.close();
        open();
    }

    @Test
    void theThresholdSeparates() throws Exception {
        keyspace.put(key(1), value(1, 999));
        keyspace.rotateMemtableAndWait();
        assertEquals(0, blobs().files());
        keyspace.put(key(2), value(2, 1000));
        keyspace.rotateMemtableAndWait();
        assertEquals(new KeyspaceStatistics.Blobs(1, 1, 1000, 0, 64 + 1024), blobs());
        assertEquals(1, blobs().values());
        assertArrayEquals(value(1, 999), keyspace.get(key(1)));
        assertArrayEquals(value(2, 1000), keyspace.get(key(2)));
    }

    @Test
    void everyReadFindsItAlsoAfterAReopening() throws Exception {
        for (Compression codec : List.of(Compression.NONE, Compression.LZ4)) {
            keyspace = db.keyspace("read " + codec, OPTIONS.blobs(BLOBS.compression(codec)));
            for (int i = 0; i < 100; i++) {
                keyspace.put(key(i), value(i, sizeOf(i)));
            }
            checkReads();
            keyspace.rotateMemtableAndWait();
            checkReads();
            assertTrue(blobs().files() > (codec == Compression.NONE ? 1 : 0), blobs().toString());
            reopen();
            keyspace = db.keyspace("read " + codec);
            checkReads();
            keyspace.majorCompact();
            checkReads();
        }
    }

    private static int sizeOf(int i) {
        return i % 10 == 0 ? 10 : i == 55 ? 3 << 20 : 900 + 50 * i;
    }

    private void checkReads() {
        try (Arena arena = Arena.ofConfined(); Cursor cursor = keyspace.cursor(KeyRange.all())) {
            MemorySegment target = arena.allocate(4 << 20);
            for (int i = 0; i < 100; i++) {
                byte[] expected = value(i, sizeOf(i));
                assertArrayEquals(expected, keyspace.get(key(i)));
                assertEquals(expected.length, keyspace.sizeOf(key(i)));
                assertEquals(expected.length, keyspace.get(MemorySegment.ofArray(key(i)), target));
                assertEquals(-1, target.asSlice(0, expected.length).mismatch(MemorySegment.ofArray(expected)));
                assertEquals(expected.length, keyspace.get(MemorySegment.ofArray(key(i)), target.asSlice(0, 5)));
                List<byte[]> seen = new ArrayList<>();
                assertTrue(keyspace.read(key(i), value -> seen.add(value.toArray(Layouts.BYTE))));
                assertArrayEquals(expected, seen.getFirst());
                assertTrue(cursor.next());
                assertArrayEquals(key(i), cursor.keyBytes());
                assertEquals(expected.length, cursor.valueSize());
                if (i % 2 == 0) {
                    assertEquals(-1, cursor.value().mismatch(MemorySegment.ofArray(expected)));
                }
                assertArrayEquals(expected, cursor.valueBytes());
            }
            assertFalse(cursor.next());
            for (int i = 99; i >= 0; i--) {
                assertTrue(cursor.previous());
                assertArrayEquals(value(i, sizeOf(i)), cursor.value().toArray(Layouts.BYTE));
            }
            assertTrue(cursor.find(MemorySegment.ofArray(key(77))));
            assertArrayEquals(value(77, sizeOf(77)), cursor.valueBytes());
            assertTrue(cursor.next());
            assertArrayEquals(value(78, sizeOf(78)), cursor.valueBytes());
        }
        assertArrayEquals(value(0, 10), keyspace.firstEntry().value());
        assertArrayEquals(value(99, sizeOf(99)), keyspace.lastEntry().value());
        int[] found = new int[1];
        keyspace.multiGet(List.of(MemorySegment.ofArray(key(3)), MemorySegment.ofArray(key(4))), (index, value) -> {
            assertArrayEquals(value(3 + index, sizeOf(3 + index)), value.toArray(Layouts.BYTE));
            found[0]++;
        });
        assertEquals(2, found[0]);
    }

    /** Walking over keys and asking for sizes touches no blob file. */
    @Test
    void keysAndSizesReadNoBlobFile() throws Exception {
        for (int i = 0; i < 50; i++) {
            keyspace.put(key(i), value(i, 2000));
        }
        keyspace.rotateMemtableAndWait();
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            while (cursor.next()) {
                assertEquals(2000, cursor.valueSize());
                assertNotNull(cursor.key());
            }
        }
        assertEquals(50, keyspace.count());
        assertTrue(keyspace.containsKey(key(7)));
        assertEquals(2000, keyspace.sizeOf(key(7)));
        assertEquals(0, keyspace.statistics().reads().blob().loaded());
        keyspace.get(key(7));
        keyspace.get(key(7));
        assertEquals(1, keyspace.statistics().reads().blob().loaded());
        assertEquals(1, keyspace.statistics().reads().blob().inPlace());
    }

    /** What is stored as it is stays where it is: the value that is shown is the file. */
    @Test
    void aValueIsShownWhereItLies() throws Exception {
        keyspace.put(key(1), value(1, 500_000));
        keyspace.rotateMemtableAndWait();
        long[] addresses = new long[2];
        keyspace.read(key(1), value -> addresses[0] = value.address());
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            assertTrue(cursor.next());
            addresses[1] = cursor.value().address();
        }
        assertEquals(addresses[0], addresses[1]);
    }

    @Test
    void overwrittenValuesGoWithTheirFiles() throws Exception {
        for (int round = 0; round < 5; round++) {
            for (int i = 0; i < 200; i++) {
                keyspace.put(key(i), value(1000 * round + i, 2000));
            }
            keyspace.majorCompact();
        }
        KeyspaceStatistics.Blobs blobs = blobs();
        assertEquals(200, blobs.values());
        assertEquals(0, blobs.garbageBytes());
        assertTrue(blobs.diskBytes() < 500_000, blobs.toString());
        assertEquals(blobs.files(), blobFiles().size());
        for (int i = 0; i < 200; i++) {
            assertArrayEquals(value(4000 + i, 2000), keyspace.get(key(i)));
        }
    }

    /** A file of which three quarters are needed stays; when less is, what is left is written anew by a compaction that comes by. */
    @Test
    void staleFilesAreWrittenAnew() throws Exception {
        for (int i = 0; i < 30; i++) {
            keyspace.put(key(i), value(i, 2000));
        }
        keyspace.majorCompact();
        List<String> first = blobFiles();
        assertEquals(1, first.size());
        for (int i = 0; i < 5; i++) {
            keyspace.remove(key(i));
        }
        keyspace.majorCompact();
        assertEquals(first, blobFiles());
        assertEquals(10_000, blobs().garbageBytes());
        for (int i = 5; i < 10; i++) {
            keyspace.remove(key(i));
        }
        keyspace.majorCompact();
        assertEquals(20_000, blobs().garbageBytes(), "a merge sees what was garbage before it");
        keyspace.majorCompact();
        assertEquals(0, blobs().garbageBytes());
        assertEquals(1, blobFiles().size());
        assertFalse(first.equals(blobFiles()));
        reopen();
        for (int i = 0; i < 30; i++) {
            if (i < 10) {
                assertNull(keyspace.get(key(i)));
            } else {
                assertArrayEquals(value(i, 2000), keyspace.get(key(i)));
            }
        }
    }

    @Test
    void r14_aWeakRemovalGoesWithASeparatedValue() throws Exception {
        keyspace.put(key(1), value(1, 5000));
        keyspace.put(key(2), value(2, 5000));
        keyspace.rotateMemtableAndWait();
        keyspace.removeWeak(key(1));
        keyspace.removeWeak(key(2));
        keyspace.rotateMemtableAndWait();
        assertEquals(1, blobFiles().size());
        keyspace.compact(new CompactionStrategy.Tiered(100, 2, 2, 999, 1 << 20));
        assertEquals(0, keyspace.statistics().allLevels().entries());
        assertEquals(List.of(), blobFiles());
    }

    /** A filter sees the values where they stand, and what it puts in their place is separated again. */
    @Test
    void filtersSeeAndReplaceSeparatedValues() throws Exception {
        db.close();
        CompactionFilter filter = entry -> {
            assertEquals(2000, entry.valueSize());
            byte[] seen = entry.value().toArray(Layouts.BYTE);
            int number = Integer.parseInt(new String(entry.key().toArray(Layouts.BYTE), StandardCharsets.UTF_8).substring(4));
            assertArrayEquals(value(number, 2000), seen);
            return switch (number % 3) {
                case 0 -> new Verdict.Keep();
                case 1 -> new Verdict.Destroy();
                default -> new Verdict.ReplaceValue(MemorySegment.ofArray(value(1000 + number, 3000)));
            };
        };
        engine = Engine.open(Database.builder(DIRECTORY).storage(disk).budget(budget).cacheBytes(1 << 20)
                .compactionFilters(name -> filter).settings());
        db = new Database(engine);
        keyspace = db.keyspace("a", OPTIONS);
        for (int i = 0; i < 30; i++) {
            keyspace.put(key(i), value(i, 2000));
        }
        keyspace.rotateMemtableAndWait();
        keyspace.majorCompact();
        reopen();
        for (int i = 0; i < 30; i++) {
            byte[] expected = i % 3 == 0 ? value(i, 2000) : i % 3 == 1 ? null : value(1000 + i, 3000);
            assertArrayEquals(expected, keyspace.get(key(i)));
        }
        assertEquals(20, blobs().values());
    }

    @Test
    void snapshotsKeepWhatTheySee() throws Exception {
        for (int i = 0; i < 50; i++) {
            keyspace.put(key(i), value(i, 3000));
        }
        keyspace.majorCompact();
        try (Snapshot snapshot = db.snapshot(); Cursor open = keyspace.cursor(KeyRange.all())) {
            assertTrue(open.next());
            for (int i = 0; i < 50; i++) {
                keyspace.put(key(i), value(100 + i, 3000));
            }
            keyspace.majorCompact();
            keyspace.majorCompact();
            for (int i = 0; i < 50; i++) {
                assertArrayEquals(value(i, 3000), snapshot.in(keyspace).get(key(i)));
                assertArrayEquals(value(i, 3000), open.valueBytes());
                open.next();
            }
            keyspace.clear();
            assertArrayEquals(value(7, 3000), snapshot.in(keyspace).get(key(7)));
        }
        rest();
        assertEquals(List.of(), blobFiles());
    }

    @Test
    void clearDropRangeAndDeleteTakeTheFilesAlong() throws Exception {
        for (int i = 0; i < 200; i++) {
            keyspace.put(key(i), value(i, 2000));
        }
        keyspace.majorCompact();
        int before = blobFiles().size();
        assertTrue(before > 3);
        keyspace.dropRange(KeyRange.all().from(key(50)));
        assertTrue(blobFiles().size() < before);
        for (int i = 0; i < 200; i++) {
            assertEquals(i < 50, keyspace.containsKey(key(i)));
        }
        assertArrayEquals(value(49, 2000), keyspace.get(key(49)));
        reopen();
        assertArrayEquals(value(49, 2000), keyspace.get(key(49)));
        keyspace.clear();
        assertEquals(List.of(), blobFiles());
        keyspace.put(key(1), value(1, 2000));
        keyspace.rotateMemtableAndWait();
        assertEquals(1, blobFiles().size());
        Path directory = DIRECTORY.resolve("keyspaces/" + keyspace.id());
        db.deleteKeyspace(keyspace);
        rest();
        assertFalse(disk.exists(directory));
    }

    @Test
    void ingestedValuesAreSeparated() throws Exception {
        try (Ingestion ingestion = keyspace.ingest()) {
            for (int i = 0; i < 100; i++) {
                ingestion.put(key(i), value(i, 1500));
            }
            ingestion.finish();
        }
        assertEquals(100, blobs().values());
        try (Ingestion given = keyspace.ingest()) {
            given.put(key(1), value(1, 5000));
        }
        rest();
        assertEquals(100, blobs().values());
        assertEquals(blobs().files(), blobFiles().size());
        reopen();
        for (int i = 0; i < 100; i++) {
            assertArrayEquals(value(i, 1500), keyspace.get(key(i)));
        }
    }

    /** The bytes of a FIFO keyspace are those of its blob files, too (W31 has no say in it: runs may overlap). */
    @Test
    void fifoCountsBlobs() throws Exception {
        Keyspace fifo = db.keyspace("fifo", OPTIONS.compaction(new CompactionStrategy.Fifo(300_000, null)));
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 20; i++) {
                fifo.put(key(100 * round + i), value(i, 5000));
            }
            fifo.rotateMemtableAndWait();
        }
        rest();
        long stored = fifo.statistics().blobs().diskBytes() + fifo.statistics().allLevels().diskBytes();
        assertTrue(stored <= 330_000 && stored > 150_000, stored + " bytes");
        assertNull(fifo.get(key(0)));
        assertArrayEquals(value(19, 5000), fifo.get(key(919)));
    }

    @Test
    void aDamagedValueIsToldWithFileAndOffset() throws Exception {
        for (int i = 0; i < 10; i++) {
            keyspace.put(key(i), value(i, 2000));
        }
        keyspace.rotateMemtableAndWait();
        db.close();
        Path file = DIRECTORY.resolve("keyspaces/1/blobs").resolve(blobFiles().getFirst());
        byte[] content = disk.contentOf(file);
        content[64 + 12 + 1000] ^= 1;
        disk.overwrite(file, content);
        open();
        CorruptionException e = assertThrows(CorruptionException.class, () -> keyspace.get(key(0)));
        assertEquals(file, e.file());
        assertEquals(64, e.offset());
        assertEquals(2000, keyspace.sizeOf(key(0)));
        assertArrayEquals(value(1, 2000), keyspace.get(key(1)));
    }

    private void rest() throws InterruptedException {
        while (!EngineRest.isResting(engine)) {
            Thread.sleep(1);
        }
    }

    private KeyspaceStatistics.Blobs blobs() {
        return keyspace.statistics().blobs();
    }

    private List<String> blobFiles() throws IOException {
        return disk.list(DIRECTORY.resolve("keyspaces/1/blobs")).stream().sorted().toList();
    }

    private static byte[] key(int i) {
        return String.format("key %06d", i).getBytes(StandardCharsets.UTF_8);
    }

    /** Every other one is compressible. */
    private static byte[] value(int i, int length) {
        byte[] value = new byte[length];
        new Random(i).nextBytes(value);
        if (i % 2 == 0) {
            for (int at = 0; at < length; at++) {
                value[at] &= 3;
            }
        }
        return value;
    }
}
