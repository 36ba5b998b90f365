package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A queue: entries are put at its end and taken from its head. What was taken goes from the disk, and does not lie in the way of who
 * looks for the first entry.
 */
final class QueueTest {
    private static final int MEMTABLE_BYTES = 256 << 10;
    private static final int TABLE_BYTES = 256 << 10;
    private static final int L0_RUNS = 4;
    private static final KeyspaceOptions OPTIONS = KeyspaceOptions.defaults().memtableBytes(MEMTABLE_BYTES)
            .compression(Compression.NONE)
            .compaction(new CompactionStrategy.Leveled(L0_RUNS, TABLE_BYTES, PerLevel.all(10.0)));

    private static final int VALUE_BYTES = 200;
    private static final int ENTRY_BYTES = Long.BYTES + VALUE_BYTES;

    /** What tables may take beside twice what lives: level 0 below its threshold, and the level that it is merged into. */
    private static final long CONSTANT_BYTES = L0_RUNS * MEMTABLE_BYTES + L0_RUNS * TABLE_BYTES;

    /** So many entries that were taken may be stored while as many are put, half of them tombstones. */
    private static final long TAKEN_ENTRIES_MAX = 2 * CONSTANT_BYTES / ENTRY_BYTES;

    /** And so many when all is taken: what the smallest entry, a tombstone, takes at least. */
    private static final long TOMBSTONES_MAX = CONSTANT_BYTES / (Long.BYTES + Integer.BYTES);

    private final Random random = new Random(1);
    private final byte[] value = new byte[VALUE_BYTES];

    @TempDir
    Path directory;

    private long head;
    private long tail;

    @Test
    void aQueueOfSecondsStaysSmall() throws Exception {
        run(5, 5_000, 3_000);
    }

    /** All that was taken lies in the memtable, before the head: 200,000 removals at the end. */
    @Test
    void aQueueInALargeMemtableIsLookedAtInMicroseconds() {
        try (Database database = Database.open(directory.resolve("db"))) {
            Keyspace queue = database.keyspace("queue", KeyspaceOptions.defaults());
            long nanos = 0;
            long looks = 0;
            for (int i = 0; i < 200_000; i++) {
                put(queue);
                if (i % 16 == 0) {
                    long since = System.nanoTime();
                    assertEquals(head, number(queue.firstEntry()));
                    nanos += System.nanoTime() - since;
                    looks++;
                }
                queue.remove(key(head++));
            }
            assertTrue(queue.isEmpty());
            long since = System.nanoTime();
            for (int i = 0; i < 1000; i++) {
                assertTrue(queue.isEmpty());
            }
            long nanosEmpty = (System.nanoTime() - since) / 1000;
            System.out.printf("a look at a queue of 200,000 removals took %,d ns, at the empty one %,d ns%n", nanos / looks, nanosEmpty);
            assertTrue(nanos / looks < 1_000_000, nanos / looks + " ns a look");
            assertTrue(nanosEmpty < 1_000_000, nanosEmpty + " ns a look");
        }
    }

    @Test
    @Tag("long")
    void aQueueOfTenMinutesStaysSmall() throws Exception {
        long since = System.nanoTime();
        for (int round = 0; System.nanoTime() - since < Long.getLong("seconds", 600) * 1_000_000_000L; round++) {
            run(20, 100_000, 1_000 << round % 8);
            head = 0;
            tail = 0;
        }
    }

    /** Rounds in which so many are put and as many taken, while so many wait. */
    private void run(int rounds, int putsEachRound, int waiting) throws Exception {
        try (Engine engine = Engine.open(
                Database.builder(directory.resolve("db")).journalCompression(Compression.NONE).settings())) {
            Database database = new Database(engine);
            Keyspace queue = database.keyspace("queue", OPTIONS);
            assertTrue(queue.isEmpty());
            for (int i = 0; i < waiting; i++) {
                put(queue);
            }
            long nanosMost = 0;
            for (int round = 0; round < rounds; round++) {
                for (int i = 0; i < putsEachRound; i++) {
                    put(queue);
                    if (i % 16 == 0) {
                        long since = System.nanoTime();
                        assertEquals(head, number(queue.firstEntry()));
                        assertFalse(queue.isEmpty());
                        nanosMost = Math.max(nanosMost, System.nanoTime() - since);
                    }
                    queue.remove(key(head++));
                }
                check(engine, database, queue, TAKEN_ENTRIES_MAX);
            }
            System.out.printf("%,d went through a queue of %,d: tables %,d bytes, %,d entries, the slowest look took %,d us%n", head,
                    waiting, queue.statistics().allLevels().diskBytes(), queue.approximateCount(), nanosMost / 1000);
            while (head < tail) {
                queue.remove(key(head++));
            }
            assertTrue(queue.isEmpty());
            check(engine, database, queue, TOMBSTONES_MAX);
            database.deleteKeyspace(queue);
        }
    }

    private void check(Engine engine, Database database, Keyspace queue, long stepsAllowed) throws InterruptedException {
        queue.rotateMemtableAndWait();
        while (!EngineRest.isResting(engine)) {
            Thread.sleep(1);
        }
        long allowed = 2 * (tail - head) * ENTRY_BYTES + CONSTANT_BYTES;
        long stored = queue.statistics().allLevels().diskBytes();
        assertTrue(stored <= allowed, stored + " bytes on the disk, " + allowed + " allowed: " + queue.statistics());
        assertTrue(database.statistics().diskBytes() <= allowed + database.statistics().writes().journalBytes());
        // Who looks for the first entry steps over what was taken, at most.
        long stepsMost = queue.approximateCount() - (tail - head);
        assertTrue(stepsMost <= stepsAllowed, stepsMost + " entries that were taken are stored, " + stepsAllowed + " allowed");
    }

    private void put(Keyspace queue) {
        random.nextBytes(value);
        queue.put(key(tail++), value);
    }

    private static long number(Entry entry) {
        return ByteBuffer.wrap(entry.key()).getLong();
    }

    private static byte[] key(long number) {
        return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
    }
}
