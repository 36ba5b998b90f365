package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.firn.config.KeyspaceOptions;
import io.firn.entry.Trailer;
import io.firn.error.ClosedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.SystemStorage;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.SlabPool;
import io.firn.memtable.Memtable;
import io.firn.table.TableAccess;
import io.firn.version.DatabaseFiles;
import io.firn.version.Version;
import java.nio.file.Path;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A cursor moves while its database is closed, which takes its pin and its memory from it and recycles both (R22). */
@JCStressTest
@Outcome(id = "[12], 1", expect = ACCEPTABLE, desc = "the entry or ClosedException, and everything was freed in the end")
@Outcome(expect = FORBIDDEN, desc = "anything else")
@State
public class CursorVersusClose {
    private static final MemoryBudget BUDGET = MemoryBudget.ofMebibytes(4096);
    private static final SlabPool SLABS = new SlabPool(BUDGET, 1L << 32);

    /** Shared, since it leases memory; its snapshots are not asked for. */
    private static final Readers READERS = new Readers(BUDGET, new PublishedSeqno());

    private final PublishedSeqno published = new PublishedSeqno();
    private final Retirement retirement = new Retirement(() -> { });
    private final Openings openings = new Openings();
    private final Tree tree = new Tree(1, "a", KeyspaceOptions.defaults().memtableBytes(4096), Version.empty(7), 0,
            new TreeContext(new SystemStorage(), new DatabaseFiles(Path.of("none")), TableAccess.alone(BUDGET), SLABS,
                    published, READERS, retirement, lost -> { }));
    private final Scan scan;
    private final Opening opening;

    public CursorVersusClose() {
        while (tree.tryReserve(16, 1) == Memtable.Room.NEEDS_SLAB) {
            tree.provide(SLABS.tryAcquire(tree.slabBytesWanted()));
        }
        tree.insert(1, SmallMemtable.FIRST_KEY, 0, 8, Trailer.of(1, Trailer.VALUE), SmallMemtable.FIRST_KEY, 0, 8);
        published.publish(1);
        Scan opened = tree.reader().scan(null, TreeReader.PUBLISHED);
        scan = opened;
        Tree itsTree = tree;
        opening = openings.open(this, "a cursor", () -> itsTree.reader().release(opened));
    }

    @Actor
    public void reader(II_Result result) {
        try {
            opening.enter();
        } catch (ClosedException e) {
            result.r1 = 2;
            return;
        }
        try {
            result.r1 = scan.next() ? scan.valueSegment().get(Layouts.BYTE, scan.valueOffset()) : -1;
        } catch (RuntimeException e) {
            result.r1 = -3;
        }
        opening.exit();
    }

    @Actor
    public void closer() {
        tree.close();
        openings.closeAll();
        retirement.freeDrained();
    }

    @Arbiter
    public void end(II_Result result) {
        retirement.freeDrained();
        result.r2 = retirement.count() == 0 && openings.count() == 0 ? 1 : 0;
    }
}
