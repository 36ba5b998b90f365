package io.firn.entry;

import java.lang.foreign.MemorySegment;

/**
 * A position in a sorted source of entries, which moves both ways. The source may hold many versions of a key; a cursor
 * shows them all, in entry order (key ascending, seqno descending).
 *
 * <p>Every move answers whether there is an entry. Past the end {@code previous} gives the last entry, before the start
 * {@code next} gives the first; before any move {@code next} is {@code first} and {@code previous} is {@code last}.
 *
 * <p>Key and value are read as (segment, offset, length), valid until the next move or {@code close}; the key may lie
 * in memory of the cursor's own; the value's is read-only. Asking without an entry is a bug of ours.
 *
 * <p>Threads: one at a time. Closed by: its opener; the source outlives it.
 */
public interface EntryCursor extends AutoCloseable {
    boolean first();

    boolean last();

    boolean next();

    boolean previous();

    /** To the first entry at or after (key, trailer) in entry order. The key is native memory. */
    boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer);

    /** To the last entry at or before (key, trailer) in entry order. The key is native memory. */
    boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer);

    boolean isPositioned();

    MemorySegment keySegment();

    long keyOffset();

    int keyLength();

    long trailer();

    MemorySegment valueSegment();

    long valueOffset();

    int valueLength();

    /** Whether the value stays where it is, and as it is, over one step to the entry before. */
    default boolean isValueSteady() {
        return false;
    }

    @Override
    void close();
}
