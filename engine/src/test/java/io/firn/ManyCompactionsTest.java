package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyspaceOptions;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.ffm.budget.MemoryBudget;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * After many compactions a process has as many mappings, descriptors, threads and reserved bytes as before them. Other than
 * 10,000: {@code -Dcompactions=}.
 */
@EnabledOnOs(OS.LINUX)
final class ManyCompactionsTest {
    private static final KeyspaceOptions OPTIONS = KeyspaceOptions.defaults().memtableBytes(64 << 10);

    /** Compactions before the first look: what is made at first use is there then. */
    private static final int FIRST = 20;

    /** What the JVM maps and opens for itself meanwhile. A leak would be one a compaction. */
    private static final int FOR_THE_JVM = 80;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);

    @TempDir
    Path directory;

    private record Holdings(long ownMappings, long mappings, long ownDescriptors, long descriptors, int threads, long budgetBytes) {}

    @Test
    void aHundredLeaveNothing() throws Exception {
        compactAndCompare(100);
    }

    @Test
    @Tag("long")
    void tenThousandLeaveNothing() throws Exception {
        compactAndCompare(Integer.getInteger("compactions", 10_000));
    }

    private void compactAndCompare(int compactions) throws Exception {
        Path real = directory.toRealPath();
        try (Engine engine = Engine.open(Database.builder(real.resolve("db")).budget(budget).workers(2).settings())) {
            Keyspace keyspace = new Database(engine).keyspace("a", OPTIONS);
            compact(engine, keyspace, FIRST);
            Holdings before = holdings(real);
            compact(engine, keyspace, compactions);
            Holdings after = holdings(real);
            System.out.println(compactions + " compactions: " + before + " -> " + after);
            assertTrue(keyspace.statistics().compactions().completed() >= compactions);
            assertTrue(after.ownMappings <= before.ownMappings + 4, after::toString); // a journal more or less
            assertTrue(after.ownDescriptors <= before.ownDescriptors + 4, after::toString);
            assertTrue(after.mappings < before.mappings + FOR_THE_JVM, after::toString);
            assertTrue(after.descriptors < before.descriptors + FOR_THE_JVM, after::toString);
            assertTrue(after.threads <= before.threads + 4, after::toString);
            assertTrue(after.budgetBytes <= before.budgetBytes + (1 << 20), after::toString); // the next memtable's slab
            for (int i = 0; i < 100; i++) {
                assertEquals(8, keyspace.sizeOf(key(i)));
            }
        }
        assertEquals(0, budget.usedBytes());
        assertEquals(0, holdings(real).ownMappings + holdings(real).ownDescriptors);
    }

    private static void compact(Engine engine, Keyspace keyspace, int compactions) throws InterruptedException {
        for (int i = 0; i < compactions; i++) {
            for (int j = 0; j < 10; j++) {
                keyspace.put(key((10 * i + j) % 100), new byte[8]);
            }
            keyspace.majorCompact();
        }
        for (int i = 0; i < 100; i++) {
            keyspace.put(key(i), new byte[8]);
        }
        keyspace.majorCompact();
        while (!EngineRest.isResting(engine)) {
            Thread.sleep(1);
        }
    }

    private Holdings holdings(Path data) throws IOException {
        // Free slabs are kept, as many as there were memtables at once, which depends on how late the last ones were freed. Whoever
        // lacks memory gets them.
        assertFalse(budget.reserveOrReclaim(budget.limitBytes() + 1));
        List<String> mappings = Files.readAllLines(Path.of("/proc/self/maps"));
        long ownDescriptors = 0;
        long descriptors = 0;
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            for (Path link : links.toList()) {
                descriptors++;
                ownDescriptors += Files.isSymbolicLink(link) && target(link).startsWith(data.toString()) ? 1 : 0;
            }
        }
        return new Holdings(
                mappings.stream().filter(line -> line.contains(data.toString())).count(), mappings.size(),
                ownDescriptors, descriptors, ManagementFactory.getThreadMXBean().getThreadCount(),
                budget.usedBytes());
    }

    /** What was open while the directory was listed may be closed by now. */
    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return "";
        }
    }

    private static byte[] key(int number) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
    }
}
