package io.firn.table;

import io.firn.block.Block;
import io.firn.block.BlockCheck;
import io.firn.block.BlockFrame;
import io.firn.block.BlockType;
import io.firn.block.VerifiedBits;
import io.firn.cache.BlockCache;
import io.firn.cache.CachedType;
import io.firn.entry.HeldBlock;
import io.firn.entry.ReadCounts;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.file.MappedFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The blocks of one table's file, and how each comes to be read: in place, when it is stored as it is, from its first
 * touch on; from the cache, or unpacked, when it is compressed.
 *
 * <p>Invariants: (1) no byte of a block is handed out before its frame was verified and its structure accepted. (2)
 * What goes into the cache was unpacked from verified bytes in private memory, and no fault of a lost page is still to
 * come.
 *
 * <p>Threads: any.
 */
final class TableBlocks {
    private final Path path;
    private final long tableId;
    private final MappedFile mapping;
    private final MemorySegment file;
    private final long end;
    private final TableProperties properties;

    /** A bit for each data block, index partition and filter partition, in this order. */
    private final VerifiedBits verified;

    /** The blocks of a file end where its properties begin. */
    TableBlocks(Path path, long tableId, MappedFile mapping, long end, TableProperties properties) {
        this.path = path;
        this.tableId = tableId;
        this.mapping = mapping;
        file = mapping.bytes();
        this.end = end;
        this.properties = properties;
        verified = new VerifiedBits((long) properties.dataBlockCount() + properties.indexPartitionCount()
                + properties.filterPartitionCount());
    }

    Path path() {
        return path;
    }

    MemorySegment file() {
        return file;
    }

    /** Behind the last block that a handle may name. */
    long end() {
        return end;
    }

    TableProperties properties() {
        return properties;
    }

    VerifiedBits verified() {
        return verified;
    }

    /** Holds the data block that a handle names. */
    void holdData(
            MemorySegment handles, long handleAt, HeldBlock holder, @Nullable BlockCache cache, boolean isFilling) {
        long offset = TableFormat.handleOffset(handles, handleAt);
        int stored = TableFormat.handleStoredBytes(handles, handleAt);
        int plain = TableFormat.handlePlainBytes(handles, handleAt);
        int bit = TableFormat.handleOrdinal(handles, handleAt);
        if (stored == plain) {
            long at = offset + BlockFrame.HEADER_BYTES;
            if (!verified.isSet(bit)) {
                verify(BlockType.DATA, offset, stored, holder);
                BlockCheck.check(path, offset, file, at, stored);
                verified.set(bit);
                holder.countLoaded(ReadCounts.DATA, stored);
            } else {
                holder.countInPlace(ReadCounts.DATA);
            }
            holder.hold(file, at, stored);
        } else if (holdCached(CachedType.DATA, offset, plain, holder, cache)) {
            holder.countCached(ReadCounts.DATA);
        } else {
            MemorySegment block = holder.beginUnpacking(plain);
            unpack(BlockType.DATA, properties.settings().compression(), offset, stored, plain, holder, block, 0);
            if (!verified.isSet(bit)) {
                BlockCheck.check(path, offset, block, 0, plain);
                verified.set(bit);
            }
            holder.countLoaded(ReadCounts.DATA, stored);
            holdUnpacked(CachedType.DATA, offset, plain, holder, isFilling ? cache : null);
        }
    }

    /** Holds a block that the cache has. */
    boolean holdCached(CachedType type, long offset, int plain, HeldBlock holder, @Nullable BlockCache cache) {
        return cache != null && cache.hold(type, tableId, offset, plain, holder);
    }

    /** Holds what the holder has unpacked: in the cache, if one is given and has room. */
    void holdUnpacked(CachedType type, long offset, int plain, HeldBlock holder, @Nullable BlockCache cache) {
        holder.holdUnpacked(plain);
        if (cache != null) {
            cache.keep(type, tableId, offset, plain, holder);
        }
    }

    /** Verifies a block that is stored as it is: then it may be read in place. */
    void verify(BlockType type, long offset, int length, HeldBlock holder) {
        BlockFrame.verify(
                path, tableId, file, offset, type, Codec.NONE, length, length, holder.stored(), holder.crc());
    }

