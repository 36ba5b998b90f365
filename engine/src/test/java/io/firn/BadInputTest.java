package io.firn;

import static io.firn.LimitedChild.key;
import static io.firn.LimitedChild.value;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.error.CorruptionException;
import io.firn.error.FirnException;
import io.firn.error.FormatVersionException;
import io.firn.error.LockedException;
import io.firn.error.NotADatabaseException;
import io.firn.error.StorageException;
import io.firn.ffm.codec.Crc32c;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a user can do wrong, and what a machine can lack: each is an exception of its own on the API, and nothing is lost by it. */
class BadInputTest {
    private static final ValueLayout.OfInt INT_LE = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @TempDir
    Path directory;

    private Path db;

    @BeforeEach
    void name() {
        db = directory.resolve("db");
    }

    // ---- directories

    @Test
    void aDirectoryThatIsNotADatabase() throws IOException {
        Path letter = Files.writeString(Files.createDirectory(db).resolve("letter.txt"), "dear");
        NotADatabaseException e = assertThrows(NotADatabaseException.class, () -> Database.open(db));
        assertTrue(e.getMessage().contains(db.toString()) && e.getMessage().contains("letter.txt"), e.getMessage());
        assertEquals(List.of(letter), filesBelow(db));
    }

    @Test
    void aDatabaseWithoutItsCurrent() throws IOException {
        fill(10);
        Files.move(db.resolve("CURRENT"), directory.resolve("kept"));
        CorruptionException e = assertThrows(CorruptionException.class, () -> Database.open(db));
        assertEquals(db.resolve("CURRENT"), e.file());
        Files.move(directory.resolve("kept"), db.resolve("CURRENT"));
        assertHolds(10);
    }

    @Test
    void anUnwritablePath() {
        for (Path path : List.of(Path.of("/dev/null/db"), Path.of("/proc/db"))) {
            FirnException e = assertThrows(FirnException.class, () -> Database.open(path));
            assertTrue(e instanceof StorageException || e instanceof NotADatabaseException, e::toString);
            assertTrue(e.getMessage().contains(path.toString()), e.getMessage());
        }
    }

    @Test
    void anEmptyKey() {
        fill(1);
        try (Database opened = Database.open(db); WriteBatch batch = opened.batch()) {
            Keyspace keyspace = opened.keyspace("a");
            assertThrows(IllegalArgumentException.class, () -> keyspace.put(new byte[0], value(1)));
            assertThrows(IllegalArgumentException.class, () -> keyspace.put(MemorySegment.ofArray(new byte[0]), MemorySegment.NULL));
            assertThrows(IllegalArgumentException.class, () -> keyspace.remove(new byte[0]));
            assertThrows(IllegalArgumentException.class, () -> keyspace.get(new byte[0]));
            assertThrows(IllegalArgumentException.class, () -> batch.put(keyspace, new byte[0], value(1)));
            assertEquals(0, batch.count());
        }
        assertHolds(1);
    }

    @Test
    void aLockedDirectoryInThisProcess() {
        try (Database first = Database.open(db)) {
            first.keyspace("a").put(key(0), value(0));
            LockedException e = assertThrows(LockedException.class, () -> Database.open(db));
            assertTrue(e.getMessage().contains(db.toString()), e.getMessage());
            assertArrayEquals(value(0), first.keyspace("a").get(key(0)));
        }
        assertHolds(1);
    }

    @Test
    void aDirectoryLockedByAnotherProcess() throws Exception {
        fill(3);
        Process child = LimitedChild.start("true", List.of(), "hold", db);
        try {
            assertEquals("held " + db, child.inputReader().readLine());
            LockedException e = assertThrows(LockedException.class, () -> Database.open(db));
            assertTrue(e.getMessage().contains(db.toString()), e.getMessage());
            child.outputWriter().close();
            assertEquals(0, child.waitFor());
        } finally {
            child.toHandle().destroyForcibly();
        }
        assertHolds(3);
    }

