package io.firn.config;

import org.jspecify.annotations.Nullable;

/**
 * Which filter the compactions of a keyspace use. It is not persisted: give it at every opening.
 *
 * <p>Threads: asked by several workers at once.
 */
@FunctionalInterface
public interface CompactionFilters {
    /** A filter for one compaction of the keyspace of this name, used by one thread; null for none. */
    @Nullable CompactionFilter create(String keyspace);
}
