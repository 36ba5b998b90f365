package io.firn.table;

import static io.firn.ffm.memory.Layouts.INT_LE;

import io.firn.block.BlockFrame;
import io.firn.block.BlockType;
import io.firn.cache.BlockCache;
import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;

/**
 * Reads a whole table: every frame from the file's start to its footer, so that no byte is left out; then every entry
 * by a cursor, in order; and looks each up, so that heads, hash indexes, index and filter are found right as well.
 *
 * <p>Threads: one.
 */
final class TableCheck {
    /** Neighbours lie in the same blocks: a few unpacked ones are kept, apart from what others use. */
    private static final long CACHE_BYTES = 1 << 20;

    private final Table table;
    private final MemoryBudget budget;

    TableCheck(Table table, MemoryBudget budget) {
        this.table = table;
        this.budget = budget;
    }

    void run() {
        checkFrames();
        checkEntries();
    }

    private void checkFrames() {
        TableProperties properties = table.properties();
        MemorySegment file = table.file();
        long end = table.fileBytes() - TableFormat.FOOTER_BYTES;
        int[] counts = new int[BlockType.values().length];
        Crc32c crc = new Crc32c();
        try (Scratch headerMemory = Scratch.confined(budget); Scratch memory = Scratch.confined(budget)) {
            MemorySegment header = headerMemory.atLeast(BlockFrame.HEADER_BYTES);
            long offset = 0;
            while (offset < end) {
                TableProperties.Refusal refusal = new TableProperties.Refusal(table.path(), offset);
                refusal.unless(end - offset > BlockFrame.OVERHEAD_BYTES, "a block before " + end, end - offset);
                MemorySegment.copy(file, offset, header, 0, BlockFrame.HEADER_BYTES);
                MappedFile.deliverFault();
                int type = BlockFrame.typeId(header, 0);
                int codec = BlockFrame.codecId(header, 0);
                long stored = BlockFrame.storedBytes(header, 0);
                long plain = BlockFrame.plainBytes(header, 0);
                refusal.unless(type >= 0 && type != BlockType.BLOB.id() && Codec.isId(codec), "a known type and codec", header.get(INT_LE, 0));
                refusal.unless(BlockFrame.isPlaceable(offset, stored, plain, true, end)
                        && (stored == plain) == (codec == Codec.NONE.id()), "a block before " + end, stored);
                BlockType blockType = BlockType.ofId(type);
                BlockFrame.verify(table.path(), table.id(), file, offset, blockType, Codec.ofId(codec), (int) stored,
                        (int) plain, memory, crc);
                counts[blockType.ordinal()]++;
                offset += BlockFrame.OVERHEAD_BYTES + stored;
            }
        }
        TableProperties.Refusal refusal = new TableProperties.Refusal(table.path(), table.blocksEnd());
        refusal.unless(counts[BlockType.DATA.ordinal()] == properties.dataBlockCount(),
                properties.dataBlockCount() + " data blocks", counts[BlockType.DATA.ordinal()]);
        int indexes = table.index().isPartitioned() ? properties.indexPartitionCount() : 1;
        int found = counts[BlockType.INDEX.ordinal()];
        refusal.unless(found == indexes, indexes + " index blocks", found);
    }

    private void checkEntries() {
        TableProperties properties = table.properties();
        long entries = 0;
        long keys = 0;
        long tombstones = 0;
        long seqnoMin = Long.MAX_VALUE;
        long seqnoMax = 0;
        int lastKeyLength = 0;
        long lastTrailer = 0;
        TableProperties.Refusal refusal = new TableProperties.Refusal(table.path(), 0);
        try (EntryCursor cursor = table.cursor(budget);
                BlockCache own = new BlockCache(CACHE_BYTES, budget);
                Probe probe = new Probe(budget);
                Scratch lastKey = Scratch.confined(budget)) {
            while (cursor.next()) {
                long trailer = cursor.trailer();
                int keyLength = cursor.keyLength();
                int order = entries == 0 ? 1 : Bytes.compare(
                        cursor.keySegment(), cursor.keyOffset(), keyLength, lastKey.bytes(), 0, lastKeyLength);
                if (order < 0 || order == 0 && Trailer.seqno(trailer) > Trailer.seqno(lastTrailer)) {
                    throw refusal.of("entry " + entries + " behind the one before", "a key or seqno before it");
                }
                if (order > 0) {
                    keys++;
                }
                if (entries == 0) {
                    int first = table.compareToFirstKey(cursor.keySegment(), cursor.keyOffset(), keyLength);
                    refusal.unless(first == 0, "the first key of the properties", keyLength);
                }
                checkFound(cursor, probe, own, entries, refusal);
                Bytes.copy(cursor.keySegment(), cursor.keyOffset(), lastKey.atLeast(keyLength), 0, keyLength);
                lastKeyLength = keyLength;
                lastTrailer = trailer;
                seqnoMin = Math.min(seqnoMin, Trailer.seqno(trailer));
                seqnoMax = Math.max(seqnoMax, Trailer.seqno(trailer));
                tombstones += Trailer.isTombstone(trailer) ? 1 : 0;
                entries++;
                refusal.unless(entries <= properties.entryCount(), properties.entryCount() + " entries", entries);
            }
            int last = table.compareToLastKey(lastKey.bytes(), 0, lastKeyLength);
            refusal.unless(last == 0, "the last key of the properties", lastKeyLength);
        }
        refusal.unless(entries == properties.entryCount(), properties.entryCount() + " entries", entries);
        refusal.unless(keys == properties.keyCount(), properties.keyCount() + " keys", keys);
        refusal.unless(
                tombstones == properties.tombstoneCount(), properties.tombstoneCount() + " tombstones", tombstones);
        TableSummary summary = table.summary();
        refusal.unless(seqnoMin == summary.seqnoMin(), "the smallest seqno " + summary.seqnoMin(), seqnoMin);
        refusal.unless(seqnoMax == summary.seqnoMax(), "the largest seqno " + summary.seqnoMax(), seqnoMax);
    }

    private void checkFound(
            EntryCursor cursor, Probe probe, BlockCache own, long entry, TableProperties.Refusal refusal) {
        long seqno = Trailer.seqno(cursor.trailer());
        probe.ask(cursor.keySegment(), cursor.keyOffset(), cursor.keyLength(), seqno);
        if (!table.get(probe, own) || Trailer.seqno(probe.trailer()) != seqno) {
            throw refusal.of("that entry " + entry + " is found by its key", "not");
        }
    }
}
