package io.firn;

import io.firn.config.KeyRange;
import io.firn.entry.EntryLimits;
import io.firn.entry.HeldBlock;
import io.firn.entry.Probe;
import io.firn.ffm.memory.Layouts;
import io.firn.keyspace.Lookup;
import io.firn.keyspace.Opening;
import io.firn.keyspace.Openings;
import io.firn.keyspace.Scan;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeReader;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * The reads of one keyspace, at what is published when they begin or at a snapshot's seqno: what stands behind every
 * {@link KeyspaceReader}.
 *
 * <p>Invariants: what was pinned while the snapshot was open has everything that the snapshot sees; so it is asked
 * after the pin whether it still is.
 *
 * <p>Threads: any.
 */
final class Reads {
    private final Tree tree;
    private final TreeReader reader;
    private final Openings openings;
    private final long seqno;
    private final @Nullable Opening snapshot;

    /** At what is published when each read begins. */
    Reads(Tree tree, Openings openings) {
        this(tree, openings, TreeReader.PUBLISHED, null);
    }

    /** At a snapshot's seqno, for as long as the snapshot is open. */
    Reads(Tree tree, Openings openings, long seqno, @Nullable Opening snapshot) {
        this.tree = tree;
        reader = tree.reader();
        this.openings = openings;
        this.seqno = seqno;
        this.snapshot = snapshot;
    }

    byte @Nullable [] get(byte[] key) {
        EntryLimits.checkKey(key.length);
        return copied(found(reader.find(key, seqno)));
    }

    byte @Nullable [] get(MemorySegment key) {
        EntryLimits.checkKey(key.byteSize());
        return copied(found(reader.find(key, seqno)));
    }

    long get(MemorySegment key, MemorySegment target) {
        EntryLimits.checkKey(key.byteSize());
        Lookup found = found(reader.find(key, seqno));
        if (found == null) {
            return -1;
        }
        try {
            int length = found.probe().valueLength();
            if (length <= target.byteSize()) {
                reader.load(found);
                MemorySegment.copy(found.probe().segment(), found.probe().offset(), target, 0, length);
            }
            return length;
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(found);
        }
    }

    boolean read(byte[] key, ValueVisitor visitor) {
        EntryLimits.checkKey(key.length);
        return show(found(reader.find(key, seqno)), visitor);
    }

    boolean read(MemorySegment key, ValueVisitor visitor) {
        EntryLimits.checkKey(key.byteSize());
        return show(found(reader.find(key, seqno)), visitor);
    }

    int multiGet(List<MemorySegment> keys, IndexedVisitor visitor) {
        int count = keys.size();
        for (int i = 0; i < count; i++) {
            EntryLimits.checkKey(keys.get(i).byteSize());
        }
        Lookup lookup = found(reader.lookups(seqno));
        int found = 0;
        try {
            for (int i = 0; i < count; i++) {
                if (reader.find(lookup, keys.get(i))) {
                    found++;
                    show(lookup, i, visitor);
                }
            }
            return found;
        } finally {
            reader.release(lookup);
        }
    }

    long sizeOf(byte[] key) {
        EntryLimits.checkKey(key.length);
        return sizeOf(found(reader.find(key, seqno)));
    }

    long sizeOf(MemorySegment key) {
        EntryLimits.checkKey(key.byteSize());
        return sizeOf(found(reader.find(key, seqno)));
    }

    @Nullable Entry firstEntry() {
        Scan scan = scan(null);
        try {
            return scan.first() ? entry(scan) : null;
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(scan);
        }
    }

    @Nullable Entry lastEntry() {
        Scan scan = scan(null);
        try {
            return scan.last() ? entry(scan) : null;
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(scan);
        }
    }

    boolean isEmpty() {
        Scan scan = scan(null);
        try {
            return !scan.first();
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(scan);
        }
    }

    long count() {
        Scan scan = scan(null);
        try {
            long count = 0;
            while (scan.next()) {
                count++;
            }
            return count;
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(scan);
        }
    }

