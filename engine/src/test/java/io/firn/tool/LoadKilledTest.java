package io.firn.tool;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.Database;
import io.firn.Keyspace;
import io.firn.config.OpenMode;
import io.firn.tool.Program.Result;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A load of a million lines that is killed with SIGKILL in the middle leaves exactly the first lines of the file. */
class LoadKilledTest {
    private static final int LINES = 1_000_000;
    private static final int KILLS = 2;

    /** A loaded machine may let the load end before this process gets to kill it. */
    private static final int TOO_LATE_MAX = 20;

    @TempDir
    Path directory;

    @Test
    @Tag("proof")
    void leavesExactlyAPrefixOfTheFileThatHoldsWhatWasAcknowledged() throws IOException, InterruptedException {
        long seed = Long.getLong("seed", new Random().nextLong());
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        Path file = Program.writeLines(directory.resolve("file"), LINES);
        int tooLate = 0;
        Path killed = directory;
        int kills = 0;
        while (kills < KILLS) {
            Path db = directory.resolve("db" + kills + "-" + tooLate);
            List<String> command = Program.onClassPath(List.of("-XX:TieredStopAtLevel=4"));
            Process process = Program.start(
                    directory, List.of(), command, "load", "--db", db.toString(), file.toString());
            int killedAt = 100_000 * (1 + random.nextInt(8));
            while (acknowledged() < killedAt && process.isAlive()) {
                Thread.sleep(1);
            }
            Thread.sleep(random.nextInt(50));
            process.destroyForcibly();
            int exit = process.waitFor();
            if (exit == Main.DONE) {
                assertTrue(++tooLate < TOO_LATE_MAX, "it always ends before it is killed");
                continue;
            }
            assertEquals(128 + 9, exit);
            kills++;
            killed = db;
            int acknowledged = acknowledged();
            int found = checkPrefix(db);
            System.out.println("killed after " + acknowledged + " acknowledged lines; found " + found);
            assertTrue(killedAt <= acknowledged && acknowledged <= found && found < LINES,
                    acknowledged + " acknowledged, " + found + " found");
        }
        Result verified = Program.run("verify", "--db", killed.toString());
        assertEquals(Main.DONE, verified.exitCode(), verified::toString);
        assertEquals(Main.DONE, Program.run("load", "--db", killed.toString(), file.toString()).exitCode());
        assertEquals(LINES, checkPrefix(killed));
    }

    /** How many first lines of the file the database holds, after it was seen that it holds nothing else. */
    private static int checkPrefix(Path db) throws IOException {
        Result scanned = Program.run("scan", "--db", db.toString());
        assertEquals(Main.DONE, scanned.exitCode());
        int count = (int) scanned.out().lines().count();
        try (Database database = Database.builder(db).openMode(OpenMode.RECOVER).open()) {
            Keyspace keyspace = database.keyspace("default");
            for (int i = 0; i < count; i++) {
                assertArrayEquals(ascii(Program.value(i)), keyspace.get(ascii(Program.key(i))), "line " + i);
            }
            assertNull(keyspace.get(ascii(Program.key(count))));
        }
        return count;
    }

    private int acknowledged() throws IOException {
        String told = Files.readString(directory.resolve("stderr"));
        int end = told.lastIndexOf(" lines\n");
        return end < 0 ? 0 : Integer.parseInt(told.substring(told.lastIndexOf('\n', end) + 1, end));
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
