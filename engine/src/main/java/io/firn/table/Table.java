package io.firn.table;

import static io.firn.ffm.memory.Layouts.BYTE;

import io.firn.blob.BlobFile;
import io.firn.block.Block;
import io.firn.block.BlockFile;
import io.firn.block.BlockFrame;
import io.firn.block.BlockType;
import io.firn.cache.BlockCache;
import io.firn.entry.EntryCursor;
import io.firn.entry.HeldBlock;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.error.CodecMissingException;
import io.firn.error.CorruptionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Bytes;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A sorted table, read through a mapping of its file.
 *
 * <p>Invariants: (1) nothing of the file is believed before its frame was verified and its structure accepted: footer,
 * properties and the roots of index and filter when the table is opened, everything else when it is first touched; then
 * a bit is set for it. (2) A block that is stored as it is is read in place; a compressed one is unpacked, and shared
 * by way of the cache. (3) No file, whatever it says, makes a call here fail but by a CorruptionException, read outside
 * the file, or allocate more than it has bytes. (4) Index and filter are copied to memory at opening where that is
 * asked for and the budget gives it; opening never fails for want of it.
 *
 * <p>What a get costs in cache misses, mapping warm: one line of the filter; of the index the last steps of the search
 * over its heads, an offset and an entry; of the block its end and the entry. A compressed block or partition costs the
 * two of a hit in the cache besides.
 *
 * <p>Threads: any; {@code close} the maintenance thread alone. Closed by: whoever released it last. A late access
 * throws IllegalStateException.
 */
public final class Table {
    private final MappedFile mapping;
    private final MemorySegment file;
    private final long id;
    private TableSummary summary;

    /** What is added to every trailer of the file: the seqno of an ingested table. */
    private long shiftTrailer;

    private final TableBlocks blocks;
    private final TableIndex index;
    private final @Nullable TableFilter filter;
    private final @Nullable BlockCache cache;

    private final long firstKeyAt;
    private final int firstKeyLength;
    private final long lastKeyAt;
    private final int lastKeyLength;

    private final AtomicInteger references = new AtomicInteger();
    private List<BlobFile> blobFiles = List.of();
    private volatile boolean isDoomed;

    /** Opens a table that the manifest names, and whose length it knows, for who reads it alone. */
    public static Table open(Storage storage, Path path, long tableId, long fileBytes, MemoryBudget budget)
            throws IOException {
        return open(storage, path, tableId, fileBytes, TableAccess.alone(budget));
    }

    /** Opens a table that the manifest names, and whose length it knows. */
    public static Table open(Storage storage, Path path, long tableId, long fileBytes, TableAccess access)
            throws IOException {
        if (fileBytes < TableFormat.FOOTER_BYTES) {
            throw new CorruptionException(path, 0, "a table of at least " + TableFormat.FOOTER_BYTES + " bytes",
                    fileBytes + " bytes");
        }
        MappedFile mapping = BlockFile.map(storage, path, fileBytes, "a table");
        boolean isOpen = false;
        try (HeldBlock holder = HeldBlock.confined(access.scratchBudget())) {
            Table table = new Table(path, tableId, mapping, access, holder);
            isOpen = true;
            return table;
        } finally {
            if (!isOpen) {
                mapping.close();
            }
        }
    }

