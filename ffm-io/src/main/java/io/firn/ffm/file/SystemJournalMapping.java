package io.firn.ffm.file;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * A journal file mapped for writing, with the channel that forces it.
 *
 * <p>Invariants: (1) every byte of the file was written before it is mapped: a store into a hole of a full disk is a
 * lost page, a write into one is an IOException. (2) After a failed force every later one throws the first failure.
 *
 * <p>Threads: {@code bytes} any; {@code force}, {@code unmap} and {@code close} one at a time. Closed by: the journal.
 */
final class SystemJournalMapping implements JournalMapping {
    /** Large folios make a force slower: after writes of 64 KiB it takes 120 us, after writes of 1 MiB 300 us. */
    private static final int FILL_BYTES = 64 * 1024;

    /**
     * Linux has one page cache for both; elsewhere a channel's force need not see what was stored through a mapping.
     */
    private static final boolean IS_LINUX = System.getProperty("os.name", "").startsWith("Linux");

    private final Path file;
    private final FileChannel channel;
    private final Arena arena;
    private final MemorySegment bytes;
    private boolean isMapped = true;
    private boolean isClosed;
    private @Nullable IOException failure;

    private SystemJournalMapping(Path file, FileChannel channel, Arena arena, MemorySegment bytes) {
        this.file = file;
        this.channel = channel;
        this.arena = arena;
        this.bytes = bytes;
    }

    /** A new file full of zeros, forced. When it cannot be made, nothing is left in its place. */
    static SystemJournalMapping create(Path file, long sizeBytes) throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw IoFailures.naming(file, e);
        }
        try {
            fill(channel, sizeBytes);
            channel.force(true);
            return map(file, channel, sizeBytes);
        } catch (IOException e) {
            abandon(e, channel, file);
            throw IoFailures.naming(file, e);
        } catch (RuntimeException | Error e) {
            abandon(e, channel, file);
            throw e;
        }
    }

    /** A former journal of the same size under a new name. When it cannot be had, it keeps its old name. */
    static SystemJournalMapping recycle(Path file, long sizeBytes, Path recycled) throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(recycled, StandardOpenOption.READ, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw IoFailures.naming(recycled, e);
        }
        @Nullable SystemJournalMapping mapping = null;
        try {
            // Before it is mapped: a mapping past the end of a writable file silently extends it by a hole.
            SystemStorage.checkSize(recycled, sizeBytes, channel.size());
            mapping = map(file, channel, sizeBytes);
            Files.move(recycled, file, StandardCopyOption.ATOMIC_MOVE);
            return mapping;
        } catch (IOException e) {
            abandon(e, channel, null);
            if (mapping != null) {
                mapping.arena.close();
            }
            throw IoFailures.naming(recycled, e);
        } catch (RuntimeException | Error e) {
            abandon(e, channel, null);
            throw e;
        }
    }

    private static void fill(FileChannel channel, long sizeBytes) throws IOException {
        try (Arena scratch = Arena.ofConfined()) {
            ByteBuffer zeros = scratch.allocate(FILL_BYTES).asByteBuffer();
            long leftBytes = sizeBytes;
            while (leftBytes > 0) {
                zeros.limit((int) Math.min(FILL_BYTES, leftBytes)).position(0);
                int writtenBytes = channel.write(zeros);
                if (writtenBytes <= 0) {
                    throw new IOException("a write of " + zeros.remaining() + " bytes wrote none");
                }
                leftBytes -= writtenBytes;
            }
        }
    }

    private static SystemJournalMapping map(Path file, FileChannel channel, long sizeBytes) throws IOException {
        Arena arena = Arena.ofShared();
        try {
            MemorySegment bytes = channel.map(FileChannel.MapMode.READ_WRITE, 0, sizeBytes, arena);
            return new SystemJournalMapping(file, channel, arena, bytes);
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
    }

    /** Leaves nothing open and no half-made file, whatever made that necessary. */
    private static void abandon(Throwable cause, FileChannel channel, @Nullable Path created) {
        try {
            channel.close();
            if (created != null) {
                Files.deleteIfExists(created);
            }
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    @Override
    public MemorySegment bytes() {
        return bytes;
    }

    @Override
    public void force() throws IOException {
        checkUsable();
        forceMapping();
        try {
            channel.force(false);
        } catch (IOException e) {
            throw fail(e);
        }
    }

    @Override
    public void unmap() throws IOException {
        checkUsable();
        forceMapping();
        closeArena();
    }

    private void forceMapping() throws IOException {
        if (IS_LINUX || !isMapped) {
            return;
        }
        try {
            bytes.force();
        } catch (UncheckedIOException e) {
            throw fail(e.getCause());
        }
    }

    private void closeArena() {
        if (isMapped) {
            isMapped = false;
            arena.close();
        }
    }

    private void checkUsable() throws IOException {
        if (failure != null) {
            throw failure;
        }
        if (isClosed) {
            throw new IOException(file + ": closed");
        }
    }

    private IOException fail(IOException cause) {
        failure = IoFailures.naming(file, cause);
        return failure;
    }

    @Override
    public void close() throws IOException {
        if (isClosed) {
            return;
        }
        isClosed = true;
        closeArena();
        try {
            channel.close();
        } catch (IOException e) {
            throw IoFailures.naming(file, e);
        }
    }
}
