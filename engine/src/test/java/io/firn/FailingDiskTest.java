package io.firn;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.config.RecoveryMode;
import io.firn.error.NoSpaceException;
import io.firn.error.WriteStalledException;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A disk that is full, or fails for ever, while the database goes on as far as it can. */
@Timeout(600)
class FailingDiskTest {
    private static final byte[] KEY = {1};
    private static final Duration HALF_A_SECOND = Duration.ofMillis(500);

    /** What is asked for again ten times a second, and some for the beginning. */
    private static final int TRIES_IN_HALF_A_SECOND = 15;

    private final long begunNanos = System.nanoTime();

    private static TinyDatabase open(SimStorage disk) {
        return TinyDatabase.open(disk, OpenMode.CREATE, RecoveryMode.TORN_TAIL, HALF_A_SECOND);
    }

    @Test
    void aTableThatCannotBeWrittenIsNotTriedWithoutAPause() throws InterruptedException {
        try (SimStorage disk = new SimStorage(); TinyDatabase tiny = open(disk)) {
            Keyspace keyspace = tiny.keyspace("a");
            keyspace.put(KEY, KEY);
            disk.faults().fail(Operation.Kind.CREATE, "*.table", 1, FaultPlan.Cause.EIO, FaultPlan.Times.FOR_EVER);
            keyspace.rotateMemtable();
            Thread.sleep(HALF_A_SECOND);
            while (disk.faults().injected().isEmpty()) {
                Thread.sleep(1); // or the test times out
            }
            assertTries(disk);
            disk.faults().heal();
            keyspace.rotateMemtableAndWait();
        }
    }

    @Test
    void journalsAreRetiredThoughNoNewOneCanBeMade() {
        try (SimStorage disk = new SimStorage(); TinyDatabase tiny = open(disk)) {
            Keyspace keyspace = tiny.keyspace("a");
            for (int i = 0; i < 12; i++) {
                keyspace.put(KEY, new byte[300]);
            }
            disk.faults().fail(Operation.Kind.JOURNAL_CREATE, "*", 1, FaultPlan.Cause.ENOSPC, FaultPlan.Times.FOR_EVER);
            disk.faults().fail(Operation.Kind.JOURNAL_RECYCLE, "*", 1, FaultPlan.Cause.ENOSPC, FaultPlan.Times.FOR_EVER);
            assertThrows(NoSpaceException.class, () -> fillJournals(keyspace, disk));
            keyspace.rotateMemtableAndWait();
            while (tiny.engine().journal().leftBytes() > 0) {
                Thread.onSpinWait(); // or the test times out
            }
            assertTries(disk);
        }
    }

    @Test
    void closingEndsThoughNoJournalCanBeMade() {
        try (SimStorage disk = new SimStorage(); TinyDatabase tiny = open(disk)) {
            Keyspace keyspace = tiny.keyspace("a");
            disk.faults().fail(Operation.Kind.JOURNAL_CREATE, "*", 1, FaultPlan.Cause.ENOSPC, FaultPlan.Times.FOR_EVER);
            assertThrows(NoSpaceException.class, () -> fillJournals(keyspace, disk));
            keyspace.rotateMemtable();
            tiny.database.persist(PersistMode.SYNC_DATA);
        }
    }

    /** On a machine with other things to do the worker that finds no space may come too late for some writes. */
    private static void fillJournals(Keyspace keyspace, SimStorage disk) {
        for (int i = 0; i < 1000; i++) {
            try {
                keyspace.put(KEY, new byte[100]);
            } catch (WriteStalledException e) {
                while (disk.faults().injected().isEmpty()) {
                    Thread.onSpinWait(); // or the test times out
                }
            }
        }
    }

    private void assertTries(SimStorage disk) {
        int tries = disk.faults().injected().size();
        long halfSeconds = (System.nanoTime() - begunNanos) / HALF_A_SECOND.toNanos();
        assertTrue(0 < tries && tries <= TRIES_IN_HALF_A_SECOND * (1 + halfSeconds), tries + " tries in " + halfSeconds + " half seconds");
    }
}
