package io.firn;

import io.firn.config.KeyRange;
import io.firn.config.CompactionStrategy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.KeyspaceStatistics;
import io.firn.db.Batch;
import io.firn.db.Engine;
import io.firn.entry.Trailer;
import io.firn.keyspace.Tree;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An ordered map of byte strings, one of those that a database holds. Keys have 1 to 65,535 bytes, values up to 2^31-1 less 128 KiB;
 * others are refused before anything is written. What is read is everything committed before the call.
 *
 * <p>Marked [0]: allocates nothing on the heap, on platform threads and after compilation.
 *
 * <p>Threads: any.
 */
public final class Keyspace implements KeyspaceReader {
    private final Engine engine;
    private final Tree tree;
    private final Reads reads;

    Keyspace(Engine engine, Tree tree) {
        this.engine = engine;
        this.tree = tree;
        reads = new Reads(tree, engine.readers().openings());
    }

    /** Given once, never again to another keyspace. */
    public int id() {
        return tree.id();
    }

    public String name() {
        return tree.name();
    }

    /** Where its files lie. */
    public Path path() {
        return tree.directory();
    }

    /** As they were persisted when the keyspace was created. */
    public KeyspaceOptions options() {
        return tree.options();
    }

    // ---- writing

    /** Sets the value of a key. [0] */
    public void put(byte[] key, byte[] value) {
        Batch batch = engine.leaseBatch();
        try {
            batch.put(tree, key, value);
            engine.commit(batch);
        } finally {
            engine.giveBack(batch);
        }
    }

    /** Sets the value of a key. [0] */
    public void put(MemorySegment key, MemorySegment value) {
        Batch batch = engine.leaseBatch();
        try {
            batch.put(tree, key, value);
            engine.commit(batch);
        } finally {
            engine.giveBack(batch);
        }
    }

    /** Removes a key, which may be missing. [0] */
    public void remove(byte[] key) {
        Batch batch = engine.leaseBatch();
        try {
            batch.remove(tree, Trailer.TOMBSTONE, key);
            engine.commit(batch);
        } finally {
            engine.giveBack(batch);
        }
    }

    /** Removes a key, which may be missing. [0] */
    public void remove(MemorySegment key) {
        Batch batch = engine.leaseBatch();
        try {
            batch.remove(tree, Trailer.TOMBSTONE, key);
            engine.commit(batch);
        } finally {
            engine.giveBack(batch);
        }
    }

    /**
     * Removes a key that was put at most once since it was last removed, by this call or the other: then what it leaves goes with what
     * it removes. Of a key that was put more often an older value may come back. Of several writes of a key in one batch only the last
     * counts: a removal before it in the same batch is none. [0]
     */
    public void removeWeak(byte[] key) {
        Batch batch = engine.leaseBatch();
        try {
            batch.remove(tree, Trailer.WEAK_TOMBSTONE, key);
            engine.commit(batch);
        } finally {
            engine.giveBack(batch);
        }
    }

    /** The same for a key in any segment. [0] */
    public void removeWeak(MemorySegment key) {
        Batch batch = engine.leaseBatch();
        try {
            batch.remove(tree, Trailer.WEAK_TOMBSTONE, key);
            engine.commit(batch);
        } finally {
            engine.giveBack(batch);
        }
    }

    // ---- reading

    @Override
    public byte @Nullable [] get(byte[] key) {
        return reads.get(key);
    }

    @Override
    public byte @Nullable [] get(MemorySegment key) {
        return reads.get(key);
    }

    @Override
    public long get(MemorySegment key, MemorySegment target) {
        return reads.get(key, target);
    }

    @Override
    public boolean read(byte[] key, ValueVisitor visitor) {
        return reads.read(key, visitor);
    }

    @Override
    public boolean read(MemorySegment key, ValueVisitor visitor) {
        return reads.read(key, visitor);
    }

    @Override
    public int multiGet(List<MemorySegment> keys, IndexedVisitor visitor) {
        return reads.multiGet(keys, visitor);
    }

    @Override
    public boolean containsKey(byte[] key) {
        return reads.sizeOf(key) >= 0;
    }

    @Override
    public boolean containsKey(MemorySegment key) {
        return reads.sizeOf(key) >= 0;
    }

    @Override
    public long sizeOf(byte[] key) {
        return reads.sizeOf(key);
    }

    @Override
    public long sizeOf(MemorySegment key) {
        return reads.sizeOf(key);
    }

    @Override
    public @Nullable Entry firstEntry() {
        return reads.firstEntry();
    }

    @Override
    public @Nullable Entry lastEntry() {
        return reads.lastEntry();
    }

    @Override
    public boolean isEmpty() {
        return reads.isEmpty();
    }

    @Override
    public long count() {
        return reads.count();
    }

    @Override
    public Cursor cursor(KeyRange range) {
        return reads.cursor(range);
    }

    @Override
    public Stream<Entry> stream(KeyRange range) {
        return reads.stream(range);
    }

    /** Versions of keys, tombstones included, as they are stored: at least the number of keys. [0] */
    public long approximateCount() {
        return tree.storedEntries();
    }

    /** What the keyspace consists of now, and what it did since the database was opened. */
    public KeyspaceStatistics statistics() {
        return engine.statistics(tree);
    }

    // ---- housekeeping

    /**
     * Removes the keys of the range, and nothing else, at one moment between two commits. Whole tables go as they are, so that much goes at
     * the cost of little; those at the borders are written anew. Snapshots and cursors that are open read on what they see. Returns when
     * it is durable.
     */
    public void dropRange(KeyRange range) {
        engine.dropRange(tree, range);
    }

    /** Begins an ingestion of sorted entries; its user closes it. */
    public Ingestion ingest() {
        return new Ingestion(engine, tree);
    }

    /**
     * Removes every entry, at one moment between two commits. Snapshots and cursors that are open read on what they see; the disk is
     * freed as they close. Returns when it is durable.
     */
    public void clear() {
        engine.clear(tree);
    }

    /** Seals the active memtable and flushes it in the background; false if it was empty. */
    public boolean rotateMemtable() {
        return engine.rotate(tree);
    }

    /** Seals the active memtable, if it holds anything, and flushes it in the background. */
    public void requestFlush() {
        engine.rotate(tree);
    }

    /** Seals the active memtable and waits until every sealed one is flushed. */
    public void rotateMemtableAndWait() {
        engine.rotate(tree);
        engine.awaitFlushed(tree);
    }

    /**
     * Does one round of what the keyspace's compaction finds to do, if it finds something, and waits for it: also of what it would do
     * in the background only when nothing has been written to the database for ten seconds, to leave readers fewer runs.
     */
    public void compact() {
        engine.compact(tree, tree.options().compaction());
    }

    /** Does one round of what another compaction than the keyspace's own finds to do, and waits for it. */
    public void compact(CompactionStrategy once) {
        engine.compact(tree, once);
    }

    /** Merges everything, memtables included, into the last level, and waits for it. What is written meanwhile stays above. */
    public void majorCompact() {
        engine.compactAll(tree);
    }

    /** The same keyspace of the same open database. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Keyspace keyspace && tree == keyspace.tree;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(tree);
    }

    @Override
    public String toString() {
        return "Keyspace[" + id() + " " + name() + "]";
    }

    /** The tree, if it is the given database's. */
    Tree treeOf(Engine asking) {
        if (asking != engine) {
            throw new IllegalArgumentException("keyspace " + name() + " belongs to another database");
        }
        return tree;
    }
}
