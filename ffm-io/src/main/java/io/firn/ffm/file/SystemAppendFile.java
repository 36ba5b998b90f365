package io.firn.ffm.file;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A new file behind a FileChannel.
 *
 * <p>Invariants: (1) it is open, failed or closed; a failed one throws its first failure from every call, since nobody
 * knows what a failed write or force left. (2) Appending from memory that it has seen before allocates nothing.
 *
 * <p>Threads: one at a time. Closed by: its creator.
 */
final class SystemAppendFile implements AppendFile {
    private static final long LONGEST_VIEW_BYTES = 1 << 30;

    private final Path file;
    private final FileChannel channel;
    private long positionBytes;
    private long forcedBytes;
    private boolean isClosed;
    private @Nullable IOException failure;
    private MemorySegment viewed = MemorySegment.NULL;
    private @Nullable ByteBuffer view;

    SystemAppendFile(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    @Override
    public void append(MemorySegment source) throws IOException {
        checkUsable();
        if (!source.isNative()) {
            throw new IllegalArgumentException(file + ": appended from memory on the heap");
        }
        try {
            long sizeBytes = source.byteSize();
            if (sizeBytes <= LONGEST_VIEW_BYTES) {
                write(source);
            } else {
                for (long at = 0; at < sizeBytes; at += LONGEST_VIEW_BYTES) {
                    write(source.asSlice(at, Math.min(LONGEST_VIEW_BYTES, sizeBytes - at)));
                }
            }
        } catch (IOException e) {
            throw fail(e);
        }
    }

    private void write(MemorySegment source) throws IOException {
        ByteBuffer buffer = viewOf(source);
        while (buffer.hasRemaining()) {
            int writtenBytes = channel.write(buffer);
            if (writtenBytes <= 0) {
                throw new IOException(file + ": a write of " + buffer.remaining() + " bytes wrote none");
            }
            positionBytes += writtenBytes;
        }
    }

    /** A view costs 104 bytes of heap, and callers write from one buffer: the last view serves whatever lies in it. */
    private ByteBuffer viewOf(MemorySegment source) {
        long offset = source.address() - viewed.address();
        long sizeBytes = source.byteSize();
        ByteBuffer kept = view;
        if (kept == null
                || offset < 0
                || offset + sizeBytes > viewed.byteSize()
                || !viewed.scope().equals(source.scope())) {
            kept = source.asByteBuffer();
            view = kept;
            viewed = source;
            offset = 0;
        }
        return kept.limit((int) (offset + sizeBytes)).position((int) offset);
    }

    @Override
    public void force() throws IOException {
        checkUsable();
        try {
            // With metadata, since the length of a new file is metadata.
            channel.force(true);
        } catch (IOException e) {
            throw fail(e);
        }
        forcedBytes = positionBytes;
    }

    @Override
    public long positionBytes() {
        return positionBytes;
    }

    @Override
    public long forcedBytes() {
        return forcedBytes;
    }

    @Override
    public void close() throws IOException {
        if (isClosed) {
            return;
        }
        isClosed = true;
        view = null;
        viewed = MemorySegment.NULL;
        try {
            channel.close();
        } catch (IOException e) {
            throw IoFailures.naming(file, e);
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
        IOException named = IoFailures.naming(file, cause);
        failure = named;
        return named;
    }
}
