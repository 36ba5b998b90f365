package io.firn.ffm.file;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The door to the disk. Errors are IOExceptions that name the file. Threads: engine threads only. */
public interface Storage {
    /** Creates a file that must not exist, and opens it for appending. */
    AppendFile create(Path file) throws IOException;

    /**
     * Maps a whole sealed file for reading. A file whose size is not {@code expectedBytes} is a
     * {@link FileSizeException}, before anything is mapped.
     */
    MappedFile map(Path file, long expectedBytes) throws IOException;

    /**
     * Maps a file of {@code bytes} for writing. Without {@code recycled} it must not exist and is first written full of
     * zeros and forced; with it, that file (of the same size) is renamed to {@code file} and keeps its content. After a
     * failure there is no new file, and the recycled one has its old name.
     */
    JournalMapping journal(Path file, long bytes, @Nullable Path recycled) throws IOException;

    /** Fills the target with the bytes from {@code offset} on; fewer bytes there are an EOFException. */
    void read(Path file, long offset, MemorySegment target) throws IOException;

    long sizeBytes(Path file) throws IOException;

    boolean exists(Path file) throws IOException;

    /** The names in a directory, sorted. */
    List<String> list(Path directory) throws IOException;

    /** Creates the directory and those above it; legal where it exists. */
    void createDirectory(Path directory) throws IOException;

    /** Atomic; replaces the target. */
    void rename(Path source, Path target) throws IOException;

    /** Deletes a file or an empty directory; legal where there is none. */
    void delete(Path file) throws IOException;

    /** Makes the names in a directory durable. */
    void syncDirectory(Path directory) throws IOException;

    /** Locks a directory by its file LOCK against every other opener, in this process or another (R10). */
    DirectoryLock lock(Path directory) throws IOException;
}
