package io.firn;

import io.firn.config.Compression;
import io.firn.config.KeyspaceOptions;
import io.firn.config.OpenMode;
import io.firn.error.FirnException;
import io.firn.error.WriteStalledException;
import io.firn.ffm.budget.MemoryBudget;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Another process that uses the API, where limits or flags are set for it, or where it must be another one. */
final class LimitedChild {
    private static final int KEYS_MAX = 1_000_000;

    /** The deadline of writers is short, and a loaded machine may miss it so many times. */
    private static final int STALLS_MAX = 60;

    private LimitedChild() {}

    /** What a child said, line by line; it ended with 0. */
    static List<String> run(String shellCommand, List<String> flags, String task, Path directory)
            throws IOException, InterruptedException {
        Process process = start(shellCommand, flags, task, directory);
        try {
            process.outputWriter().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(10, TimeUnit.MINUTES)) {
                throw new AssertionError(task + " hangs: " + output);
            }
            if (process.exitValue() != 0) {
                throw new AssertionError(task + " ended with " + process.exitValue() + ": " + output);
            }
            return output.lines().toList();
        } finally {
            process.toHandle().destroyForcibly();
        }
    }

    /** The class path with its directories packed into jars: a class in a jar is loaded without a further descriptor. */
    static List<String> onJars(Path directory) throws IOException {
        List<String> jars = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            Path path = Path.of(entry);
            if (Files.isDirectory(path)) {
                Path jar = directory.resolve("classes" + jars.size() + ".jar");
                pack(path, jar);
                path = jar;
            }
            jars.add(path.toString());
        }
        return List.of("-cp", String.join(File.pathSeparator, jars));
    }

    private static void pack(Path classes, Path jar) throws IOException {
        try (ZipOutputStream target = new ZipOutputStream(Files.newOutputStream(jar)); Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                target.putNextEntry(new ZipEntry(classes.relativize(file).toString()));
                Files.copy(file, target);
            }
        }
    }

    static Process start(String shellCommand, List<String> flags, String task, Path directory) throws IOException {
        List<String> java = new ArrayList<>();
        java.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        java.addAll(List.of("-ea", "-Xmx64m", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        java.addAll(List.of("-cp", System.getProperty("java.class.path")));
        java.addAll(flags);
        java.addAll(List.of(LimitedChild.class.getName(), task, directory.toString()));
        StringBuilder command = new StringBuilder(shellCommand).append(" && exec");
        java.forEach(word -> command.append(" '").append(word).append('\''));
        return new ProcessBuilder("bash", "-c", command.toString()).redirectErrorStream(true).start();
    }

    static byte[] key(int i) {
        return String.format("key%07d", i).getBytes(StandardCharsets.UTF_8);
    }

    static byte[] value(int i) {
        byte[] value = new byte[1000];
        Arrays.fill(value, (byte) i);
        return value;
    }

    /** Arguments: the task and the directory. */
    public static void main(String[] arguments) throws Exception {
        Path directory = Path.of(arguments[1]);
        switch (arguments[0]) {
            case "open" -> open(directory);
            case "hold" -> hold(directory);
            case "fill" -> fill(directory);
            case "descriptors" -> descriptors(directory);
            case "zstd tables" -> zstd(directory, KeyspaceOptions.defaults().compression(Compression.ZSTD), true);
            case "zstd index" -> zstd(directory, KeyspaceOptions.defaults().indexCompression(Compression.ZSTD), true);
            case "zstd options" -> zstd(directory, KeyspaceOptions.defaults().compression(Compression.ZSTD), false);
            case "zstd journal" -> zstdJournal(directory);
            case "read" -> read(directory);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void say(Runnable action) {
        try {
            action.run();
            System.out.println("done");
        } catch (FirnException e) {
            System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
        }
    }

    private static void open(Path directory) {
        say(() -> Database.open(directory).close());
    }

    private static void hold(Path directory) throws IOException {
        try (Database db = Database.open(directory)) {
            System.out.println("held " + db.path());
            int ended = System.in.read();
            assert ended == -1;
        }
    }

    /** Writes until that is refused, then reads everything that was not. */
    private static void fill(Path directory) {
        try (Database db = Database.builder(directory).writeTimeout(Duration.ofSeconds(1)).open()) {
            Keyspace keyspace = db.keyspace("a");
            int acknowledged = 0;
            int stalls = 0;
            try {
                while (acknowledged < KEYS_MAX) {
                    try {
                        keyspace.put(key(acknowledged), value(acknowledged));
                        acknowledged++;
                    } catch (WriteStalledException e) {
                        if (++stalls > STALLS_MAX) {
                            throw e;
                        }
                    }
                }
            } catch (FirnException e) {
                System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
            }
            for (int i = 0; i < acknowledged; i++) {
                assert Arrays.equals(value(i), keyspace.get(key(i))) : i;
            }
            System.out.println(acknowledged);
        } catch (FirnException e) {
            System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
            System.out.println(0);
        }
    }

    /** Opens without a descriptor left, then flushes without one, then does both with enough. */
    private static void descriptors(Path directory) throws Exception {
        open(directory.resolve("first"));
        List<InputStream> taken = takeAll();
        Path second = directory.resolve("second");
        open(second);
        giveBack(taken);
        try (Database db = Database.builder(second).writeTimeout(Duration.ofSeconds(1)).open()) {
            Keyspace keyspace = db.keyspace("a");
            keyspace.put(key(1), value(1));
            taken = takeAll();
            say(keyspace::rotateMemtableAndWait);
            keyspace.put(key(2), value(2));
            assert Arrays.equals(value(1), keyspace.get(key(1)));
            giveBack(taken);
            say(() -> flushAtLast(keyspace));
        }
        try (Database db = Database.open(second)) {
            for (int i = 1; i <= 2; i++) {
                assert Arrays.equals(value(i), db.keyspace("a").get(key(i)));
            }
        }
        System.out.println("read");
    }

    private static void flushAtLast(Keyspace keyspace) {
        for (int stalls = 0; ; stalls++) {
            try {
                keyspace.rotateMemtableAndWait();
                return;
            } catch (WriteStalledException e) {
                if (stalls > STALLS_MAX) {
                    throw e;
                }
            }
        }
    }

    private static List<InputStream> takeAll() {
        List<InputStream> taken = new ArrayList<>();
        try {
            while (true) {
                taken.add(new FileInputStream("/dev/null"));
            }
        } catch (IOException e) {
            return taken;
        }
    }

    private static void giveBack(List<InputStream> taken) throws IOException {
        for (InputStream each : taken) {
            each.close();
        }
    }

    /** Creates a keyspace and writes to it, into a table or not at all; tells of threads and memory that stay. */
    private static void zstd(Path directory, KeyspaceOptions options, boolean isWritten) {
        MemoryBudget budget = MemoryBudget.ofMebibytes(64);
        say(() -> {
            try (Database db = Database.builder(directory).budget(budget).open()) {
                db.keyspace("other").put(key(1), value(1));
                say(() -> {
                    Keyspace keyspace = db.keyspace("z", options);
                    if (isWritten) {
                        keyspace.put(key(1), value(1));
                        keyspace.rotateMemtableAndWait();
                        assert Arrays.equals(value(1), keyspace.get(key(1)));
                    }
                });
                System.out.println(db.keyspaceNames());
            }
        });
        System.out.println("left: " + left(budget));
    }

    private static void zstdJournal(Path directory) {
        MemoryBudget budget = MemoryBudget.ofMebibytes(64);
        say(() -> {
            try (Database db = Database.builder(directory).budget(budget).journalCompression(Compression.ZSTD).open()) {
                db.keyspace("other").put(key(1), new byte[100_000]);
            }
        });
        System.out.println("left: " + left(budget));
    }

    /** Opens twice: what an opening leaves behind would be met by the second. */
    private static void read(Path directory) {
        MemoryBudget budget = MemoryBudget.ofMebibytes(64);
        for (int opening = 0; opening < 2; opening++) {
            say(() -> {
                try (Database db = Database.builder(directory).budget(budget).openMode(OpenMode.RECOVER).open()) {
                    for (String name : db.keyspaceNames()) {
                        byte[] found = db.keyspace(name).get(key(1));
                        System.out.println(name + " " + (found == null ? -1 : found.length));
                    }
                }
            });
        }
        System.out.println("left: " + left(budget));
    }

    /** The engine's threads, those that are about to end given some time for it, and the memory that is still charged. */
    private static String left(MemoryBudget budget) {
        long deadline = System.nanoTime() + 300_000_000_000L;
        List<String> threads;
        do {
            threads = Thread.getAllStackTraces().keySet().stream()
                    .map(Thread::getName).filter(name -> name.startsWith("firn-")).toList();
        } while (!threads.isEmpty() && System.nanoTime() < deadline);
        return threads + " " + budget.usedBytes();
    }
}
