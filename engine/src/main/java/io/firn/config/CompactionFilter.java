package io.firn.config;

/**
 * Says of entries that a compaction writes on what becomes of them. It is asked about values alone, and only about the newest
 * version of a key among what is merged, if no open snapshot may see it. It is not said when, or whether at all, an entry is
 * met; one that stays may be met again.
 *
 * <p>An exception aborts the compaction, which leaves no trace, is reported and tried again later; it is thrown by the call that asked for
 * the compaction, if one did. The database goes on.
 *
 * <p>Threads: one, a worker; it may neither wait for the database nor write to it.
 */
@FunctionalInterface
public interface CompactionFilter {
    /** What becomes of the entry, whose views are valid during the call. */
    Verdict filter(FilteredEntry entry);

    /** All entries of the compaction were asked about. */
    default void finish() {}
}
