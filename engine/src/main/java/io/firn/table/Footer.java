package io.firn.table;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.block.BlockFrame;
import io.firn.error.CorruptionException;
import io.firn.error.FormatVersionException;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.MappedFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Where the parts of a table lie that tell how to read the others. Sizes are those of payloads. */
record Footer(
        long propertiesOffset,
        int propertiesBytes,
        long indexOffset,
        int indexBytes,
        int indexPlainBytes,
        long filterOffset,
        int filterBytes,
        int flags) {

    boolean isIndexPartitioned() {
        return (flags & TableFormat.INDEX_PARTITIONED) != 0;
    }

    boolean hasFilter() {
        return filterBytes != 0;
    }

    boolean isFilterPartitioned() {
        return (flags & TableFormat.FILTER_PARTITIONED) != 0;
    }

    /** Where the blocks end that handles may name. */
    long blocksEnd() {
        return propertiesOffset;
    }

    /** Completes a footer that lies in private memory. */
    void encode(MemorySegment target, long tableId, long footerOffset) {
        target.set(LONG_LE, TableFormat.FOOTER_TABLE_ID, tableId);
        target.set(LONG_LE, TableFormat.FOOTER_FILE_BYTES, footerOffset + TableFormat.FOOTER_BYTES);
        target.set(LONG_LE, TableFormat.FOOTER_PROPERTIES_OFFSET, propertiesOffset);
        target.set(LONG_LE, TableFormat.FOOTER_INDEX_OFFSET, indexOffset);
        target.set(LONG_LE, TableFormat.FOOTER_FILTER_OFFSET, filterOffset);
        target.set(INT_LE, TableFormat.FOOTER_PROPERTIES_BYTES, propertiesBytes);
        target.set(INT_LE, TableFormat.FOOTER_INDEX_BYTES, indexBytes);
        target.set(INT_LE, TableFormat.FOOTER_INDEX_PLAIN_BYTES, indexPlainBytes);
        target.set(INT_LE, TableFormat.FOOTER_FILTER_BYTES, filterBytes);
        target.set(INT_LE, TableFormat.FOOTER_FLAGS, flags);
        target.set(INT_LE, TableFormat.FOOTER_VERSION, TableFormat.VERSION);
        target.set(INT_LE, TableFormat.FOOTER_CHECKSUM,
                TableFormat.footerChecksum(target, 0, tableId, footerOffset, new Crc32c()));
        target.set(LONG_LE, TableFormat.FOOTER_MAGIC, TableFormat.MAGIC);
    }

    /** Reads the footer of a mapped file in private memory; what it says fits into the file. */
    static Footer read(Path path, long tableId, MemorySegment file, MemorySegment memory) {
        long fileBytes = file.byteSize();
        long footerOffset = fileBytes - TableFormat.FOOTER_BYTES;
        copyVerified(path, tableId, file, footerOffset, memory);
        long propertiesOffset = memory.get(LONG_LE, TableFormat.FOOTER_PROPERTIES_OFFSET);
        long indexOffset = memory.get(LONG_LE, TableFormat.FOOTER_INDEX_OFFSET);
        long filterOffset = memory.get(LONG_LE, TableFormat.FOOTER_FILTER_OFFSET);
        long propertiesBytes = Integer.toUnsignedLong(memory.get(INT_LE, TableFormat.FOOTER_PROPERTIES_BYTES));
        long indexBytes = Integer.toUnsignedLong(memory.get(INT_LE, TableFormat.FOOTER_INDEX_BYTES));
        long indexPlainBytes = Integer.toUnsignedLong(memory.get(INT_LE, TableFormat.FOOTER_INDEX_PLAIN_BYTES));
        long filterBytes = Integer.toUnsignedLong(memory.get(INT_LE, TableFormat.FOOTER_FILTER_BYTES));
        int flags = memory.get(INT_LE, TableFormat.FOOTER_FLAGS);
        TableProperties.Refusal refusal = new TableProperties.Refusal(path, footerOffset);
        refusal.unless(memory.get(LONG_LE, TableFormat.FOOTER_TABLE_ID) == tableId,
                "table " + tableId, memory.get(LONG_LE, TableFormat.FOOTER_TABLE_ID));
        refusal.unless(memory.get(LONG_LE, TableFormat.FOOTER_FILE_BYTES) == fileBytes,
                fileBytes + " bytes", memory.get(LONG_LE, TableFormat.FOOTER_FILE_BYTES));
        refusal.unless(propertiesBytes <= TableProperties.PAYLOAD_BYTES_MAX
                        && BlockFrame.isPlaceable(
                                propertiesOffset, propertiesBytes, propertiesBytes, false, footerOffset)
                        && propertiesOffset + BlockFrame.OVERHEAD_BYTES + propertiesBytes == footerOffset,
                "properties before the footer", propertiesOffset);
        refusal.unless(
                (flags & ~(TableFormat.INDEX_PARTITIONED | TableFormat.FILTER_PARTITIONED)) == 0, "known flags", flags);
        boolean isIndexCompressible = (flags & TableFormat.INDEX_PARTITIONED) == 0;
        refusal.unless(BlockFrame.isPlaceable(
                        indexOffset, indexBytes, indexPlainBytes, isIndexCompressible, propertiesOffset),
                "an index before the properties", indexOffset);
        refusal.unless(filterBytes != 0
                        ? BlockFrame.isPlaceable(filterOffset, filterBytes, filterBytes, false, propertiesOffset)
                        : filterOffset == 0 && (flags & TableFormat.FILTER_PARTITIONED) == 0,
                "a filter before the properties, or none", filterOffset);
        return new Footer(propertiesOffset, (int) propertiesBytes, indexOffset, (int) indexBytes, (int) indexPlainBytes,
                filterOffset, (int) filterBytes, flags);
    }

    /** The footer in private memory, its checksum and version right. */
    private static void copyVerified(
            Path path, long tableId, MemorySegment file, long footerOffset, MemorySegment memory) {
        MemorySegment.copy(file, footerOffset, memory, 0, TableFormat.FOOTER_BYTES);
        MappedFile.deliverFault();
        long magic = memory.get(LONG_LE, TableFormat.FOOTER_MAGIC);
        if (magic != TableFormat.MAGIC) {
            throw new CorruptionException(path, footerOffset + TableFormat.FOOTER_MAGIC,
                    String.format("magic 0x%016x", TableFormat.MAGIC), String.format("0x%016x", magic));
        }
        int expected = TableFormat.footerChecksum(memory, 0, tableId, footerOffset, new Crc32c());
        int found = memory.get(INT_LE, TableFormat.FOOTER_CHECKSUM);
        if (expected != found) {
            throw new CorruptionException(
                    path, footerOffset, String.format("checksum 0x%08x", expected), String.format("0x%08x", found));
        }
        int version = memory.get(INT_LE, TableFormat.FOOTER_VERSION);
        if (version != TableFormat.VERSION) {
            throw new FormatVersionException(path + ": table format " + Integer.toUnsignedString(version)
                    + "; this version reads format " + TableFormat.VERSION);
        }
    }
}
