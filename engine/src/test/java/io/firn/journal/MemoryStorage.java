package io.firn.journal;

import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.DirectoryLock;
import io.firn.ffm.file.FileSizeException;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Files in memory, quick to damage, with a hook on a force that may block without holding up anything else. It knows
 * nothing of crashes. Threads: any. The mappings of a journal file share its bytes.
 */
final class MemoryStorage implements Storage {
    /** Called for each force of a journal, outside every monitor. */
    interface ForceHook {
        void force(Path path) throws IOException;
    }

    private final Map<Path, MemorySegment> files = new TreeMap<>();
    final List<String> log = Collections.synchronizedList(new ArrayList<>());
    final AtomicInteger forces = new AtomicInteger();
    final AtomicInteger openMappings = new AtomicInteger();
    volatile ForceHook onForce = path -> {};
    volatile @Nullable IOException onJournal;
    volatile @Nullable IOException onSyncDirectory;

    synchronized byte[] content(Path file) throws IOException {
        byte[] content = new byte[(int) sizeBytes(file)];
        MemorySegment.copy(segment(file), 0, MemorySegment.ofArray(content), 0, content.length);
        return content;
    }

    synchronized void put(Path file, byte[] content) {
        MemorySegment segment = Arena.ofAuto().allocate(Math.max(1, content.length), 64).asSlice(0, content.length);
        MemorySegment.copy(MemorySegment.ofArray(content), 0, segment, 0, content.length);
        files.put(file, segment);
    }

    /** The same files with the same bytes, apart from these. */
    synchronized MemoryStorage copy() throws IOException {
        MemoryStorage copy = new MemoryStorage();
        for (Path file : files.keySet()) {
            copy.put(file, content(file));
        }
        return copy;
    }

    private MemorySegment segment(Path file) throws IOException {
        MemorySegment segment = files.get(file);
        if (segment == null) {
            throw new NoSuchFileException(file.toString());
        }
        return segment;
    }

    @Override
    public synchronized JournalMapping journal(Path file, long bytes, @Nullable Path recycled) throws IOException {
        IOException failure = onJournal;
        if (failure != null) {
            throw failure;
        }
        if (recycled != null) {
            log.add("recycle " + recycled.getFileName() + " as " + file.getFileName());
            MemorySegment old = segment(recycled);
            if (old.byteSize() != bytes) {
                throw new FileSizeException(recycled, bytes, old.byteSize());
            }
            files.remove(recycled);
            files.put(file, old);
        } else if (files.containsKey(file)) {
            throw new FileAlreadyExistsException(file.toString());
        } else {
            log.add("create " + file.getFileName());
            files.put(file, Arena.ofAuto().allocate(bytes, 64));
        }
        openMappings.incrementAndGet();
        return new Mapping(file, files.get(file));
    }

    private final class Mapping implements JournalMapping {
        private final Path path;
        private final MemorySegment bytes;
        private boolean isClosed;

        Mapping(Path path, MemorySegment bytes) {
            this.path = path;
            this.bytes = bytes;
        }

        @Override
        public MemorySegment bytes() {
            return bytes;
        }

        @Override
        public void force() throws IOException {
            if (isClosed) {
                throw new IOException(path + ": forced after close");
            }
            forces.incrementAndGet();
            onForce.force(path);
        }

        @Override
        public void unmap() throws IOException {
            if (isClosed) {
                throw new IOException(path + ": unmapped after close");
            }
            log.add("unmap " + path.getFileName());
        }

        @Override
        public void close() {
            if (!isClosed) {
                isClosed = true;
                openMappings.decrementAndGet();
            }
        }
    }

    @Override
    public synchronized MappedFile map(Path file, long expectedBytes) throws IOException {
        MemorySegment bytes = segment(file);
        if (bytes.byteSize() != expectedBytes) {
            throw new FileSizeException(file, expectedBytes, bytes.byteSize());
        }
        openMappings.incrementAndGet();
        return new MappedFile() {
            @Override
            public MemorySegment bytes() {
                return bytes.asReadOnly();
            }

            @Override
            public MemorySegment allocate(long sizeBytes) {
                throw new UnsupportedOperationException();
            }

            @Override
            public void close() {
                openMappings.decrementAndGet();
            }
        };
    }

    @Override
    public synchronized long sizeBytes(Path file) throws IOException {
        return segment(file).byteSize();
    }

    @Override
    public synchronized boolean exists(Path file) {
        return files.containsKey(file);
    }

    @Override
    public synchronized List<String> list(Path directory) {
        return files.keySet().stream().map(file -> file.getFileName().toString()).sorted().toList();
    }

    @Override
    public synchronized void rename(Path source, Path target) throws IOException {
        log.add("rename " + source.getFileName() + " to " + target.getFileName());
        files.put(target, segment(source));
        files.remove(source);
    }

    @Override
    public synchronized void delete(Path file) {
        if (files.remove(file) != null) {
            log.add("delete " + file.getFileName());
        }
    }

    @Override
    public void syncDirectory(Path directory) throws IOException {
        log.add("sync");
        IOException failure = onSyncDirectory;
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public AppendFile create(Path file) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void read(Path file, long offset, MemorySegment target) {
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
