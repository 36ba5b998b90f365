package io.firn.table;

/** What the manifest keeps of a table. Tombstones are counted whatever their kind. */
public record TableSummary(
        long id, long fileBytes, long entryCount, long tombstoneCount, long seqnoMin, long seqnoMax) {}
