package io.firn.table;

import io.firn.block.BlockFrame;
import io.firn.block.BlockOutput;
import io.firn.block.BlockType;
import io.firn.block.BlockWriter;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Gathers the handles of data blocks into index blocks. A partition is written between the data blocks as soon as it is
 * full, so that only the top level grows with the table; an index that never fills its first partition has no top
 * level.
 *
 * <p>Threads: one at a time. Closed by: its {@link TableWriter}.
 */
final class IndexWriter implements AutoCloseable {
    private static final int PARTITION_BYTES = 4096;

    /**
     * A compressed index is cut here even where it is to be full: whoever does not find it in the cache unpacks it all.
     */
    private static final int COMPRESSED_BYTES_MAX = 32 * 1024;

    /** Even a full index is cut where its block would near the size that an int counts. */
    private static final int FULL_BYTES_MAX = 1 << 29;

    private final BlockOutput output;
    private final long partitionBytes;
    private final BlockWriter partition;
    private final BlockWriter top;
    private final Scratch handle;
    private final Scratch lastKey;

    private int lastKeyLength;
    private long lastTrailer;
    private int firstOrdinal;
    private int partitionCount;
    private int rootPlainBytes;

    IndexWriter(BlockOutput output, TableSettings settings, MemoryBudget budget) {
        this.output = output;
        if (settings.indexPartitioned()) {
            partitionBytes = PARTITION_BYTES;
        } else {
            partitionBytes = settings.indexCompression() == Codec.NONE ? FULL_BYTES_MAX : COMPRESSED_BYTES_MAX;
        }
        partition = new BlockWriter(1, 0, budget);
        top = new BlockWriter(1, 0, budget);
        handle = Scratch.confined(budget);
        lastKey = Scratch.confined(budget);
    }

    /** A data block, and a key and trailer at or after its last entry and before the next block's first. */
    void add(
            MemorySegment key, long keyOffset, int keyLength, long trailer, long offset, int storedBytes,
            int plainBytes, int ordinal) throws IOException {
        if (partition.entryCount() > 0 && partition.estimatedBytes() >= partitionBytes) {
            writePartition();
        }
        if (partition.entryCount() == 0) {
            firstOrdinal = ordinal;
        }
        MemorySegment value = handle.atLeast(TableFormat.HANDLE_BYTES);
        TableFormat.putHandle(value, 0, offset, storedBytes, plainBytes, ordinal);
        partition.add(key, keyOffset, keyLength, trailer, value, 0, TableFormat.HANDLE_BYTES);
        Bytes.copy(key, keyOffset, lastKey.atLeast(keyLength), 0, keyLength);
        lastKeyLength = keyLength;
        lastTrailer = trailer;
    }

    /** Writes what is left and the root. Answers where the root's frame begins; its size is the output's last. */
    long finish() throws IOException {
        if (partitionCount == 0) {
            int length = partition.encode(output.frameMemory(), BlockOutput.HEADROOM_BYTES);
            rootPlainBytes = length;
            return output.writeIndex(length);
        }
        writePartition();
        int length = top.encode(output.frameMemory(), BlockOutput.HEADROOM_BYTES);
        rootPlainBytes = length;
        return output.write(BlockType.INDEX_TOP, length);
    }

    /** The size of the root's payload before it was compressed. */
    int rootPlainBytes() {
        return rootPlainBytes;
    }

    /** How many partitions were written below a top level; 0 for a full index. */
    int partitionCount() {
        return partitionCount;
    }

    long estimatedBytes() {
        return BlockFrame.OVERHEAD_BYTES + partition.estimatedBytes() + top.estimatedBytes();
    }

    private void writePartition() throws IOException {
        int length = partition.encode(output.frameMemory(), BlockOutput.HEADROOM_BYTES);
        long offset = output.writeIndex(length);
        MemorySegment value = handle.atLeast(TableFormat.HANDLE_BYTES);
        TableFormat.putHandle(value, 0, offset, output.lastStoredBytes(), length, firstOrdinal);
        top.add(lastKey.bytes(), 0, lastKeyLength, lastTrailer, value, 0, TableFormat.HANDLE_BYTES);
        partitionCount++;
    }

    @Override
    public void close() {
        partition.close();
        top.close();
        handle.close();
        lastKey.close();
    }
}
