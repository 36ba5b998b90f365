package io.firn.config;

import java.util.List;

/**
 * What one keyspace consists of and did since the database was opened. Entries are counted as they are stored: every version of a
 * key, tombstones included.
 *
 * @param memtableEntries entries in memtables
 * @param memtableBytes memory of the memtables that are written to or wait to be flushed
 * @param sealedMemtables memtables that wait to be flushed
 * @param levels what stands in each level, from level 0 on
 * @param blobs what stands in blob files
 * @param flushes the writing of its memtables as tables; what is read is memory
 * @param compactions the merging, moving and dropping of its tables
 * @param ingestions the writing of sorted entries as tables; what is read is the keys and values that were given
 * @param compactionDebtBytes what stands where it will not stay, see {@link DatabaseStatistics}
 * @param reads what gets and cursors read in its tables
 */
public record KeyspaceStatistics(
        long memtableEntries, long memtableBytes, int sealedMemtables, List<Level> levels, Blobs blobs,
        DatabaseStatistics.Work flushes, DatabaseStatistics.Work compactions, DatabaseStatistics.Work ingestions,
        long compactionDebtBytes, DatabaseStatistics.Reads reads) {
    public KeyspaceStatistics {
        levels = List.copyOf(levels);
    }

    /**
     * What stands in one level, or in several.
     *
     * @param runs sorted runs, each of which a lookup may have to ask
     * @param tables tables of these runs
     * @param entries entries of these tables
     * @param tombstones those of the entries that are tombstones, weak ones included
     * @param weakTombstones those of the tombstones that are weak
     * @param diskBytes the size of the tables' files
     */
    public record Level(int runs, int tables, long entries, long tombstones, long weakTombstones, long diskBytes) {
        /** Both together. */
        public Level plus(Level other) {
            return new Level(runs + other.runs, tables + other.tables, entries + other.entries,
                    tombstones + other.tombstones, weakTombstones + other.weakTombstones, diskBytes + other.diskBytes);
        }
    }

    /**
     * What stands in blob files, apart from the tables.
     *
     * @param files how many there are
     * @param values values that tables name
     * @param valueBytes what these take as they are stored
     * @param garbageBytes what values take that no table names any more, and that goes with their files
     * @param diskBytes the size of the files
     */
    public record Blobs(int files, long values, long valueBytes, long garbageBytes, long diskBytes) {}

    /** All levels together. */
    public Level allLevels() {
        return levels.stream().reduce(new Level(0, 0, 0, 0, 0, 0), Level::plus);
    }
}
