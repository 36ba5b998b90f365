package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionStrategy;
import io.firn.config.DatabaseStatistics;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Many keyspaces, each with tables, are opened again and come to rest. */
final class ManyKeyspacesTest {
    private static final KeyspaceOptions OPTIONS = KeyspaceOptions.defaults().memtableBytes(64 << 10)
            .compaction(new CompactionStrategy.Leveled(2, 1 << 20, PerLevel.all(10.0)));

    @TempDir
    Path directory;

    @Test
    void hundredsAreOpenedAgainAndSettle() throws Exception {
        openAgain(150);
    }

    @Test
    @Tag("long")
    void twoThousandAreOpenedAgainAndSettle() throws Exception {
        openAgain(2000);
    }

    private void openAgain(int keyspaces) throws Exception {
        long since = System.nanoTime();
        try (Database database = Database.open(directory.resolve("db"))) {
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < keyspaces; i++) {
                    Keyspace keyspace = database.keyspace("k" + i, OPTIONS);
                    keyspace.put(value(round), value(i));
                    if (round < 2 && i % 8 == 0) {
                        keyspace.rotateMemtableAndWait();
                    }
                }
            }
        }
        long opensAt = System.nanoTime();
        try (Engine engine = Engine.open(Database.builder(directory.resolve("db")).settings())) {
            Database database = new Database(engine);
            long opened = System.nanoTime();
            while (!EngineRest.isResting(engine)) {
                Thread.sleep(1);
            }
            DatabaseStatistics statistics = database.statistics();
            System.out.printf("%d keyspaces: written in %d ms, opened in %d ms, at rest after %d ms more%n", keyspaces,
                    (opensAt - since) / 1_000_000, (opened - opensAt) / 1_000_000, (System.nanoTime() - opened) / 1_000_000);
            assertEquals(keyspaces, statistics.keyspaces());
            assertEquals(0, statistics.compactionDebtBytes());
            assertEquals(0, statistics.outstandingFlushes());
            assertEquals(1, statistics.writes().journalFiles());
            for (int i = 0; i < keyspaces; i++) {
                Keyspace keyspace = database.keyspace("k" + i, OPTIONS);
                assertTrue(keyspace.statistics().levels().getFirst().runs() < 2);
                for (int round = 0; round < 3; round++) {
                    assertArrayEquals(value(i), keyspace.get(value(round)));
                }
            }
        }
    }

    private static byte[] value(int number) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
    }
}
