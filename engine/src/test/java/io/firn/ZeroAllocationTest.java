package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hot calls allocate nothing on the heap, on a store that is larger than its memtables: put, remove, batch, copying get,
 * visitor read, sizeOf and the wait for a force.
 *
 * <p>Counted in a process of its own, because what a call site has seen decides what the compiler removes. There the compiler is kept
 * from leaving out callees that it believes to be rare: with stale profiles of the platform's own methods it does so by
 * chance, and a slice of 40 bytes then stays.
 */
class ZeroAllocationTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"NONE", "LZ4"})
    void hotCallsAllocateNothing(String codec) throws Exception {
        run(codec);
    }

    @Test
    void r25_waitingForAForceAllocatesNothing() throws Exception {
        run("force");
    }

    @Test
    void transactionsAllocateNothing() throws Exception {
        run("transaction");
    }

    private void run(String argument) throws Exception {
        Path output = directory.resolve("output");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xbatch", "-Xmx64m", "-XX:+UseSerialGC", "-XX:+UnlockDiagnosticVMOptions", "-XX:MinInlineFrequencyRatio=0",
                        "-cp", System.getProperty("java.class.path"),
                        ZeroAllocationProgram.class.getName(), directory.toString(), argument)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        assertEquals(0, process.waitFor(), () -> read(output));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
