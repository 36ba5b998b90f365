package io.firn.table;

import io.firn.block.Block;
import io.firn.block.BlockFrame;
import io.firn.block.BlockType;
import io.firn.cache.BlockCache;
import io.firn.cache.CachedType;
import io.firn.entry.HeldBlock;
import io.firn.entry.ReadCounts;
import io.firn.ffm.codec.Codec;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The index of a table: partitions, of which a full index has one, and above them, where they are several, a top level.
 *
 * <p>Invariants: (1) the root, which is the top level or the only partition, was accepted when the table was opened; a
 * partition below a top level is when it is first touched or when it is copied. (2) A copy is whole: the handles of its
 * top level name places in the copy.
 *
 * <p>Threads: any. Closed by: its table.
 */
final class TableIndex implements AutoCloseable {
    private final TableBlocks blocks;
    private final Footer footer;
    private final @Nullable PinnedMemory pinned;

    /** Where the root is read: the file or the copy; NULL if it is compressed and there is no copy. */
    private final MemorySegment root;

    private final long rootAt;

    private TableIndex(
            TableBlocks blocks, Footer footer, @Nullable PinnedMemory pinned, MemorySegment root, long rootAt) {
        this.blocks = blocks;
        this.footer = footer;
        this.pinned = pinned;
        this.root = root;
        this.rootAt = rootAt;
    }

    /** Accepts the root, and copies all to memory if that is asked for and there is some. */
    static TableIndex open(TableBlocks blocks, Footer footer, TableAccess access, HeldBlock holder) {
        long offset = footer.indexOffset();
        int plain = footer.indexPlainBytes();
        BlockType type = footer.isIndexPartitioned() ? BlockType.INDEX_TOP : BlockType.INDEX;
        boolean isCompressed = footer.indexBytes() != plain;
        MemorySegment root = blocks.file();
        long rootAt = offset + BlockFrame.HEADER_BYTES;
        if (isCompressed) {
            root = holder.beginUnpacking(plain);
            rootAt = 0;
            blocks.unpack(type, codecOf(blocks), offset, footer.indexBytes(), plain, holder, root, 0);
        } else {
            blocks.verify(type, offset, plain, holder);
        }
        TableProperties properties = blocks.properties();
        blocks.checkHandles(type, offset, root, rootAt, plain, 0,
                footer.isIndexPartitioned() ? properties.indexPartitionCount() : properties.dataBlockCount());
        PinnedMemory pinned = access.indexPinned() ? tryAllocate(blocks, footer, access) : null;
        if (pinned == null) {
            return new TableIndex(blocks, footer, null, isCompressed ? MemorySegment.NULL : root, rootAt);
        }
        try {
            long at = blocks.pin(type, codecOf(blocks), offset, footer.indexBytes(), plain, holder, pinned);
            TableIndex index = new TableIndex(blocks, footer, pinned, pinned.bytes(), at);
            if (footer.isIndexPartitioned()) {
                index.pinPartitions(pinned, holder);
            }
            return index;
        } catch (Throwable t) {
            pinned.close();
            throw t;
        }
    }

    private static @Nullable PinnedMemory tryAllocate(TableBlocks blocks, Footer footer, TableAccess access) {
        int rootPlain = footer.indexPlainBytes();
        long size = TableBlocks.pinnedBytes(rootPlain);
        if (footer.isIndexPartitioned()) {
            MemorySegment top = blocks.file();
            long topAt = footer.indexOffset() + BlockFrame.HEADER_BYTES;
            for (int partition = 0; partition < blocks.properties().indexPartitionCount(); partition++) {
                long handleAt = Block.valueAt(top, topAt, rootPlain, partition);
                size += TableBlocks.pinnedBytes(TableFormat.handlePlainBytes(top, handleAt));
            }
        }
        return blocks.tryPin(size, access.pinnedBudget());
    }

    /** Copies what the handles of the copied top level name, and makes them name the copies. */
    private void pinPartitions(PinnedMemory memory, HeldBlock holder) {
        for (int partition = 0; partition < partitionCount(); partition++) {
            long handleAt = handleAt(partition);
            long offset = TableFormat.handleOffset(root, handleAt);
            int plain = TableFormat.handlePlainBytes(root, handleAt);
            long at = blocks.pin(BlockType.INDEX, codecOf(blocks), offset,
                    TableFormat.handleStoredBytes(root, handleAt), plain, holder, memory);
            check(partition, offset, root, at, plain);
            TableFormat.putHandle(root, handleAt, at - BlockFrame.HEADER_BYTES, plain, plain,
                    TableFormat.handleOrdinal(root, handleAt));
        }
    }

