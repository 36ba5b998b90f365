package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.OpenMode;
import io.firn.error.ClosedException;
import io.firn.error.KeyspaceDeletedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import io.firn.keyspace.HeldVersion;
import io.firn.table.Table;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Sorted entries straight into tables: all at one moment, over what is there, and never undone by an older journal. */
@Timeout(600)
class IngestionTest {
    private static final Path TABLES = TinyDatabase.DIRECTORY.resolve("keyspaces/1/tables");

    private SimStorage disk = new SimStorage();
    private TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE);
    private Keyspace a = tiny.keyspace("a");

    @AfterEach
    void close() {
        tiny.close();
        disk.assertNothingOpen();
        assertEquals(0, tiny.usedMemoryBytes());
        disk.close();
    }

    @Test
    void whatIsIngestedIsSeenAtOneMomentOverWhatIsThere() {
        fill(a, 0, 30, "old");
        a.rotateMemtableAndWait();
        fill(a, 30, 40, "old");
        try (Snapshot before = tiny.database.snapshot();
                Cursor cursor = a.cursor(KeyRange.all());
                Ingestion ingestion = a.ingest()) {
            for (int i = 20; i < 60; i++) {
                if (i % 10 == 5) {
                    ingestion.remove(segment(key(i)));
                } else if (i % 2 == 0) {
                    ingestion.put(key(i), value("new", i));
                } else {
                    ingestion.put(segment(key(i)), segment(value("new", i)));
                }
            }
            assertEquals(40, a.count());
            assertNull(a.get(key(50)));
            ingestion.finish();
            for (int i = 0; i < 60; i++) {
                byte[] expected = i >= 20 && i % 10 == 5 ? null : value(i < 20 ? "old" : "new", i);
                assertArrayEquals(expected, a.get(key(i)), "key " + i);
            }
            assertEquals(56, a.count());
            assertEquals(40, before.in(a).count());
            assertArrayEquals(value("old", 25), before.in(a).get(key(25)));
            int shown = 0;
            while (cursor.next()) {
                shown++;
            }
            assertEquals(40, shown);
        }
        a.put(key(30), value("newer", 30));
        a.majorCompact();
        assertArrayEquals(value("newer", 30), a.get(key(30)));
        assertEquals(56, a.count());
        assertEquals(56, a.approximateCount());
        verifyTables();
    }

    @Test
    void putThenIngestTheSameKeyThenReopen() {
        for (boolean isKilled : new boolean[] {false, true}) {
            a.put(key(1), value("old", 1));
            ingest(1, 4, "new");
            a.put(key(3), value("newest", 3));
            for (int life = 0; life < 2; life++) {
                reopen(isKilled);
                assertArrayEquals(value("new", 1), a.get(key(1)));
                assertArrayEquals(value("new", 2), a.get(key(2)));
                assertArrayEquals(value("newest", 3), a.get(key(3)));
                verifyTables();
            }
        }
    }

    @Test
    void clearThenIngestThenReopen() {
        for (boolean isKilled : new boolean[] {false, true}) {
            fill(a, 0, 10, "old");
            a.clear();
            ingest(5, 8, "new");
            reopen(isKilled);
            assertEquals(3, a.count());
            ingest(6, 9, "newer");
            a.clear();
            reopen(isKilled);
            assertEquals(0, a.count());
        }
    }

    @Test
    void r2_anIngestionHasItsPlaceInTheOrderOfTheCommits() {
        fill(a, 0, 3, "old");
        Keyspace b = tiny.keyspace("b");
        List<SimStorage> images = new ArrayList<>();
        try (Ingestion ingestion = a.ingest()) {
            for (int i = 0; i < 200; i++) {
                ingestion.put(key(i), value("new", i));
            }
            b.put(key(1), value("before", 1));
            disk.onOperation(operation -> {
                for (int image : new int[] {CrashImage.NOTHING, CrashImage.EVERYTHING, 3, 4}) {
                    images.add(CrashImage.draw(disk, operation.number(), image));
                }
            });
            ingestion.finish();
            images.add(CrashImage.draw(disk, 1, CrashImage.NOTHING));
            disk.onOperation(operation -> { });
            a.put(key(0), value("newest", 0));
            images.add(CrashImage.draw(disk, 1, CrashImage.EVERYTHING));
        }
        int before = 0;
        int behind = 0;
        for (SimStorage image : images) {
            try (TinyDatabase after = TinyDatabase.open(image, OpenMode.RECOVER)) {
                Keyspace found = after.keyspace("a");
                boolean isBehind = found.containsKey(key(199));
                byte[] first = found.get(key(0));
                if (isBehind) {
                    behind++;
                    assertEquals(200, found.count());
                    assertTrue(Arrays.equals(value("new", 0), first) || Arrays.equals(value("newest", 0), first));
                    assertArrayEquals(value("before", 1), after.keyspace("b").get(key(1)));
                } else {
                    before++;
                    assertTrue(found.count() <= 3);
                    assertTrue(first == null || Arrays.equals(value("old", 0), first));
                }
            }
            image.close();
        }
        assertTrue(before > 0 && behind > 2, before + " before it, " + behind + " behind it");
    }

    @Test
    void keysThatDoNotAscendAreRefusedWithBothOfThem() {
        try (Ingestion ingestion = a.ingest()) {
            ingestion.put(key(5), value("v", 5));
            for (byte[] wrong : List.of(key(5), key(4), new byte[] {0, 1, 'x'})) {
                IllegalArgumentException e =
                        assertThrows(IllegalArgumentException.class, () -> ingestion.put(wrong, new byte[1]));
                assertTrue(e.getMessage().contains("key00005"), e.getMessage());
                assertThrows(IllegalArgumentException.class, () -> ingestion.remove(segment(wrong)));
            }
            IllegalArgumentException e = assertThrows(
                    IllegalArgumentException.class, () -> ingestion.put(segment(new byte[] {0, 1, 'x'}), segment(key(1))));
            assertTrue(e.getMessage().contains("\\00\\01x"), e.getMessage());
            assertThrows(IllegalArgumentException.class, () -> ingestion.put(new byte[0], new byte[1]));
            assertThrows(IllegalArgumentException.class, () -> ingestion.put(new byte[65_536], new byte[1]));
            ingestion.put(key(6), value("v", 6)).finish();
            assertThrows(IllegalStateException.class, () -> ingestion.put(key(7), value("v", 7)));
            assertThrows(IllegalStateException.class, ingestion::finish);
        }
        assertEquals(2, a.count());
    }

    @Test
    void nothingWrittenIsNothingAndWhatIsNotFinishedLeavesNoFile() throws IOException {
        tiny.awaitQuiet();
        long seqno = tiny.engine().manifest().state().nextSeqno();
        try (Ingestion ingestion = a.ingest()) {
            ingestion.finish();
        }
        assertEquals(seqno, tiny.engine().manifest().state().nextSeqno());
        try (Ingestion ingestion = a.ingest()) {
            for (int i = 0; i < 20_000; i++) {
                ingestion.put(key(i), value("v", i));
            }
        }
        a.ingest().close();
        assertEquals(List.of(), disk.list(TABLES));
        assertEquals(0, a.count());
    }

    @Test
    void aRunOfManyTablesIsOneRun() throws IOException {
        byte[] large = new byte[1 << 20];
        new Random(1).nextBytes(large);
        try (Ingestion ingestion = a.ingest()) {
            for (int i = 0; i < 140; i++) {
                ingestion.put(key(i), large);
            }
            ingestion.finish();
        }
        assertTrue(disk.list(TABLES).size() >= 2, "cut at 64 MiB");
        assertEquals(140, a.count());
        assertArrayEquals(large, a.get(key(139)));
    }

    @Test
    void theDatabaseClosesWhatIsOpen() {
        Ingestion open = a.ingest();
        open.put(key(1), value("v", 1));
        reopen(false);
        assertThrows(ClosedException.class, () -> open.put(key(2), value("v", 2)));
        assertThrows(ClosedException.class, open::finish);
        open.close();
        assertEquals(0, a.count());
    }

    @Test
    void anIngestionIntoADeletedKeyspaceEndsAndLeavesNothing() throws IOException {
        try (Ingestion ingestion = a.ingest()) {
            ingestion.put(key(1), value("v", 1));
            tiny.database.deleteKeyspace(a);
            assertThrows(KeyspaceDeletedException.class, ingestion::finish);
            assertThrows(KeyspaceDeletedException.class, a::ingest);
        }
        tiny.awaitQuiet();
        assertFalse(disk.exists(TABLES));
        a = tiny.keyspace("b");
    }

    @Test
    void writersOfTheKeyspaceGoOnMeanwhile() throws Exception {
        AtomicBoolean isDone = new AtomicBoolean();
        int[] written = new int[1];
        Thread writer = Thread.ofPlatform().start(() -> {
            do {
                a.put(key(100_000 + written[0] % 100), value("w", written[0]++));
            } while (!isDone.get());
        });
        for (int round = 0; round < 5; round++) {
            ingest(round * 10, round * 10 + 20, "round " + round);
            for (int i = round * 10; i < round * 10 + 20; i++) {
                assertArrayEquals(value("round " + round, i), a.get(key(i)));
            }
        }
        isDone.set(true);
        writer.join();
        assertTrue(written[0] > 0);
        assertEquals(60 + Math.min(100, written[0]), a.count());
    }

    /** Of every key the last that was put, removed or ingested, whatever is merged and however it is asked for. */
    @Test
    void ingestedAndWrittenEntriesAreReadAsOneMap() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("IngestionTest -Dseed=" + seed);
        Random random = new Random(seed);
        TreeMap<Integer, String> model = new TreeMap<>();
        TreeMap<Integer, String> old = new TreeMap<>();
        Snapshot snapshot = tiny.database.snapshot();
        for (int step = 0; step < 120; step++) {
            switch (random.nextInt(10)) {
                case 0, 1, 2 -> ingestSome(random, model, step);
                case 3 -> a.rotateMemtableAndWait();
                case 4 -> a.compact();
                case 5 -> {
                    snapshot.close();
                    snapshot = tiny.database.snapshot();
                    old = new TreeMap<>(model);
                }
                default -> {
                    int key = random.nextInt(60);
                    if (random.nextInt(4) == 0) {
                        a.remove(key(key));
                        model.remove(key);
                    } else {
                        a.put(key(key), value("p", step));
                        model.put(key, "p" + step);
                    }
                }
            }
            check(model, a, random);
            check(old, snapshot.in(a), random);
        }
        snapshot.close();
        a.majorCompact();
        check(model, a, random);
        verifyTables();
    }

    private void ingestSome(Random random, TreeMap<Integer, String> model, int step) {
        try (Ingestion ingestion = a.ingest()) {
            for (int key = random.nextInt(5); key < 60; key += 1 + random.nextInt(9)) {
                if (random.nextInt(5) == 0) {
                    ingestion.remove(segment(key(key)));
                    model.remove(key);
                } else {
                    ingestion.put(key(key), value("i", step));
                    model.put(key, "i" + step);
                }
            }
            ingestion.finish();
        }
    }

    private void check(TreeMap<Integer, String> model, KeyspaceReader reader, Random random) {
        List<String> expected = new ArrayList<>();
        model.forEach((key, value) -> expected.add(key + value));
        List<String> forward = new ArrayList<>();
        List<String> backward = new ArrayList<>();
        try (Cursor cursor = reader.cursor(KeyRange.all()); Arena arena = Arena.ofConfined()) {
            while (cursor.next()) {
                forward.add(entry(cursor));
            }
            while (cursor.previous()) {
                backward.addFirst(entry(cursor));
            }
            assertEquals(expected, forward);
            assertEquals(expected, backward);
            for (int i = 0; i < 5; i++) {
                int key = random.nextInt(62);
                MemorySegment asked = arena.allocateFrom(ValueLayout.JAVA_BYTE, key(key));
                assertEquals(text(model.ceilingEntry(key)), cursor.seek(asked) ? entry(cursor) : null);
                assertEquals(text(model.floorEntry(key)), cursor.seekForPrevious(asked) ? entry(cursor) : null);
                assertEquals(model.get(key) == null ? null : key + model.get(key), cursor.find(asked) ? entry(cursor) : null);
            }
        }
    }

    private static String text(Map.Entry<Integer, String> entry) {
        return entry == null ? null : entry.getKey() + entry.getValue();
    }

    private static String entry(Cursor cursor) {
        int key = Integer.parseInt(new String(cursor.keyBytes(), StandardCharsets.UTF_8).substring(3));
        String value = new String(cursor.valueBytes(), StandardCharsets.UTF_8);
        return key + value.replace(" ", "");
    }

    // ---- vocabulary

    private void ingest(int from, int to, String text) {
        try (Ingestion ingestion = a.ingest()) {
            for (int i = from; i < to; i++) {
                ingestion.put(key(i), value(text, i));
            }
            ingestion.finish();
        }
    }

    private void reopen(boolean isKilled) {
        SimStorage next = isKilled ? CrashImage.draw(disk, 1, CrashImage.EVERYTHING) : disk;
        tiny.close();
        disk.assertNothingOpen();
        if (isKilled) {
            disk.close();
        }
        disk = next;
        tiny = TinyDatabase.open(disk, OpenMode.RECOVER);
        a = tiny.keyspace("a");
    }

    private void verifyTables() {
        MemoryBudget budget = MemoryBudget.ofMebibytes(16);
        try (HeldVersion held = tiny.engine().trees().get("a").hold()) {
            for (Table table : held.version().tables()) {
                table.verify(budget);
            }
        }
    }

    private static void fill(Keyspace keyspace, int from, int to, String text) {
        for (int i = from; i < to; i++) {
            keyspace.put(key(i), value(text, i));
        }
    }

    private static byte[] key(int number) {
        return String.format("key%05d", number).getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] value(String text, int number) {
        return (text + " " + number + " ".repeat(30)).getBytes(StandardCharsets.UTF_8);
    }

    private static MemorySegment segment(byte[] bytes) {
        return MemorySegment.ofArray(bytes);
    }
}
