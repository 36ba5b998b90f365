package io.firn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.error.ClosedException;
import io.firn.error.LockedException;
import io.firn.error.NotADatabaseException;
import io.firn.error.StorageException;
import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The surface of the API: what each call does, and what it refuses. */
class DatabaseTest {
    @TempDir
    Path directory;

    @Test
    void readsWhatWasWritten() {
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = db.keyspace("a");
            keyspace.put(bytes("key"), bytes("value"));
            assertArrayEquals(bytes("value"), keyspace.get(bytes("key")));
            assertArrayEquals(bytes("value"), keyspace.get(MemorySegment.ofArray(bytes("key"))));
            assertEquals(5, keyspace.sizeOf(bytes("key")));
            assertTrue(keyspace.containsKey(bytes("key")));
            assertNull(keyspace.get(bytes("other")));
            assertEquals(-1, keyspace.sizeOf(bytes("other")));
            assertFalse(keyspace.containsKey(MemorySegment.ofArray(bytes("other"))));
            keyspace.put(bytes("key"), bytes(""));
            assertArrayEquals(bytes(""), keyspace.get(bytes("key")));
            keyspace.remove(bytes("key"));
            keyspace.remove(MemorySegment.ofArray(bytes("never there")));
            assertNull(keyspace.get(bytes("key")));
        }
    }

    @Test
    void takesAndGivesEveryKindOfSegment() {
        try (Database db = Database.open(directory.resolve("db")); Arena arena = Arena.ofConfined()) {
            Keyspace keyspace = db.keyspace("a");
            MemorySegment key = arena.allocateFrom("native");
            keyspace.put(key, MemorySegment.ofBuffer(ByteBuffer.wrap(bytes("heap"))).asReadOnly());
            MemorySegment target = arena.allocate(16);
            assertEquals(4, keyspace.get(key, target));
            assertArrayEquals(bytes("heap"), target.asSlice(0, 4).toArray(JAVA_BYTE));
            MemorySegment small = arena.allocate(3);
            assertEquals(4, keyspace.get(key, small));
            assertEquals(0, small.get(JAVA_BYTE, 0), "nothing is copied into too small a target");
            boolean isFound = keyspace.read(key, value -> {
                assertTrue(value.isReadOnly());
                assertEquals(4, value.byteSize());
                assertEquals('h', value.get(JAVA_BYTE, 0));
            });
            assertTrue(isFound);
            assertFalse(keyspace.read(bytes("missing"), value -> {
                throw new AssertionError("shown though missing");
            }));
        }
    }

    @Test
    void refusesWhatIsTooLargeOrEmptyWithoutATrace() {
        try (Database db = Database.open(directory.resolve("db")); WriteBatch batch = db.batch()) {
            Keyspace keyspace = db.keyspace("a");
            for (byte[] key : List.of(new byte[0], new byte[65_536])) {
                assertThrows(IllegalArgumentException.class, () -> keyspace.put(key, bytes("v")));
                assertThrows(IllegalArgumentException.class, () -> keyspace.remove(key));
                assertThrows(IllegalArgumentException.class, () -> keyspace.get(key));
                assertThrows(IllegalArgumentException.class, () -> keyspace.sizeOf(MemorySegment.ofArray(key)));
                assertThrows(IllegalArgumentException.class, () -> batch.put(keyspace, key, bytes("v")));
            }
            assertEquals(0, batch.count());
            byte[] longest = new byte[65_535];
            keyspace.put(longest, bytes("longest"));
            assertArrayEquals(bytes("longest"), keyspace.get(longest));
        }
        try (Database db = Database.open(directory.resolve("db"))) {
            assertArrayEquals(bytes("longest"), db.keyspace("a").get(new byte[65_535]));
        }
    }

    @Test
    void keepsEverythingOverAReopening() {
        Path path = directory.resolve("db");
        try (Database db = Database.open(path)) {
            for (int i = 0; i < 1000; i++) {
                db.keyspace("a").put(bytes("k" + i), bytes("a" + i));
                db.keyspace("b").put(bytes("k" + i), bytes("b" + i));
            }
            db.keyspace("a").rotateMemtableAndWait();
            db.keyspace("a").remove(bytes("k7"));
            db.keyspace("a").put(bytes("k8"), bytes("new"));
        }
        for (int reopened = 0; reopened < 3; reopened++) {
            try (Database db = Database.open(path)) {
                assertEquals(List.of("a", "b"), db.keyspaceNames());
                for (int i = 0; i < 1000; i++) {
                    byte[] expected = i == 7 ? null : i == 8 ? bytes("new") : bytes("a" + i);
                    assertArrayEquals(expected, db.keyspace("a").get(bytes("k" + i)));
                    assertArrayEquals(bytes("b" + i), db.keyspace("b").get(bytes("k" + i)));
                }
            }
        }
    }

    @Test
    void batchesAreAllOrNothingAndTheLastWriteWins() {
        try (Database db = Database.open(directory.resolve("db")); WriteBatch batch = db.batch()) {
            Keyspace a = db.keyspace("a");
            Keyspace b = db.keyspace("b");
            batch.put(a, bytes("k"), bytes("1")).put(b, bytes("k"), bytes("2"));
            batch.put(a, bytes("k"), bytes("3")).put(a, bytes("gone"), bytes("4")).remove(a, bytes("gone"));
            assertEquals(5, batch.count());
            assertNull(a.get(bytes("k")));
            batch.durability(PersistMode.SYNC_DATA).commit();
            assertThrows(IllegalStateException.class, batch::commit);
            assertThrows(IllegalStateException.class, () -> batch.remove(a, bytes("k")));
            assertArrayEquals(bytes("3"), a.get(bytes("k")));
            assertArrayEquals(bytes("2"), b.get(bytes("k")));
            assertNull(a.get(bytes("gone")));
            a.rotateMemtableAndWait();
            assertArrayEquals(bytes("3"), a.get(bytes("k")));
            assertNull(a.get(bytes("gone")));
            batch.clear();
            batch.commit();
            batch.clear();
            batch.put(a, bytes("never"), bytes("committed"));
        }
        try (Database db = Database.open(directory.resolve("db"))) {
            assertNull(db.keyspace("a").get(bytes("never")));
            assertArrayEquals(bytes("3"), db.keyspace("a").get(bytes("k")));
        }
    }

    @Test
    void refusesABatchOverTwoDatabases() {
        try (Database one = Database.open(directory.resolve("1"));
                Database two = Database.open(directory.resolve("2"));
                WriteBatch batch = one.batch()) {
            Keyspace foreign = two.keyspace("a");
            assertThrows(IllegalArgumentException.class, () -> batch.put(foreign, bytes("k"), bytes("v")));
            assertNotEquals(one.keyspace("a"), foreign);
            assertEquals(one.keyspace("a"), one.keyspace("a"));
        }
    }

    @Test
    void persistedOptionsWinOverTheCallers() {
        KeyspaceOptions first = KeyspaceOptions.defaults()
                .memtableBytes(8192)
                .levels(4)
                .blockBytes(PerLevel.of(512, 1024))
                .restartInterval(PerLevel.of(1, 4, 16))
                .hashRatio(1.5)
                .compression(PerLevel.of(Compression.NONE, Compression.LZ4))
                .indexCompression(Compression.LZ4)
                .filter(new FilterPolicy.FalsePositiveRate(0.001))
                .indexPinned(true)
                .filterPinned(PerLevel.of(true, true, false))
                .indexPartitioned(true)
                .filterPartitioned(true)
                .expectPointReadHits(true)
                .compaction(new CompactionStrategy.Fifo(1 << 30, Duration.ofHours(2)));
        try (Database db = Database.open(directory.resolve("db"))) {
            assertEquals(first, db.keyspace("a", first).options());
            assertEquals(first, db.keyspace("a").options());
        }
        try (Database db = Database.open(directory.resolve("db"))) {
            assertEquals(first, db.keyspace("a", KeyspaceOptions.defaults()).options());
            assertEquals(KeyspaceOptions.defaults(), db.keyspace("b").options());
        }
    }

    @Test
    void namesOfKeyspacesHave1To255Bytes() {
        try (Database db = Database.open(directory.resolve("db"))) {
            assertThrows(IllegalArgumentException.class, () -> db.keyspace(""));
            assertThrows(IllegalArgumentException.class, () -> db.keyspace("ä".repeat(128)));
            String longest = "x".repeat(255);
            int id = db.keyspace(longest).id();
            assertTrue(db.keyspaceExists(longest));
            assertFalse(db.keyspaceExists("y"));
            assertEquals(1, db.keyspaceCount());
            assertNotEquals(id, db.keyspace("日本 \u0000").id());
        }
        try (Database db = Database.open(directory.resolve("db"))) {
            assertTrue(db.keyspaceExists("日本 \u0000"));
        }
    }

    @Test
    void answersTheNewestValueFromAnySource() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        Path path = directory.resolve("db");
        TreeMap<String, String> model = new TreeMap<>();
        KeyspaceOptions small = KeyspaceOptions.defaults().memtableBytes(64 << 10).blockBytes(512);
        for (int life = 0; life < 4; life++) {
            try (Database db = Database.open(path)) {
                Keyspace keyspace = db.keyspace("a", small);
                for (int i = 0; i < 20_000; i++) {
                    String key = "key" + random.nextInt(3000);
                    if (random.nextInt(4) == 0) {
                        keyspace.remove(bytes(key));
                        model.remove(key);
                    } else {
                        String value = "value" + random.nextInt() + "x".repeat(random.nextInt(60));
                        keyspace.put(bytes(key), bytes(value));
                        model.put(key, value);
                    }
                    if (random.nextInt(5000) == 0) {
                        keyspace.rotateMemtableAndWait();
                    }
                    String asked = "key" + random.nextInt(3100);
                    assertArrayEquals(bytesOrNull(model.get(asked)), keyspace.get(bytes(asked)), asked);
                }
            }
            try (Database db = Database.open(path)) {
                Keyspace keyspace = db.keyspace("a");
                for (int i = 0; i < 3100; i++) {
                    assertArrayEquals(bytesOrNull(model.get("key" + i)), keyspace.get(bytes("key" + i)), "key" + i);
                }
            }
        }
    }

    @Test
    void storesValuesLargerThanAJournalFileAndAMemtable() {
        byte[] large = new byte[20 << 20];
        new Random(1).nextBytes(large);
        byte[] compressible = new byte[20 << 20];
        Arrays.fill(compressible, (byte) 'x');
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().memtableBytes(1 << 20));
            keyspace.put(bytes("large"), large);
            keyspace.put(bytes("small"), bytes("s"));
            keyspace.put(bytes("compressible"), compressible);
            assertArrayEquals(large, keyspace.get(bytes("large")));
        }
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = db.keyspace("a");
            assertArrayEquals(large, keyspace.get(bytes("large")));
            assertArrayEquals(compressible, keyspace.get(bytes("compressible")));
            assertArrayEquals(bytes("s"), keyspace.get(bytes("small")));
        }
    }

    @Test
    void aBatchIsOfTheThreadThatMadeIt() throws InterruptedException {
        try (Database db = Database.open(directory.resolve("db")); WriteBatch batch = db.batch()) {
            Keyspace keyspace = db.keyspace("a");
            batch.put(keyspace, bytes("k"), bytes("v"));
            Thread other = Thread.ofPlatform().start(() -> assertThrows(
                    WrongThreadException.class, () -> batch.put(keyspace, bytes("l"), bytes("v"))));
            Throwable[] wrong = new Throwable[1];
            other.setUncaughtExceptionHandler((thread, e) -> wrong[0] = e);
            other.join();
            assertNull(wrong[0]);
            batch.commit();
            assertEquals(1, keyspace.count());
        }
    }

    @Test
    void answersClosedAfterClose() {
        Database db = Database.open(directory.resolve("db"));
        Keyspace keyspace = db.keyspace("a");
        WriteBatch batch = db.batch().put(keyspace, bytes("k"), bytes("v"));
        db.close();
        db.close();
        assertThrows(ClosedException.class, () -> keyspace.get(bytes("k")));
        assertThrows(ClosedException.class, () -> keyspace.put(bytes("k"), bytes("v")));
        assertThrows(ClosedException.class, () -> keyspace.read(bytes("k"), value -> { }));
        assertThrows(ClosedException.class, () -> db.keyspace("b"));
        assertThrows(ClosedException.class, () -> db.persist(PersistMode.SYNC_ALL));
        assertThrows(ClosedException.class, batch::commit);
        assertThrows(ClosedException.class, keyspace::rotateMemtable);
        batch.close();
        batch.close();
    }

    @Test
    @SuppressWarnings("try")
    void r22_closeInsideACallbackThrows() {
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = db.keyspace("a");
            keyspace.put(bytes("k"), bytes("v"));
            assertThrows(IllegalStateException.class, () -> keyspace.read(bytes("k"), value -> db.close()));
            assertArrayEquals(bytes("v"), keyspace.get(bytes("k")));
        }
    }

    @Test
    @Tag("native")
    void r20_aNestedGetDoesNotOverwriteTheOuterOne() {
        for (Compression codec : List.of(Compression.NONE, Compression.LZ4)) {
            try (Database db = Database.open(directory.resolve("db" + codec))) {
                Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().compression(codec));
                for (int i = 0; i < 1000; i++) {
                    keyspace.put(bytes("key" + i), bytes("value" + i));
                }
                keyspace.rotateMemtableAndWait();
                boolean isFound = keyspace.read(bytes("key1"), outer -> {
                    assertArrayEquals(bytes("value999"), keyspace.get(bytes("key999")));
                    keyspace.read(bytes("key500"), inner -> assertEquals("value500", text(inner)));
                    keyspace.put(bytes("new"), bytes("x".repeat(1000)));
                    assertEquals("value1", text(outer));
                });
                assertTrue(isFound);
            }
        }
    }

    @Test
    void leavesNothingBehindWhenTheVisitorThrows() {
        try (Database db = Database.open(directory.resolve("db"))) {
            Keyspace keyspace = db.keyspace("a");
            keyspace.put(bytes("k"), bytes("v"));
            assertThrows(ArithmeticException.class, () -> keyspace.read(bytes("k"), value -> {
                throw new ArithmeticException();
            }));
            assertArrayEquals(bytes("v"), keyspace.get(bytes("k")));
        }
    }

    @Test
    void opensAsTheModeSays() throws Exception {
        Path path = directory.resolve("db");
        assertThrows(NotADatabaseException.class, () -> Database.builder(path).openMode(OpenMode.RECOVER).open());
        assertFalse(Files.exists(path), "a refused opening leaves no trace");
        Database.builder(path).openMode(OpenMode.CREATE).open().close();
        assertThrows(StorageException.class, () -> Database.builder(path).openMode(OpenMode.CREATE).open());
        Database.builder(path).openMode(OpenMode.RECOVER).open().close();
    }

    @Test
    void refusesADirectoryThatIsNoDatabase() throws Exception {
        Path foreign = Files.createDirectory(directory.resolve("foreign"));
        Files.writeString(foreign.resolve("letter.txt"), "dear");
        NotADatabaseException e = assertThrows(NotADatabaseException.class, () -> Database.open(foreign));
        assertTrue(e.getMessage().contains("letter.txt"), e.getMessage());
        try (var names = Files.list(foreign)) {
            assertEquals(List.of("letter.txt"), names.map(each -> each.getFileName().toString()).toList());
        }
        assertThrows(NotADatabaseException.class, () -> Database.open(foreign.resolve("letter.txt")));
    }

    @Test
    void r10_aSecondOpenIsLockedOutAndTheFirstOneKeepsItsLock() {
        Path path = directory.resolve("db");
        try (Database db = Database.open(path)) {
            db.keyspace("a").put(bytes("k"), bytes("v"));
            assertThrows(LockedException.class, () -> Database.open(path));
            assertThrows(LockedException.class, () -> Database.open(path));
            assertArrayEquals(bytes("v"), db.keyspace("a").get(bytes("k")));
        }
        Database.open(path).close();
    }

    @Test
    void aTemporaryDatabaseIsDeletedByClose() {
        Path path = directory.resolve("db");
        try (Database db = Database.builder(path).temporary().open()) {
            db.keyspace("a").put(bytes("k"), bytes("v"));
            db.keyspace("a").rotateMemtableAndWait();
            assertTrue(Files.exists(path));
        }
        assertFalse(Files.exists(path));
    }

    @Test
    void givesBackAllMemory() {
        MemoryBudget budget = MemoryBudget.ofMebibytes(256);
        try (Database db = Database.builder(directory.resolve("db")).budget(budget).open()) {
            Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().memtableBytes(1 << 20));
            for (int i = 0; i < 50_000; i++) {
                keyspace.put(bytes("key" + i), bytes("value" + i));
                keyspace.get(bytes("key" + i / 2));
            }
            assertTrue(budget.usedBytes() > 0);
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void limitsAreCheckedInTheSetters() {
        DatabaseBuilder builder = Database.builder(directory.resolve("db"));
        Map<String, Runnable> bad = Map.of(
                "budget", () -> builder.budget(MemoryBudget.ofBytes(1000)),
                "journal", () -> builder.maxJournalBytes(1 << 20),
                "interval", () -> builder.persistInterval(Duration.ZERO),
                "timeout", () -> builder.writeTimeout(Duration.ofNanos(1)),
                "workers", () -> builder.workers(1));
        bad.forEach((name, setter) -> assertThrows(IllegalArgumentException.class, setter::run, name));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] bytesOrNull(String text) {
        return text == null ? null : bytes(text);
    }

    private static String text(MemorySegment value) {
        return new String(value.toArray(JAVA_BYTE), StandardCharsets.UTF_8);
    }
}
