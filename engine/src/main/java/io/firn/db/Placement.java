package io.firn.db;

import io.firn.version.Change;
import io.firn.version.TableRecord;
import java.util.List;

/** What became of an edit that was to take its place among the commits. */
sealed interface Placement {
    /** Nothing: it is not ready. */
    record NotReady() implements Placement {}

    /** Nothing: no journal is ready for its record. */
    record NoRoom(long recordBytes) implements Placement {}

    /** Its record ends at this position, and readers see what it changes. Before it there were these tables. */
    record Placed(long end, List<Change> changes, List<TableRecord> before) implements Placement {}
}
