package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The first entry, where much was removed before it, against a map: entries are put at the end and taken from the head in bursts, and
 * sometimes something comes before the head, by a put, a batch or an ingestion.
 */
@Timeout(600)
final class QueueModelTest {
    private static final int STEPS = Integer.getInteger("steps", 1500);
    private static final int BURST_MAX = 700;
    private static final int FIRST = 1 << 24;
    private static final String[] PREFIXES = {"", "q", "a queue/", "a longer name of a queue/"};

    private final long seed = Long.getLong("seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final String prefix = PREFIXES[random.nextInt(PREFIXES.length)];
    private final TreeMap<Integer, Integer> model = new TreeMap<>();
    private int tail = FIRST;
    private int version;

    @TempDir
    Path directory;

    @Test
    void theFirstEntryIsThatOfAMap() {
        System.out.println("QueueModelTest -Dseed=" + seed);
        try (Database database = Database.open(directory.resolve("db"))) {
            Keyspace queue = database.keyspace("queue", KeyspaceOptions.defaults());
            Snapshot snapshot = database.snapshot();
            TreeMap<Integer, Integer> seen = new TreeMap<>();
            for (int step = 0; step < STEPS; step++) {
                change(database, queue);
                for (int looks = random.nextInt(4); looks > 0; looks--) {
                    check(queue, model);
                }
                if (random.nextInt(20) == 0) {
                    snapshot.close();
                    snapshot = database.snapshot();
                    seen = new TreeMap<>(model);
                }
                if (random.nextInt(4) == 0) {
                    check(snapshot.in(queue), seen);
                }
            }
            snapshot.close();
        }
    }

    private void change(Database database, Keyspace queue) {
        switch (random.nextInt(24)) {
            case 0 -> put(queue, before());
            case 1 -> {
                try (WriteBatch batch = database.batch()) {
                    for (int i = random.nextInt(5); i >= 0; i--) {
                        int key = random.nextBoolean() ? before() : tail++;
                        batch.put(queue, key(key), value(++version));
                        model.put(key, version);
                    }
                    batch.commit();
                }
            }
            case 2 -> {
                try (Ingestion ingestion = queue.ingest()) {
                    int key = before();
                    for (int i = random.nextInt(5); i >= 0; i--) {
                        ingestion.put(key(key), value(++version));
                        model.put(key++, version);
                    }
                    ingestion.finish();
                }
            }
            case 3 -> {
                int until = head() + random.nextInt(BURST_MAX);
                queue.dropRange(KeyRange.all().until(key(until)));
                model.headMap(until).clear();
            }
            case 4 -> {
                if (random.nextInt(4) == 0) {
                    queue.clear();
                    model.clear();
                }
            }
            case 5 -> queue.rotateMemtableAndWait();
            case 6, 7, 8, 9, 10, 11, 12 -> {
                for (int i = random.nextInt(BURST_MAX); i >= 0; i--) {
                    put(queue, tail++);
                }
            }
            default -> {
                for (int i = random.nextInt(BURST_MAX); i >= 0 && !model.isEmpty(); i--) {
                    queue.remove(key(model.pollFirstEntry().getKey()));
                }
            }
        }
    }

    private void check(KeyspaceReader queue, TreeMap<Integer, Integer> expected) {
        Entry first = queue.firstEntry();
        assertEquals(expected.isEmpty(), queue.isEmpty());
        if (expected.isEmpty()) {
            assertNull(first);
        } else {
            assertNotNull(first, () -> "no entry, expected " + expected.firstKey());
            assertArrayEquals(key(expected.firstKey()), first.key());
            assertArrayEquals(value(expected.firstEntry().getValue()), first.value());
        }
        int from = head() - 10 + random.nextInt(BURST_MAX);
        int until = from + random.nextInt(BURST_MAX);
        checkRange(queue, expected, KeyRange.all(), Integer.MIN_VALUE, Integer.MAX_VALUE);
        checkRange(queue, expected, KeyRange.all().from(key(from)), from, Integer.MAX_VALUE);
        checkRange(queue, expected, KeyRange.all().until(key(until)), Integer.MIN_VALUE, until);
        checkRange(queue, expected, KeyRange.all().from(key(from)).until(key(until)), from, until);
        if (random.nextInt(50) == 0) {
            assertEquals(expected.size(), queue.count());
        }
    }

    private void checkRange(KeyspaceReader queue, TreeMap<Integer, Integer> expected, KeyRange range, int from, int until) {
        TreeMap<Integer, Integer> inside = new TreeMap<>(expected.subMap(from, until));
        try (Cursor cursor = queue.cursor(range)) {
            for (int moves = random.nextInt(4); moves >= 0; moves--) {
                switch (random.nextInt(4)) {
                    case 0 -> assertEquals(!inside.isEmpty(), cursor.first() && isAt(cursor, inside.firstKey()));
                    case 1 -> assertEquals(!inside.isEmpty(), cursor.last() && isAt(cursor, inside.lastKey()));
                    case 2 -> {
                        int key = head() - 5 + random.nextInt(10);
                        Integer floor = inside.floorKey(key);
                        assertEquals(floor != null, cursor.seekForPrevious(segment(key)) && isAt(cursor, floor));
                    }
                    default -> {
                        boolean isThere = cursor.nextFront();
                        assertEquals(!inside.isEmpty(), isThere);
                        if (isThere) {
                            assertTrue(isAt(cursor, inside.pollFirstEntry().getKey()));
                        }
                    }
                }
            }
        }
    }

    /** What was answered at once is true until the next put: one thread puts before the head, another asks. */
    @Test
    void whatIsPutBeforeTheHeadIsSeenByWhoeverAsksAfterwards() throws Exception {
        try (Database database = Database.open(directory.resolve("db"))) {
            Keyspace queue = database.keyspace("queue", KeyspaceOptions.defaults());
            AtomicBoolean isOver = new AtomicBoolean();
            Thread looking = Thread.ofPlatform().start(() -> {
                while (!isOver.get()) {
                    queue.isEmpty();
                    queue.firstEntry();
                }
            });
            long end = System.nanoTime() + Long.getLong("hammer.millis", 2000) * 1_000_000;
            int head = tail;
            for (int round = 0; System.nanoTime() < end; round++) {
                for (int i = 0; i < 300; i++) {
                    queue.put(key(tail++), value(round));
                    queue.remove(key(head++));
                }
                int before = FIRST - 1 - round % 1000;
                queue.put(key(before), value(round));
                assertFalse(queue.isEmpty());
                assertArrayEquals(key(before), queue.firstEntry().key());
                queue.remove(key(before));
                assertTrue(queue.isEmpty());
            }
            isOver.set(true);
            looking.join();
        }
    }

    private void put(Keyspace queue, int key) {
        queue.put(key(key), value(++version));
        model.put(key, version);
    }

    private int head() {
        return model.isEmpty() ? tail : model.firstKey();
    }

    private int before() {
        return head() - 1 - random.nextInt(random.nextInt(3 * BURST_MAX) + 1);
    }

    private boolean isAt(Cursor cursor, int key) {
        assertArrayEquals(key(key), cursor.keyBytes());
        return true;
    }

    private MemorySegment segment(int key) {
        return MemorySegment.ofArray(key(key));
    }

    private byte[] key(int key) {
        byte[] name = prefix.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(name.length + Integer.BYTES).put(name).putInt(key).array();
    }

    private static byte[] value(int version) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(version).array();
    }
}
