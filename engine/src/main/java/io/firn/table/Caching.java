package io.firn.table;

/** How a cursor uses the cache for blocks that are compressed. */
public enum Caching {
    /** Not at all: for who reads everything once. */
    BYPASS,
    /** What a seek comes to is kept; what a step comes to is taken from there, but not kept. */
    SEEKS,
    /** All is kept. */
    ALL
}
