package io.firn;

import io.firn.entry.BlobHandle;
import io.firn.entry.EntryLimits;
import io.firn.entry.HeldBlock;
import io.firn.keyspace.Opening;
import io.firn.keyspace.Openings;
import io.firn.keyspace.TreeReader;
import io.firn.keyspace.Walk;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * A position in a range of a keyspace, as the range was when the cursor was opened, or at a snapshot. Nothing is read
 * before the first move. Every move answers whether there is an entry; key and value are valid until the next move or
 * {@code close}.
 *
 * <p>Past the end {@code next} stays false and {@code previous} gives the last entry; before the start it is the other
 * way round. Before any move {@code next} is {@code first} and {@code previous} is {@code last}. A move that throws
 * leaves the cursor as before any move.
 *
 * <p>Marked [0]: allocates nothing on the heap, on platform threads and after compilation.
 *
 * <p>Threads: one at a time; a second one meanwhile is an IllegalStateException. Closed by: its user; a forgotten one
 * is released and reported some time after it became garbage. When the database is closed, so are its cursors.
 */
public final class Cursor implements AutoCloseable {
    private final TreeReader reader;
    private final Walk walk;
    private final Opening opening;

    private boolean isOnEntry;
    private MemorySegment keySegment = MemorySegment.NULL;
    private long keyOffset;
    private int keyLength;
    private MemorySegment valueSegment = MemorySegment.NULL;
    private long valueOffset;
    private int valueLength;
    /** Whether a handle stands where the value is to be. */
    private boolean isValueSeparated;
    private boolean isValueLoaded;
    private int valueSize;
    private long seqno;
    private @Nullable Lent lentKey;
    private @Nullable Lent lentValue;

    Cursor(TreeReader reader, Walk walk, Openings openings) {
        this.reader = reader;
        this.walk = walk;
        opening = openings.open(this, "a cursor of keyspace " + reader.name(), () -> reader.release(walk));
    }

    /**
     * From the next move on, compressed blocks that steps come to are kept in the block cache, too; else only those are that a seek
     * comes to, so that a walk over much does not drive out what gets need. [0]
     */
    public Cursor fillCache() {
        opening.enter();
        try {
            walk.fillCache();
        } finally {
            opening.exit();
        }
        return this;
    }

    // ---- moves

