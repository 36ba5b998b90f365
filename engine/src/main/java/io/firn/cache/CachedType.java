package io.firn.cache;

/** What a cached block holds, for the figures. Filters are not compressed, so they are never here. */
public enum CachedType {
    DATA,
    INDEX
}
