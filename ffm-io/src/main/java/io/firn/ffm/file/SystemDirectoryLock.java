package io.firn.ffm.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * The file LOCK of a directory, locked.
 *
 * <p>Closing any descriptor of a file drops every lock that its process has on it. So a second open in one process must
 * not even open LOCK: it would lose the first one's lock when it gives up, and let another process in (R10).
 *
 * <p>Invariants: (1) a process-wide register, shared by all class loaders, is asked before LOCK is opened, and knows a
 * directory by its file key, whatever path leads there. (2) LOCK is open while the register holds the directory, and
 * only then, but for the moment of an attempt that another process turns down. (3) LOCK says who holds it; nobody
 * relies on that but messages.
 *
 * <p>Threads: any. Closed by: whoever acquired it.
 */
final class SystemDirectoryLock implements DirectoryLock {
    /**
     * The register's monitor and the start of its keys. A constant string is one object for all class loaders, and
     * system properties are one map; with strings alone in it nothing else that walks the properties is disturbed.
     */
    private static final String REGISTER = "io.firn.ffm.file.lock";

    private static final int HOLDER_BYTES = 256;

    /** Channels that must not be closed before the lock is, by their directory's key; closing them would drop it. */
    private static final Map<String, List<FileChannel>> UNCLOSEABLE = new HashMap<>();

    private final Path directory;
    private final String registerKey;
    private final FileChannel channel;
    private boolean isClosed;

    private SystemDirectoryLock(Path directory, String registerKey, FileChannel channel) {
        this.directory = directory;
        this.registerKey = registerKey;
        this.channel = channel;
    }

    static SystemDirectoryLock acquire(Path directory) throws IOException {
        Path file = directory.resolve("LOCK");
        synchronized (REGISTER) {
            try {
                String key = REGISTER + '.' + identityOf(directory);
                Properties register = System.getProperties();
                @Nullable Object holder = register.get(key);
                if (holder != null) {
                    throw new DirectoryLockedException(directory, "this process, " + holder);
                }
                FileChannel channel = open(directory, file, key);
                String self = "pid " + ProcessHandle.current().pid() + " since "
                        + Instant.now().truncatedTo(ChronoUnit.SECONDS);
                writeHolder(channel, self);
                register.put(key, self);
                return new SystemDirectoryLock(directory, key, channel);
            } catch (DirectoryLockedException e) {
                throw e;
            } catch (IOException e) {
                throw IoFailures.naming(file, e);
            }
        }
    }

    private static FileChannel open(Path directory, Path file, String key) throws IOException {
        FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            @Nullable FileLock lock = channel.tryLock();
            if (lock != null) {
                return channel;
            }
            throw new DirectoryLockedException(directory, "another process" + readHolder(channel));
        } catch (OverlappingFileLockException e) {
            // Somebody emptied the system properties, or locked the file without us; closing would drop that lock.
            UNCLOSEABLE.computeIfAbsent(key, unused -> new ArrayList<>()).add(channel);
            throw new DirectoryLockedException(directory, "this process");
        } catch (Throwable e) {
            channel.close();
            throw e;
        }
    }

    private static String identityOf(Path directory) throws IOException {
        @Nullable Object key = Files.readAttributes(directory, BasicFileAttributes.class).fileKey();
        return key != null ? key.toString() : directory.toRealPath().toString();
    }

    private static void writeHolder(FileChannel channel, String holder) throws IOException {
        try {
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(holder.getBytes(StandardCharsets.UTF_8)), 0);
        } catch (IOException e) {
            // The lock holds without the text, which only tells the next who tries; but not if an interrupt closed it.
            if (!channel.isOpen()) {
                throw e;
            }
        }
    }

    private static String readHolder(FileChannel channel) {
        ByteBuffer text = ByteBuffer.allocate(HOLDER_BYTES);
        try {
            int readBytes = channel.read(text, 0);
            return readBytes <= 0 ? "" : ", " + new String(text.array(), 0, readBytes, StandardCharsets.UTF_8);
        } catch (IOException e) {
            // Where locks are mandatory, a locked file cannot be read: then nobody knows who.
            return "";
        }
    }

    @Override
    public void close() throws IOException {
        synchronized (REGISTER) {
            if (isClosed) {
                return;
            }
            isClosed = true;
            try {
                channel.close();
                for (FileChannel other : UNCLOSEABLE.getOrDefault(registerKey, List.of())) {
                    other.close();
                }
            } catch (IOException e) {
                throw IoFailures.naming(directory.resolve("LOCK"), e);
            } finally {
                UNCLOSEABLE.remove(registerKey);
                System.getProperties().remove(registerKey);
            }
        }
    }
}
