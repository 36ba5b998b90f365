package io.firn.tool;

import io.firn.entry.EntryLimits;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * The lines of a file, one after the other, in native memory. The file's size is taken once: what is appended to it
 * meanwhile is not read.
 *
 * <p>Invariants: (1) a line lies in one piece at {@link #offset} of {@link #memory} until the next is read, whatever
 * its length is. (2) A line allocates nothing on the heap; a chunk, a view and a channel.
 *
 * <p>Threads: one. Closed by: its opener.
 */
final class LineReader implements AutoCloseable {
    /** Read at once; larger chunks were not faster, since each is parsed while it is in the processor's cache. */
    private static final long CHUNK_BYTES = 1 << 20;

    /** The longest line that can be an entry. */
    private static final long LINE_BYTES_MAX = EntryLimits.KEY_BYTES_MAX + 1L + EntryLimits.VALUE_BYTES_MAX;

    private static final long ONES = 0x0101010101010101L;
    private static final long HIGH_BITS = 0x8080808080808080L;

    private final Storage storage;
    private final Path file;
    private final long fileBytes;
    private final Scratch scratch;
    private MemorySegment memory;
    private long readPosition;
    private long filledBytes;
    private long nextOffset;
    private long offset;
    private long length;
    private long lineNumber;

    LineReader(Storage storage, Path file, MemoryBudget budget) throws IOException {
        this.storage = storage;
        this.file = file;
        fileBytes = storage.sizeBytes(file);
        scratch = new Scratch(budget);
        memory = scratch.bytes();
    }

    /** Goes to the next line; false at the end of the file. */
    boolean next() throws IOException {
        long searchedOffset = nextOffset;
        while (true) {
            long end = indexOf(memory, searchedOffset, filledBytes, '\n');
            if (end >= 0) {
                return take(end, end + 1);
            }
            if (readPosition == fileBytes) {
                return nextOffset < filledBytes && take(filledBytes, filledBytes);
            }
            searchedOffset = filledBytes - nextOffset;
            readMore();
        }
    }

    private boolean take(long end, long following) {
        offset = nextOffset;
        length = end - nextOffset;
        nextOffset = following;
        lineNumber++;
        return true;
    }

    /** Moves the line that is begun to the front and reads behind it. */
    private void readMore() throws IOException {
        long begunBytes = filledBytes - nextOffset;
        if (begunBytes > LINE_BYTES_MAX) {
            throw new CommandFailure(
                    file + ": line " + (lineNumber + 1) + ": more than " + LINE_BYTES_MAX + " bytes are no entry");
        }
        MemorySegment.copy(memory, nextOffset, memory, 0, begunBytes);
        long chunkBytes = Math.min(CHUNK_BYTES, fileBytes - readPosition);
        memory = scratch.atLeastKeeping(begunBytes + chunkBytes, begunBytes);
        storage.read(file, readPosition, memory.asSlice(begunBytes, chunkBytes));
        readPosition += chunkBytes;
        filledBytes = begunBytes + chunkBytes;
        nextOffset = 0;
    }

    MemorySegment memory() {
        return memory;
    }

    long offset() {
        return offset;
    }

    /** Without the newline. */
    long length() {
        return length;
    }

    /** Of the line that was read last, from 1 on. */
    long lineNumber() {
        return lineNumber;
    }

    /** Where in the file the next line begins. */
    long positionBytes() {
        return readPosition - filledBytes + nextOffset;
    }

    long fileBytes() {
        return fileBytes;
    }

    /** The first offset from {@code from} on and before {@code to} that holds the byte, or -1. */
    static long indexOf(MemorySegment segment, long from, long to, char ascii) {
        long pattern = ascii * ONES;
        long at = from;
        for (; at + Long.BYTES <= to; at += Long.BYTES) {
            // The lowest zero byte of x is found exactly: borrows only spoil the bytes above it.
            long x = segment.get(Layouts.LONG_LE, at) ^ pattern;
            long zeros = x - ONES & ~x & HIGH_BITS;
            if (zeros != 0) {
                return at + (Long.numberOfTrailingZeros(zeros) >>> 3);
            }
        }
        for (; at < to; at++) {
            if (segment.get(Layouts.BYTE, at) == ascii) {
                return at;
            }
        }
        return -1;
    }

    @Override
    public void close() {
        scratch.close();
    }
}
