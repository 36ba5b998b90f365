package io.firn.config;

import java.lang.foreign.MemorySegment;

/** An entry that a {@link CompactionFilter} is asked about. Segments are read-only and valid during the call. */
public interface FilteredEntry {
    MemorySegment key();

    MemorySegment value();

    long valueSize();

    /** Of the write; 0 in the last level, where nobody asks for it any more. */
    long seqno();

    /** Whether the compaction writes into the last level, below which nothing lies. */
    boolean isLastLevel();
}
