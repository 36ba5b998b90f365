package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The rules of the order in which things become durable, each in the scenario that it was made for. */
class DurableOrderTest {
    private static final int IMAGES = 60;
    private static final byte[] KEY = {1};

    @Test
    void r3_theNameOfAJournalThatAKilledProcessLeftIsDurableBeforeThatOfItsSuccessor() {
        List<SimStorage> killed = new ArrayList<>();
        try (SimStorage disk = new SimStorage(); TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE)) {
            Keyspace keyspace = tiny.keyspace("a");
            disk.onOperation(operation -> {
                if (operation.kind() == Operation.Kind.SYNC_DIRECTORY && operation.path().endsWith("journal")) {
                    killed.add(CrashImage.draw(disk, 1, CrashImage.EVERYTHING));
                }
            });
            // The next file is prepared on another thread, while this one goes through those that are.
            for (int i = 0; i < 20 || killed.size() < 2 && i < 2000; i++) {
                keyspace.put(KEY, new byte[200]);
            }
            keyspace.put(KEY, KEY);
            tiny.database.persist(PersistMode.SYNC_DATA);
        }
        assertFalse(killed.isEmpty());
        for (SimStorage disk : killed.reversed().subList(0, Math.min(2, killed.size()))) {
            disk.onOperation(operation -> {
                if (operation.kind() == Operation.Kind.SYNC_DIRECTORY) {
                    openEveryImage(disk, operation.number());
                }
            });
            TinyDatabase.open(disk, OpenMode.RECOVER).close();
            disk.close();
        }
    }

    private static void openEveryImage(SimStorage disk, long seed) {
        for (int image = 0; image < IMAGES; image++) {
            try (SimStorage crashed = CrashImage.draw(disk, seed, image);
                    TinyDatabase tiny = TinyDatabase.open(crashed, OpenMode.RECOVER)) {
                tiny.keyspace("a").get(KEY);
            }
        }
    }
}
