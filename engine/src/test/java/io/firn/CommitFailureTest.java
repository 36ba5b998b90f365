package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.error.PoisonedException;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.Storage;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R8 over the whole database: commits that end with an error between their first byte and their publication. */
class CommitFailureTest {
    private static final int SEEN_JOURNAL_BYTES = 700;

    /** The journal's memory ends in the middle of a record, as if the pages behind were lost. */
    @Test
    void r8_anErrorInTheMiddleOfTheRecordPoisonsAndLeavesNoTrace() {
        try (SimStorage disk = new SimStorage()) {
            TinyDatabase tiny = TinyDatabase.open(withShortJournals(disk), OpenMode.CREATE);
            Keyspace a = tiny.keyspace("a");
            Keyspace b = tiny.keyspace("b");
            a.put(bytes("k"), bytes("v"));
            try (WriteBatch batch = tiny.database.batch()) {
                batch.put(a, bytes("k"), new byte[400]).put(b, bytes("k"), new byte[400]);
                assertThrows(IndexOutOfBoundsException.class, batch::commit);
            }
            assertThrows(PoisonedException.class, () -> a.put(bytes("k"), bytes("later")));
            assertThrows(PoisonedException.class, () -> tiny.database.persist(PersistMode.SYNC_DATA));
            assertThrows(PoisonedException.class, a::rotateMemtable);
            assertArrayEquals(bytes("v"), a.get(bytes("k")));
            assertNull(b.get(bytes("k")));
            PoisonedException told = assertThrows(PoisonedException.class, tiny::close);
            assertTrue(told.getCause() instanceof IndexOutOfBoundsException, String.valueOf(told.getCause()));
            disk.assertNothingOpen();
            assertEquals(0, tiny.usedMemoryBytes());
            try (TinyDatabase after = TinyDatabase.open(disk, OpenMode.RECOVER)) {
                assertArrayEquals(bytes("v"), after.keyspace("a").get(bytes("k")));
                assertFalse(after.keyspace("b").containsKey(bytes("k")));
            }
        }
    }

    /**
     * Batches over two keyspaces are committed with less and less of the stack left. Each is done, or refused and leaves no trace,
     * or poisons; nothing of it is seen in part, before closing or after reopening, and nobody waits for ever.
     */
    @Test
    @Tag("proof")
    @Timeout(600)
    void r8_aStackOverflowAnywhereInACommitPoisonsOrLeavesNoTrace() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-ea", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                "-Dseed=" + Long.getLong("seed", 1), "-cp", System.getProperty("java.class.path"),
                StackOverflowProgram.class.getName(), "2"));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(10, TimeUnit.MINUTES), told);
        System.out.println(told);
        assertEquals(0, process.exitValue(), told);
        Matcher figures = Pattern.compile("done (\\d+) refused (\\d+) poisoned (\\d+)").matcher(told);
        assertTrue(figures.find(), told);
        for (int group = 1; group <= 3; group++) {
            assertTrue(Integer.parseInt(figures.group(group)) > 10, told);
        }
    }

    /** Of each journal file only so many bytes can be reached. */
    private static Storage withShortJournals(SimStorage disk) {
        return (Storage) Proxy.newProxyInstance(
                Storage.class.getClassLoader(), new Class<?>[] {Storage.class}, (proxy, method, arguments) -> {
                    Object result;
                    try {
                        result = method.invoke(disk, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                    return result instanceof JournalMapping mapping ? shortened(mapping) : result;
                });
    }

    private static JournalMapping shortened(JournalMapping mapping) {
        return new JournalMapping() {
            @Override
            public MemorySegment bytes() {
                return mapping.bytes().asSlice(0, SEEN_JOURNAL_BYTES);
            }

            @Override
            public void force() throws IOException {
                mapping.force();
            }

            @Override
            public void unmap() throws IOException {
                mapping.unmap();
            }

            @Override
            public void close() throws IOException {
                mapping.close();
            }
        };
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