    /** To the first entry of the range. [0] */
    public boolean first() {
        begin();
        try {
            return end(walk.first());
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /** To the last entry of the range. [0] */
    public boolean last() {
        begin();
        try {
            return end(walk.last());
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /** To the entry behind. [0] */
    public boolean next() {
        begin();
        try {
            return end(walk.next());
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /** To the entry before. [0] */
    public boolean previous() {
        begin();
        try {
            return end(walk.previous());
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /** To the first entry at or after the key, within the range. [0] */
    public boolean seek(MemorySegment key) {
        begin();
        try {
            return end(walk.seek(key));
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /** To the last entry at or before the key, within the range. [0] */
    public boolean seekForPrevious(MemorySegment key) {
        begin();
        try {
            return end(walk.seekForPrevious(key));
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /**
     * To exactly this key, through the filters, as a get of no copy. If it is missing or outside the range there is no
     * entry, and {@code next} and {@code previous} go from where it would stand. [0]
     */
    public boolean find(MemorySegment key) {
        EntryLimits.checkKey(key.byteSize());
        begin();
        try {
            return end(walk.find(key));
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /** Takes an entry off the front of the range: it is shown now, and by no later move. [0] */
    public boolean nextFront() {
        begin();
        try {
            return end(walk.nextFront());
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /** Takes an entry off the back of the range: it is shown now, and by no later move. [0] */
    public boolean nextBack() {
        begin();
        try {
            return end(walk.nextBack());
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    // ---- the entry; IllegalStateException without one

    /** The key, read-only, valid until the next move. [0] */
    public MemorySegment key() {
        return isOnEntry && !Lent.IS_CHECKED ? slice(keySegment, keyOffset, keyLength).asReadOnly() : checkedKey();
    }

    /** The value, read-only, valid until the next move. [0] */
    public MemorySegment value() {
        if (isValueSeparated) {
            load();
        }
        return isOnEntry && !Lent.IS_CHECKED ? slice(valueSegment, valueOffset, valueLength) : checkedValue();
    }

    /** The size of the value in bytes, which is not read for it. [0] */
    public long valueSize() {
        checkOnEntry();
        return valueSize;
    }

    /** A copy of the key. */
    public byte[] keyBytes() {
        checkOnEntry();
        return copied(keySegment, keyOffset, keyLength);
    }

    /** A copy of the value. */
    public byte[] valueBytes() {
        checkOnEntry();
        if (isValueSeparated) {
            load();
        }
        return copied(valueSegment, valueOffset, valueLength);
    }

    /**
     * The seqno of the write that the entry is from; 0 if it is so old that no reader can tell, -1 if the transaction that reads has
     * written it and so it has none yet. [0]
     */
    public long seqno() {
        checkOnEntry();
        return seqno;
    }

    /** Idempotent. */
    @Override
    public void close() {
        leave();
        opening.close();
        // Until here this is no garbage, and not forgotten.
        Reference.reachabilityFence(this);
    }

    private void begin() {
        leave();
        opening.enter();
        if (isValueLoaded) {
            isValueLoaded = false;
            walk.releaseValue();
        }
    }

    /** Brings the value of the entry. */
    private void load() {
        opening.enter();
        try {
            HeldBlock value = walk.load();
            valueSegment = value.segment();
            valueOffset = value.at();
            valueLength = value.length();
            isValueSeparated = false;
            isValueLoaded = true;
            opening.exit();
        } catch (Throwable t) {
            leave();
            throw failed(t);
        }
    }

    private void leave() {
        isOnEntry = false;
        isValueSeparated = false;
        if (Lent.IS_CHECKED) {
            lentKey = Lent.end(lentKey);
            lentValue = Lent.end(lentValue);
        }
    }

    private boolean end(boolean isThere) {
        if (isThere) {
            keySegment = walk.keySegment();
            keyOffset = walk.keyOffset();
            keyLength = walk.keyLength();
            valueSegment = walk.valueSegment();
            valueOffset = walk.valueOffset();
            valueLength = walk.valueLength();
            assert valueSegment.isReadOnly() : "a value that can be written";
            seqno = walk.seqnoOfEntry();
            isValueSeparated = walk.isValueSeparated();
            valueSize = isValueSeparated ? BlobHandle.valueBytes(valueSegment, valueOffset) : valueLength;
        }
        opening.exit();
        isOnEntry = isThere;
        return isThere;
    }

    private RuntimeException failed(Throwable t) {
        walk.restart();
        opening.exit();
        return switch (t) {
            case InternalError lost -> reader.lostPage(lost);
            case RuntimeException e -> e;
            case Error e -> throw e;
            default -> throw new AssertionError("a checked exception", t);
        };
    }

    private void checkOnEntry() {
        if (!isOnEntry) {
            throw noEntry();
        }
    }

    private RuntimeException noEntry() {
        opening.checkOpen();
        return new IllegalStateException("the cursor is at no entry");
    }

    private byte[] copied(MemorySegment segment, long offset, int length) {
        opening.enter();
        try {
            byte[] copy = Reads.bytes(segment, offset, length);
            opening.exit();
            return copy;
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /**
     * So small, as are its callers, that it becomes part of theirs and the slice of no object. With an alignment: the
     * platform's profile of the slice without is worn by others. Without a choice: of two slices that meet again none can be removed.
     */
    private static MemorySegment slice(MemorySegment segment, long offset, long length) {
        return segment.asSlice(offset, length, 1);
    }

    private MemorySegment checkedKey() {
        checkOnEntry();
        Lent lent = lentKey;
        if (lent == null) {
            lent = new Lent(keySegment, keyOffset, keyLength);
            lentKey = lent;
        }
        return lent.segment();
    }

    private MemorySegment checkedValue() {
        checkOnEntry();
        Lent lent = lentValue;
        if (lent == null) {
            lent = new Lent(valueSegment, valueOffset, valueLength);
            lentValue = lent;
        }
        return lent.segment();
    }
}
