package io.firn.tool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.Database;
import io.firn.Keyspace;
import io.firn.config.BlobOptions;
import io.firn.config.Compression;
import io.firn.config.KeyspaceOptions;
import io.firn.tool.Program.Result;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code verify} finds, and that it changes nothing. */
class VerifyTest {
    private static final int FLIPS = 30;

    @TempDir
    Path directory;

    private final Random random;
    private Path db;

    VerifyTest() {
        long seed = Long.getLong("seed", new Random().nextLong());
        System.out.println("seed " + seed);
        random = new Random(seed);
    }

    /** Three tables, and a journal with as many entries again. */
    @BeforeEach
    void build() throws IOException {
        db = directory.resolve("db");
        for (int round = 0; round < 4; round++) {
            StringBuilder lines = new StringBuilder();
            for (int i = 0; i < 500; i++) {
                lines.append(Program.key(500 * round + i)).append('\t').append(Program.value(i)).append('\n');
            }
            Path file = Files.writeString(directory.resolve("file"), lines);
            assertEquals(Main.DONE, Program.run("load", "--db", db.toString(), file.toString()).exitCode());
        }
        assertEquals(3, files(".table").size());
        Result whole = verify();
        assertEquals(Main.DONE, whole.exitCode(), whole::toString);
        assertTrue(whole.out().matches(".*: read 3 tables of .* with 1,500 entries, and 500 entries in journals: .*\n"),
                whole::toString);
    }

    @Test
    void aFlippedBitAnywhereInATableIsAProblemOfThatTable() throws IOException {
        for (Path table : files(".table")) {
            flipAll(table, 0, Files.size(table), Expect.PROBLEM);
        }
    }

    @Test
    void aFlippedBitAnywhereInABlobFileIsAProblemOfThatFile() throws IOException {
        for (Compression codec : List.of(Compression.NONE, Compression.LZ4)) {
            try (Database database = Database.open(db)) {
                Keyspace separated = database.keyspace("separated " + codec, KeyspaceOptions.defaults()
                        .blobs(BlobOptions.defaults().separationBytes(64).compression(codec)));
                for (int i = 0; i < 20; i++) {
                    byte[] value = new byte[50 + 30 * i];
                    random.nextBytes(value);
                    Arrays.fill(value, 40, value.length, (byte) i);
                    separated.put(Program.key(i).getBytes(StandardCharsets.UTF_8), value);
                }
                separated.rotateMemtableAndWait();
            }
        }
        List<Path> blobFiles = files(".blob");
        assertEquals(2, blobFiles.size());
        Result whole = verify();
        assertTrue(whole.out().contains(" 2 blob files of ") && whole.out().contains(" with 38 values,"), whole::toString);
        for (Path file : blobFiles) {
            flipAll(file, 0, Files.size(file), Expect.PROBLEM);
        }
    }

    @Test
    void aFlippedBitAnywhereInCurrentIsAProblemOfThatFile() throws IOException {
        flipAll(db.resolve("CURRENT"), 0, Files.size(db.resolve("CURRENT")), Expect.PROBLEM);
    }

    @Test
    void aFlippedBitAnywhereInTheManifestIsFound() throws IOException {
        Path manifest = files("manifest-").getFirst();
        flipAll(manifest, 0, Files.size(manifest), Expect.PROBLEM_OR_NOTE);
    }

    @Test
    void aFlippedBitInTheRecordsOfAClosedJournalIsAProblemOfThatJournalOrHarmless() throws IOException {
        Path journal = files(".journal").getFirst();
        flipAll(journal, 0, endOfRecords(Files.readAllBytes(journal)), Expect.PROBLEM_OR_ALL_ENTRIES);
    }

    @Test
    void oneProblemDoesNotHideAnother() throws IOException {
        List<Path> tables = files(".table");
        flip(tables.get(0), Files.size(tables.get(0)) / 2);
        Files.delete(tables.get(1));
        Path stranger = Files.writeString(tables.get(0).resolveSibling("000999.table"), "no table");
        String before = Program.digest(db);
        Result found = verify();
        assertEquals(Main.MISSING, found.exitCode());
        List<String> problems = found.out().lines().filter(line -> line.startsWith("problem: ")).toList();
        assertEquals(2, problems.size(), found::toString);
        for (Path table : tables.subList(0, 2)) {
            assertEquals(
                    1, problems.stream().filter(problem -> problem.contains("" + table)).count(), found::toString);
        }
        assertTrue(found.out().contains("note: " + stranger + ": not named by the manifest"), found::toString);
        assertTrue(found.out().endsWith(": 2 problems\n"), found::toString);
        assertEquals(before, Program.digest(db));
    }

    @Test
    void anUnfinishedJournalIsANote() throws IOException {
        Path journal = files(".journal").getFirst();
        byte[] content = Files.readAllBytes(journal);
        // What a kill leaves: records and no seal, neither behind them nor at the end of the file.
        Arrays.fill(content, endOfRecords(content) - 40, content.length, (byte) 0);
        Files.write(journal, content);
        Result found = verify();
        assertEquals(Main.DONE, found.exitCode(), found::toString);
        String note = "note: " + db.resolve("journal") + ": not closed, as a crash leaves it";
        assertTrue(found.out().contains(note), found::toString);
    }

    /** A note without a problem is right where the next open loses nothing by it, as with a seal that only ends the records. */
    private enum Expect { PROBLEM, PROBLEM_OR_NOTE, PROBLEM_OR_ALL_ENTRIES }

    /** Behind the seal come zeros, up to its copy at the very end. */
    private static int endOfRecords(byte[] journal) {
        int end = journal.length - 64;
        while (journal[end - 1] == 0) {
            end--;
        }
        return end;
    }

    private void flipAll(Path file, long from, long to, Expect expected) throws IOException {
        byte[] original = Files.readAllBytes(file);
        for (int i = 0; i < FLIPS; i++) {
            long at = i == 0 ? from : i == 1 ? to - 1 : from + random.nextLong(to - from);
            flip(file, at);
            Result found = verify();
            String what = "offset " + at + " of " + file + " flipped: " + found;
            boolean isProblem = found.out().matches("(?s)(.*\n|)problem: [^\n]*" + file + ".*");
            boolean isNote = found.out().matches("(?s)(.*\n|)note: [^\n]*" + file + ".*");
            assertTrue(isProblem || switch (expected) {
                case PROBLEM -> false;
                case PROBLEM_OR_NOTE -> isNote;
                case PROBLEM_OR_ALL_ENTRIES -> found.out().contains(" and 500 entries in journals");
            }, what);
            assertEquals(isProblem ? Main.MISSING : Main.DONE, found.exitCode(), what);
            assertFalse(found.err().contains("\tat "), what);
            Files.write(file, original);
        }
        assertEquals(Main.DONE, verify().exitCode());
    }

    private void flip(Path file, long at) throws IOException {
        byte[] content = Files.readAllBytes(file);
        content[(int) at] ^= (byte) (1 << random.nextInt(8));
        Files.write(file, content);
    }

    private Result verify() {
        return Program.run("verify", "--db", db.toString());
    }

    private List<Path> files(String part) throws IOException {
        try (Stream<Path> files = Files.walk(db)) {
            return files.filter(file -> file.getFileName().toString().contains(part)).sorted().toList();
        }
    }
}
