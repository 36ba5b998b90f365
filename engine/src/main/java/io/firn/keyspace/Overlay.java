package io.firn.keyspace;

import io.firn.config.KeyRange;
import io.firn.entry.Probe;
import org.jspecify.annotations.Nullable;

/**
 * What lies over a tree for one reader: the writes of a transaction, which it sees before those of the tree.
 *
 * <p>Threads: one at a time.
 */
public interface Overlay {
    /** Answers the probe with the newest entry of its key here, be it a tombstone; false if the tree is to be asked. */
    boolean get(Probe probe);

    /** Begins a walk over the scan, which has the same range, and what lies over it. */
    Walk begin(Scan scan, @Nullable KeyRange range);

    /** Ends the walk; answers the scan, which is the caller's again. */
    Scan end(Walk walk);
}
