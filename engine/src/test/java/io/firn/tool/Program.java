package io.firn.tool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarInputStream;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;

/** The program under test: in this process, or in one of its own with the flags that this one was started with. */
final class Program {
    private static final long TIMEOUT_SECONDS = 600;

    private Program() {}

    /** How a run ended, its output read as ISO 8859-1, where a character is a byte. */
    record Result(int exitCode, String out, String err) {
        /** It failed as it should: one line to a person, which holds these words, and no stack trace. */
        void assertFailed(String... words) {
            assertEquals(Main.FAILED, exitCode, this::toString);
            String last = err.lines().filter(line -> line.startsWith("firn: ")).reduce("", (former, later) -> later);
            assertTrue(
                    !last.isEmpty() && Arrays.stream(words).allMatch(last::contains),
                    () -> "expected " + Arrays.toString(words) + " in the last line of " + this);
            assertNoStackTrace();
        }

        void assertNoStackTrace() {
            assertFalse(err.contains("\tat ") || err.contains("Exception") || err.contains("Error"), this::toString);
        }

        void assertDone() {
            assertEquals(Main.DONE, exitCode, this::toString);
            assertEquals("", err);
        }
    }

    static Result run(String... arguments) {
        return run(false, arguments);
    }

    static Result run(boolean isTerminal, String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Main.Streams streams = new Main.Streams(
                new PrintStream(out, false, StandardCharsets.UTF_8),
                new PrintStream(err, false, StandardCharsets.UTF_8),
                isTerminal);
        int exitCode = Main.run(streams, arguments);
        return new Result(
                exitCode, out.toString(StandardCharsets.ISO_8859_1), err.toString(StandardCharsets.ISO_8859_1));
    }

    /** Runs it in a process of its own. */
    static Result child(Path scratch, String... arguments) throws IOException {
        return await(scratch, start(scratch, List.of(), onClassPath(List.of()), arguments));
    }

    /** Runs it under a limit of bash's {@code ulimit}. */
    static Result childLimited(Path scratch, String ulimit, List<String> command, String... arguments)
            throws IOException {
        List<String> wrapper = List.of("bash", "-c", "ulimit " + ulimit + " && exec \"$@\"", "bash");
        return await(scratch, start(scratch, wrapper, command, arguments));
    }

    /** The command that runs the classes of this class path. */
    static List<String> onClassPath(List<String> options) {
        List<String> command = java(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        return command;
    }

    static List<String> java(List<String> options) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
        for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (flag.startsWith("--enable-native-access") || flag.startsWith("--illegal-native-access")
                    || flag.startsWith("--sun-misc-unsafe-memory-access")) {
                command.add(flag);
            }
        }
        command.addAll(options);
        return command;
    }

    static Process start(Path scratch, List<String> wrapper, List<String> command, String... arguments)
            throws IOException {
        List<String> whole = new ArrayList<>(wrapper);
        whole.addAll(command);
        whole.addAll(List.of(arguments));
        return new ProcessBuilder(whole)
                .redirectOutput(scratch.resolve("stdout").toFile())
                .redirectError(scratch.resolve("stderr").toFile())
                .start();
    }

    static Result await(Path scratch, Process process) throws IOException {
        try {
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                throw new AssertionError("no end after " + TIMEOUT_SECONDS + " s: " + output(scratch, "stderr"));
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            throw new AssertionError(e);
        }
        return new Result(process.exitValue(), output(scratch, "stdout"), output(scratch, "stderr"));
    }

    static String output(Path scratch, String name) throws IOException {
        return Files.readString(scratch.resolve(name), StandardCharsets.ISO_8859_1);
    }

    /** Writes a jar with the program and all that it needs, as the build packages it. */
    static Path packageJar(Path jar) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, Main.class.getName());
        Set<String> names = new HashSet<>();
        try (JarOutputStream target = new JarOutputStream(Files.newOutputStream(jar), manifest)) {
            target.setLevel(0);
            for (String entry : System.getProperty("java.class.path").split(System.getProperty("path.separator"))) {
                Path path = Path.of(entry);
                String name = path.getFileName().toString();
                boolean isOfTests = name.matches("(test|junit|opentest4j|apiguardian|surefire|HdrHistogram).*");
                if (Files.isDirectory(path) && !isOfTests) {
                    addDirectory(target, names, path);
                } else if (name.endsWith(".jar") && !isOfTests) {
                    addJar(target, names, path);
                }
            }
        }
        return jar;
    }

    private static void addDirectory(JarOutputStream target, Set<String> names, Path directory) throws IOException {
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                try (InputStream source = Files.newInputStream(file)) {
                    add(target, names, directory.relativize(file).toString().replace('\\', '/'), source);
                }
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static void addJar(JarOutputStream target, Set<String> names, Path jar) throws IOException {
        try (JarInputStream source = new JarInputStream(Files.newInputStream(jar))) {
            for (JarEntry entry = source.getNextJarEntry(); entry != null; entry = source.getNextJarEntry()) {
                if (!entry.isDirectory()) {
                    add(target, names, entry.getName(), source);
                }
            }
        }
    }

    private static void add(JarOutputStream target, Set<String> names, String name, InputStream source)
            throws IOException {
        if (!name.endsWith("module-info.class") && !name.startsWith("META-INF/MANIFEST") && names.add(name)) {
            target.putNextEntry(new JarEntry(name));
            source.transferTo(target);
            target.closeEntry();
        }
    }

    /** All bytes of all files below a directory but LOCK, by name, to see what changed. */
    static String digest(Path directory) throws IOException {
        StringBuilder digest = new StringBuilder();
        try (var files = Files.walk(directory)) {
            files.filter(Files::isRegularFile).filter(file -> !file.endsWith("LOCK")).sorted().forEach(file -> {
                try {
                    digest.append(directory.relativize(file)).append(' ').append(Files.size(file)).append(' ')
                            .append(Arrays.hashCode(Files.readAllBytes(file))).append('\n');
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
        return digest.toString();
    }

    /** A file of so many lines, keys in no order; line i is {@link #key} and {@link #value}. */
    static Path writeLines(Path file, int count) throws IOException {
        StringBuilder line = new StringBuilder();
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16)) {
            for (int i = 0; i < count; i++) {
                line.setLength(0);
                line.append(key(i)).append('\t').append(value(i)).append('\n');
                out.write(line.toString().getBytes(StandardCharsets.ISO_8859_1));
            }
        }
        return file;
    }

    /** Distinct for distinct numbers, since the factor is odd. */
    static String key(int i) {
        String number = Integer.toUnsignedString(i * 0x9E3779B1);
        return "key" + "0".repeat(10 - number.length()) + number;
    }

    static String value(int i) {
        return "value of line " + i;
    }
}
