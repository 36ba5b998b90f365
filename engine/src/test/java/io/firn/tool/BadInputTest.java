package io.firn.tool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.firn.Database;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.memory.Layouts;
import io.firn.tool.Program.Result;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a user or a disk can do wrong, each in a process of its own: one line that says what it is, exit code 2, no
 * stack trace, and nothing lost.
 */
class BadInputTest {
    private static final int LINES = 120_000;

    @TempDir
    Path directory;

    private Path db;

    @BeforeEach
    void nameDatabase() {
        db = directory.resolve("db");
    }

    @Test
    void aDirectoryThatIsNotADatabase() throws IOException {
        Files.createDirectory(db);
        Path notes = Files.writeString(db.resolve("notes.txt"), "mine");
        for (String[] command : new String[][] {{"put", "key", "value"}, {"load", notes.toString()}}) {
            child(command).assertFailed(db.toString(), "holds notes.txt, which is no file of a database");
        }
        for (String[] command : new String[][] {{"get", "key"}, {"verify"}}) {
            child(command).assertFailed(db.toString(), "no database here");
        }
        assertEquals("mine", Files.readString(notes));
        assertEquals(List.of("notes.txt"), namesIn(db));
    }

    @Test
    void aFileWhereADirectoryIsExpected() throws IOException {
        Files.writeString(db, "mine");
        child("put", "key", "value").assertFailed(db.toString());
        child("get", "key").assertFailed(db.toString());
        child("verify").assertFailed(db.toString());
        assertEquals("mine", Files.readString(db));
    }

    @Test
    void aNewerFormatVersion() throws IOException {
        put("key", "value");
        for (String name : List.of("CURRENT", "manifest-")) {
            Path file = fileNamed(name);
            byte[] original = Files.readAllBytes(file);
            Files.write(file, withFormat(original, 3));
            child("get", "key").assertFailed(file.toString(), "version 3");
            child("put", "key", "other").assertFailed(file.toString(), "version 3");
            Result verified = child("verify");
            assertEquals(Main.MISSING, verified.exitCode());
            assertTrue(verified.out().contains("problem: " + file + ": "), verified::toString);
            Files.write(file, original);
            assertEquals("value\n", child("get", "key").out());
        }
    }

    @Test
    void aLockedDirectory() throws IOException {
        try (Database database = Database.open(db)) {
            database.keyspace("default").put(new byte[] {'k'}, new byte[] {'v'});
            for (String[] command : new String[][] {{"get", "k"}, {"put", "k", "other"}, {"verify"}, {"stats"}}) {
                child(command).assertFailed(
                        db.toString(), "locked by another process", "pid " + ProcessHandle.current().pid());
            }
            assertEquals('v', database.keyspace("default").get(new byte[] {'k'})[0]);
        }
        assertEquals("v\n", child("get", "k").out());
    }

    @Test
    void aFullDisk() throws IOException {
        put("before", "value");
        Path file = Program.writeLines(directory.resolve("file"), LINES);
        // In KiB: a limit below the first journal file, and one that only a later one, or a table, reaches.
        for (int limit : new int[] {1000, 6000}) {
            Result result = Program.childLimited(
                    directory, "-f " + limit, Program.onClassPath(List.of()),
                    "load", "--db", db.toString(), "--timeout", "2", file.toString());
            result.assertFailed("File too large", "make room");
            assertEquals("value\n", child("get", "before").out());
            Result scanned = child("scan", "--prefix", "key");
            assertEquals(Main.DONE, scanned.exitCode(), scanned::toString);
            long loaded = scanned.out().lines().count();
            assertTrue(acknowledged(result) <= loaded && loaded < LINES, loaded + " lines; " + result);
            assertEquals(Main.DONE, child("verify").exitCode());
        }
        child("load", file.toString()).assertNoStackTrace();
        assertEquals(LINES, child("scan", "--prefix", "key").out().lines().count());
    }

    /** From no descriptor at all to enough: a JVM that cannot start says so itself, everything else is ours to say. */
    @Test
    @Tag("proof")
    void tooFewDescriptors() throws IOException {
        put("before", "value");
        Path file = Program.writeLines(directory.resolve("file"), LINES);
        Path jar = Program.packageJar(directory.resolve("firn.jar"));
        List<String> command = Program.java(List.of("-jar", jar.toString()));
        List<String> endings = new ArrayList<>();
        int told = 0;
        boolean isEnough = false;
        for (int limit = 4; !isEnough; limit++) {
            assertTrue(limit < 64, () -> "never enough: " + endings);
            Result result = Program.childLimited(directory, "-n " + limit, command,
                    "load", "--db", db.toString(), "--timeout", "2", file.toString());
            endings.add(limit + ": " + result.exitCode() + " " + result.err());
            isEnough = result.exitCode() == Main.DONE;
            boolean isStarted = isEnough || result.err().contains("firn: ") || result.err().contains(" lines\n");
            if (isStarted && !isEnough) {
                result.assertFailed("Too many open files", "ulimit -n");
                told++;
            }
            assertEquals("value\n", child("get", "before").out());
        }
        System.out.println("descriptors: " + endings);
        assertTrue(told > 0, () -> "no limit met the store: " + endings);
        assertEquals(LINES, child("scan", "--prefix", "key").out().lines().count());
    }

