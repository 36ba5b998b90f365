package io.firn;

import static org.junit.jupiter.api.Assertions.assertNull;

import io.firn.config.OpenMode;
import io.firn.ffm.sim.SimStorage;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** A batch that does not fit into what is left of a memtable, and what comes of it when it is recovered. */
class RecoveredBatchTest {
    private static final byte[] KEY = bytes("c");

    @Test
    void r8_aBatchIsRecoveredIntoOneMemtable() {
        try (SimStorage disk = new SimStorage()) {
            try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE)) {
                Keyspace keyspace = tiny.keyspace("a");
                try (WriteBatch batch = tiny.database.batch()) {
                    batch.put(keyspace, KEY, bytes("first")).put(keyspace, bytes("a"), new byte[6000]);
                    batch.put(keyspace, KEY, bytes("second")).commit();
                }
                // It goes with one entry of this key and seqno: another one in another memtable would come back.
                keyspace.removeWeak(KEY);
            }
            try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.RECOVER)) {
                Keyspace keyspace = tiny.keyspace("a");
                assertNull(keyspace.get(KEY));
                keyspace.majorCompact();
                assertNull(keyspace.get(KEY));
            }
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
