package io.firn.table;

/** How a cursor uses the cache for blocks that are compressed. */
public enum Caching {
    /** Not at all: for who reads everything once. */
    BYPASS,
    /**
     * What a seek comes to is kept, and the first block that steps from there come to: a short walk passes one end of a block at
     * most. What more steps come to is taken from the cache, but not kept.
     */
    SEEKS,
    /** All is kept. */
    ALL
}
