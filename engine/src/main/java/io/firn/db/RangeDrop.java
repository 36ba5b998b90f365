package io.firn.db;

import io.firn.compaction.RangeCut;
import io.firn.config.KeyRange;
import io.firn.error.ClosedException;
import io.firn.keyspace.HeldVersion;
import io.firn.keyspace.Tree;
import io.firn.version.Change;
import io.firn.version.TableFiles;
import io.firn.version.Version;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All keys of a range go, at one moment: tables that lie in it are forgotten, those at its borders written anew without it.
 *
 * <p>Threads: the caller's, and a worker that writes. No compaction of the tree runs meanwhile. Closed by: the caller; what
 * was written in vain is deleted.
 */
final class RangeDrop implements OrderedEdit {
    private final Tree tree;
    private final KeyRange range;
    private final RangeCut cut;
    private final Workers workers;

    RangeDrop(Tree tree, KeyRange range, TableFiles files, Workers workers) {
        this.tree = tree;
        this.range = range;
        this.workers = workers;
        cut = new RangeCut(tree.id(), tree.options(), range, files);
    }

    @Override
    public Tree tree() {
        return tree;
    }

    @Override
    public KeyRange range() {
        return range;
    }

    @Override
    public void prepare() {
        workers.callCompaction(this::write);
    }

    private @Nullable Void write() throws IOException {
        try (HeldVersion held = tree.hold()) {
            if (held != null) {
                cut.write(held.version());
            }
            return null;
        }
    }

    @Override
    public boolean isReady() {
        return tree.hasOnlyTables() && cut.isWritten(tree.version().levels());
    }

    @Override
    public List<Change> changes(long seqno) {
        List<Change> changes = new ArrayList<>(cut.changes(tree.version().levels()));
        changes.add(new Change.Flushed(tree.id(), seqno));
        return changes;
    }

    @Override
    public void install(long seqno) {
        Version version = tree.version();
        tree.replace(version.with(cut.changes(version.levels()), cut.tables()));
        cut.place();
    }

    void close() {
        try {
            workers.call(this::discard);
        } catch (ClosedException e) {
            // The closing of the database discards it.
            return;
        }
    }

    @Nullable Void discard() {
        try {
            cut.discard();
        } catch (IOException e) {
            // Nobody names it: the next opening sweeps it.
            System.getLogger("io.firn").log(
                    System.Logger.Level.WARNING, "what a dropped range has written in vain was not deleted", e);
        }
        return null;
    }
}
