package io.firn.keyspace;

import io.firn.entry.HeldBlock;
import java.lang.foreign.MemorySegment;

/**
 * A walk over a range of one keyspace: a position that moves both ways, as that of a cursor does. {@link Scan} is what there is in the
 * tree; what a transaction has written lies over it.
 *
 * <p>Key and value are read as (segment, offset, length), valid until the next move or the end of the walk.
 *
 * <p>Threads: one at a time.
 */
public interface Walk {
    boolean first();

    boolean last();

    boolean next();

    boolean previous();

    /** To the first entry at or after the key, within what is left of the range. */
    boolean seek(MemorySegment key);

    /** To the last entry at or before the key, within what is left of the range. */
    boolean seekForPrevious(MemorySegment key);

    /** To exactly this key, or to its place between two others. */
    boolean find(MemorySegment key);

    /** Takes an entry off the front of the range. */
    boolean nextFront();

    /** Takes an entry off the back of the range. */
    boolean nextBack();

    /** As before any move, within what is left of the range. */
    void restart();

    /** From the next move on, blocks that steps come to are kept in the cache, too. */
    void fillCache();

    MemorySegment keySegment();

    long keyOffset();

    int keyLength();

    /** Whether the value stands in a blob file; then what stands in its place is a handle, and {@link #load} brings it. */
    boolean isValueSeparated();

    /** Brings a separated value: it is held until the next is loaded, or the walk told to release it. */
    HeldBlock load();

    /** The value that was loaded last is not read any more. */
    void releaseValue();

    MemorySegment valueSegment();

    long valueOffset();

    int valueLength();

    /** The seqno of the write that the entry is from. */
    long seqnoOfEntry();
}
