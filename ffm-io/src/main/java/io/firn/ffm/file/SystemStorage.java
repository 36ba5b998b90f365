package io.firn.ffm.file;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The door to the disk of this machine, over FileChannel.
 *
 * <p>Invariants: (1) what is mapped for reading is mapped through a read-only descriptor, after its length was
 * compared: a mapping past the end of a writable one silently extends the file. (2) No operation is repeated after a
 * failure.
 *
 * <p>Threads: any that nobody interrupts; the files and mappings that it opens have threads of their own.
 */
public final class SystemStorage implements Storage {
    private static final long LONGEST_READ_BYTES = 1 << 30;

    /** Windows opens no directory as a file, and NTFS journals its names. */
    private static final boolean SYNCS_DIRECTORIES = !System.getProperty("os.name", "").startsWith("Windows");

    @Override
    public AppendFile create(Path file) throws IOException {
        try {
            return new SystemAppendFile(
                    file, FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
        } catch (IOException e) {
            throw IoFailures.naming(file, e);
        }
    }

    @Override
    public MappedFile map(Path file, long expectedBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            checkSize(file, expectedBytes, channel.size());
            Arena arena = Arena.ofShared();
            try {
                return new SystemMappedFile(
                        arena, channel.map(FileChannel.MapMode.READ_ONLY, 0, expectedBytes, arena));
            } catch (Throwable e) {
                arena.close();
                throw e;
            }
        } catch (IOException e) {
            throw IoFailures.naming(file, e);
        }
    }

    @Override
    public JournalMapping journal(Path file, long bytes, @Nullable Path recycled) throws IOException {
        return recycled == null
                ? SystemJournalMapping.create(file, bytes)
                : SystemJournalMapping.recycle(file, bytes, recycled);
    }

    @Override
    public void read(Path file, long offset, MemorySegment target) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long at = 0;
            while (at < target.byteSize()) {
                long chunkBytes = Math.min(LONGEST_READ_BYTES, target.byteSize() - at);
                ByteBuffer view = target.asSlice(at, chunkBytes).asByteBuffer();
                int readBytes = channel.read(view, offset + at);
                if (readBytes <= 0) {
                    throw new EOFException(file + ": ends at " + channel.size() + ", expected at least "
                            + (offset + target.byteSize()) + " bytes");
                }
                at += readBytes;
            }
        } catch (IOException e) {
            throw IoFailures.naming(file, e);
        }
    }

    @Override
    public long sizeBytes(Path file) throws IOException {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw IoFailures.naming(file, e);
        }
    }

    /** Not Files.exists, to which a file that cannot be looked at does not exist. */
    @Override
    public boolean exists(Path file) throws IOException {
        try {
            Files.readAttributes(file, BasicFileAttributes.class);
            return true;
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            throw IoFailures.naming(file, e);
        }
    }

    @Override
    public List<String> list(Path directory) throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                names.add(entry.getFileName().toString());
            }
        } catch (DirectoryIteratorException e) {
            throw IoFailures.naming(directory, e.getCause());
        } catch (IOException e) {
            throw IoFailures.naming(directory, e);
        }
        names.sort(null);
        return names;
    }

    @Override
    public void createDirectory(Path directory) throws IOException {
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw IoFailures.naming(directory, e);
        }
    }

    @Override
    public void rename(Path source, Path target) throws IOException {
        try {
            Files.move(source, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw IoFailures.naming(source, e);
        }
    }

    @Override
    public void delete(Path file) throws IOException {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw IoFailures.naming(file, e);
        }
    }

    @Override
    public void syncDirectory(Path directory) throws IOException {
        if (!SYNCS_DIRECTORIES) {
            return;
        }
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            throw IoFailures.naming(directory, e);
        }
    }

    @Override
    public DirectoryLock lock(Path directory) throws IOException {
        return SystemDirectoryLock.acquire(directory);
    }

    static void checkSize(Path file, long expectedBytes, long foundBytes) throws FileSizeException {
        if (foundBytes != expectedBytes) {
            throw new FileSizeException(file, expectedBytes, foundBytes);
        }
    }
}
