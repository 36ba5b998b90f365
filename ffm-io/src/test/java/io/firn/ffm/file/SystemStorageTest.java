package io.firn.ffm.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The real door, on a real disk. */
public final class SystemStorageTest implements StorageContract {
    @TempDir
    Path root;

    private final Storage storage = new SystemStorage();

    @Override
    public Storage storage() {
        return storage;
    }

    @Override
    public Path root() {
        return root;
    }

    @Override
    public void breakNextWrite() {
        Thread.currentThread().interrupt();
    }

    @Override
    public void breakNextForce() {
        Thread.currentThread().interrupt();
    }

    @Override
    public void repair() {
        assertTrue(Thread.interrupted());
    }

    @AfterEach
    void leavesNoDescriptorAndNoMapping() throws IOException {
        Thread.interrupted();
        assertEquals(List.of(), openBelow(root));
    }

    static List<String> openBelow(Path directory) throws IOException {
        List<String> open = new ArrayList<>();
        if (!Files.isDirectory(Path.of("/proc/self/fd"))) {
            return open;
        }
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : descriptors.toList()) {
                if (Files.exists(descriptor)
                        && Files.readSymbolicLink(descriptor).toString().startsWith(directory.toString())) {
                    open.add(Files.readSymbolicLink(descriptor).toString());
                }
            }
        }
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            if (line.contains(directory.toString())) {
                open.add(line);
            }
        }
        return open;
    }

    @Test
    void appendsWithoutGarbage() throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofShared();
                AppendFile file = storage.create(root.resolve("a"))) {
            MemorySegment buffer = arena.allocate(256);
            long least = Long.MAX_VALUE;
            for (int round = 0; round < 10; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int append = 0; append < 5_000; append++) {
                    file.append(buffer);
                }
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, least, "bytes of heap in 5,000 appends");
        }
    }

    @Test
    void forcesAJournalWithoutGarbage() throws IOException {
        assumeTrue(System.getProperty("os.name").startsWith("Linux"));
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (JournalMapping journal = storage.journal(root.resolve("j"), 64 * 1024, null)) {
            long least = Long.MAX_VALUE;
            for (int round = 0; round < 10; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int force = 0; force < 100; force++) {
                    journal.bytes().set(ValueLayout.JAVA_BYTE, force, (byte) round);
                    journal.force();
                }
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, least, "bytes of heap in 100 forces");
        }
    }

    @Test
    void anInterruptFailsTheFileAndSaysSo() throws IOException {
        try (Arena arena = Arena.ofConfined();
                AppendFile file = storage.create(root.resolve("a"))) {
            Thread.currentThread().interrupt();
            IOException e = assertThrows(IOException.class, () -> file.append(arena.allocate(10)));
            assertTrue(e.getMessage().contains("interrupted"), e.getMessage());
            assertTrue(Thread.interrupted());
            assertSame(e, assertThrows(IOException.class, file::force));
        }
    }

    @Test
    void anInterruptedThreadStoresIntoAJournalUnharmed() throws IOException {
        try (JournalMapping journal = storage.journal(root.resolve("j"), 4096, null)) {
            Thread.currentThread().interrupt();
            journal.bytes().fill((byte) 1);
            assertTrue(Thread.interrupted());
            journal.force();
        }
        assertEquals(1, Files.readAllBytes(root.resolve("j"))[4095]);
    }

    @Test
    void aJournalOccupiesItsWholeSizeOnTheDisk() throws Exception {
        assumeTrue(System.getProperty("os.name").startsWith("Linux"));
        storage.journal(root.resolve("j"), 1 << 20, null).close();
        Process stat = new ProcessBuilder("stat", "-c", "%b %B", root.resolve("j").toString()).start();
        String[] blocks = new String(stat.getInputStream().readAllBytes()).strip().split(" ");
        assertTrue(Long.parseLong(blocks[0]) * Long.parseLong(blocks[1]) >= 1 << 20, "a journal with holes");
    }

    @Test
    void doesNotTakeAFileThatCannotBeLookedAtForAMissingOne() throws IOException {
        Path loop = Files.createSymbolicLink(root.resolve("loop"), root.resolve("loop"));
        assertFalse(Files.exists(loop.resolve("CURRENT")));
        assertThrows(FileSystemException.class, () -> storage.exists(loop.resolve("CURRENT")));
    }

    @Test
    void tellsAFullDiskFromABrokenOne() {
        Path file = Path.of("/db/000001.table");
        for (String reason :
                List.of("No space left on device", "Disk quota exceeded", "File too large")) {
            assertInstanceOf(OutOfSpaceException.class, IoFailures.naming(file, new IOException(reason)));
            IOException named = IoFailures.naming(file, new FileSystemException(file.toString(), null, reason));
            assertInstanceOf(OutOfSpaceException.class, named);
            assertEquals("/db/000001.table: " + reason, named.getMessage());
            assertSame(named, IoFailures.naming(file, named));
        }
        IOException broken = IoFailures.naming(file, new IOException("Input/output error"));
        assertFalse(broken instanceof OutOfSpaceException);
        assertEquals("/db/000001.table: Input/output error", broken.getMessage());
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aFileThatMayNotGrowIsOutOfSpaceAndKeepsWhatWasWritten() throws Exception {
        assertEquals(0, StorageChild.run("ulimit -f 200", "limitedSize", root.toString()));
        assertEquals(200 * 1024, Files.size(root.resolve("a")));
        assertFalse(Files.exists(root.resolve("j")));
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void tooFewDescriptorsAreAnErrorThatNamesTheFileAndPasses() throws Exception {
        assertEquals(0, StorageChild.run("ulimit -n 64", "fewDescriptors", root.toString()));
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aDirectoryThatCannotBeWrittenIsAnErrorThatNamesIt() {
        IOException e = assertThrows(IOException.class, () -> storage.createDirectory(Path.of("/proc/firn/db")));
        assertTrue(e.getMessage().contains("/proc/firn"), e.getMessage());
        assertThrows(IOException.class, () -> storage.create(Path.of("/proc/firn.table")));
        assertThrows(IOException.class, () -> storage.lock(Path.of("/proc")));
    }
}
