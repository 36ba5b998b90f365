package io.firn.block;

import static io.firn.ffm.memory.Layouts.INT_LE;

import io.firn.error.CodecMissingException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.codec.Compressor;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.AppendFile;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The end of a file of blocks that is being written: takes payloads, frames them, and writes in large pieces.
 *
 * <p>Invariants: the payload of a block is handed over in {@link #frameMemory} behind {@link #HEADROOM_BYTES}, so that header and
 * checksum go around it without a copy.
 *
 * <p>Threads: one at a time. Closed by: who writes the file, who also closes that.
 */
public final class BlockOutput implements AutoCloseable {
    public static final int HEADROOM_BYTES = BlockFrame.HEADER_BYTES;

    private static final int BUFFER_BYTES = 256 * 1024;

    private final AppendFile file;
    private final long fileId;
    private final @Nullable Compression data;
    private final @Nullable Compression index;
    private final Scratch buffer;
    private final Scratch frame;
    private final Scratch compressed;
    // Each keeps the view of the memory that it sums.
    private final Crc32c frameCrc = new Crc32c();
    private final Crc32c compressedCrc = new Crc32c();
    private final Crc32c bufferCrc = new Crc32c();

    private int bufferedBytes;
    private long positionBytes;
    private int lastStoredBytes;

    /** A codec and what compresses by it. */
    private record Compression(Codec codec, Compressor compressor) {}

    public BlockOutput(AppendFile file, long fileId, Codec dataCodec, Codec indexCodec, MemoryBudget budget) {
        checkAvailable(dataCodec);
        checkAvailable(indexCodec);
        this.file = file;
        this.fileId = fileId;
        data = compression(dataCodec, budget);
        index = indexCodec == dataCodec ? data : compression(indexCodec, budget);
        buffer = Scratch.confined(budget);
        frame = Scratch.confined(budget);
        compressed = Scratch.confined(budget);
    }

    private static void checkAvailable(Codec codec) {
        if (!Codecs.isAvailable(codec)) {
            throw new CodecMissingException("a file is to be compressed by " + codec
                    + ", which needs native access; it is not enabled");
        }
    }

    private static @Nullable Compression compression(Codec codec, MemoryBudget budget) {
        return codec == Codec.NONE ? null : new Compression(codec, Codecs.compressor(codec, budget));
    }

    /** Where the payload of the next block is put together. */
    public Scratch frameMemory() {
        return frame;
    }

    /** Where the next block will begin. */
    public long positionBytes() {
        return positionBytes;
    }

    /** The stored size of the last block's payload. */
    public int lastStoredBytes() {
        return lastStoredBytes;
    }

    /** Writes a block of entries from the frame memory, compressed where that is asked for; answers where it begins. */
    public long writeData(int plainBytes) throws IOException {
        return write(BlockType.DATA, plainBytes, data);
    }

    /** Writes a block of handles of data blocks from the frame memory, likewise. */
    public long writeIndex(int plainBytes) throws IOException {
        return write(BlockType.INDEX, plainBytes, index);
    }

    /** Writes a value as a block of its own, compressed where that is asked for and worth it; answers where it begins. */
    public long writeBlob(MemorySegment value, long valueOffset, int valueLength) throws IOException {
        if (data == null || valueLength > BlockFrame.COMPRESSED_PLAIN_BYTES_MAX) {
            frame.atLeast(BlockFrame.OVERHEAD_BYTES);
            return writeAround(BlockType.BLOB, 0, value, valueOffset, valueLength, 0);
        }
        MemorySegment memory = frame.atLeast(BlockFrame.OVERHEAD_BYTES + (long) valueLength);
        Bytes.copy(value, valueOffset, memory, HEADROOM_BYTES, valueLength);
        return write(BlockType.BLOB, valueLength, data);
    }

    /** Appends zeros up to the next multiple of a power of two. */
    public void align(int bytes) throws IOException {
        int padBytes = (int) (-positionBytes & bytes - 1);
        if (padBytes > 0) {
            MemorySegment zeros = frame.atLeast(padBytes);
            zeros.asSlice(0, padBytes).fill((byte) 0);
            append(zeros, 0, padBytes);
        }
    }

    /** Compressed only if that makes it smaller. */
    private long write(BlockType type, int plainBytes, @Nullable Compression compression) throws IOException {
        if (compression != null && plainBytes <= BlockFrame.COMPRESSED_PLAIN_BYTES_MAX) {
            Compressor compressor = compression.compressor;
            // Room for the bound, so that a library's compressor needs no memory of its own.
            int boundBytes = Math.toIntExact(compressor.boundBytes(plainBytes));
            MemorySegment target = compressed.atLeast(BlockFrame.OVERHEAD_BYTES + boundBytes);
            int storedBytes = compressor.compress(
                    frame.bytes(), HEADROOM_BYTES, plainBytes, target, HEADROOM_BYTES, boundBytes);
            if (0 < storedBytes && storedBytes < plainBytes) {
                long offset = positionBytes;
                int frameBytes = BlockFrame.seal(
                        target, 0, type, compression.codec, storedBytes, plainBytes, fileId, offset, compressedCrc);
                append(target, 0, frameBytes);
                lastStoredBytes = storedBytes;
                return offset;
            }
        }
        return write(type, plainBytes);
    }

    /** Writes the payload in the frame memory as it is. Answers where it begins. */
    public long write(BlockType type, int plainBytes) throws IOException {
        long offset = positionBytes;
        MemorySegment memory = frame.bytes();
        int frameBytes =
                BlockFrame.seal(memory, 0, type, Codec.NONE, plainBytes, plainBytes, fileId, offset, frameCrc);
        append(memory, 0, frameBytes);
        lastStoredBytes = plainBytes;
        return offset;
    }

    /**
     * Writes a data block around a large value: what comes before and behind it lies in the frame memory. Answers where
     * it begins.
     */
    public long writeAround(int bytesBefore, MemorySegment value, long valueOffset, int valueLength, int bytesBehind)
            throws IOException {
        return writeAround(BlockType.DATA, bytesBefore, value, valueOffset, valueLength, bytesBehind);
    }

    private long writeAround(
            BlockType type, int bytesBefore, MemorySegment value, long valueOffset, int valueLength, int bytesBehind)
            throws IOException {
        long offset = positionBytes;
        MemorySegment memory = frame.bytes();
        int plainBytes = bytesBefore + valueLength + bytesBehind;
        BlockFrame.putHeader(memory, 0, type, Codec.NONE, plainBytes, plainBytes);
        // The sum is taken over the buffer, where all bytes are private and in order.
        bufferCrc.start();
        appendSummed(memory, 0, HEADROOM_BYTES + bytesBefore);
        appendSummed(value, valueOffset, valueLength);
        appendSummed(memory, HEADROOM_BYTES + bytesBefore, bytesBehind);
        memory.set(INT_LE, 0, bufferCrc.finish(fileId, offset));
        append(memory, 0, BlockFrame.CHECKSUM_BYTES);
        lastStoredBytes = plainBytes;
        return offset;
    }

    /** Appends bytes that no frame holds: the footer. */
    public void append(MemorySegment source, long offset, long length) throws IOException {
        MemorySegment target = buffer.atLeast(BUFFER_BYTES);
        long from = offset;
        long left = length;
        while (left > 0) {
            int piece = (int) Math.min(left, BUFFER_BYTES - bufferedBytes);
            MemorySegment.copy(source, from, target, bufferedBytes, piece);
            advance(target, piece);
            from += piece;
            left -= piece;
        }
    }

    /** Makes everything that was appended durable. */
    public void force() throws IOException {
        if (bufferedBytes > 0) {
            file.append(buffer.bytes().asSlice(0, bufferedBytes));
            bufferedBytes = 0;
        }
        file.force();
    }

    private void appendSummed(MemorySegment source, long offset, long length) throws IOException {
        MemorySegment target = buffer.atLeast(BUFFER_BYTES);
        long from = offset;
        long left = length;
        while (left > 0) {
            int piece = (int) Math.min(left, BUFFER_BYTES - bufferedBytes);
            MemorySegment.copy(source, from, target, bufferedBytes, piece);
            bufferCrc.update(target, bufferedBytes, piece);
            advance(target, piece);
            from += piece;
            left -= piece;
        }
    }

    private void advance(MemorySegment target, int piece) throws IOException {
        bufferedBytes += piece;
        positionBytes += piece;
        if (bufferedBytes == BUFFER_BYTES) {
            file.append(target);
            bufferedBytes = 0;
        }
    }

    @Override
    public void close() {
        if (data != null) {
            data.compressor.close();
        }
        if (index != null && index != data) {
            index.compressor.close();
        }
        buffer.close();
        frame.close();
        compressed.close();
    }
}
