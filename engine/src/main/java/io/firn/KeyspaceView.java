package io.firn;

import io.firn.config.KeyRange;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A keyspace as it was at a snapshot, or when a transaction began; empty for one that was created later. When that is closed its reads
 * answer ClosedException, but for the cursors that are open: these read on.
 *
 * <p>Threads: any.
 */
public final class KeyspaceView implements KeyspaceReader {
    private final Reads reads;

    /** The snapshot or transaction, kept from being garbage as long as it is read through this. */
    private final AutoCloseable holder;

    KeyspaceView(Reads reads, AutoCloseable holder) {
        this.reads = reads;
        this.holder = holder;
    }

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

    @Override
    public String toString() {
        return "KeyspaceView[" + reads + " in " + holder + "]";
    }
}
