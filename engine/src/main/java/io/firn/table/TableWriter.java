package io.firn.table;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.block.BlockFrame;
import io.firn.block.BlockOutput;
import io.firn.block.BlockType;
import io.firn.block.BlockWriter;
import io.firn.entry.Trailer;
import io.firn.error.StorageException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.AppendFile;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * Writes one table, entry by entry.
 *
 * <p>Invariants: (1) entries come in entry order. (2) A block ends with the entry that fills it; an entry that could
 * not be held in private memory with its block is written straight through, in a block of its own. (3) A block's index
 * entry is a key at or after its last entry and before the next block's first: that of the last entry with its trailer
 * where the next block goes on with the same key, else the shortest such key. So one block holds the answer for any key
 * and seqno.
 *
 * <p>Threads: one at a time. Closed by: its creator; without {@link #finish} the file is worth nothing, and the caller
 * deletes it.
 */
public final class TableWriter implements AutoCloseable {
    /** An entry above this is not gathered; a block above this is never compressed anyway. */
    private static final int GATHERED_BYTES_MAX = BlockFrame.COMPRESSED_PLAIN_BYTES_MAX;

    private final AppendFile file;
    private final Path path;
    private final long tableId;
    private final TableSettings settings;
    private final BlockOutput output;
    private final BlockWriter block;
    private final IndexWriter index;
    private final FilterWriter filter;
    private final Scratch firstKey;
    private final Scratch lastKey;

    private int firstKeyLength;
    private int lastKeyLength;
    private long lastTrailer;
    private long entryCount;
    private long keyCount;
    private long tombstoneCount;
    private long weakTombstoneCount;
    private long seqnoMin = Long.MAX_VALUE;
    private long seqnoMax;
    private long keyBytes;
    private long valueBytes;
    private int blockCount;

    private boolean isBlockPending;
    private long pendingOffset;
    private int pendingStoredBytes;
    private int pendingPlainBytes;
    private boolean isFinished;
    private boolean isClosed;

    /** Takes the file over, which is empty. */
    public TableWriter(AppendFile file, Path path, long tableId, TableSettings settings, MemoryBudget budget) {
        this.file = file;
        this.path = path;
        this.tableId = tableId;
        this.settings = settings;
        output = new BlockOutput(file, tableId, settings.compression(), settings.indexCompression(), budget);
        block = new BlockWriter(settings.restartInterval(), settings.hashRatio(), budget);
        index = new IndexWriter(output, settings, budget);
        filter = new FilterWriter(output, Filter.size(settings.filter()), settings.filterPartitioned(), budget);
        firstKey = Scratch.confined(budget);
        lastKey = Scratch.confined(budget);
    }

    public void add(
            MemorySegment key, long keyOffset, int keyLength, long trailer,
            MemorySegment value, long valueOffset, int valueLength) throws IOException {
        assert !isFinished : "add after finish";
        int order = entryCount == 0
                ? 1
                : Bytes.compare(key, keyOffset, keyLength, lastKey.bytes(), 0, lastKeyLength);
        assert order > 0 || order == 0 && Trailer.seqno(trailer) <= Trailer.seqno(lastTrailer)
                : "entry " + entryCount + " out of order in " + path;
        if (isBlockPending) {
            indexPending(key, keyOffset, keyLength, order == 0);
        }
        if (order != 0) {
            beginKey(key, keyOffset, keyLength);
        }
        if ((long) keyLength + valueLength > GATHERED_BYTES_MAX) {
            addLarge(key, keyOffset, keyLength, trailer, value, valueOffset, valueLength, order == 0);
        } else {
            block.add(key, keyOffset, keyLength, trailer, value, valueOffset, valueLength);
        }
        count(keyLength, trailer, valueLength);
        if (order != 0) {
            Bytes.copy(key, keyOffset, lastKey.atLeast(keyLength), 0, keyLength);
            lastKeyLength = keyLength;
        }
        lastTrailer = trailer;
        if (block.entryCount() > 0 && block.estimatedBytes() >= settings.blockBytes()) {
            endBlock();
        }
    }

    /** About the size of the file if it were finished now. */
    public long estimatedBytes() {
        return output.positionBytes() + block.estimatedBytes() + index.estimatedBytes() + filter.estimatedBytes()
                + TableProperties.FIXED_BYTES + TableFormat.FOOTER_BYTES;
    }

    public long entryCount() {
        return entryCount;
    }

    /** Writes what tells how to read the entries, and forces the file. There is at least one entry. */
    public TableSummary finish() throws IOException {
        assert !isFinished && entryCount > 0 : "finish of " + entryCount + " entries";
        isFinished = true;
        if (block.entryCount() > 0) {
            endBlock();
        }
        index.add(lastKey.bytes(), 0, lastKeyLength, lastTrailer, pendingOffset, pendingStoredBytes, pendingPlainBytes,
                blockCount - 1);
        long indexOffset = index.finish();
        int indexBytes = output.lastStoredBytes();
        long filterOffset = 0;
        int filterBytes = 0;
        if (filter.isEnabled()) {
            filterOffset = filter.finish(lastKey.bytes(), 0, lastKeyLength);
            filterBytes = output.lastStoredBytes();
        }
        long propertiesOffset = writeProperties();
        int propertiesBytes = output.lastStoredBytes();

        MemorySegment footer = output.frameMemory().bytes();
        long footerOffset = output.positionBytes();
        long fileBytes = footerOffset + TableFormat.FOOTER_BYTES;
        new Footer(propertiesOffset, propertiesBytes, indexOffset, indexBytes, index.rootPlainBytes(), filterOffset,
                filterBytes, flags()).encode(footer, tableId, footerOffset);
        output.append(footer, 0, TableFormat.FOOTER_BYTES);
        output.force();
        // Crash here: the table is whole, but no manifest names it: it is swept after the replay.
        return new TableSummary(tableId, fileBytes, entryCount, tombstoneCount, seqnoMin, seqnoMax);
    }

    private int flags() {
        return (index.partitionCount() > 0 ? TableFormat.INDEX_PARTITIONED : 0)
                | (filter.partitionCount() > 0 ? TableFormat.FILTER_PARTITIONED : 0);
    }

    private long writeProperties() throws IOException {
        TableProperties properties = new TableProperties(
                entryCount, keyCount, tombstoneCount, weakTombstoneCount, seqnoMin, seqnoMax, keyBytes, valueBytes,
                blockCount, index.partitionCount(), filter.partitionCount(), settings);
        MemorySegment payload =
                output.frameMemory().atLeast(BlockFrame.OVERHEAD_BYTES + TableProperties.PAYLOAD_BYTES_MAX);
        int length = properties.encode(
                payload, BlockOutput.HEADROOM_BYTES, firstKey.bytes(), firstKeyLength, lastKey.bytes(), lastKeyLength);
        // A mapping of an even size is a native segment (MappedFile), so that hot code sees one class of segments.
        if ((output.positionBytes() + BlockFrame.OVERHEAD_BYTES + length + TableFormat.FOOTER_BYTES) % 2 != 0) {
            payload.set(BYTE, BlockOutput.HEADROOM_BYTES + length, (byte) 0);
            length++;
        }
        return output.write(BlockType.PROPERTIES, length);
    }

    private void beginKey(MemorySegment key, long keyOffset, int keyLength) throws IOException {
        if (entryCount == 0) {
            Bytes.copy(key, keyOffset, firstKey.atLeast(keyLength), 0, keyLength);
            firstKeyLength = keyLength;
        }
        keyCount++;
        if (filter.isEnabled()) {
            if (filter.isPartitionFull()) {
                int length = separatorLength(key, keyOffset, keyLength);
                if (length < lastKeyLength) {
                    filter.cut(key, keyOffset, length);
                } else {
                    filter.cut(lastKey.bytes(), 0, lastKeyLength);
                }
            }
            filter.add(Bytes.hash(key, keyOffset, keyLength));
        }
    }

    private void addLarge(
            MemorySegment key, long keyOffset, int keyLength, long trailer,
            MemorySegment value, long valueOffset, int valueLength, boolean isKeyContinued) throws IOException {
        if (block.entryCount() > 0) {
            endBlock();
            indexPending(key, keyOffset, keyLength, isKeyContinued);
        }
        BlockWriter.Surroundings around = block.encodeAround(
                key, keyOffset, keyLength, trailer, valueLength, output.frameMemory(), BlockOutput.HEADROOM_BYTES);
        long offset = output.writeAround(around.bytesBefore(), value, valueOffset, valueLength, around.bytesBehind());
        pend(offset, output.lastStoredBytes());
    }

    private void endBlock() throws IOException {
        int plainBytes = block.encode(output.frameMemory(), BlockOutput.HEADROOM_BYTES);
        long offset = output.writeData(plainBytes);
        pend(offset, plainBytes);
    }

    /** The block's index entry waits for the next block's first key. */
    private void pend(long offset, int plainBytes) {
        isBlockPending = true;
        pendingOffset = offset;
        pendingStoredBytes = output.lastStoredBytes();
        pendingPlainBytes = plainBytes;
        blockCount = Math.addExact(blockCount, 1);
    }

    private void indexPending(MemorySegment nextKey, long nextOffset, int nextLength, boolean isKeyContinued)
            throws IOException {
        isBlockPending = false;
        int length = isKeyContinued ? lastKeyLength : separatorLength(nextKey, nextOffset, nextLength);
        if (length < lastKeyLength) {
            index.add(nextKey, nextOffset, length, 0, pendingOffset, pendingStoredBytes, pendingPlainBytes,
                    blockCount - 1);
        } else {
            index.add(lastKey.bytes(), 0, lastKeyLength, lastTrailer, pendingOffset, pendingStoredBytes,
                    pendingPlainBytes, blockCount - 1);
        }
    }

    /**
     * So many first bytes of the next key are behind the last key; they are before the next key if they are not all of
     * it.
     */
    private int separatorLength(MemorySegment nextKey, long nextOffset, int nextLength) {
        int length = 1 + Bytes.sharedPrefix(lastKey.bytes(), 0, lastKeyLength, nextKey, nextOffset, nextLength);
        return length < nextLength ? length : Integer.MAX_VALUE;
    }

    private void count(int keyLength, long trailer, int valueLength) {
        entryCount++;
        keyBytes += keyLength;
        valueBytes += valueLength;
        if (Trailer.isTombstone(trailer)) {
            tombstoneCount++;
        }
        if (Trailer.type(trailer) == Trailer.WEAK_TOMBSTONE) {
            weakTombstoneCount++;
        }
        seqnoMin = Math.min(seqnoMin, Trailer.seqno(trailer));
        seqnoMax = Math.max(seqnoMax, Trailer.seqno(trailer));
    }

    /** Frees the memory and closes the file. */
    @Override
    public void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        output.close();
        block.close();
        index.close();
        filter.close();
        firstKey.close();
        lastKey.close();
        try {
            file.close();
        } catch (IOException e) {
            throw new StorageException(e);
        }
    }
}
