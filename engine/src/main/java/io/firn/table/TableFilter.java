package io.firn.table;

import io.firn.block.Block;
import io.firn.block.BlockFrame;
import io.firn.block.BlockType;
import io.firn.entry.HeldBlock;
import io.firn.entry.Probe;
import io.firn.ffm.codec.Codec;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The filter of a table: one over all keys, or partitions below a top level. Its bits do not compress, so it is read
 * where it is, in the file or in a copy, and never in a cache.
 *
 * <p>Invariants: as for {@link TableIndex}.
 *
 * <p>Threads: any. Closed by: its table.
 */
final class TableFilter implements AutoCloseable {
    private final TableBlocks blocks;
    private final boolean isPartitioned;
    private final @Nullable PinnedMemory pinned;

    /** Where all of it is read: the file or the copy. */
    private final MemorySegment memory;

    private final long rootAt;
    private final int rootLength;

    private TableFilter(
            TableBlocks blocks, Footer footer, @Nullable PinnedMemory pinned, MemorySegment memory, long rootAt) {
        this.blocks = blocks;
        isPartitioned = footer.isFilterPartitioned();
        rootLength = footer.filterBytes();
        this.pinned = pinned;
        this.memory = memory;
        this.rootAt = rootAt;
    }

    /** Accepts the root, and copies all to memory if that is asked for and there is some. */
    static TableFilter open(TableBlocks blocks, Footer footer, TableAccess access, HeldBlock holder) {
        long offset = footer.filterOffset();
        int length = footer.filterBytes();
        TableFilter inPlace = new TableFilter(blocks, footer, null, blocks.file(), offset + BlockFrame.HEADER_BYTES);
        blocks.verify(typeOfRoot(footer), offset, length, holder);
        inPlace.checkRoot(offset);
        PinnedMemory pinned = access.filterPinned() ? inPlace.tryAllocate(access) : null;
        if (pinned == null) {
            return inPlace;
        }
        try {
            long at = blocks.pin(typeOfRoot(footer), Codec.NONE, offset, length, length, holder, pinned);
            TableFilter copy = new TableFilter(blocks, footer, pinned, pinned.bytes(), at);
            if (copy.isPartitioned) {
                copy.pinPartitions(pinned, holder);
            }
            return copy;
        } catch (Throwable t) {
            pinned.close();
            throw t;
        }
    }

    private static BlockType typeOfRoot(Footer footer) {
        return footer.isFilterPartitioned() ? BlockType.FILTER_TOP : BlockType.FILTER;
    }

    private void checkRoot(long offset) {
        if (isPartitioned) {
            blocks.checkHandles(
                    BlockType.FILTER_TOP, offset, memory, rootAt, rootLength, 0, partitionCount());
        } else {
            Filter.check(blocks.path(), offset, memory, rootAt, rootLength);
        }
    }

    private @Nullable PinnedMemory tryAllocate(TableAccess access) {
        long size = TableBlocks.pinnedBytes(rootLength);
        if (isPartitioned) {
            for (int partition = 0; partition < partitionCount(); partition++) {
                size += TableBlocks.pinnedBytes(TableFormat.handlePlainBytes(memory, handleAt(partition)));
            }
        }
        return blocks.tryPin(size, access.pinnedBudget());
    }

    /** Copies what the handles of the copied top level name, and makes them name the copies. */
    private void pinPartitions(PinnedMemory copies, HeldBlock holder) {
        for (int partition = 0; partition < partitionCount(); partition++) {
            long handleAt = handleAt(partition);
            long offset = TableFormat.handleOffset(memory, handleAt);
            int length = TableFormat.handlePlainBytes(memory, handleAt);
            long at = blocks.pin(BlockType.FILTER, Codec.NONE, offset, length, length, holder, copies);
            Filter.check(blocks.path(), offset, memory, at, length);
            TableFormat.putHandle(memory, handleAt, at - BlockFrame.HEADER_BYTES, length, length,
                    TableFormat.handleOrdinal(memory, handleAt));
        }
    }

    /** Whether the table may hold the probe's key. */
    boolean mayContain(Probe probe) {
        if (!isPartitioned) {
            probe.countFilterInPlace();
            return Filter.mayContain(memory, rootAt, rootLength, probe.hash());
        }
        int partition = Block.lowerRestart(memory, rootAt, rootLength, probe.key(), 0, probe.keyLength(), 0);
        if (partition == partitionCount()) {
            return false;
        }
        long handleAt = handleAt(partition);
        long offset = TableFormat.handleOffset(memory, handleAt);
        int length = TableFormat.handleStoredBytes(memory, handleAt);
        long at = offset + BlockFrame.HEADER_BYTES;
        if (pinned == null && !blocks.verified().isSet(bitOf(partition))) {
            blocks.verify(BlockType.FILTER, offset, length, probe.index());
            Filter.check(blocks.path(), offset, memory, at, length);
            blocks.verified().set(bitOf(partition));
            probe.countFilterLoaded(length);
        } else {
            probe.countFilterInPlace();
        }
        return Filter.mayContain(memory, at, length, probe.hash());
    }

    boolean isPinned() {
        return pinned != null;
    }

    private int partitionCount() {
        return blocks.properties().filterPartitionCount();
    }

    private long handleAt(int partition) {
        return Block.valueAt(memory, rootAt, rootLength, partition);
    }

    private int bitOf(int partition) {
        return blocks.properties().dataBlockCount() + blocks.properties().indexPartitionCount() + partition;
    }

    @Override
    public void close() {
        if (pinned != null) {
            pinned.close();
        }
    }
}
