package io.firn;

import io.firn.config.KeyRange;
import io.firn.entry.EntryLimits;
import io.firn.entry.HeldBlock;
import io.firn.entry.Probe;
import io.firn.ffm.memory.Layouts;
import io.firn.keyspace.Lookup;
import io.firn.keyspace.Opening;
import io.firn.keyspace.Openings;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeReader;
import io.firn.keyspace.Walk;
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
        this(tree, tree.reader(), openings, TreeReader.PUBLISHED, null);
    }

    /** By a reader of the tree at a snapshot's seqno, for as long as the snapshot is open. */
    Reads(Tree tree, TreeReader reader, Openings openings, long seqno, @Nullable Opening snapshot) {
        this.tree = tree;
        this.reader = reader;
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
        Walk walk = walk(null);
        try {
            return walk.first() ? entry(walk) : null;
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(walk);
        }
    }

    @Nullable Entry lastEntry() {
        Walk walk = walk(null);
        try {
            return walk.last() ? entry(walk) : null;
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(walk);
        }
    }

    boolean isEmpty() {
        Walk walk = walk(null);
        try {
            return !walk.first();
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(walk);
        }
    }

    long count() {
        Walk walk = walk(null);
        try {
            long count = 0;
            while (walk.next()) {
                count++;
            }
            return count;
        } catch (InternalError lost) {
            throw reader.lostPage(lost);
        } finally {
            reader.release(walk);
        }
    }

    Cursor cursor(KeyRange range) {
        return new Cursor(reader, walk(range), openings);
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

    private Walk walk(@Nullable KeyRange range) {
        Walk walk = reader.walk(range, seqno);
        try {
            checkSnapshot();
            return walk;
        } catch (Throwable t) {
            reader.release(walk);
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
     * an alignment: the platform's profile of the slice without is worn by others. Values are read-only where they come from.
     */
    private static void show(Probe answer, ValueVisitor visitor) {
        assert answer.segment().isReadOnly() : "a value that can be written";
        if (Lent.IS_CHECKED) {
            Lent.show(answer.segment(), answer.offset(), answer.length(), visitor);
        } else {
            visitor.value(answer.segment().asSlice(answer.offset(), answer.length(), 1));
        }
    }

    private static void show(Probe answer, int index, IndexedVisitor visitor) {
        assert answer.segment().isReadOnly() : "a value that can be written";
        if (Lent.IS_CHECKED) {
            Lent.show(answer.segment(), answer.offset(), answer.length(), value -> visitor.value(index, value));
        } else {
            visitor.value(index, answer.segment().asSlice(answer.offset(), answer.length(), 1));
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

    private static Entry entry(Walk walk) {
        byte[] key = bytes(walk.keySegment(), walk.keyOffset(), walk.keyLength());
        if (walk.isValueSeparated()) {
            HeldBlock value = walk.load();
            return new Entry(key, bytes(value.segment(), value.at(), value.length()));
        }
        return new Entry(key, bytes(walk.valueSegment(), walk.valueOffset(), walk.valueLength()));
    }

    static byte[] bytes(MemorySegment segment, long offset, int length) {
        byte[] copy = new byte[length];
        MemorySegment.copy(segment, Layouts.BYTE, offset, copy, 0, length);
        return copy;
    }
}
