package io.firn.version;

import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.DirectoryLock;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.Storage;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Files as byte arrays, for tests that write hundreds of thousands of small ones; nothing here is ever lost. */
final class HeapStorage implements Storage {
    final Map<Path, byte[]> files = new TreeMap<>();

    HeapStorage copy() {
        HeapStorage copy = new HeapStorage();
        files.forEach((path, bytes) -> copy.files.put(path, bytes.clone()));
        return copy;
    }

    @Override
    public AppendFile create(Path file) throws IOException {
        if (files.putIfAbsent(file, new byte[0]) != null) {
            throw new FileAlreadyExistsException(file.toString());
        }
        return new HeapFile(file);
    }

    @Override
    public void read(Path file, long offset, MemorySegment target) throws IOException {
        byte[] bytes = bytes(file);
        if (offset + target.byteSize() > bytes.length) {
            throw new EOFException(file.toString());
        }
        MemorySegment.copy(bytes, (int) offset, target, ValueLayout.JAVA_BYTE, 0, (int) target.byteSize());
    }

    @Override
    public long sizeBytes(Path file) throws IOException {
        return bytes(file).length;
    }

    @Override
    public boolean exists(Path file) {
        return files.containsKey(file);
    }

    @Override
    public List<String> list(Path directory) {
        return files.keySet().stream().filter(path -> directory.equals(path.getParent()))
                .map(path -> path.getFileName().toString()).toList();
    }

    @Override
    public void rename(Path source, Path target) throws IOException {
        files.put(target, bytes(source));
        files.remove(source);
    }

    @Override
    public void delete(Path file) {
        files.remove(file);
    }

    @Override
    public void createDirectory(Path directory) {}

    @Override
    public void syncDirectory(Path directory) {}

    @Override
    public MappedFile map(Path file, long expectedBytes) {
        throw new UnsupportedOperationException();
    }

    @Override
    public JournalMapping journal(Path file, long bytes, @Nullable Path recycled) {
        throw new UnsupportedOperationException();
    }

    @Override
    public DirectoryLock lock(Path directory) {
        throw new UnsupportedOperationException();
    }

    private byte[] bytes(Path file) throws IOException {
        byte[] bytes = files.get(file);
        if (bytes == null) {
            throw new NoSuchFileException(file.toString());
        }
        return bytes;
    }

    private final class HeapFile implements AppendFile {
        private final Path path;
        private final ByteArrayOutputStream content = new ByteArrayOutputStream();
        private long forcedBytes;

        HeapFile(Path path) {
            this.path = path;
        }

        @Override
        public void append(MemorySegment source) {
            content.writeBytes(source.toArray(ValueLayout.JAVA_BYTE));
            files.put(path, content.toByteArray());
        }

        @Override
        public void force() {
            forcedBytes = content.size();
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
    }
}
