package io.firn.keyspace;

import io.firn.entry.EntryCursor;
import io.firn.merge.Retention;
import io.firn.table.TableSettings;
import io.firn.version.RunWriter;
import io.firn.version.TableFiles;
import io.firn.version.WrittenRun;
import java.io.IOException;

/**
 * Writes one sealed memtable as a run of tables.
 *
 * <p>Invariants: (1) what is left out is seen by no reader: neither by the live snapshots and what was published when the
 * memtable was sealed already, nor by those who have pinned the memtable (R11). (2) When it fails or is cancelled no file of it
 * is left.
 *
 * <p>Threads: one worker.
 */
public final class MemtableFlush {
    /** Tables of a run are cut here. */
    private static final long TABLE_BYTES = 64 << 20;

    /** Older entries lie below every memtable, for all that a flush knows. */
    private static final Retention.Below ANYTHING = (key, offset, length) -> true;

    private MemtableFlush() {}

    /** Writes, forces and opens the tables, and makes their names durable. For the boundaries see {@link Retention}. */
    public static WrittenRun run(Tree tree, JournaledMemtable source, long[] boundaries, TableFiles files)
            throws IOException {
        TableSettings settings = TableSettings.of(tree.options(), 0, false);
        try (EntryCursor cursor = source.memtable.cursor();
                Retention retention = new Retention(
                        cursor, boundaries, ANYTHING, Retention.Seqnos.AS_THEY_ARE, files.budget());
                RunWriter writer = new RunWriter(
                        files, tree.id(), settings, files.access().at(tree.options(), 0), TABLE_BYTES,
                        tree.options().blobs())) {
            for (Retention.Step step = retention.step(); step != Retention.Step.END; step = retention.step()) {
                if (step == Retention.Step.KEPT) {
                    writer.add(retention.keySegment(), retention.keyOffset(), retention.keyLength(), retention.trailer(),
                            retention.valueSegment(), retention.valueOffset(), retention.valueLength());
                }
            }
            return writer.finish();
        }
    }
}
