package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * R26 over the whole database: zstd without native access is a CodecMissingException where it is chosen and where a database that
 * has it is opened. Nothing is left behind or changed by that, and with native access everything is there.
 */
@Tag("proof")
class R26DatabaseTest {
    private static final List<String> WITH = List.of("--enable-native-access=ALL-UNNAMED");
    private static final List<String> WITHOUT =
            List.of("--illegal-native-access=deny", "--sun-misc-unsafe-memory-access=deny");
    private static final String NOTHING_LEFT = "left: [] 0";

    @TempDir
    Path directory;

    private Path db;

    @BeforeEach
    void name() {
        db = directory.resolve("db");
    }

    @Test
    void r26_aKeyspaceOfZstdIsNotCreatedWithoutNativeAccess() throws Exception {
        for (String task : List.of("zstd tables", "zstd index")) {
            List<String> said = LimitedChild.run("true", WITHOUT, task, db);
            assertMissing(said.get(0));
            assertEquals(List.of("[other]", "done", NOTHING_LEFT), said.subList(1, said.size()));
            assertFalse(Files.exists(db.resolve("keyspaces/2")), "a directory of a keyspace that was refused");
        }
        assertEquals(List.of("done", "[other, z]", "done", NOTHING_LEFT), LimitedChild.run("true", WITH, "zstd tables", db));
    }

    @Test
    void r26_aJournalOfZstdIsRefusedBeforeAnythingIsCreated() throws Exception {
        List<String> said = LimitedChild.run("true", WITHOUT, "zstd journal", db);
        assertMissing(said.getFirst());
        assertEquals(NOTHING_LEFT, said.getLast());
        assertFalse(Files.exists(db));
    }

    @Test
    void r26_aDatabaseWithTablesOfZstdIsNotOpenedWithoutNativeAccess() throws Exception {
        assertOpensWithAccessAlone("zstd tables", "other 1000", "z 1000");
    }

    @Test
    void r26_aDatabaseWithAnIndexOfZstdIsNotOpenedWithoutNativeAccess() throws Exception {
        assertOpensWithAccessAlone("zstd index", "other 1000", "z 1000");
    }

    /** Its next flush would need what is missing. */
    @Test
    void r26_aDatabaseWithAnEmptyKeyspaceOfZstdIsNotOpenedWithoutNativeAccess() throws Exception {
        assertOpensWithAccessAlone("zstd options", "other 1000", "z -1");
    }

    @Test
    void r26_aDatabaseWithAJournalOfZstdIsNotOpenedWithoutNativeAccess() throws Exception {
        assertOpensWithAccessAlone("zstd journal", "other 100000");
    }

    private void assertOpensWithAccessAlone(String task, String... entries) throws Exception {
        List<String> made = LimitedChild.run("true", WITH, task, db);
        assertTrue(made.stream().noneMatch(line -> line.contains("Exception")), made.toString());
        Map<String, byte[]> before = files();
        List<String> said = LimitedChild.run("true", WITHOUT, "read", db);
        assertEquals(3, said.size(), said.toString());
        assertMissing(said.get(0));
        assertMissing(said.get(1));
        assertEquals(NOTHING_LEFT, said.get(2));
        Map<String, byte[]> after = files();
        assertEquals(before.keySet(), after.keySet());
        before.forEach((name, content) -> assertTrue(Arrays.equals(content, after.get(name)), name + " was changed"));
        said = LimitedChild.run("true", WITH, "read", db);
        for (int opening = 0; opening < 2; opening++) {
            int from = opening * (entries.length + 1);
            assertEquals(List.of(entries), said.subList(from, from + entries.length));
            assertEquals("done", said.get(from + entries.length));
        }
        assertEquals(NOTHING_LEFT, said.getLast());
    }

    private static void assertMissing(String said) {
        assertTrue(said.matches("CodecMissingException: .*(?i:zstd).* needs native access.*"), said);
    }

    /** All but LOCK, which says who opened last. */
    private Map<String, byte[]> files() throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(db)) {
            for (Path file : all.filter(path -> !path.endsWith("LOCK")).toList()) {
                files.put(db.relativize(file).toString(), Files.isDirectory(file) ? new byte[0] : Files.readAllBytes(file));
            }
        }
        return files;
    }
}
