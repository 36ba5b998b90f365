package io.firn.tx;

import io.firn.config.KeyRange;
import io.firn.entry.EntryCursor;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.memtable.Memtable;
import io.firn.memtable.MemtableCursor;
import io.firn.merge.MergingCursor;
import io.firn.merge.VisibleCursor;
import org.jspecify.annotations.Nullable;

/**
 * The newest private write of each key up to one moment, removals too. The memtable is read through a merge of one source, as scans
 * do, so that the calls of these cursors see two classes at most.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
final class PrivateCursor implements AutoCloseable {
    private final MemtableCursor memtable = new MemtableCursor();
    private final EntryCursor[] sources = {memtable};
    private final MergingCursor merging = new MergingCursor(new EntryCursor[0]);
    private final VisibleCursor entries;

    PrivateCursor(MemoryBudget budget) {
        entries = new VisibleCursor(budget);
    }

    /** Begins over what was written up to the moment, within the range if there is one. */
    VisibleCursor open(@Nullable Memtable written, long moment, @Nullable KeyRange range) {
        int count = 0;
        if (written != null && !written.isEmpty()) {
            memtable.open(written);
            count = 1;
        }
        merging.open(sources, count);
        entries.open(merging, moment);
        if (range != null) {
            entries.bounds().set(range);
        }
        return entries;
    }

    void leave() {
        entries.leave();
        merging.leave();
        memtable.leave();
    }

    @Override
    public void close() {
        entries.close();
    }
}
