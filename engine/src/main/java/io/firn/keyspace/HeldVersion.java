package io.firn.keyspace;

import io.firn.table.Table;
import io.firn.version.Version;
import java.util.List;

/**
 * A version of which all tables, or some, stay open whoever replaces it meanwhile. No memtable is kept with it, and no table
 * besides: what others compact away gives back its disk at once.
 *
 * <p>Threads: one. Closed by: its opener, who has deleted by then what was written in vain, on any thread: what nobody
 * else uses is closed by the maintenance thread.
 */
public final class HeldVersion implements AutoCloseable {
    private final Version version;
    private final List<Table> tables;
    private final TreeDirectory directory;
    private final Retirement retirement;

    /** The tables are reached by a super version that is not freed yet. */
    HeldVersion(Version version, List<Table> tables, TreeDirectory directory, Retirement retirement) {
        this.version = version;
        this.tables = List.copyOf(tables);
        this.directory = directory;
        this.retirement = retirement;
        directory.enter();
        tables.forEach(Table::retain);
    }

    public Version version() {
        return version;
    }

    @Override
    public void close() {
        for (Table table : tables) {
            if (table.release()) {
                retirement.retire(table);
            }
        }
        directory.leave();
    }
}
