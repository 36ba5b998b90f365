package io.firn.keyspace;

import io.firn.config.DatabaseStatistics;
import io.firn.entry.ReadCounts;

/** What the reads of one keyspace, or of several, came to in all. Threads: one. */
public final class ReadSums {
    private final long[] figures = new long[ReadCounts.COUNT];
    private long tablesOpened;

    void add(ReadCounts counts) {
        for (int figure = 0; figure < figures.length; figure++) {
            figures[figure] += counts.figure(figure);
        }
    }

    public void add(ReadSums other) {
        for (int figure = 0; figure < figures.length; figure++) {
            figures[figure] += other.figures[figure];
        }
        tablesOpened += other.tablesOpened;
    }

    void addTablesOpened(long tables) {
        tablesOpened += tables;
    }

    public DatabaseStatistics.Reads toStatistics() {
        long skips = figures[ReadCounts.FILTER_SKIPS];
        return new DatabaseStatistics.Reads(
                blocks(ReadCounts.DATA), blocks(ReadCounts.INDEX), blocks(ReadCounts.FILTER),
                blocks(ReadCounts.BLOB), skips + figures[ReadCounts.FILTER_PASSES], skips, tablesOpened);
    }

    private DatabaseStatistics.Blocks blocks(int type) {
        return new DatabaseStatistics.Blocks(
                figures[type + ReadCounts.IN_PLACE], figures[type + ReadCounts.CACHED], figures[type + ReadCounts.LOADED],
                figures[type + ReadCounts.LOADED_BYTES]);
    }
}
