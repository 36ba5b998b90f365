package io.firn;

import io.firn.config.KeyRange;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What can be read of a keyspace: as it is when a call begins, as it was at a snapshot, or as a transaction sees it. Keys have 1 to 65,535 bytes.
 *
 * <p>Marked [0]: allocates nothing on the heap, on platform threads and after compilation. [0*]: nothing as long as the
 * call has seen at most two visitor classes, and 40 bytes beyond.
 *
 * <p>Threads: any.
 */
public sealed interface KeyspaceReader permits Keyspace, KeyspaceView, TransactionKeyspace {
    /** A copy of the key's value; null if it is missing. */
    byte @Nullable [] get(byte[] key);

    /** A copy of the key's value; null if it is missing. */
    byte @Nullable [] get(MemorySegment key);

    /**
     * Copies the key's value into the target and answers its size; -1 if it is missing. One larger than the target is
     * not copied. [0]
     */
    long get(MemorySegment key, MemorySegment target);

    /** Shows the key's value where it lies; false if it is missing. [0*] */
    boolean read(byte[] key, ValueVisitor visitor);

    /** Shows the key's value where it lies; false if it is missing. [0*] */
    boolean read(MemorySegment key, ValueVisitor visitor);

    /**
     * Shows the values of those keys that are there, all as they are at one moment, in the order of the list; how many
     * there are. [0*]
     */
    int multiGet(List<MemorySegment> keys, IndexedVisitor visitor);

    /** [0] */
    boolean containsKey(byte[] key);

    /** [0] */
    boolean containsKey(MemorySegment key);

    /** The size of the key's value in bytes; -1 if it is missing. [0] */
    long sizeOf(byte[] key);

    /** The size of the key's value in bytes; -1 if it is missing. [0] */
    long sizeOf(MemorySegment key);

    /**
     * A copy of the entry with the least key; null if there is none. Keys before it that were removed and not compacted away yet are
     * stepped over, but where many were removed, as at the head of a queue, not again by whoever asks next.
     */
    @Nullable Entry firstEntry();

    /** A copy of the entry with the greatest key; null if there is none. */
    @Nullable Entry lastEntry();

    /** Whether there is no key; steps over removed ones as {@link #firstEntry} does. [0], but some 100 bytes after 64 such steps. */
    boolean isEmpty();

    /** The number of keys: walks over all of them. [0] */
    long count();

    /**
     * A cursor over the range, at no entry. It shows the range as it is now, whatever is written while it is open; its
     * user closes it.
     */
    Cursor cursor(KeyRange range);

    /**
     * Copies of the entries of the range as it is now, in the order of their keys; its user closes it, as the cursor
     * that it is read by.
     */
    Stream<Entry> stream(KeyRange range);
}
