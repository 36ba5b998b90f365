package io.firn.tool;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.firn.tool.Program.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A load that makes garbage for each line would end here with an OutOfMemoryError. */
class LoadUnderEpsilonTest {
    private static final int LINES = 10_000_000;

    @TempDir
    Path directory;

    @Test
    @Tag("proof")
    void tenMillionLinesAreLoadedInAHeapOf64MebibytesThatIsNeverCollected() throws IOException {
        Path file = Program.writeLines(directory.resolve("file"), LINES);
        List<String> command = new ArrayList<>(Program.onClassPath(List.of(
                "-XX:-UseSerialGC", "-XX:+UnlockExperimentalVMOptions", "-XX:+UseEpsilonGC", "-Xmx64m",
                "-XX:TieredStopAtLevel=4")));
        Path db = directory.resolve("db");
        Result result = Program.await(directory,
                Program.start(directory, List.of(), command, "load", "--db", db.toString(), file.toString()));
        assertEquals(Main.DONE, result.exitCode(), result::toString);
        System.out.print(result.out());
        Files.delete(file);
        Result verified = Program.run("verify", "--db", db.toString());
        assertEquals(Main.DONE, verified.exitCode(), verified::toString);
        for (int line : new int[] {0, 1, LINES / 2, LINES - 1}) {
            Result got = Program.run("get", "--db", db.toString(), Program.key(line));
            assertEquals(Program.value(line) + "\n", got.out());
        }
    }
}