    private Table(Path path, long tableId, MappedFile mapping, TableAccess access, HeldBlock holder) {
        this.mapping = mapping;
        file = mapping.bytes();
        id = tableId;
        cache = access.cache();
        Footer footer = Footer.read(path, tableId, file, holder.stored().atLeast(TableFormat.FOOTER_BYTES));
        BlockFrame.verify(path, tableId, file, footer.propertiesOffset(), BlockType.PROPERTIES, Codec.NONE,
                footer.propertiesBytes(), footer.propertiesBytes(), holder.stored(), holder.crc());
        long propertiesAt = footer.propertiesOffset() + BlockFrame.HEADER_BYTES;
        TableProperties properties = TableProperties.decode(
                path, footer.propertiesOffset(), file, propertiesAt, footer.propertiesBytes(), file.byteSize());
        checkAvailable(path, properties.settings().compression());
        checkAvailable(path, properties.settings().indexCompression());
        new TableProperties.Refusal(path, footer.propertiesOffset()).unless(
                footer.indexBytes() == footer.indexPlainBytes()
                        || properties.settings().indexCompression() != Codec.NONE,
                "a codec of the compressed index", properties.settings().indexCompression().id());
        firstKeyAt = propertiesAt + TableProperties.FIXED_BYTES;
        firstKeyLength = TableProperties.firstKeyLength(file, propertiesAt);
        lastKeyAt = firstKeyAt + firstKeyLength;
        lastKeyLength = TableProperties.lastKeyLength(file, propertiesAt);
        summary = new TableSummary(tableId, file.byteSize(), properties.entryCount(), properties.tombstoneCount(),
                properties.seqnoMin(), properties.seqnoMax());
        blocks = new TableBlocks(path, tableId, mapping, footer.blocksEnd(), properties);
        index = TableIndex.open(blocks, footer, access, holder);
        boolean isOpen = false;
        try {
            filter = footer.hasFilter() ? TableFilter.open(blocks, footer, access, holder) : null;
            isOpen = true;
        } finally {
            if (!isOpen) {
                index.close();
            }
        }
    }

    private static void checkAvailable(Path path, Codec codec) {
        if (!Codecs.isAvailable(codec)) {
            throw new CodecMissingException(
                    path + ": compressed by " + codec + ", which needs native access; it is not enabled");
        }
    }

    /** The newest version of the probe's key at or below its seqno. */
    public boolean get(Probe probe) {
        return get(probe, cache);
    }

    /** The same with another cache, or none. */
    boolean get(Probe probe, @Nullable BlockCache usedCache) {
        if (probe.seqno() < summary.seqnoMin()
                || compareToFirstKey(probe.key(), 0, probe.keyLength()) < 0
                || compareToLastKey(probe.key(), 0, probe.keyLength()) > 0) {
            return false;
        }
        if (filter == null) {
            return search(probe, usedCache);
        }
        if (!filter.mayContain(probe)) {
            probe.countFilterSkip();
            return false;
        }
        if (!search(probe, usedCache)) {
            probe.countFilterPass();
            return false;
        }
        return true;
    }

    private boolean search(Probe probe, @Nullable BlockCache usedCache) {
        long trailer = Trailer.of(probe.seqno(), Trailer.ANY_TYPE);
        int partition = index.partitionOf(probe.key(), 0, probe.keyLength(), trailer);
        if (partition == index.partitionCount()) {
            return false;
        }
        HeldBlock handles = probe.index();
        index.hold(partition, handles, usedCache, true);
        int entry = Block.lowerRestart(
                handles.segment(), handles.at(), handles.length(), probe.key(), 0, probe.keyLength(), trailer);
        if (entry == Block.entryCount(handles.segment(), handles.at(), handles.length())) {
            handles.release();
            return false;
        }
        HeldBlock block = probe.block();
        blocks.holdData(handles.segment(), Block.valueAt(handles.segment(), handles.at(), handles.length(), entry),
                block, usedCache, true);
        handles.release();
        if (!Block.get(block.segment(), block.at(), block.length(), probe)) {
            return false;
        }
        probe.raiseTrailer(shiftTrailer);
        return true;
    }

    /** All versions of all keys, for the calling thread, which reads them once; both ways. */
    public EntryCursor cursor(MemoryBudget budget) {
        return opened(TableCursor.confined(budget));
    }

    /** All versions of all keys; both ways. */
    public EntryCursor cursor(MemoryBudget budget, Caching caching) {
        return opened(new TableCursor(budget, caching));
    }

