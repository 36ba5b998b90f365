package io.firn.version;

import static io.firn.version.InvalidEditException.unless;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Where the tables of a keyspace stand: its levels from the top down, in each the runs from the newest to the oldest, in each the
 * tables in key order. This is the order in which a lookup asks them, and the first hit wins: of two tables that hold the same
 * key, the one that comes first has the newer versions of it (R15).
 *
 * <p>Invariants: (1) the tables of a run ascend and do not overlap. (2) No run is empty. (3) In level 0, where runs come from
 * memtables and only neighbours in age are ever merged, no run has a seqno below one of an older run.
 *
 * <p>Threads: any; immutable. What an edit asks for is checked: it may come from a damaged manifest.
 */
public record Levels(List<List<List<TableRecord>>> levels) {

    static Levels empty(int count) {
        return new Levels(Collections.nCopies(count, List.of()));
    }

    public int count() {
        return levels.size();
    }

    /** The runs of a level, newest first. */
    public List<List<TableRecord>> runs(int level) {
        return levels.get(level);
    }

    /** All tables, in the order in which a lookup asks them. */
    public List<TableRecord> tables() {
        List<TableRecord> all = new ArrayList<>();
        levels.forEach(runs -> runs.forEach(all::addAll));
        return all;
    }

    Levels with(Change.OfLevels change) throws InvalidEditException {
        return switch (change) {
            case Change.RunAdded(int id, int level, int position, List<TableRecord> tables) ->
                    withRun(level, position, tables);
            case Change.TablesAdded(int id, int level, int position, List<TableRecord> tables) ->
                    withTables(level, position, tables);
            case Change.TablesCleared(int id) -> empty(count());
            case Change.TablesRemoved(int id, List<Long> tableIds) -> without(tableIds);
        };
    }

    private Levels withRun(int level, int position, List<TableRecord> tables) throws InvalidEditException {
        unless(0 <= level && level < count(), "a level below " + count(), level);
        unless(!tables.isEmpty(), "a run of tables", "none");
        checkRun(tables);
        List<List<TableRecord>> runs = new ArrayList<>(runs(level));
        unless(
                0 <= position && position <= runs.size(), "a position among " + runs.size() + " runs", position);
        runs.add(position, List.copyOf(tables));
        return withRuns(level, runs);
    }

    private Levels withTables(int level, int position, List<TableRecord> tables) throws InvalidEditException {
        unless(0 <= level && level < count(), "a level below " + count(), level);
        List<List<TableRecord>> runs = new ArrayList<>(runs(level));
        unless(
                0 <= position && position < runs.size(), "one of " + runs.size() + " runs", position);
        unless(!tables.isEmpty(), "tables for a run", "none");
        checkRun(tables);
        List<TableRecord> joined = joined(runs.get(position), tables);
        checkRun(joined);
        runs.set(position, joined);
        return withRuns(level, runs);
    }

    private Levels without(Collection<Long> tableIds) throws InvalidEditException {
        Set<Long> removed = new HashSet<>(tableIds);
        List<List<List<TableRecord>>> changed = new ArrayList<>(levels);
        for (int level = 0; level < count() && !removed.isEmpty(); level++) {
            List<List<TableRecord>> left = new ArrayList<>();
            for (List<TableRecord> run : runs(level)) {
                List<TableRecord> tables = run.stream().filter(table -> !removed.remove(table.id())).toList();
                if (!tables.isEmpty()) {
                    left.add(tables.size() == run.size() ? run : tables);
                }
            }
            changed.set(level, List.copyOf(left));
        }
        unless(removed.isEmpty(), "tables of this keyspace", "tables " + removed + " of another");
        return new Levels(List.copyOf(changed));
    }

    private Levels withRuns(int level, List<List<TableRecord>> runs) throws InvalidEditException {
        if (level == 0) {
            checkAges(runs);
        }
        List<List<List<TableRecord>>> changed = new ArrayList<>(levels);
        changed.set(level, List.copyOf(runs));
        return new Levels(List.copyOf(changed));
    }

    private static List<TableRecord> joined(List<TableRecord> run, List<TableRecord> tables) {
        List<TableRecord> joined = new ArrayList<>(run.size() + tables.size());
        int next = 0;
        for (TableRecord table : run) {
            while (next < tables.size() && tables.get(next).keys().isBefore(table.keys())) {
                joined.add(tables.get(next++));
            }
            joined.add(table);
        }
        joined.addAll(tables.subList(next, tables.size()));
        return List.copyOf(joined);
    }

    private static void checkRun(List<TableRecord> tables) throws InvalidEditException {
        for (int i = 1; i < tables.size(); i++) {
            TableRecord before = tables.get(i - 1);
            TableRecord table = tables.get(i);
            unless(before.keys().isBefore(table.keys()),
                    "a run whose tables ascend and do not overlap",
                    "table " + table.id() + " of " + table.keys() + " behind table " + before.id() + " of " + before.keys());
        }
    }

    private static void checkAges(List<List<TableRecord>> runs) throws InvalidEditException {
        long newest = Long.MAX_VALUE;
        for (List<TableRecord> run : runs) {
            long least = Long.MAX_VALUE;
            for (TableRecord table : run) {
                unless(table.seqnoMax() <= newest,
                        "runs of level 0 from the newest to the oldest, from seqno " + newest + " down", table);
                least = Math.min(least, table.seqnoMin());
            }
            newest = least;
        }
    }
}
