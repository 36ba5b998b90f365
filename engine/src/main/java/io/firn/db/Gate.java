package io.firn.db;

import io.firn.config.KeyRange;
import java.lang.foreign.MemorySegment;

/**
 * What every write of a transactional database passes on its way, so that one that belongs to no transaction is a transaction of its
 * own. The room of transactions implements it; a plain database has none.
 *
 * <p>Threads: any; what says so, under the commit lock. Closed by: the engine, when nobody writes or reads any more.
 */
public interface Gate extends AutoCloseable {
    /** A batch or an edit that is no transaction's will be made; may wait. No lock is held. {@link #leave} follows. */
    void enter();

    /** It is made, or was refused. */
    void leave();

    /** Whether anybody wants to know what is written. Commit lock. */
    boolean isWatching();

    /** Whether so many keys of so many bytes in all can be noted. Commit lock. */
    boolean hasRoom(long keyBytes, int keys);

    /** Makes room for them, which others may use up first. No lock is held. */
    void makeRoom(long keyBytes, int keys);

    /** A key will be written: told before that is published, and only if it will be or poisons. Commit lock, after {@link #hasRoom}. */
    void note(int keyspaceId, MemorySegment key, long keyOffset, int keyLength);

    /** Whatever is within a range will be written. Where there is no room for it anything may have been. Commit lock. */
    void noteRange(int keyspaceId, KeyRange range);

    /** The database was poisoned or closed: who waits looks again. */
    void changed();

    @Override
    void close();
}
