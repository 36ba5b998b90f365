package io.firn;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills a writing process with SIGKILL at random moments, its start and recovery included, over and over on one directory: what was
 * acknowledged is there, batches are whole, the rest is old or new. More cycles: {@code -Dcycles=4000}.
 */
@Tag("proof")
class TortureTest {
    private static final int CYCLES = Integer.getInteger("cycles", 60);
    private static final int EXIT_OF_SIGKILL = 128 + 9;

    @TempDir
    Path directory;

    @Test
    void nothingAcknowledgedIsLostByKills() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed + " -Dcycles=" + CYCLES);
        Random random = new Random(seed);
        int verified = 0;
        for (int cycle = 0; cycle < CYCLES; cycle++) {
            Path output = directory.resolve("output-" + cycle);
            Process child = start(random.nextLong(), output);
            try {
                if (random.nextInt(4) > 0) {
                    awaitVerified(child, output);
                }
                child.waitFor(random.nextInt(500), TimeUnit.MILLISECONDS);
                // Not Process.destroyForcibly, which also closes the pipes.
                child.toHandle().destroyForcibly();
                int exit = child.waitFor();
                String said = Files.readString(output);
                if (exit != EXIT_OF_SIGKILL) {
                    fail("seed " + seed + ", cycle " + cycle + ": exit " + exit + ": " + said);
                }
                verified += said.contains("verified") ? 1 : 0;
            } finally {
                child.destroyForcibly();
            }
        }
        System.out.println(CYCLES + " kills, " + verified + " of them after the database was verified and written to");
        assertTrue(verified > CYCLES / 2, "only " + verified + " of " + CYCLES + " children came to write");
    }

    private static void awaitVerified(Process child, Path output) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(10);
        while (child.isAlive() && !Files.readString(output).contains("verified")) {
            assertTrue(System.nanoTime() < deadline, "the child did not open its database within ten minutes");
            child.waitFor(10, TimeUnit.MILLISECONDS);
        }
    }

    private Process start(long seed, Path output) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-ea", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
                        "-cp", System.getProperty("java.class.path"),
                        TortureChild.class.getName(),
                        directory.resolve("db").toString(), directory.resolve("expected").toString(), Long.toString(seed))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
    }
}
