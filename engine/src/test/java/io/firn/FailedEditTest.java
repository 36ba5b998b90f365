package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.OpenMode;
import io.firn.error.FirnException;
import io.firn.error.PoisonedException;
import io.firn.error.StorageException;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import io.firn.keyspace.Tree;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Edits that have a place among the commits, when the disk fails on them. */
class FailedEditTest {
    private static final byte[] FIRST = {1};
    private static final byte[] SECOND = {2};

    /** Its record is durable, and readers see its tables: they are not deleted, nor closed by two. */
    @Test
    void r2_anIngestionWhoseEditFailsBehindItsRecordKeepsItsTables() {
        try (SimStorage disk = new SimStorage()) {
            TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE);
            Keyspace a = tiny.keyspace("a");
            a.put(FIRST, FIRST);
            a.rotateMemtableAndWait();
            tiny.awaitQuiet();
            disk.faults().fail(Operation.Kind.APPEND, "manifest-*", 1, FaultPlan.Cause.EIO, FaultPlan.Times.FOR_EVER);
            try (Ingestion ingestion = a.ingest()) {
                ingestion.put(SECOND, SECOND);
                assertThrows(FirnException.class, ingestion::finish);
            }
            assertArrayEquals(SECOND, a.get(SECOND));
            assertThrows(PoisonedException.class, tiny::close);
            disk.assertNothingOpen();
            assertEquals(0, tiny.usedMemoryBytes());
            disk.faults().heal();
            try (TinyDatabase next = TinyDatabase.open(disk, OpenMode.RECOVER)) {
                assertArrayEquals(FIRST, next.keyspace("a").get(FIRST));
                assertArrayEquals(SECOND, next.keyspace("a").get(SECOND));
            }
        }
    }

    /** Journals that are of no use any more are nothing that an edit, once it is made, could fail for. */
    @Test
    void r2_anEditIsMadeThoughTheJournalsBeforeItCannotBeDeleted() {
        try (SimStorage disk = new SimStorage()) {
            try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE)) {
                Keyspace a = tiny.database.keyspace("a");
                for (int i = 0; i < 34; i++) {
                    a.put(FIRST, new byte[200]);
                }
                tiny.awaitQuiet();
                disk.faults().fail(Operation.Kind.DELETE, "*.journal", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
                disk.faults().fail(Operation.Kind.RENAME, "*.journal", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
                a.clear();
                assertFalse(disk.faults().injected().isEmpty(), "no journal was to be deleted");
                assertNull(a.get(FIRST));
                a.put(SECOND, SECOND);
            }
            try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.RECOVER)) {
                assertNull(tiny.keyspace("a").get(FIRST));
                assertArrayEquals(SECOND, tiny.keyspace("a").get(SECOND));
            }
        }
    }

    /** The keyspace is due for a compaction, which has to wait for the drop, which has to wait for the disk. */
    @Test
    @Timeout(600)
    void noWorkerIsBusyWhileADropWaitsForAFlush() throws InterruptedException {
        try (SimStorage disk = new SimStorage(); TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE)) {
            Keyspace a = tiny.keyspace("a");
            Tree tree = tiny.engine().trees().all().getFirst();
            disk.faults().fail(Operation.Kind.CREATE, "*.table", 1, FaultPlan.Cause.ENOSPC, FaultPlan.Times.FOR_EVER);
            a.put(FIRST, FIRST);
            a.rotateMemtable();
            a.put(SECOND, SECOND);
            Thread dropping = Thread.ofPlatform().start(() -> a.dropRange(KeyRange.all().from(SECOND)));
            awaitSealed(tree, 2);
            synchronized (disk.faults()) { // no flush may come between the two
                disk.faults().heal();
                disk.faults().fail(Operation.Kind.CREATE, "*.table", 2, FaultPlan.Cause.ENOSPC, FaultPlan.Times.FOR_EVER);
            }
            awaitSealed(tree, 1);
            while (!tiny.isQuiet()) {
                Thread.sleep(1);
            }
            disk.faults().heal();
            dropping.join();
            assertArrayEquals(FIRST, a.get(FIRST));
            assertNull(a.get(SECOND));
        }
    }

    private static void awaitSealed(Tree tree, int count) throws InterruptedException {
        while (tree.sealedCount() != count) {
            Thread.sleep(1);
        }
    }

    /** What it has written is given up once, though it cannot be deleted; the caller hears of the first failure. */
    @Test
    void aDroppedRangeThatFailsIsGivenUpOnce() {
        try (SimStorage disk = new SimStorage()) {
            TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE);
            Keyspace a = tiny.keyspace("a");
            for (int run = 0; run < 2; run++) {
                a.put(FIRST, FIRST);
                a.put(SECOND, new byte[] {(byte) run});
                a.put(new byte[] {3}, FIRST);
                a.rotateMemtableAndWait();
                a.majorCompact();
                a.put(FIRST, FIRST);
            }
            a.put(SECOND, SECOND);
            a.rotateMemtableAndWait();
            tiny.awaitQuiet();
            disk.faults().fail(Operation.Kind.CREATE, "*.table", 2, FaultPlan.Cause.EIO, FaultPlan.Times.FOR_EVER);
            disk.faults().fail(Operation.Kind.DELETE, "*.table", 1, FaultPlan.Cause.ENOSPC, FaultPlan.Times.FOR_EVER);
            StorageException failure = assertThrows(
                    StorageException.class, () -> a.dropRange(KeyRange.all().from(SECOND).until(new byte[] {3})));
            assertTrue(String.valueOf(failure.getMessage()).contains("Input/output"), failure.getMessage());
            assertArrayEquals(SECOND, a.get(SECOND));
            disk.faults().heal();
            a.dropRange(KeyRange.all().from(SECOND).until(new byte[] {3}));
            assertNull(a.get(SECOND));
            tiny.close();
            disk.assertNothingOpen();
            assertEquals(0, tiny.usedMemoryBytes());
        }
    }
}
