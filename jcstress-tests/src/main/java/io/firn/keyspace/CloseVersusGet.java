package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.firn.config.KeyspaceOptions;
import io.firn.entry.Trailer;
import io.firn.error.ClosedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.SystemStorage;
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

/** A get runs into the close of its keyspace, whose memory is recycled as soon as it is drained (R22). */
@JCStressTest
@Outcome(id = "[12], 1", expect = ACCEPTABLE, desc = "the value or ClosedException, and everything was freed in the end")
@Outcome(expect = FORBIDDEN, desc = "anything else")
@State
public class CloseVersusGet {
    private static final MemoryBudget BUDGET = MemoryBudget.ofMebibytes(4096);
    private static final SlabPool SLABS = new SlabPool(BUDGET, 1L << 32);

    /** Shared, since it leases memory; its snapshots are not asked for. */
    private static final Readers READERS = new Readers(BUDGET, new PublishedSeqno());

    private final PublishedSeqno published = new PublishedSeqno();
    private final Retirement retirement = new Retirement(() -> { });
    private final Tree tree = new Tree(1, "a", KeyspaceOptions.defaults().memtableBytes(4096), Version.empty(7), 0,
            new TreeContext(new SystemStorage(), new DatabaseFiles(Path.of("none")), TableAccess.alone(BUDGET), SLABS, published, READERS,
                    retirement, lost -> { }));

    public CloseVersusGet() {
        while (tree.tryReserve(16, 1) == Memtable.Room.NEEDS_SLAB) {
            tree.provide(SLABS.tryAcquire(tree.slabBytesWanted()));
        }
        tree.insert(1, SmallMemtable.FIRST_KEY, 0, 8, Trailer.of(1, Trailer.VALUE), SmallMemtable.FIRST_KEY, 0, 8);
        published.publish(1);
    }

    @Actor
    public void reader(II_Result result) {
        try {
            Lookup found = tree.reader().find(SmallMemtable.FIRST_KEY, TreeReader.PUBLISHED);
            result.r1 = found == null ? -1 : tree.reader().copy(found)[0] == 1 ? 1 : -2;
            if (found != null) {
                tree.reader().release(found);
            }
        } catch (ClosedException e) {
            result.r1 = 2;
        } catch (RuntimeException e) {
            result.r1 = -3;
        }
    }

    @Actor
    public void closer() {
        tree.close();
        retirement.freeDrained();
    }

    @Arbiter
    public void end(II_Result result) {
        retirement.freeDrained();
        result.r2 = retirement.count() == 0 ? 1 : 0;
    }
}
