package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.firn.config.OpenMode;
import io.firn.error.FirnException;
import io.firn.error.PoisonedException;
import io.firn.error.StorageException;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Closing a database after something failed. */
@Timeout(600)
class ClosingTest {
    private static final byte[] KEY = {1};

    @Test
    void closingAPoisonedDatabaseForcesWhatCanBeForcedAndTellsThePoison() {
        try (SimStorage disk = new SimStorage()) {
            TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE);
            tiny.keyspace("a").put(KEY, KEY);
            disk.faults().fail(Operation.Kind.APPEND, "manifest-*", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
            assertThrows(StorageException.class, () -> tiny.keyspace("b"));
            assertThrows(PoisonedException.class, () -> tiny.keyspace("a").put(KEY, new byte[2]));
            assertThrows(PoisonedException.class, tiny::close);
            disk.assertNothingOpen();
            assertEquals(0, tiny.usedMemoryBytes());
            try (SimStorage crashed = CrashImage.draw(disk, 1, CrashImage.NOTHING);
                    TinyDatabase left = TinyDatabase.open(crashed, OpenMode.RECOVER)) {
                assertArrayEquals(KEY, left.keyspace("a").get(KEY));
            }
        }
    }

    @Test
    void aFailedForceInTheBackgroundIsToldByClose() {
        try (SimStorage disk = new SimStorage()) {
            TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE);
            Keyspace keyspace = tiny.keyspace("a");
            disk.faults().fail(Operation.Kind.JOURNAL_FORCE, "*.journal", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
            keyspace.put(KEY, KEY);
            assertThrows(FirnException.class, tiny::close);
            disk.assertNothingOpen();
            assertEquals(0, tiny.usedMemoryBytes());
        }
    }

    @Test
    void aRecoveryThatFailsWhileItSweepsLeavesNothingOpen() {
        try (SimStorage disk = new SimStorage()) {
            try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE)) {
                tiny.keyspace("a").put(KEY, KEY);
            }
            disk.faults().fail(Operation.Kind.DELETE, "*.journal", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
            assertThrows(StorageException.class, () -> TinyDatabase.open(disk, OpenMode.RECOVER));
            disk.assertNothingOpen();
            try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.RECOVER)) {
                assertArrayEquals(KEY, tiny.keyspace("a").get(KEY));
            }
        }
    }
}
