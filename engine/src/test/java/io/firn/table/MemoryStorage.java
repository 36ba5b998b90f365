package io.firn.table;

import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.DirectoryLock;
import io.firn.ffm.file.FileSizeException;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.Storage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Files as byte arrays, so that a hundred thousand broken ones can be opened. Mapping is for one thread. */
final class MemoryStorage implements Storage {
    final Map<Path, byte[]> files = new HashMap<>();
    int mapped;

    @Override
    public AppendFile create(Path file) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        return new AppendFile() {
            private long forcedBytes;

            @Override
            public void append(MemorySegment source) {
                content.writeBytes(source.toArray(ValueLayout.JAVA_BYTE));
            }

            @Override
            public void force() {
                forcedBytes = content.size();
                files.put(file, content.toByteArray());
            }

            @Override
            public long positionBytes() {
                return content.size();
            }

            @Override
            public long forcedBytes() {
                return forcedBytes;
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public MappedFile map(Path file, long expectedBytes) throws IOException {
        byte[] content = files.get(file);
        if (content.length != expectedBytes) {
            throw new FileSizeException(file, expectedBytes, content.length);
        }
        Arena arena = Arena.ofConfined();
        MemorySegment segment = arena.allocate(content.length, 64);
        MemorySegment.copy(content, 0, segment, ValueLayout.JAVA_BYTE, 0, content.length);
        MemorySegment bytes = segment.asReadOnly();
        mapped++;
        return new MappedFile() {
            @Override
            public MemorySegment bytes() {
                return bytes;
            }

            @Override
            public MemorySegment allocate(long sizeBytes) {
                return arena.allocate(sizeBytes, 64);
            }

            @Override
            public void close() {
                arena.close();
                mapped--;
            }
        };
    }

    @Override
    public JournalMapping journal(Path file, long bytes, Path recycled) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void read(Path file, long offset, MemorySegment target) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long sizeBytes(Path file) {
        return files.get(file).length;
    }

    @Override
    public boolean exists(Path file) {
        return files.containsKey(file);
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
    public void rename(Path source, Path target) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void delete(Path file) {
        files.remove(file);
    }

    @Override
    public void syncDirectory(Path directory) {}

    @Override
    public DirectoryLock lock(Path directory) {
        throw new UnsupportedOperationException();
    }
}
