package io.firn.tool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.tool.Program.Result;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The store as modules: a program that requires io.firn and nothing else, and what it does not get to see. */
class ModulePathTest {
    private static final String PROGRAM = """
            package reader;

            import io.firn.Database;
            import io.firn.Keyspace;
            import io.firn.config.PersistMode;
            import java.nio.file.Path;

            public final class Program {
                public static void main(String[] arguments) {
                    try (Database database = Database.open(Path.of(arguments[0]))) {
                        Keyspace keyspace = database.keyspace("default");
                        keyspace.put(new byte[] {1}, new byte[] {2});
                        database.persist(PersistMode.SYNC_ALL);
                        keyspace.rotateMemtableAndWait();
                        System.out.println("read " + keyspace.get(new byte[] {1})[0]);
                    }
                }
            }
            """;

    @TempDir
    Path directory;

    @Test
    void aModuleThatRequiresTheStoreOpensADatabase() throws IOException {
        Path classes = compile(PROGRAM, 0);
        String modulePath = modulePath("picocli") + System.getProperty("path.separator") + classes;
        Result result = java(
                List.of("--module-path", modulePath, "--module", "reader/reader.Program"),
                directory.resolve("db").toString());
        assertEquals("read 2\n", result.out(), result::toString);
        assertEquals("", result.err());
        assertEquals(0, result.exitCode());
    }

    @Test
    void aModuleThatRequiresTheStoreSeesNoInnerRoom() throws IOException {
        for (String inner : new String[] {
            "io.firn.db.Engine", "io.firn.keyspace.Tree", "io.firn.journal.Journal", "io.firn.ffm.file.Storage",
            "io.firn.tool.Main"
        }) {
            compile(importing(inner), 1);
        }
        compile(importing("io.firn.ffm.budget.MemoryBudget"), 0);
    }

    @Test
    void theCommandLineRunsAsAModule() throws IOException {
        List<String> options = List.of(
                "--module-path", modulePath("none"), "--add-modules", "info.picocli",
                "--module", "io.firn/io.firn.tool.Main");
        String db = directory.resolve("db").toString();
        Result put = java(options, "put", "--db", db, "key", "value");
        assertEquals(0, put.exitCode(), put::toString);
        assertEquals("value\n", java(options, "get", "--db", db, "key").out());
    }

    private static String importing(String name) {
        return PROGRAM.replace("import io.firn.Keyspace;", "import io.firn.Keyspace;\nimport " + name + ";");
    }

    private Path compile(String program, int expectedExitCode) throws IOException {
        Path source = Files.createDirectories(directory.resolve("source/reader"));
        Path classes = Files.createDirectories(directory.resolve("classes"));
        Path module = Files.writeString(
                source.getParent().resolve("module-info.java"), "module reader { requires io.firn; }\n");
        Path main = Files.writeString(source.resolve("Program.java"), program);
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        int exitCode = ToolProvider.getSystemJavaCompiler().run(null, messages, messages,
                "--module-path", modulePath("picocli"), "-d", classes.toString(), module.toString(), main.toString());
        if (expectedExitCode == 0) {
            assertEquals(0, exitCode, messages::toString);
        } else {
            assertNotEquals(0, exitCode);
            assertTrue(messages.toString().contains("not visible") || messages.toString().contains("does not export"),
                    messages::toString);
        }
        return classes;
    }

    private Result java(List<String> options, String... arguments) throws IOException {
        // Native access is granted to the modules of the codecs, which a class path calls ALL-UNNAMED.
        List<String> command = new ArrayList<>();
        for (String flag : Program.java(List.of())) {
            if (!flag.startsWith("--enable-native-access")) {
                command.add(flag);
            }
        }
        command.addAll(options);
        return Program.await(directory, Program.start(directory, List.of(), command, arguments));
    }

    /** The entries of the class path that hold the store and what it requires, without tests and without one jar. */
    private static String modulePath(String without) {
        String separator = System.getProperty("path.separator");
        return Arrays.stream(System.getProperty("java.class.path").split(separator))
                .filter(entry -> {
                    String name = Path.of(entry).getFileName().toString();
                    return name.equals("classes") || name.matches("(firn|agrona|jspecify|picocli|lz4|zstd).*\\.jar")
                            && !name.contains("tests");
                })
                .filter(entry -> !Path.of(entry).getFileName().toString().startsWith(without))
                .collect(Collectors.joining(separator));
    }
}