    @Test
    void aDirectoryThatThisProcessLocksForAnother() throws Exception {
        try (Database first = Database.open(db)) {
            first.keyspace("a").put(key(0), value(0));
            List<String> said = LimitedChild.run("true", List.of(), "open", db);
            assertTrue(said.getLast().startsWith("LockedException: "), said::toString);
            assertTrue(said.getLast().contains("pid " + ProcessHandle.current().pid()), said::toString);
        }
        assertHolds(1);
    }

    // ---- files

    @Test
    void aNewerFormatOfEachFile() throws IOException {
        fillWithTable();
        for (Path file : filesBelow(db)) {
            byte[] original = Files.readAllBytes(file);
            byte[] newer = ofFormat(file, original, 7);
            if (newer == null || file.equals(preparedJournal())) {
                continue;
            }
            Files.write(file, newer);
            FormatVersionException e = assertThrows(FormatVersionException.class, () -> Database.open(db), file.toString());
            assertTrue(e.getMessage().contains(file.toString()) && e.getMessage().contains("7"), e.getMessage());
            Files.write(file, original);
        }
        assertHolds(20);
    }

    @Test
    void aTruncatedTable() throws IOException {
        fillWithTable();
        Path table = fileEnding(".table");
        byte[] original = Files.readAllBytes(table);
        for (int length : new int[] {original.length - 1, original.length / 2, 0}) {
            Files.write(table, Arrays.copyOf(original, length));
            CorruptionException e = assertThrows(CorruptionException.class, () -> Database.open(db));
            assertEquals(table, e.file());
            assertEquals(length, e.offset());
        }
        Files.write(table, original);
        assertHolds(20);
    }

    @Test
    void aMissingTableIsCorruption() throws IOException {
        fillWithTable();
        Path table = fileEnding(".table");
        Files.move(table, directory.resolve("kept"));
        CorruptionException e = assertThrows(CorruptionException.class, () -> Database.open(db));
        assertEquals(table, e.file());
        assertEquals(0, e.offset());
        Files.move(directory.resolve("kept"), table);
        assertHolds(20);
    }

    /** The journal has entries of a keyspace that the manifest no longer knows. */
    @Test
    void aManifestCutBeforeAKeyspaceWasCreated() throws IOException {
        fill(3);
        Path manifest = db.resolve("manifest-000001");
        byte[] original = Files.readAllBytes(manifest);
        Files.write(manifest, Arrays.copyOf(original, 28 + 12 + MemorySegment.ofArray(original).get(INT_LE, 28 + 8)));
        CorruptionException e = assertThrows(CorruptionException.class, () -> Database.open(db));
        assertEquals(db.resolve("journal").resolve("000001.journal"), e.file());
        assertTrue(e.offset() >= 64, e.getMessage());
        Files.write(manifest, original);
        assertHolds(3);
    }

    @Test
    void aMissingDirectoryOfTablesOrJournals() throws IOException {
        fillWithTable();
        for (Path each : List.of(db.resolve("journal"), fileEnding(".table").getParent(), db.resolve("keyspaces"))) {
            Files.move(each, directory.resolve("kept"));
            CorruptionException e = assertThrows(CorruptionException.class, () -> Database.open(db), each.toString());
            assertEquals(each, e.file());
            Files.move(directory.resolve("kept"), each);
        }
        assertHolds(20);
    }

    // ---- limits of the machine

    /** The first journal file does not fit; then a later one does not. In KiB. */
    @Test
    void aFullDiskByALimitOfTheSizeOfFiles() throws Exception {
        List<String> said = LimitedChild.run("ulimit -f 1024", List.of(), "fill", db);
        assertTrue(said.getFirst().startsWith("NoSpaceException: "), said::toString);
        assertTrue(said.getFirst().contains("journal"), said::toString);

        said = LimitedChild.run("ulimit -f 6144", List.of(), "fill", db);
        String refusal = said.stream().filter(line -> line.startsWith("NoSpaceException: ")).findFirst().orElse("");
        assertTrue(refusal.contains("journal"), said::toString);
        int acknowledged = Integer.parseInt(said.getLast());
        assertTrue(acknowledged > 3000, said::toString);
        assertHolds(acknowledged);
    }

