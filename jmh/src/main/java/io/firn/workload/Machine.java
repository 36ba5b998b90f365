package io.firn.workload;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** What the kernel and the JVM tell about this process, and its files. */
final class Machine {
    private static final com.sun.management.ThreadMXBean THREADS =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final com.sun.management.OperatingSystemMXBean SYSTEM =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private Machine() {}

    /** Bytes that the calling thread has allocated on the heap so far. */
    static long allocatedBytes() {
        return THREADS.getCurrentThreadAllocatedBytes();
    }

    /** Processor time of the calling thread so far. */
    static long threadNanos() {
        return THREADS.getCurrentThreadCpuTime();
    }

    /** Processor time of all threads so far, those of the JVM among them. */
    static long processNanos() {
        return SYSTEM.getProcessCpuTime();
    }

    static long collections() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .mapToLong(GarbageCollectorMXBean::getCollectionCount)
                .sum();
    }

    static long collectionMillis() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .mapToLong(GarbageCollectorMXBean::getCollectionTime)
                .sum();
    }

    /** Bytes that this process made dirty or wrote past the page cache. */
    static long writtenBytes() throws IOException {
        return procNumber("/proc/self/io", "write_bytes:");
    }

    /** Bytes that this process handed to write calls. */
    static long writeCallBytes() throws IOException {
        return procNumber("/proc/self/io", "wchar:");
    }

    static long residentPeakKibibytes() throws IOException {
        return procNumber("/proc/self/status", "VmHWM:");
    }

    private static long procNumber(String file, String name) throws IOException {
        for (String line : Files.readAllLines(Path.of(file))) {
            if (line.startsWith(name)) {
                return Long.parseLong(line.substring(name.length()).replace("kB", "").strip());
            }
        }
        throw new IOException(file + " has no " + name);
    }

    /** What the files below a directory take of the disk, their holes left out. */
    static long diskBytes(Path directory) throws IOException {
        Process process = new ProcessBuilder("du", "--summarize", "--block-size=1", directory.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return Long.parseLong(answer.substring(0, answer.indexOf('\t')));
    }

    /** Copies a closed database, its holes as holes. */
    static void copy(Path source, Path target) throws IOException {
        run("cp", "--recursive", "--sparse=auto", source.toString(), target.toString());
    }

    /** Writes out what stands in the page cache, so that who comes next does not pay for who came before. */
    static void sync() throws IOException {
        run("sync");
    }

    private static void run(String... command) throws IOException {
        Process process = new ProcessBuilder(command).inheritIO().start();
        try {
            if (process.waitFor() != 0) {
                throw new IOException(String.join(" ", command) + ": exit " + process.exitValue());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(String.join(" ", command));
        }
    }

    /** Processors, memory, kernel and JVM, in a line. */
    static String description() throws IOException {
        String processor = Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse(System.getProperty("os.arch"));
        return Runtime.getRuntime().availableProcessors() + " x " + processor + ", "
                + procNumber("/proc/meminfo", "MemTotal:") / (1 << 20) + " GiB, Linux "
                + System.getProperty("os.version") + ", Java " + Runtime.version();
    }

    static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path each : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(each);
            }
        }
    }
}
