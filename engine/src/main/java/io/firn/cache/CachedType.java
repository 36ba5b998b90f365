package io.firn.cache;

/** What a cached block holds. Filters are not compressed, so they are never here. */
public enum CachedType {
    DATA,
    INDEX,
    BLOB
}
