package io.firn.db;

import io.firn.config.KeyRange;
import io.firn.keyspace.Tree;
import io.firn.version.Change;
import java.util.List;

/**
 * An edit of one tree that has a place among the commits: what is before it is covered by it, what comes later is not (R2).
 *
 * <p>Threads: the commit lock is held during every call but {@code prepare}.
 */
interface OrderedEdit {
    Tree tree();

    /** Does what it needs besides flushed memtables. Called before it is ready, on the caller's thread, without a lock. */
    default void prepare() {}

    /** Whether it can be made now. Else the tree's memtables are to be flushed first, and what else it needs to be done. */
    boolean isReady();

    /** The keys that it may change. */
    default KeyRange range() {
        return KeyRange.all();
    }

    /** What it changes when it has this seqno. How many bytes that takes does not depend on the seqno. */
    List<Change> changes(long seqno);

    /** Shows it to readers. No snapshot is opened meanwhile. */
    void install(long seqno);
}
