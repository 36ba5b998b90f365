package io.firn;

import io.firn.config.PersistMode;
import io.firn.db.Batch;
import io.firn.db.Engine;
import io.firn.entry.Trailer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Writes to any keyspaces of one database that become visible and durable together, at one seqno. The last write of a key wins.
 * It lies outside the heap and holds at most 2^31-1 bytes; a write that is refused leaves it as it was.
 *
 * <p>Threads: the one that made it; others get WrongThreadException. Closed by: its user; closing without {@code commit} discards.
 */
public final class WriteBatch implements AutoCloseable {
    private final Engine engine;
    private final Batch batch;
    private @Nullable PersistMode mode;
    private boolean isCommitted;
    private boolean isClosed;

    WriteBatch(Engine engine) {
        this.engine = engine;
        batch = engine.newBatch();
    }

    /** [0] in steady state */
    public WriteBatch put(Keyspace keyspace, byte[] key, byte[] value) {
        checkOpen();
        batch.put(keyspace.treeOf(engine), key, value);
        return this;
    }

    /** [0] in steady state */
    public WriteBatch put(Keyspace keyspace, MemorySegment key, MemorySegment value) {
        checkOpen();
        batch.put(keyspace.treeOf(engine), key, value);
        return this;
    }

    /** [0] in steady state */
    public WriteBatch remove(Keyspace keyspace, byte[] key) {
        checkOpen();
        batch.remove(keyspace.treeOf(engine), Trailer.TOMBSTONE, key);
        return this;
    }

    /** [0] in steady state */
    public WriteBatch remove(Keyspace keyspace, MemorySegment key) {
        checkOpen();
        batch.remove(keyspace.treeOf(engine), Trailer.TOMBSTONE, key);
        return this;
    }

    /** See {@link Keyspace#removeWeak(byte[])}. [0] in steady state */
    public WriteBatch removeWeak(Keyspace keyspace, byte[] key) {
        checkOpen();
        batch.remove(keyspace.treeOf(engine), Trailer.WEAK_TOMBSTONE, key);
        return this;
    }

    /** See {@link Keyspace#removeWeak(byte[])}. [0] in steady state */
    public WriteBatch removeWeak(Keyspace keyspace, MemorySegment key) {
        checkOpen();
        batch.remove(keyspace.treeOf(engine), Trailer.WEAK_TOMBSTONE, key);
        return this;
    }

    /** How far the writes have come when {@code commit} returns; default: as the database was opened. */
    public WriteBatch durability(PersistMode newMode) {
        mode = newMode;
        return this;
    }

    /** How many writes it holds. */
    public int count() {
        return batch.count();
    }

    /** All or nothing; an empty batch is nothing. Then {@link #clear} it before it is used again. [0] */
    public void commit() {
        checkOpen();
        PersistMode asked = mode;
        if (asked == null) {
            engine.commit(batch);
        } else {
            engine.commit(batch, asked);
        }
        isCommitted = true;
    }

    /** Forgets the writes; what was committed stays committed. */
    public void clear() {
        batch.clear();
        isCommitted = false;
    }

    @Override
    public void close() {
        if (!isClosed) {
            isClosed = true;
            batch.close();
        }
    }

    private void checkOpen() {
        if (isClosed) {
            throw new IllegalStateException("the batch is closed");
        }
        if (isCommitted) {
            throw new IllegalStateException("the batch is committed: clear() it before it is used again");
        }
    }
}
