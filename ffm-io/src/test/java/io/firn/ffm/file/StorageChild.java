package io.firn.ffm.file;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Another process that uses the door, where limits are set for it or where it must be another one. */
final class StorageChild implements AutoCloseable {
    static final int GOT_LOCK = 10;
    static final int REFUSED = 11;
    private static final int FAILED = 12;

    private final Process process;

    private StorageChild(Process process) {
        this.process = process;
    }

    /** Runs to the end; answers the exit value, 0 where all went as it should. */
    static int run(String shellCommand, String task, String directory) throws IOException, InterruptedException {
        Process process = start(shellCommand, task, directory);
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(10, TimeUnit.MINUTES)) {
            process.toHandle().destroyForcibly();
            throw new IOException(task + " hangs: " + output);
        }
        if (process.exitValue() != 0 && process.exitValue() < GOT_LOCK || process.exitValue() >= FAILED) {
            throw new IOException(task + " ended with " + process.exitValue() + ": " + output);
        }
        return process.exitValue();
    }

    static StorageChild holdingLock(Path directory) throws IOException {
        Process process = start("true", "hold", directory.toString());
        BufferedReader reader = process.inputReader();
        String line = reader.readLine();
        if (!"held".equals(line)) {
            process.toHandle().destroyForcibly();
            throw new IOException("the child says " + line);
        }
        return new StorageChild(process);
    }

    private static Process start(String shellCommand, String task, String directory) throws IOException {
        List<String> java = new ArrayList<>();
        java.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        java.addAll(List.of("-Xmx64m", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        java.addAll(List.of("-cp", System.getProperty("java.class.path")));
        java.addAll(List.of(StorageChild.class.getName(), task, directory));
        StringBuilder command = new StringBuilder(shellCommand).append(" && exec");
        java.forEach(word -> command.append(" '").append(word).append('\''));
        return new ProcessBuilder("bash", "-c", command.toString()).redirectErrorStream(true).start();
    }

    long pid() {
        return process.pid();
    }

    @Override
    public void close() {
        process.toHandle().destroyForcibly();
        process.onExit().join();
    }

    public static void main(String[] arguments) throws Exception {
        Path directory = Path.of(arguments[1]);
        Storage storage = new SystemStorage();
        switch (arguments[0]) {
            case "lock" -> System.exit(lock(storage, directory));
            case "hold" -> hold(storage, directory);
            case "limitedSize" -> limitedSize(storage, directory);
            case "fewDescriptors" -> fewDescriptors(storage, directory);
            default -> System.exit(FAILED);
        }
    }

    private static int lock(Storage storage, Path directory) throws IOException {
        try (DirectoryLock lock = storage.lock(directory)) {
            return lock != null ? GOT_LOCK : FAILED;
        } catch (DirectoryLockedException e) {
            return REFUSED;
        }
    }

    private static void hold(Storage storage, Path directory) throws Exception {
        try (DirectoryLock lock = storage.lock(directory)) {
            System.out.println(lock != null ? "held" : "nothing");
            Thread.sleep(600_000);
        }
    }

    private static void limitedSize(Storage storage, Path directory) throws IOException {
        try (Arena arena = Arena.ofConfined();
                AppendFile file = storage.create(directory.resolve("a"))) {
            MemorySegment source = arena.allocate(300_000);
            OutOfSpaceException first = expectOutOfSpace(() -> file.append(source), "File too large");
            check(file.positionBytes() == 200 * 1024, "position " + file.positionBytes());
            check(expectOutOfSpace(file::force, "File too large") == first, "another failure than the first");
        }
        expectOutOfSpace(() -> storage.journal(directory.resolve("j"), 300_000, null), "File too large");
        storage.journal(directory.resolve("k"), 100_000, null).close();
    }

    private static OutOfSpaceException expectOutOfSpace(Action action, String reason) throws IOException {
        try {
            action.run();
        } catch (OutOfSpaceException e) {
            check(e.getMessage().contains(reason), e.getMessage());
            return e;
        }
        throw new IllegalStateException("the limit has no effect");
    }

    private static void fewDescriptors(Storage storage, Path directory) throws IOException {
        // Classes come from directories here, and loading one needs a descriptor.
        try {
            storage.map(directory.resolve("missing"), 1);
        } catch (IOException e) {
            check(e.getMessage().contains("missing"), e.getMessage());
        }
        storage.journal(directory.resolve("j"), 4096, null).close();
        List<AppendFile> open = new ArrayList<>();
        String message = "";
        try {
            for (int number = 0; number < 1_000; number++) {
                open.add(storage.create(directory.resolve("f" + number)));
            }
        } catch (IOException e) {
            message = String.valueOf(e.getMessage());
        }
        String journalMessage = "";
        try {
            storage.journal(directory.resolve("k"), 4096, directory.resolve("j"));
        } catch (IOException e) {
            journalMessage = String.valueOf(e.getMessage());
        }
        int count = open.size();
        for (AppendFile file : open) {
            file.close();
        }
        check(message.contains("f" + count) && message.contains("Too many open files"), message);
        check(journalMessage.contains("Too many open files"), journalMessage);
        check(storage.exists(directory.resolve("j")), "the journal lost its name");
        storage.create(directory.resolve("afterwards")).close();
    }

    private static void check(boolean isRight, String message) {
        if (!isRight) {
            throw new IllegalStateException(message);
        }
    }

    private interface Action {
        void run() throws IOException;
    }
}
