package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A merge allocates nothing on the heap for an entry, only for the tables and blocks that it writes. Counted in a process of its own,
 * for the reasons that {@link ZeroAllocationTest} gives.
 */
final class MergeAllocationTest {
    /** What a table and its registration in the manifest allocate, by entry: no object is as small. */
    static final double BYTES_PER_ENTRY = 0.5;

    @TempDir
    Path directory;

    /** Merges are repeated until the merge is compiled. */
    @Test
    void aMergeAllocatesNothingForAnEntry() throws Exception {
        run(64 << 20, 12, "-Xmx64m", "-XX:+UseSerialGC");
    }

    /** On a heap of 64 MiB that is never collected, what is allocated before the merge is compiled included. */
    @Test
    @Tag("long")
    void aGibibyteIsMergedOnAHeapThatIsNeverCollected() throws Exception {
        run(1L << 30, 1, "-Xms64m", "-Xmx64m", "-XX:+UnlockExperimentalVMOptions", "-XX:+UseEpsilonGC");
    }

    private void run(long bytes, int rounds, String... heap) throws Exception {
        Path output = directory.resolve("output");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UnlockDiagnosticVMOptions", "-XX:MinInlineFrequencyRatio=0"));
        command.addAll(List.of(heap));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), MergeProgram.class.getName(),
                directory.resolve("db").toString(), "" + bytes, "" + rounds));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        assertEquals(0, process.waitFor(), () -> read(output));
        System.out.print(read(output));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