    /** Verifies and unpacks a compressed block into memory that is private, or that nobody reads yet. */
    void unpack(
            BlockType type, Codec codec, long offset, int stored, int plain, HeldBlock holder, MemorySegment target,
            long targetAt) {
        BlockFrame.unpack(path, tableId, file, offset, type, codec, stored, plain, holder, target, targetAt);
    }

    /** Copies a block, verified and unpacked, to memory of the table's own; answers where its payload begins. */
    long pin(
            BlockType type, Codec codec, long offset, int stored, int plain, HeldBlock holder, PinnedMemory target) {
        long at = target.place(offset, BlockFrame.OVERHEAD_BYTES + (long) plain);
        if (stored == plain) {
            BlockFrame.copyVerified(path, tableId, file, offset, type, Codec.NONE, stored, plain, target.bytes(), at,
                    holder.crc());
        } else {
            unpack(type, codec, offset, stored, plain, holder, target.bytes(), at + BlockFrame.HEADER_BYTES);
        }
        return at + BlockFrame.HEADER_BYTES;
    }

    /** What {@link #pin} takes for a block. */
    static long pinnedBytes(int plain) {
        return PinnedMemory.bytesFor(BlockFrame.OVERHEAD_BYTES + (long) plain);
    }

    /** Memory for a copy of so many bytes; null if there is none, or if it were more than the file has itself. */
    @Nullable PinnedMemory tryPin(long bytes, MemoryBudget budget) {
        return bytes <= file.byteSize() ? PinnedMemory.tryAllocate(mapping, bytes, budget) : null;
    }

    /**
     * Accepts or refuses a verified block of handles: its structure, and that each names a place where a block can be.
     * Ordinals are counted through, so that no two handles of a table share a verified bit: a block that was not
     * checked could pass for one that was. The top level of an index says of each partition which data block is its
     * first. {@code offset} is where the block's frame begins in the file, for the message.
     */
    void checkHandles(
            BlockType type, long offset, MemorySegment block, long at, int length, int first, int count) {
        BlockCheck.checkHandles(path, offset, block, at, length);
        TableProperties.Refusal refusal = new TableProperties.Refusal(path, offset);
        int interval = Block.interval(block, at, length);
        refusal.unless(interval == 1, "restart interval 1 in an index", interval);
        int entries = Block.entryCount(block, at, length);
        refusal.unless(entries == count, count + " handles", entries);
        Codec codec = switch (type) {
            case INDEX -> properties.settings().compression();
            case INDEX_TOP -> properties.settings().indexCompression();
            case DATA, FILTER, FILTER_TOP, PROPERTIES, BLOB -> Codec.NONE;
        };
        boolean isIndexTop = type == BlockType.INDEX_TOP;
        int expected = first;
        for (int entry = 0; entry < entries; entry++) {
            int valueLength = Block.valueLength(block, at, length, entry);
            refusal.unless(valueLength == TableFormat.HANDLE_BYTES,
                    "a handle of " + TableFormat.HANDLE_BYTES + " bytes", valueLength);
            long handleAt = Block.valueAt(block, at, length, entry);
            long stored = Integer.toUnsignedLong(TableFormat.handleStoredBytes(block, handleAt));
            long plain = Integer.toUnsignedLong(TableFormat.handlePlainBytes(block, handleAt));
            long named = TableFormat.handleOffset(block, handleAt);
            if (!BlockFrame.isPlaceable(named, stored, plain, codec != Codec.NONE, end)) {
                throw refusal.of("a block before " + end, stored + " bytes, " + plain + " plain, at " + named);
            }
            int ordinal = TableFormat.handleOrdinal(block, handleAt);
            boolean isNext = isIndexTop && entry > 0
                    ? expected < ordinal && ordinal < properties.dataBlockCount()
                    : ordinal == expected;
            if (!isNext) {
                throw refusal.of("ordinal " + expected + (isIndexTop ? " or more" : ""), Integer.toString(ordinal));
            }
            expected = isIndexTop ? ordinal : ordinal + 1;
        }
    }
}
