package io.firn.version;

import io.firn.entry.Probe;
import io.firn.table.Table;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Tables that do not overlap, in key order: all versions of a key lie in one of them.
 *
 * <p>Threads: any; immutable.
 */
public final class Run {
    private final List<TableRecord> records;
    private final Table[] tables;

    Run(List<TableRecord> records, List<Table> tables) {
        assert !records.isEmpty() && records.size() == tables.size() : records.size() + " records, " + tables.size() + " tables";
        this.records = records;
        this.tables = tables.toArray(Table[]::new);
    }

    public List<Table> tables() {
        return List.of(tables);
    }

    /** What the manifest says of the tables, in the same order. */
    public List<TableRecord> records() {
        return records;
    }

    /** A run of those of its tables that have these ids; null if none has. */
    public @Nullable Run part(Set<Long> tableIds) {
        List<TableRecord> some = records.stream().filter(record -> tableIds.contains(record.id())).toList();
        return some.isEmpty()
                ? null
                : new Run(some, tables().stream().filter(table -> tableIds.contains(table.id())).toList());
    }

    boolean get(Probe probe) {
        int index = tables.length == 1 ? 0 : candidate(probe);
        return index < tables.length && tables[index].get(probe);
    }

    /** The first table that does not end before the key; where the key lies in a gap, that table finds nothing. */
    private int candidate(Probe probe) {
        return firstEndingAtOrAfter(probe.key(), 0, probe.keyLength());
    }

    /** The first table whose last key is at or after the key; the number of tables if there is none. */
    int firstEndingAtOrAfter(MemorySegment key, long offset, int length) {
        int low = 0;
        int high = tables.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (tables[middle].compareToLastKey(key, offset, length) > 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** The first table whose first key is at or after the key; the number of tables if there is none. */
    int firstBeginningAtOrAfter(MemorySegment key, long offset, int length) {
        int low = 0;
        int high = tables.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (tables[middle].compareToFirstKey(key, offset, length) > 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    long entryCount() {
        long entries = 0;
        for (Table table : tables) {
            entries += table.summary().entryCount();
        }
        return entries;
    }

    public long weakTombstoneCount() {
        long tombstones = 0;
        for (Table table : tables) {
            tombstones += table.weakTombstoneCount();
        }
        return tombstones;
    }

    long fileBytes() {
        long bytes = 0;
        for (TableRecord record : records) {
            bytes += record.fileBytes();
        }
        return bytes;
    }

    int tableCount() {
        return tables.length;
    }

    Table table(int index) {
        return tables[index];
    }
}
