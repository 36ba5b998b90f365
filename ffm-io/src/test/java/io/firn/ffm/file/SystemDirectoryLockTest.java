package io.firn.ffm.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** R10: a second open in one process must not drop the first one's lock, by whatever way it comes. */
final class SystemDirectoryLockTest {
    @TempDir
    Path root;

    private final Storage storage = new SystemStorage();

    @AfterEach
    void leavesNoDescriptor() throws IOException {
        assertEquals(List.of(), SystemStorageTest.openBelow(root));
    }

    @Test
    void r10_aSecondOpenInThisProcessLetsNoOtherProcessIn() throws Exception {
        assertTrue(otherProcessGetsIn());
        try (DirectoryLock lock = storage.lock(root)) {
            assertFalse(otherProcessGetsIn());
            DirectoryLockedException e =
                    assertThrows(DirectoryLockedException.class, () -> new SystemStorage().lock(root));
            assertTrue(e.getMessage().contains("this process, pid " + ProcessHandle.current().pid()));
            assertFalse(otherProcessGetsIn());
            assertTrue(lock != null);
        }
        assertTrue(otherProcessGetsIn());
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void r10_twinAnotherDescriptorOfTheFileDropsTheLock() throws Exception {
        try (DirectoryLock lock = storage.lock(root)) {
            FileChannel.open(root.resolve("LOCK"), StandardOpenOption.READ).close();
            assertTrue(otherProcessGetsIn(), "then the register would not be needed");
            assertTrue(lock != null);
        }
    }

    @Test
    void r10_theRegisterIsSharedOverClassLoaders() throws Exception {
        List<URL> urls = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            urls.add(Path.of(entry).toUri().toURL());
        }
        try (DirectoryLock lock = storage.lock(root);
                URLClassLoader loader = new URLClassLoader(
                        urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            Class<?> type = loader.loadClass(SystemStorage.class.getName());
            assertTrue(type != SystemStorage.class);
            Object other = type.getConstructor().newInstance();
            InvocationTargetException e = assertThrows(
                    InvocationTargetException.class,
                    () -> type.getMethod("lock", Path.class).invoke(other, root));
            assertEquals(
                    DirectoryLockedException.class.getName(),
                    e.getCause().getClass().getName());
            assertFalse(otherProcessGetsIn());
            assertTrue(lock != null);
        }
    }

    @Test
    void r10_aDirectoryIsKnownByAnyPath() throws Exception {
        Path link = root.resolveSibling(root.getFileName() + "-link");
        Files.createSymbolicLink(link, root);
        try (DirectoryLock lock = storage.lock(root)) {
            assertThrows(DirectoryLockedException.class, () -> storage.lock(link));
            assertFalse(otherProcessGetsIn());
            assertTrue(lock != null);
        } finally {
            Files.delete(link);
        }
    }

    @Test
    void r10_aLostRegisterDropsNoLock() throws Exception {
        try (DirectoryLock lock = storage.lock(root)) {
            System.getProperties().keySet().removeIf(key -> key.toString().startsWith("io.firn.ffm.file.lock"));
            assertThrows(DirectoryLockedException.class, () -> storage.lock(root));
            assertFalse(otherProcessGetsIn());
            assertTrue(lock != null);
        }
        assertTrue(otherProcessGetsIn());
    }

    @Test
    void r10_tellsWhichOtherProcessHoldsTheLock() throws Exception {
        try (StorageChild child = StorageChild.holdingLock(root)) {
            DirectoryLockedException e =
                    assertThrows(DirectoryLockedException.class, () -> storage.lock(root));
            assertTrue(e.getMessage().contains("another process, pid " + child.pid()), e.getMessage());
            // The attempt leaves nothing behind: neither here nor there.
            assertThrows(DirectoryLockedException.class, () -> storage.lock(root));
            assertEquals(List.of(), SystemStorageTest.openBelow(root));
        }
        storage.lock(root).close();
    }

    @Test
    void r10_anInterruptedAttemptLeavesNothingRegistered() throws IOException {
        Thread.currentThread().interrupt();
        assertThrows(IOException.class, () -> storage.lock(root));
        assertTrue(Thread.interrupted());
        storage.lock(root).close();
        assertNull(System.getProperties().keySet().stream()
                .filter(key -> key.toString().startsWith("io.firn.ffm.file.lock"))
                .findAny()
                .orElse(null));
    }

    private boolean otherProcessGetsIn() throws Exception {
        int exit = StorageChild.run("true", "lock", root.toString());
        assertTrue(exit == StorageChild.GOT_LOCK || exit == StorageChild.REFUSED, "exit " + exit);
        return exit == StorageChild.GOT_LOCK;
    }
}
