package io.firn.keyspace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.SlabPool;
import io.firn.ffm.sim.SimStorage;
import io.firn.memtable.Memtable;
import io.firn.memtable.Prefix;
import io.firn.version.DatabaseFiles;
import io.firn.version.Version;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** When a former super version is retired: once, whoever finds that nobody reads it any more. */
class HistoryTest {
    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(16);
    private final SlabPool slabs = new SlabPool(budget, 0);
    private final Retirement retirement = new Retirement(() -> { });
    private final PublishedSeqno published = new PublishedSeqno();
    private final Snapshots snapshots = new Snapshots(published);
    private final History history = new History(snapshots, retirement);
    private final TreeDirectory directory = new TreeDirectory(disk, new DatabaseFiles(Path.of("/db")), 1, false);

    @AfterEach
    void leavesNothing() {
        retirement.freeDrained();
        slabs.close();
        assertEquals(0, retirement.count());
        assertEquals(0, budget.usedBytes());
        disk.close();
    }

    private SuperVersion former() {
        Memtable memtable = new Memtable(slabs, 4096, Prefix.NONE);
        memtable.provide(slabs.tryAcquire(memtable.slabBytesWanted()));
        return new SuperVersion(new JournaledMemtable(memtable), List.of(), Version.empty(7), directory);
    }

    /** The look for what no snapshot reads is over, the close comes, then what was found is to be forgotten. */
    @Test
    void r12_whatACloseRetiresIsNotRetiredAgainByWhoHasFoundItForgotten() throws InterruptedException {
        history.add(former(), 0);
        Thread looking = new Thread(history::forget);
        synchronized (history) {
            looking.start();
            // It has looked when it waits for the monitor, to take away what it has found.
            while (looking.getState() != Thread.State.BLOCKED) {
                Thread.yield();
            }
            history.close();
        }
        looking.join();
        assertEquals(1, retirement.count());
        assertTrue(history.isEmpty());
    }

    @Test
    void r12_whatIsForgottenIsRetiredOnce() {
        history.add(former(), 0);
        history.forget();
        history.forget();
        history.close();
        assertEquals(1, retirement.count());
    }

    /** Who waits until nothing is retired any more finds the memory free. */
    @Test
    void whatIsBeingFreedIsStillCounted() throws InterruptedException {
        retirement.retire(former());
        Thread freeing = new Thread(retirement::freeDrained);
        synchronized (slabs) {
            freeing.start();
            while (freeing.getState() != Thread.State.BLOCKED) {
                Thread.yield();
            }
            assertEquals(1, retirement.count());
        }
        freeing.join();
        assertEquals(0, retirement.count());
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void r12_aFormerOneStaysForASnapshotUpToItsEdit() {
        long seqno = snapshots.open();
        history.add(former(), seqno);
        history.forget();
        assertEquals(0, retirement.count());
        snapshots.close(seqno);
        history.forget();
        assertEquals(1, retirement.count());
    }
}