    private EntryCursor opened(TableCursor cursor) {
        cursor.open(this);
        return cursor;
    }

    /** A copy of the key of the first entry. */
    public byte[] firstKey() {
        return copy(firstKeyAt, firstKeyLength);
    }

    /** A copy of the key of the last entry. */
    public byte[] lastKey() {
        return copy(lastKeyAt, lastKeyLength);
    }

    private byte[] copy(long at, int length) {
        byte[] copy = new byte[length];
        MemorySegment.copy(file, BYTE, at, copy, 0, length);
        return copy;
    }

    /** The order of a key against the table's first. */
    public int compareToFirstKey(MemorySegment key, long offset, int length) {
        return Bytes.compare(key, offset, length, file, firstKeyAt, firstKeyLength);
    }

    /** The order of a key against the table's last. */
    public int compareToLastKey(MemorySegment key, long offset, int length) {
        return Bytes.compare(key, offset, length, file, lastKeyAt, lastKeyLength);
    }

    /** Reads every byte: checksums, the order of the entries, and that each is found where it stands. */
    public void verify(MemoryBudget budget) {
        new TableCheck(this, budget).run();
    }

    public long id() {
        return id;
    }

    public Path path() {
        return blocks.path();
    }

    public long fileBytes() {
        return summary.fileBytes();
    }

    /**
     * Shows every entry at this seqno. They were written with seqno 0, each key once, before anybody knew it. Before the table
     * is reached by readers; these see it by what makes them reach it.
     */
    public void showAt(long seqno) {
        assert summary.seqnoMax() == 0 && shiftTrailer == 0 : "a table with seqnos of its own, " + summary;
        shiftTrailer = Trailer.of(seqno, 0);
        summary = new TableSummary(
                id, summary.fileBytes(), summary.entryCount(), summary.tombstoneCount(), seqno, seqno);
    }

    /** Holds the blob files that its entries name open for as long as it is open itself. Before it is reached by readers. */
    public void holdOpen(List<BlobFile> files) {
        blobFiles = List.copyOf(files);
        blobFiles.forEach(BlobFile::retain);
    }

    /** Those that it holds open. */
    public List<BlobFile> blobFiles() {
        return blobFiles;
    }

    /** What its entries' trailers are above those in the file. */
    long shiftTrailer() {
        return shiftTrailer;
    }

    /** With the seqnos that readers see. */
    public TableSummary summary() {
        return summary;
    }

    public long weakTombstoneCount() {
        return properties().weakTombstoneCount();
    }

    /** How it is laid out. */
    public TableSettings settings() {
        return properties().settings();
    }

    /** Counts one more that holds the table; whether it is the first. */
    public boolean retain() {
        return references.incrementAndGet() == 1;
    }

    /** Counts one less; whether it was the last. */
    public boolean release() {
        int left = references.decrementAndGet();
        assert left >= 0 : path() + ": released more often than retained";
        return left == 0;
    }

    /** No manifest names the table any more: what is kept of it elsewhere is of no use when it is closed. */
    public void doom() {
        isDoomed = true;
    }

    public boolean isDoomed() {
        return isDoomed;
    }

    /** Unmaps the file and gives back what was copied of it; of a doomed table the cache forgets its blocks. */
    public void close() {
        if (isDoomed && cache != null) {
            cache.purge(id);
        }
        mapping.close();
        index.close();
        if (filter != null) {
            filter.close();
        }
        blobFiles.forEach(BlobFile::release);
    }

    TableBlocks blocks() {
        return blocks;
    }

    TableIndex index() {
        return index;
    }

    @Nullable TableFilter filter() {
        return filter;
    }

    @Nullable BlockCache cache() {
        return cache;
    }

    TableProperties properties() {
        return blocks.properties();
    }

    MemorySegment file() {
        return file;
    }

    long blocksEnd() {
        return blocks.end();
    }
}
