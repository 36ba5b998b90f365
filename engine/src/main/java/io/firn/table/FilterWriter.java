package io.firn.table;

import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.block.BlockFrame;
import io.firn.block.BlockOutput;
import io.firn.block.BlockType;
import io.firn.block.BlockWriter;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Gathers the hashes of distinct keys into filters. As with the index, a partition is written as soon as it is full,
 * and a filter that never fills its first partition has no top level.
 *
 * <p>Threads: one at a time. Closed by: its {@link TableWriter}.
 */
final class FilterWriter implements AutoCloseable {
    private static final int PARTITION_BYTES = 4096;

    /** Even a full filter is cut here, so that the hashes that wait for it take 128 MiB at most. */
    private static final int FULL_KEYS_MAX = 1 << 24;

    private final BlockOutput output;
    private final double bitsPerKey;
    private final int probes;
    private final long partitionKeys;
    private final Scratch hashes;
    private final Scratch handle;
    private final BlockWriter top;

    private int waiting;
    private int partitionCount;

    FilterWriter(BlockOutput output, Filter.Size size, boolean isPartitioned, MemoryBudget budget) {
        this.output = output;
        bitsPerKey = size.bitsPerKey();
        probes = size.probes();
        partitionKeys = !isPartitioned || bitsPerKey == 0
                ? FULL_KEYS_MAX
                : Math.max(1, Math.min(FULL_KEYS_MAX, (long) (PARTITION_BYTES * 8 / bitsPerKey)));
        hashes = Scratch.confined(budget);
        handle = Scratch.confined(budget);
        top = new BlockWriter(1, 0, budget);
    }

    boolean isEnabled() {
        return bitsPerKey > 0;
    }

    /** Whether the next key begins another partition; then {@link #cut} comes first. */
    boolean isPartitionFull() {
        return waiting == partitionKeys;
    }

    void add(long hash) {
        hashes.atLeastKeeping(8L * (waiting + 1), 8L * waiting).set(LONG_LE, 8L * waiting, hash);
        waiting++;
    }

    /** Ends a partition; the key is at or after its last one and before the next. */
    void cut(MemorySegment key, long keyOffset, int keyLength) throws IOException {
        long offset = writeFilter();
        MemorySegment value = handle.atLeast(TableFormat.HANDLE_BYTES);
        int length = output.lastStoredBytes();
        TableFormat.putHandle(value, 0, offset, length, length, partitionCount);
        // The smallest trailer: the partition holds its last key whatever the version.
        top.add(key, keyOffset, keyLength, 0, value, 0, TableFormat.HANDLE_BYTES);
        partitionCount++;
    }

    /** Writes what is left and the root. Answers where the root's frame begins; its size is the output's last. */
    long finish(MemorySegment lastKey, long keyOffset, int keyLength) throws IOException {
        if (partitionCount == 0) {
            return writeFilter();
        }
        cut(lastKey, keyOffset, keyLength);
        int length = top.encode(output.frameMemory(), BlockOutput.HEADROOM_BYTES);
        return output.write(BlockType.FILTER_TOP, length);
    }

    /** How many partitions were written below a top level; 0 for a full filter. */
    int partitionCount() {
        return partitionCount;
    }

    long estimatedBytes() {
        return BlockFrame.OVERHEAD_BYTES + Filter.LINE_BYTES + (long) (waiting * bitsPerKey / 8) + top.estimatedBytes();
    }

    private long writeFilter() throws IOException {
        int lineCount = Filter.lineCount(waiting, bitsPerKey);
        int padBytes = (int) -(output.positionBytes() + BlockFrame.HEADER_BYTES) & Filter.LINE_BYTES - 1;
        int length = Math.toIntExact(padBytes + (long) lineCount * Filter.LINE_BYTES + Filter.TAIL_BYTES);
        MemorySegment payload = output.frameMemory().atLeast(BlockFrame.OVERHEAD_BYTES + (long) length);
        long linesAt = BlockOutput.HEADROOM_BYTES + (long) padBytes;
        payload.asSlice(BlockOutput.HEADROOM_BYTES, length).fill((byte) 0);
        MemorySegment source = hashes.bytes();
        for (int i = 0; i < waiting; i++) {
            Filter.add(payload, linesAt, lineCount, probes, source.get(LONG_LE, 8L * i));
        }
        Filter.putTail(payload, BlockOutput.HEADROOM_BYTES + (long) length - Filter.TAIL_BYTES, lineCount, probes);
        waiting = 0;
        return output.write(BlockType.FILTER, length);
    }

    @Override
    public void close() {
        hashes.close();
        handle.close();
        top.close();
    }
}