    @Test
    void tooFewDescriptors() throws Exception {
        List<String> said = LimitedChild.run("ulimit -n 256", LimitedChild.onJars(directory), "descriptors", directory);
        List<String> ends = said.stream().filter(line -> !line.startsWith("\tat ") && !line.contains("WARNING")).toList();
        assertTrue(ends.stream().anyMatch(line -> line.startsWith("StorageException: ") && line.contains("Too many open files")),
                said::toString);
        assertTrue(ends.stream().anyMatch(line -> line.startsWith("WriteStalledException: ")), said::toString);
        assertEquals("read", said.getLast());
        assertEquals(2, ends.stream().filter("done"::equals).count(), said::toString);
    }

    // ---- what is done before and after

    private void fill(int keys) {
        try (Database opened = Database.open(db)) {
            for (int i = 0; i < keys; i++) {
                opened.keyspace("a").put(key(i), value(i));
            }
        }
    }

    private void fillWithTable() {
        fill(10);
        try (Database opened = Database.open(db)) {
            opened.keyspace("a").rotateMemtableAndWait();
            for (int i = 10; i < 20; i++) {
                opened.keyspace("a").put(key(i), value(i));
            }
        }
    }

    private void assertHolds(int keys) {
        try (Database opened = Database.open(db)) {
            for (int i = 0; i < keys; i++) {
                assertArrayEquals(value(i), opened.keyspace("a").get(key(i)), "key " + i);
            }
            assertNull(opened.keyspace("a").get(key(1_000_001)));
        }
    }

    private Path fileEnding(String suffix) throws IOException {
        return filesBelow(db).stream().filter(file -> file.toString().endsWith(suffix)).findFirst().orElseThrow();
    }

    /** The one of the highest number: nothing was written to it yet, and it is not looked at. */
    private Path preparedJournal() throws IOException {
        List<Path> journals = filesBelow(db).stream().filter(file -> file.toString().endsWith(".journal")).toList();
        assertFalse(journals.isEmpty());
        return journals.size() > 1 ? journals.getLast() : db;
    }

    private static List<Path> filesBelow(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            return all.filter(Files::isRegularFile).sorted().toList();
        }
    }

    /** The file with another format version and the right checksums; null for a file that has none. */
    private static byte[] ofFormat(Path file, byte[] original, int format) {
        String name = file.getFileName().toString();
        byte[] changed = original.clone();
        if (name.equals("CURRENT") || name.startsWith("manifest-")) {
            put(changed, 4, format);
            put(changed, 24, checksum(0, 0, changed, 0, 24));
            return changed;
        }
        if (name.endsWith(".journal")) {
            put(changed, 4, format);
            byte[] covered = new byte[60];
            System.arraycopy(changed, 0, covered, 0, 48);
            System.arraycopy(changed, 52, covered, 48, 12);
            put(changed, 48, checksum(number(name), 0, covered, 0, 60));
            return changed;
        }
        if (name.endsWith(".table")) {
            int footer = original.length - 76;
            put(changed, footer + 60, format);
            put(changed, footer + 64, checksum(number(name), footer, changed, footer, 64));
            return changed;
        }
        return null;
    }

    private static long number(String name) {
        return Long.parseLong(name.substring(0, name.indexOf('.')));
    }

    private static void put(byte[] bytes, int at, int value) {
        MemorySegment.ofArray(bytes).set(INT_LE, at, value);
    }

    private static int checksum(long identity, long place, byte[] bytes, int from, int length) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(length);
            MemorySegment.copy(bytes, from, memory, ValueLayout.JAVA_BYTE, 0, length);
            return new Crc32c().of(identity, place, memory, 0, length);
        }
    }
}
