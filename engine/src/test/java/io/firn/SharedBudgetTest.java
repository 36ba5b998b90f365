package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * 144 databases share a budget of 256 MiB and are written to, read, flushed, closed and reopened in a process of their own: what is
 * resident and anonymous in it stays under the budget and a constant, every account sums, nothing hangs and no write is lost. More:
 * {@code -Dmebibytes=4000}.
 */
@Tag("proof")
@EnabledOnOs(OS.LINUX)
final class SharedBudgetTest {
    private static final long MEBIBYTE = 1 << 20;
    private static final int DATABASES = 144;
    private static final long BUDGET_MEBIBYTES = 256;
    private static final long WRITTEN_MEBIBYTES = Long.getLong("mebibytes", 150);

    private static final long HEAP_MEBIBYTES = 64;

    /**
     * What a process is beside its budget: the heap, the touched stacks of 5 threads a database (about 110 KiB each: two workers, the one that prepares,
     * that of the journal, and maintenance), and 48 MiB for
     * code, metaspace, the compiler and what the allocator rounds up.
     */
    private static final long BESIDE_MEBIBYTES = HEAP_MEBIBYTES + DATABASES * 5 * 110 / 1024 + 48;

    @TempDir
    Path directory;

    @Test
    void residentMemoryStaysUnderTheBudgetAndAConstant() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed + " -Dmebibytes=" + WRITTEN_MEBIBYTES);
        Path output = directory.resolve("output");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx" + HEAP_MEBIBYTES + "m", "-XX:+UseSerialGC", "-ea",
                        "-cp", System.getProperty("java.class.path"),
                        SharedBudgetProgram.class.getName(), directory.resolve("data").toString(),
                        "" + DATABASES, "" + BUDGET_MEBIBYTES, "" + WRITTEN_MEBIBYTES, "" + seed)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            boolean isOver = process.waitFor(900 + WRITTEN_MEBIBYTES, TimeUnit.SECONDS);
            assertTrue(isOver, () -> "it hangs: " + read(output));
            assertEquals(0, process.exitValue(), () -> read(output));
        } finally {
            process.destroyForcibly();
        }
        System.out.print(read(output));
        Map<String, Long> figures = figures(output);
        long budget = BUDGET_MEBIBYTES * MEBIBYTE;
        assertEquals(figures.get("used, bytes"), figures.get("sum of all parts, bytes"));
        assertTrue(figures.get("most used of it, bytes") > budget * 3 / 4, "the budget was not put to use");
        assertTrue(figures.get("most used of it, bytes") < budget + 8 * MEBIBYTE, "overdrafts are small");
        long allowed = budget + BESIDE_MEBIBYTES * MEBIBYTE;
        assertTrue(figures.get("most resident, bytes") <= allowed,
                figures.get("most resident, bytes") + " bytes resident, " + allowed + " allowed");
        assertEquals(0, figures.get("used after all were closed, bytes"));
    }

    private static Map<String, Long> figures(Path output) {
        Map<String, Long> figures = new HashMap<>();
        for (String line : read(output).lines().toList()) {
            int colon = line.lastIndexOf(": ");
            if (colon > 0 && line.substring(colon + 2).matches("[0-9]+")) {
                figures.put(line.substring(0, colon), Long.valueOf(line.substring(colon + 2)));
            }
        }
        return figures;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