    Cursor cursor(KeyRange range) {
        return new Cursor(reader, scan(range), openings);
    }

    Stream<Entry> stream(KeyRange range) {
        Cursor cursor = cursor(range);
        Spliterator<Entry> entries = new Spliterators.AbstractSpliterator<>(
                Long.MAX_VALUE, Spliterator.ORDERED | Spliterator.DISTINCT | Spliterator.NONNULL) {
            @Override
            public boolean tryAdvance(Consumer<? super Entry> action) {
                if (!cursor.next()) {
                    return false;
                }
                action.accept(new Entry(cursor.keyBytes(), cursor.valueBytes()));
                return true;
            }
        };
        return StreamSupport.stream(entries, false).onClose(cursor::close);
    }

    @Override
    public String toString() {
        return tree.id() + " " + tree.name();
    }

    private Scan scan(@Nullable KeyRange range) {
        Scan scan = reader.scan(range, seqno);
        try {
            checkSnapshot();
            return scan;
        } catch (Throwable t) {
            reader.release(scan);
            throw t;
        }
    }

    private @Nullable Lookup found(@Nullable Lookup lookup) {
        try {
            checkSnapshot();
            return lookup;
        } catch (Throwable t) {
            if (lookup != null) {
                reader.release(lookup);
            }
            throw t;
        }
    }

    private void checkSnapshot() {
        if (snapshot != null) {
            snapshot.checkOpen();
        }
    }

    private byte @Nullable [] copied(@Nullable Lookup found) {
        if (found == null) {
            return null;
        }
        try {
            return reader.copy(found);
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(found);
        }
    }

    private boolean show(@Nullable Lookup found, ValueVisitor visitor) {
        if (found == null) {
            return false;
        }
        found.beginCallback();
        try {
            reader.load(found);
            show(found.probe(), visitor);
            return true;
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            found.endCallback();
            reader.release(found);
        }
    }

    private void show(Lookup lookup, int index, IndexedVisitor visitor) {
        lookup.beginCallback();
        try {
            reader.load(lookup);
            show(lookup.probe(), index, visitor);
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            lookup.endCallback();
        }
    }

    /**
     * Alone, so that the compiler sees slice and visitor together, whatever else becomes part of a read, and removes the slice. With
     * an alignment: the platform's profile of the slice without is worn by others. Without a look whether it is read-only already: of two
     * that meet again none can be removed.
     */
    private static void show(Probe answer, ValueVisitor visitor) {
        if (Lent.IS_CHECKED) {
            Lent.show(answer.segment(), answer.offset(), answer.length(), visitor);
        } else {
            visitor.value(answer.segment().asSlice(answer.offset(), answer.length(), 1).asReadOnly());
        }
    }

    private static void show(Probe answer, int index, IndexedVisitor visitor) {
        if (Lent.IS_CHECKED) {
            Lent.show(answer.segment(), answer.offset(), answer.length(), value -> visitor.value(index, value));
        } else {
            visitor.value(index, answer.segment().asSlice(answer.offset(), answer.length(), 1).asReadOnly());
        }
    }

    private long sizeOf(@Nullable Lookup found) {
        if (found == null) {
            return -1;
        }
        try {
            return found.probe().valueLength();
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(found);
        }
    }

    private static Entry entry(Scan scan) {
        byte[] key = bytes(scan.keySegment(), scan.keyOffset(), scan.keyLength());
        if (scan.isValueSeparated()) {
            HeldBlock value = scan.load();
            return new Entry(key, bytes(value.segment(), value.at(), value.length()));
        }
        return new Entry(key, bytes(scan.valueSegment(), scan.valueOffset(), scan.valueLength()));
    }

    static byte[] bytes(MemorySegment segment, long offset, int length) {
        byte[] copy = new byte[length];
        MemorySegment.copy(segment, Layouts.BYTE, offset, copy, 0, length);
        return copy;
    }
}
