package io.firn;

import io.firn.config.KeyRange;
import io.firn.entry.Trailer;
import io.firn.keyspace.Opening;
import io.firn.keyspace.Tree;
import io.firn.tx.Attempt;
import io.firn.tx.PrivateWrites;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A keyspace in a transaction: as it was when that began, under what the transaction has written to it. A cursor shows what was written
 * before it was opened; it may be written while one is open.
 *
 * <p>Of an optimistic transaction it is noted what is read: single keys, whether they are there or not, and of a cursor, {@code
 * firstEntry}, {@code count} and their like the keys from where they begin to where they get.
 *
 * <p>Threads: one at a time, as the transaction.
 */
public final class TransactionKeyspace implements KeyspaceReader {
    /** Kept from being garbage as long as it is used through this. */
    private final Transaction transaction;

    private final Attempt attempt;
    private final Tree tree;
    private final PrivateWrites writes;
    private final Reads reads;

    TransactionKeyspace(Transaction transaction, Attempt attempt, Tree tree, PrivateWrites writes, Opening opening) {
        this.transaction = transaction;
        this.attempt = attempt;
        this.tree = tree;
        this.writes = writes;
        reads = new Reads(
                tree, writes.reader(), transaction.engine().readers().openings(), attempt.seqno(), opening);
    }

    // ---- writing

    /** Sets the value of a key. [0] in steady state */
    public void put(byte[] key, byte[] value) {
        writes.put(key, value);
    }

    /** Sets the value of a key. [0] in steady state */
    public void put(MemorySegment key, MemorySegment value) {
        writes.put(key, value);
    }

    /** Removes a key, which may be missing. [0] in steady state */
    public void remove(byte[] key) {
        writes.remove(Trailer.TOMBSTONE, key);
    }

    /** Removes a key, which may be missing. [0] in steady state */
    public void remove(MemorySegment key) {
        writes.remove(Trailer.TOMBSTONE, key);
    }

    /** See {@link Keyspace#removeWeak(byte[])}. [0] in steady state */
    public void removeWeak(byte[] key) {
        writes.remove(Trailer.WEAK_TOMBSTONE, key);
    }

    /** See {@link Keyspace#removeWeak(byte[])}. [0] in steady state */
    public void removeWeak(MemorySegment key) {
        writes.remove(Trailer.WEAK_TOMBSTONE, key);
    }

    /** Removes a key; its former value, null if it was missing. */
    public byte @Nullable [] take(byte[] key) {
        return fetchUpdate(key, value -> null);
    }

    /** Replaces a value by what becomes of it, if that differs; the former one, null if the key was missing. */
    public byte @Nullable [] fetchUpdate(byte[] key, Update update) {
        byte[] former = get(key);
        replace(key, former, applied(update, former));
        return former;
    }

    /** Replaces a value by what becomes of it, if that differs; the new one, null if the key is missing now. */
    public byte @Nullable [] updateFetch(byte[] key, Update update) {
        byte[] former = get(key);
        byte[] next = applied(update, former);
        replace(key, former, next);
        return next;
    }

    /** The update may change what it gets. */
    private static byte @Nullable [] applied(Update update, byte @Nullable [] former) {
        return update.apply(former == null ? null : former.clone());
    }

    private void replace(byte[] key, byte @Nullable [] former, byte @Nullable [] next) {
        if (next != null) {
            if (!Arrays.equals(former, next)) {
                put(key, next);
            }
        } else if (former != null) {
            remove(key);
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
        attempt.beginCallback();
        try {
            return reads.read(key, visitor);
        } finally {
            attempt.endCallback();
        }
    }

    @Override
    public boolean read(MemorySegment key, ValueVisitor visitor) {
        attempt.beginCallback();
        try {
            return reads.read(key, visitor);
        } finally {
            attempt.endCallback();
        }
    }

    @Override
    public int multiGet(List<MemorySegment> keys, IndexedVisitor visitor) {
        attempt.beginCallback();
        try {
            return reads.multiGet(keys, visitor);
        } finally {
            attempt.endCallback();
        }
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
        return "TransactionKeyspace[" + tree.id() + " " + tree.name() + " in " + transaction + "]";
    }
}
