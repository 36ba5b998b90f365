package io.firn.tool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.Database;
import io.firn.tool.Program.Result;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What each command does when nothing is wrong, or little. */
class CommandsTest {
    @TempDir
    Path directory;

    private Path db;

    @BeforeEach
    void nameDatabase() {
        db = directory.resolve("db");
    }

    @Test
    void putsGetsAndRemoves() {
        run("put", "key", "value").assertDone();
        assertEquals("value\n", done("get", "key"));
        run("put", "key", "").assertDone();
        assertEquals("\n", done("get", "key"));
        run("remove", "key").assertDone();
        run("remove", "never there").assertDone();
        Result missing = run("get", "key");
        assertEquals(Main.MISSING, missing.exitCode());
        assertEquals("", missing.out());
        assertEquals("firn: no such key: key\n", missing.err());
    }

    @Test
    void takesKeysOfAnyCharactersAsUtf8() {
        for (String key : new String[] {"@key", "é€😀", "a b\tc\nd", "'quoted'", "${user.name}", " "}) {
            run("put", key, "is " + key).assertDone();
            assertEquals("is " + key + "\n", utf8(done("get", key)));
        }
        run("put", "--", "-dash", "--value").assertDone();
        assertEquals("--value\n", done("get", "--", "-dash"));
    }

    @Test
    void keepsKeyspacesApart() {
        run("put", "--keyspace", "one", "key", "1").assertDone();
        run("put", "--keyspace", "two", "key", "2").assertDone();
        assertEquals("1\n", done("get", "--keyspace", "one", "key"));
        assertEquals("key\t2\n", done("scan", "--keyspace", "two"));
        run("get", "--keyspace", "three", "key").assertFailed("no keyspace three", "one, two");
        run("remove", "--keyspace", "three", "key").assertFailed("no keyspace three");
        run("scan").assertFailed("no keyspace default");
    }

    @Test
    void loadsAFileAndScansItInTheOrderOfItsKeys() throws IOException {
        Result loaded = load("b\t2\na\t1\nc\nd\tx\ty\ne\tcr\r\na\tagain\nlast\tno newline");
        assertTrue(loaded.out().startsWith("loaded 7 lines, 45 bytes, in "), loaded::toString);
        String all = "a\tagain\nb\t2\nc\t\nd\tx\ty\ne\tcr\r\nlast\tno newline\n";
        assertEquals(all, done("scan"));
        assertEquals("a\tagain\nb\t2\n", done("scan", "--limit", "2"));
        assertEquals("", done("scan", "--limit", "0"));
        assertEquals("last\tno newline\n", done("scan", "--prefix", "la"));
        assertEquals("", done("scan", "--prefix", "x"));
        assertEquals("", done("scan", "--prefix", "last!"));
        run("remove", "c").assertDone();
        assertEquals(all.replace("c\t\n", ""), done("scan"));
        assertEquals("x\ty\n", done("get", "d"));
    }

    @Test
    void loadsEveryByteValueAndEverySizeOfKeyAndValue() throws IOException {
        StringBuilder content = new StringBuilder();
        String bytes = allBytesButNewline();
        content.append("all\t").append(bytes).append('\n');
        String longest = "k".repeat(65_535);
        content.append(longest).append("\tlongest\n");
        String large = "v".repeat(20_000_000);
        content.append("large\t").append(large).append('\n');
        for (int i = 0; i < 20_000; i++) {
            content.append(Program.key(i)).append('\t').append(Program.value(i)).append('\n');
        }
        assertEquals(Main.DONE, load(content.toString()).exitCode());
        assertEquals(bytes + "\n", done("get", "all"));
        assertEquals("longest\n", done("get", longest));
        assertEquals(large + "\n", done("get", "large"));
        assertEquals(20_000, done("scan", "--prefix", "key").lines().count());
        assertEquals(Program.value(19_999) + "\n", done("get", Program.key(19_999)));
    }

    @Test
    void loadsAnEmptyFile() throws IOException {
        assertTrue(load("").out().startsWith("loaded 0 lines, 0 bytes, in "));
        assertEquals("", done("scan"));
    }

    @Test
    void stopsLoadingAtAKeyThatIsRefusedAndKeepsWhatCameBefore() throws IOException {
        load("a\t1\nb\t2\n\tno key\nc\t3\n").assertFailed("file: line 3: ", "a key of 0 bytes");
        assertEquals("a\t1\nb\t2\n", done("scan"));
        load("d\t4\n\n").assertFailed("file: line 2: ");
        load("x".repeat(65_536) + "\n").assertFailed("file: line 1: ", "65536");
        assertEquals("a\t1\nb\t2\nd\t4\n", done("scan"));
        StringBuilder many = new StringBuilder();
        for (int i = 0; i < 1000; i++) {
            many.append(Program.key(i)).append('\n');
        }
        load(many + "\t\n" + many).assertFailed("file: line 1001: ");
        assertEquals(1000, done("scan", "--prefix", "key").lines().count());
    }

    @Test
    void tellsItsProgressToATerminalAsABarAndElsewhereAsLines() throws IOException {
        Path file = Program.writeLines(directory.resolve("file"), 250_000);
        Result plain = Program.run(false, "load", "--db", db.toString(), file.toString());
        assertTrue(plain.err().matches("100\\d{3} lines\n200\\d{3} lines\n"), plain::toString);
        Result bar = Program.run(true, "load", "--db", db.toString(), file.toString());
        assertTrue(bar.err().contains(" lines/s") && bar.err().contains("\r["), bar::toString);
        assertTrue(bar.err().endsWith("\r\u001b[K"), "the terminal is left clean");
        assertTrue(bar.out().startsWith("loaded 250,000 lines"), bar::toString);
    }