    @Test
    void aTruncatedTable() throws IOException {
        Path file = Program.writeLines(directory.resolve("file"), 5000);
        assertEquals(Main.DONE, child("load", file.toString()).exitCode());
        assertEquals(Main.DONE, child("stats").exitCode(), "opening moves the journal's entries to a table");
        Path table = fileNamed(".table");
        byte[] original = Files.readAllBytes(table);
        for (int length : new int[] {original.length - 1, original.length / 2, 0}) {
            Files.write(table, Arrays.copyOf(original, length));
            child("get", Program.key(1)).assertFailed(table.toString(), String.valueOf(original.length));
            child("put", "key", "value").assertFailed(table.toString());
            Result verified = child("verify");
            assertEquals(Main.MISSING, verified.exitCode());
            assertTrue(verified.out().matches("(?s).*problem: [^\n]*" + table + ".*"), verified::toString);
            verified.assertNoStackTrace();
        }
        Files.write(table, original);
        assertEquals(5000, child("scan").out().lines().count());
    }

    @Test
    void anEmptyKeyInAFileToLoad() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "a\t1\nb\t2\n\tvalue\nc\t3\n");
        child("load", file.toString()).assertFailed(file + ": line 3: ", "a key of 0 bytes");
        assertEquals("a\t1\nb\t2\n", child("scan").out());
    }

    @Test
    void anUnwritablePath() throws IOException {
        db = Path.of("/dev/null/db");
        child("put", "key", "value").assertFailed(db.toString());
        child("get", "key").assertFailed(db.toString());
        db = Path.of("/proc/db");
        child("put", "key", "value").assertFailed(db.toString());
    }

    @Test
    void aDirectoryWithoutPermission() throws IOException {
        db = Files.createDirectory(directory.resolve("sealed")).resolve("db");
        assertTrue(db.getParent().toFile().setWritable(false));
        assumeFalse(Files.isWritable(db.getParent()), "root may write everywhere");
        try {
            child("put", "key", "value").assertFailed(db.toString(), "permission denied");
        } finally {
            assertTrue(db.getParent().toFile().setWritable(true));
        }
    }

    @Test
    void aFileToLoadThatCannotBeRead() throws IOException {
        child("load", directory.resolve("nowhere").toString()).assertFailed("nowhere: no such file");
        child("load", directory.toString()).assertFailed(directory + ": not a file");
        assertFalse(Files.exists(db));
    }

    @Test
    void aReaderThatGoesAway() throws IOException {
        Path file = Program.writeLines(directory.resolve("file"), 50_000);
        assertEquals(Main.DONE, child("load", file.toString()).exitCode());
        List<String> wrapper = List.of("bash", "-c", "set -o pipefail; \"$@\" | head -n 1", "bash");
        Result result = Program.await(directory,
                Program.start(directory, wrapper, Program.onClassPath(List.of()), "scan", "--db", db.toString()));
        result.assertFailed("the output could not be written");
        assertEquals(1, result.out().lines().count());
    }

    private void put(String key, String value) throws IOException {
        child("put", key, value).assertDone();
    }

    private Result child(String... command) throws IOException {
        List<String> whole = new ArrayList<>(List.of(command[0], "--db", db.toString()));
        whole.addAll(List.of(command).subList(1, command.length));
        return Program.child(directory, whole.toArray(String[]::new));
    }

    /** The most lines that it told to be committed. */
    private static long acknowledged(Result loaded) {
        return loaded.err().lines().filter(line -> line.endsWith(" lines"))
                .mapToLong(line -> Long.parseLong(line.substring(0, line.indexOf(' ')))).max().orElse(0);
    }

    /** The header of CURRENT or a manifest with another format version, its checksum made right again. */
    private static byte[] withFormat(byte[] file, int format) {
        byte[] changed = file.clone();
        ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN).putInt(4, format);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(24);
            MemorySegment.copy(changed, 0, header, Layouts.BYTE, 0, 24);
            ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(24, new Crc32c().of(0, 0, header, 0, 24));
        }
        return changed;
    }

    private Path fileNamed(String part) throws IOException {
        try (Stream<Path> files = Files.walk(db)) {
            return files.filter(file -> file.getFileName().toString().contains(part)).findFirst().orElseThrow();
        }
    }

    private static List<String> namesIn(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