    int partitionCount() {
        return footer.isIndexPartitioned() ? blocks.properties().indexPartitionCount() : 1;
    }

    boolean isPartitioned() {
        return footer.isIndexPartitioned();
    }

    boolean isPinned() {
        return pinned != null;
    }

    /**
     * The only partition that may name the block of the first entry at or after (key, trailer); their number if none
     * does.
     */
    int partitionOf(MemorySegment key, long keyAt, int keyLength, long trailer) {
        return footer.isIndexPartitioned()
                ? Block.lowerRestart(root, rootAt, footer.indexPlainBytes(), key, keyAt, keyLength, trailer)
                : 0;
    }

    /** Holds a partition: the block of the handles of data blocks. */
    void hold(int partition, HeldBlock holder, @Nullable BlockCache cache, boolean isFilling) {
        if (footer.isIndexPartitioned()) {
            holdPartition(partition, holder, cache, isFilling);
        } else if (root != MemorySegment.NULL) {
            holder.hold(root, rootAt, footer.indexPlainBytes());
            holder.countInPlace(ReadCounts.INDEX);
        } else {
            holdCompressed(
                    0, footer.indexOffset(), footer.indexBytes(), footer.indexPlainBytes(), holder, cache, isFilling);
        }
    }

    private void holdPartition(int partition, HeldBlock holder, @Nullable BlockCache cache, boolean isFilling) {
        long handleAt = handleAt(partition);
        long offset = TableFormat.handleOffset(root, handleAt);
        int stored = TableFormat.handleStoredBytes(root, handleAt);
        int plain = TableFormat.handlePlainBytes(root, handleAt);
        if (stored != plain) {
            holdCompressed(partition, offset, stored, plain, holder, cache, isFilling);
            return;
        }
        long at = offset + BlockFrame.HEADER_BYTES;
        if (pinned == null && !blocks.verified().isSet(bitOf(partition))) {
            blocks.verify(BlockType.INDEX, offset, stored, holder);
            check(partition, offset, root, at, plain);
            blocks.verified().set(bitOf(partition));
            holder.countLoaded(ReadCounts.INDEX, stored);
        } else {
            holder.countInPlace(ReadCounts.INDEX);
        }
        holder.hold(root, at, plain);
    }

    private void holdCompressed(
            int partition, long offset, int stored, int plain, HeldBlock holder, @Nullable BlockCache cache,
            boolean isFilling) {
        if (blocks.holdCached(CachedType.INDEX, offset, plain, holder, cache)) {
            holder.countCached(ReadCounts.INDEX);
            return;
        }
        MemorySegment block = holder.beginUnpacking(plain);
        blocks.unpack(BlockType.INDEX, codecOf(blocks), offset, stored, plain, holder, block, 0);
        if (footer.isIndexPartitioned() && !blocks.verified().isSet(bitOf(partition))) {
            check(partition, offset, block, 0, plain);
            blocks.verified().set(bitOf(partition));
        }
        holder.countLoaded(ReadCounts.INDEX, stored);
        blocks.holdUnpacked(CachedType.INDEX, offset, plain, holder, isFilling ? cache : null);
    }

    /** Accepts or refuses a partition; its handles are those from its first ordinal up to that of the next one. */
    private void check(int partition, long offset, MemorySegment block, long at, int length) {
        int first = TableFormat.handleOrdinal(root, handleAt(partition));
        int end = partition + 1 < partitionCount()
                ? TableFormat.handleOrdinal(root, handleAt(partition + 1))
                : blocks.properties().dataBlockCount();
        blocks.checkHandles(BlockType.INDEX, offset, block, at, length, first, end - first);
    }

    private long handleAt(int partition) {
        return Block.valueAt(root, rootAt, footer.indexPlainBytes(), partition);
    }

    private int bitOf(int partition) {
        return blocks.properties().dataBlockCount() + partition;
    }

    private static Codec codecOf(TableBlocks blocks) {
        return blocks.properties().settings().indexCompression();
    }

    @Override
    public void close() {
        if (pinned != null) {
            pinned.close();
        }
    }
}
