package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.compaction.Pace;
import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.ffm.sim.SimStorage;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What compactions write in a second, measured: a slow machine can only write less. */
@Timeout(120)
final class CompactionPaceTest {
    private static final int BYTES_PER_SECOND = 1 << 20;

    @ParameterizedTest
    @ValueSource(ints = {100, 100_000})
    void notMoreIsWrittenThanIsAllowed(int valueBytes) throws Exception {
        try (SimStorage disk = new SimStorage()) {
            disk.createDirectory(Path.of("/data"));
            try (Database db = Database.builder(Path.of("/data/db")).storage(disk)
                    .compactionBytesPerSecond(BYTES_PER_SECOND).open()) {
                Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().compression(Compression.NONE)
                        .compaction(new CompactionStrategy.Leveled(20, 64 << 20, PerLevel.all(10.0))));
                byte[] value = new byte[valueBytes];
                new Random(1).nextBytes(value);
                for (int i = 0; i < 2_000_000 / valueBytes; i++) {
                    keyspace.put(ByteBuffer.allocate(4).putInt(i).array(), value);
                }
                keyspace.rotateMemtableAndWait();
                // A run by itself may be on its way down already: what is measured is all that was written since.
                long before = db.statistics().compactions().writtenBytes();
                long since = System.nanoTime();
                keyspace.put(new byte[4], new byte[1]);
                keyspace.majorCompact();
                double seconds = (System.nanoTime() - since) / 1e9;
                long written = keyspace.statistics().allLevels().diskBytes();
                assertEquals(1, keyspace.statistics().allLevels().tables());
                assertTrue(written > 1_900_000 && db.statistics().compactions().writtenBytes() - before >= written);
                assertTrue(written / seconds < 1.1 * BYTES_PER_SECOND, written + " bytes in " + seconds + " s");
            }
        }
    }

    @Test
    void aWaitEndsWhenTheWritingIsCancelled() throws Exception {
        AtomicBoolean isCancelled = new AtomicBoolean();
        Pace pace = new Pace(BYTES_PER_SECOND, System::nanoTime, isCancelled::get);
        Thread waiting = Thread.ofPlatform().daemon().start(() -> pace.spend(1L << 40)); // twelve days
        while (waiting.getState() != Thread.State.TIMED_WAITING) {
            Thread.sleep(1);
        }
        isCancelled.set(true);
        waiting.join();
    }
}
