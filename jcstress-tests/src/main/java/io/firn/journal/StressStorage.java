package io.firn.journal;

import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.DirectoryLock;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.Storage;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A storage of one journal file in memory that the collector takes back. */
final class StressStorage implements Storage {
    /** The bytes of the last journal file that was made. */
    MemorySegment bytes = MemorySegment.NULL;

    @Override
    public JournalMapping journal(Path file, long sizeBytes, @Nullable Path recycled) {
        MemorySegment mapped = MemorySegment.ofArray(new long[(int) (sizeBytes / 8)]);
        bytes = mapped;
        return new JournalMapping() {
            @Override
            public MemorySegment bytes() {
                return mapped;
            }

            @Override
            public void force() {}

            @Override
            public void unmap() {}

            @Override
            public void close() {}
        };
    }

    @Override
    public void rename(Path source, Path target) {}

    @Override
    public void delete(Path file) {}

    @Override
    public void syncDirectory(Path directory) {}

    @Override
    public AppendFile create(Path file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public MappedFile map(Path file, long expectedBytes) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void read(Path file, long offset, MemorySegment target) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long sizeBytes(Path file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean exists(Path file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public List<String> list(Path directory) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void createDirectory(Path directory) {
        throw new UnsupportedOperationException();
    }

    @Override
    public DirectoryLock lock(Path directory) {
        throw new UnsupportedOperationException();
    }
}
