package io.firn.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Pages of mapped tables that are lost under readers (R23), in processes of their own, since they may die of it. The
 * processes compile before they run on, so that the errors are late; a twin that verifies without the protocol shows
 * that they are.
 *
 * <p>What it shows: no answer is wrong; the protocol as a whole believes no block whose pages are gone, where a check without it
 * believes every one; and {@code MappedFile.deliverFault} by itself is enough for that: if it does nothing, the second twin
 * believes every block too, and this test fails. What it does not show is a place in the engine where the call of deliverFault alone is
 * missed. That takes a page that is lost in the middle of a block whose end is there, as a failing disk loses it; cutting a file,
 * the means here, loses the end as well, on which the spoiled checksum stands. And where a check fails, the error is delivered on the
 * way to the exception that would have said so.
 */
@Tag("native")
class LostPagesTest {
    @TempDir
    private Path directory;

    @Test
    void r23_aLostPageIsAnErrorAndNeverAWrongAnswer() throws IOException, InterruptedException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        for (String codec : List.of("NONE", "LZ4")) {
            Path output = directory.resolve(codec + ".out");
            Process process = new ProcessBuilder(command(codec, seed))
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .directory(directory.toFile())
                    .start();
            assertTrue(process.waitFor(10, TimeUnit.MINUTES), codec + ": still running");
            String told = Files.readString(output);
            System.out.println(codec + ": " + told.lines().toList().getLast());
            assertFalse(told.contains("Exception in thread"), told);
            // 128 + 6 or 7: the VM died of the fault, which is no answer either.
            if (process.exitValue() != 134 && process.exitValue() != 135) {
                assertEquals(0, process.exitValue(), told);
                assertTrue(told.matches(
                        "(?s).*right [1-9]\\d+ told [1-9]\\d+ late \\d+ twin [1-9]\\d* delivered 0 believed 0 wrong 0\\s*"), told);
            }
        }
    }

    private List<String> command(String codec, long seed) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.contains("native-access") || argument.contains("unsafe-memory-access"))
                .forEach(command::add);
        command.addAll(List.of("-ea", "-Xbatch", "-Xmx256m", "-cp", System.getProperty("java.class.path"),
                LostPagesProgram.class.getName(), directory.toString(), codec, "6", Long.toString(seed)));
        return command;
    }
}