    @Test
    void showsStatistics() throws IOException {
        load("a\t1\nb\t2\n");
        run("put", "--keyspace", "other", "key", "value").assertDone();
        run("remove", "--keyspace", "other", "key").assertDone();
        String stats = done("stats");
        assertTrue(stats.contains("database     " + db + "\n"), stats);
        assertTrue(stats.contains("keyspaces    2\n"), stats);
        assertTrue(stats.matches("(?s).*keyspace     default, id 1\n"
                + ".*  tables     2 entries, 0 of them removals, in .*: 1 tables in 1 runs\n.*"), stats);
        assertTrue(stats.matches("(?s).*keyspace     other, id 2\n.*, 1 of them removals.*"), stats);
        assertTrue(stats.matches("(?s).*\nwritten      0 bytes of keys and values: .*\nflushed      0 done, 0 failed, 0 cancelled,"
                + " 0 running; .*\ncompacted    .* of debt\ningested     0 done, .*\nopened       3 tables"
                + "\ndata         0 blocks .*\nindex        0 blocks .*\nfilter       0 blocks .* 0 of 0 looks for missing keys spared"
                + "\nstalls       none\n.*"), stats);
        assertFalse(stats.contains("null"), stats);
    }

    @Test
    void verifiesADatabaseAndChangesNothing() throws IOException {
        load("a\t1\nb\t2\n");
        String before = Program.digest(db);
        String answer = done("verify");
        assertTrue(answer.endsWith(": read 0 tables of 0 bytes with 0 entries, and 2 entries in journals:"
                + " everything is right\n"), answer);
        assertEquals(before, Program.digest(db));
        done("stats");
        answer = done("verify");
        assertTrue(answer.matches(".*: read 1 tables of .* with 2 entries, and 0 entries in journals: .*\n"), answer);
    }

    @Test
    void readingCreatesNoDatabase() {
        for (String[] command : new String[][] {{"get", "key"}, {"scan"}, {"stats"}, {"verify"}, {"remove", "key"}}) {
            run(command).assertFailed(db.toString(), "no database here");
            assertFalse(Files.exists(db));
        }
    }

    @Test
    void refusesKeysThatAreNone() {
        run("put", "", "value").assertFailed("a key of 0 bytes");
        run("put", "k".repeat(65_536), "value").assertFailed("a key of 65536 bytes");
        assertFalse(Files.exists(db), "refused before anything is written");
        run("put", "key", "value").assertDone();
        run("get", "").assertFailed("a key of 0 bytes");
        run("remove", "").assertFailed("a key of 0 bytes");
    }

    @Test
    void tellsHowItIsUsed() {
        assertEquals(Main.DONE, Program.run("--help").exitCode());
        assertTrue(Program.run("--help").out().contains("verify"));
        assertTrue(Program.run("load", "--help").out().contains("FILE"));
        assertTrue(Program.run("--version").out().startsWith("firn "));
        for (String[] wrong : new String[][] {
            {}, {"loda"}, {"get", "key"}, {"get", "--db", "x"}, {"get", "--db", "x", "a", "b"},
            {"scan", "--db", "x", "--limit", "y"}
        }) {
            Result result = Program.run(wrong);
            assertEquals(Main.FAILED, result.exitCode(), result::toString);
            assertTrue(result.err().matches("(?s).*(Usage: firn|Did you mean: firn load).*"), result::toString);
            result.assertNoStackTrace();
        }
        run("scan", "--limit", "-1").assertFailed("--limit -1");
    }

    @Test
    void readsWhatTheApiWroteAndTheOtherWayRound() {
        try (Database database = Database.open(db)) {
            byte[] key = "from the API".getBytes(StandardCharsets.UTF_8);
            database.keyspace("default").put(key, new byte[] {0, -1, '\t', '\n'});
        }
        assertEquals("\0\u00ff\t\n\n", done("get", "from the API"));
        run("put", "from the tool", "value").assertDone();
        try (Database database = Database.open(db)) {
            byte[] value = database.keyspace("default").get("from the tool".getBytes(StandardCharsets.UTF_8));
            assertEquals("value", new String(value, StandardCharsets.UTF_8));
        }
    }

    private Result load(String content) throws IOException {
        Path file = directory.resolve("file");
        Files.writeString(file, content, StandardCharsets.ISO_8859_1);
        return run("load", file.toString());
    }

    /** Runs a command on the database; the arguments behind its name follow the option --db. */
    private Result run(String... command) {
        String[] whole = new String[command.length + 2];
        whole[0] = command[0];
        whole[1] = "--db";
        whole[2] = db.toString();
        System.arraycopy(command, 1, whole, 3, command.length - 1);
        return Program.run(whole);
    }

    private String done(String... command) {
        Result result = run(command);
        result.assertDone();
        return result.out();
    }

    private static String utf8(String bytes) {
        return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    private static String allBytesButNewline() {
        StringBuilder bytes = new StringBuilder();
        for (char c = 0; c < 256; c++) {
            if (c != '\n') {
                bytes.append(c);
            }
        }
        return bytes.toString();
    }
}
