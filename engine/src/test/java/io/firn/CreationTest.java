package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.error.StorageException;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What creating a database makes durable beside its files. */
class CreationTest {
    private static final byte[] KEY = {1};

    @Test
    void theDirectoriesAboveADatabaseThatWereMissingAreDurable() {
        try (SimStorage disk = new SimStorage(); TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE)) {
            forcedKeyIsLeft(disk, tiny);
        }
    }

    @Test
    void theDirectoryThatAnInterruptedCreationLeftIsDurable() throws IOException {
        List<SimStorage> interrupted = new ArrayList<>();
        try (SimStorage disk = new SimStorage()) {
            disk.onOperation(operation -> {
                if (operation.kind() == Operation.Kind.SYNC_DIRECTORY) {
                    interrupted.add(CrashImage.draw(disk, operation.number(), CrashImage.EVERYTHING));
                }
            });
            TinyDatabase.open(disk, OpenMode.CREATE).close();
        }
        for (SimStorage disk : interrupted) {
            try (disk; TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE_OR_RECOVER)) {
                forcedKeyIsLeft(disk, tiny);
            }
        }
    }

    @Test
    void theNameOfCurrentThatAKilledCreationLeftIsDurableBeforeThatOfTheNextManifest() {
        List<SimStorage> killed = new ArrayList<>();
        try (SimStorage disk = new SimStorage()) {
            disk.onOperation(operation -> {
                if (operation.kind() == Operation.Kind.SYNC_DIRECTORY) {
                    killed.add(CrashImage.draw(disk, 1, CrashImage.EVERYTHING));
                }
            });
            TinyDatabase.open(disk, OpenMode.CREATE).close();
        }
        for (SimStorage disk : killed) {
            disk.onOperation(operation -> {
                for (int image = 0; image < 16; image++) {
                    try (SimStorage crashed = CrashImage.draw(disk, operation.number(), image)) {
                        TinyDatabase.open(crashed, OpenMode.CREATE_OR_RECOVER).close();
                    }
                }
            });
            TinyDatabase.open(disk, OpenMode.CREATE_OR_RECOVER).close();
            disk.close();
        }
    }

    @Test
    void aFailedSyncOfTheFirstJournalsNameIsToldAsWhatItIs() {
        try (SimStorage disk = new SimStorage()) {
            disk.faults().fail(
                    Operation.Kind.SYNC_DIRECTORY, "journal", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
            assertThrows(StorageException.class, () -> TinyDatabase.open(disk, OpenMode.CREATE));
            disk.assertNothingOpen();
            TinyDatabase.open(disk, OpenMode.CREATE).close();
        }
    }

    private static void forcedKeyIsLeft(SimStorage disk, TinyDatabase tiny) {
        Keyspace keyspace = tiny.keyspace("a");
        keyspace.put(KEY, KEY);
        tiny.database.persist(PersistMode.SYNC_ALL);
        try (SimStorage crashed = CrashImage.draw(disk, 1, CrashImage.NOTHING);
                TinyDatabase left = TinyDatabase.open(crashed, OpenMode.RECOVER)) {
            assertArrayEquals(KEY, left.keyspace("a").get(KEY));
        }
    }
}
