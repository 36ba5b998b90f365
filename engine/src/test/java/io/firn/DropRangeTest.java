package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.OpenMode;
import io.firn.error.KeyspaceDeletedException;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import io.firn.keyspace.Tree;
import io.firn.version.TableRecord;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A dropped range: exactly its keys, at one moment, and for good. */
@Timeout(600)
class DropRangeTest {
    private SimStorage disk = new SimStorage();
    private TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE);
    private Keyspace a = tiny.database.keyspace("a", KeyspaceOptions.defaults().memtableBytes(8192).blockBytes(256));

    @AfterEach
    void close() {
        tiny.close();
        disk.assertNothingOpen();
        assertEquals(0, tiny.usedMemoryBytes());
        disk.close();
    }

    @Test
    void putThenDropRangeThenReopen() {
        for (boolean isKilled : new boolean[] {false, true}) {
            fill(a, 0, 100, "old");
            a.rotateMemtableAndWait();
            fill(a, 40, 60, "memtable");
            a.dropRange(KeyRange.all().from(key(20)).until(key(70)));
            a.put(key(30), value("behind", 30));
            for (int life = 0; life < 2; life++) {
                assertEquals(51, a.count());
                assertArrayEquals(value("old", 19), a.get(key(19)));
                assertNull(a.get(key(20)));
                assertArrayEquals(value("behind", 30), a.get(key(30)));
                assertNull(a.get(key(45)));
                assertNull(a.get(key(69)));
                assertArrayEquals(value("old", 70), a.get(key(70)));
                reopen(isKilled);
            }
        }
    }

    @Test
    void r15_nothingOlderComesBackWhereItWasDropped() {
        fill(a, 0, 50, "oldest");
        a.majorCompact();
        fill(a, 0, 50, "older");
        a.rotateMemtableAndWait();
        for (int i = 0; i < 50; i += 2) {
            a.remove(key(i));
        }
        a.rotateMemtableAndWait();
        a.dropRange(KeyRange.all().from(key(10)).to(key(20)));
        for (int look = 0; look < 3; look++) {
            for (int i = 0; i < 50; i++) {
                byte[] expected = i % 2 == 0 || 10 <= i && i <= 20 ? null : value("older", i);
                assertArrayEquals(expected, a.get(key(i)), "key " + i);
            }
            if (look == 0) {
                a.majorCompact();
            } else {
                reopen(false);
            }
        }
    }

    @Test
    void onlyTablesAtTheBordersAreWrittenAnew() {
        try (Ingestion ingestion = a.ingest()) {
            for (int i = 0; i < 200; i++) {
                ingestion.put(key(i), new byte[1 << 20]);
            }
            ingestion.finish();
        }
        a.compact();
        tiny.awaitQuiet();
        List<TableRecord> before = tree().tables();
        assertTrue(before.size() >= 3, before.toString());
        a.dropRange(KeyRange.all().from(key(10)).until(key(190)));
        tiny.awaitQuiet();
        List<TableRecord> after = tree().tables();
        Set<Long> idsBefore = new HashSet<>(before.stream().map(TableRecord::id).toList());
        assertEquals(List.of(false, false, true),
                after.stream().map(table -> idsBefore.contains(table.id())).toList(), before + " became " + after);
        assertEquals(20, after.stream().mapToLong(TableRecord::entryCount).sum());
        // No table has a key of it: nothing is written.
        a.dropRange(KeyRange.all().from(key(50)).until(key(60)));
        a.dropRange(KeyRange.prefix("x".getBytes(StandardCharsets.UTF_8)));
        assertEquals(after, tree().tables());
        assertEquals(20, a.count());
        a.dropRange(KeyRange.all());
        assertEquals(List.of(), tree().tables());
    }

    @Test
    void r12_olderSnapshotsAndOpenCursorsReadOn() {
        fill(a, 0, 60, "v");
        a.rotateMemtableAndWait();
        fill(a, 60, 70, "v");
        try (Snapshot snapshot = tiny.database.snapshot(); Cursor cursor = a.cursor(KeyRange.all())) {
            a.dropRange(KeyRange.all().from(key(5)).until(key(65)));
            assertEquals(10, a.count());
            try (Snapshot later = tiny.database.snapshot()) {
                fill(a, 10, 20, "w");
                a.dropRange(KeyRange.all().until(key(3)));
                for (int look = 0; look < 2; look++) {
                    assertEquals(70, snapshot.in(a).count());
                    assertArrayEquals(value("v", 12), snapshot.in(a).get(key(12)));
                    assertEquals(10, later.in(a).count());
                    assertEquals(17, a.count());
                    a.majorCompact();
                }
            }
            int shown = 0;
            while (cursor.next()) {
                shown++;
            }
            assertEquals(70, shown);
        }
        assertEquals(17, a.count());
    }

    @Test
    void anInvertedRangeIsNothing() {
        fill(a, 0, 5, "v");
        tiny.awaitQuiet();
        long seqno = tiny.engine().manifest().state().nextSeqno();
        a.dropRange(KeyRange.all().from(key(4)).until(key(1)));
        a.dropRange(KeyRange.all().from(key(4)).until(key(4)));
        assertEquals(5, a.count());
        assertEquals(seqno, tiny.engine().manifest().state().nextSeqno());
        tiny.database.deleteKeyspace(a);
        assertThrows(KeyspaceDeletedException.class, () -> a.dropRange(KeyRange.all()));
        assertThrows(KeyspaceDeletedException.class, () -> a.dropRange(KeyRange.all().until(new byte[0])));
    }

    @Test
    void r2_aDropHasItsPlaceInTheOrderOfTheCommits() {
        fill(a, 0, 60, "old");
        a.rotateMemtableAndWait();
        fill(a, 20, 30, "new");
        Keyspace b = tiny.keyspace("b");
        b.put(key(1), value("before", 1));
        List<SimStorage> images = new ArrayList<>();
        disk.onOperation(operation -> {
            for (int image : new int[] {CrashImage.NOTHING, CrashImage.EVERYTHING, 3, 4}) {
                images.add(CrashImage.draw(disk, operation.number(), image));
            }
        });
        a.dropRange(KeyRange.all().from(key(10)).until(key(40)));
        disk.onOperation(operation -> { });
        images.add(CrashImage.draw(disk, 1, CrashImage.NOTHING));
        a.put(key(20), value("behind", 20));
        images.add(CrashImage.draw(disk, 1, CrashImage.EVERYTHING));
        int before = 0;
        int behind = 0;
        for (SimStorage image : images) {
            try (TinyDatabase after = TinyDatabase.open(image, OpenMode.RECOVER)) {
                Keyspace found = after.keyspace("a");
                long count = found.count();
                if (count == 60) {
                    before++;
                } else {
                    behind++;
                    assertTrue(count == 30 || count == 31 && found.containsKey(key(20)), count + " entries");
                    assertArrayEquals(value("before", 1), after.keyspace("b").get(key(1)));
                }
            }
            image.close();
        }
        assertTrue(before > 0 && behind > 2, before + " before it, " + behind + " behind it");
    }

    @Test
    void writersGoOnMeanwhileAndWhatTheyWriteBehindItStays() throws Exception {
        fill(a, 0, 300, "v");
        AtomicBoolean isDone = new AtomicBoolean();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        int[] written = new int[1];
        Thread writer = Thread.ofPlatform().start(() -> {
            try {
                do {
                    // Always two keys of one batch, one in what is dropped: both are there, or the drop came behind them.
                    try (WriteBatch batch = tiny.database.batch()) {
                        batch.put(a, key(150), value("w", written[0])).put(a, key(400), value("w", written[0])).commit();
                    }
                    written[0]++;
                    byte[] mine = a.get(key(400));
                    if (!Arrays.equals(mine, value("w", written[0] - 1))) {
                        throw new AssertionError("a write outside of the range is gone");
                    }
                } while (!isDone.get());
            } catch (Throwable t) {
                failure.set(t);
            }
        });
        for (int round = 0; round < 8; round++) {
            a.dropRange(KeyRange.all().from(key(100 + round)).until(key(200)));
            if (round % 3 == 0) {
                a.compact();
            }
        }
        isDone.set(true);
        writer.join();
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
        a.put(key(150), value("last", 150));
        assertArrayEquals(value("last", 150), a.get(key(150)));
        assertEquals(100 + 100 + 2, a.count());
    }

    /** Of every key what was written last and not dropped since, for the keyspace and for snapshots. */
    @Test
    void droppedAndWrittenKeysAreReadAsOneMap() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("DropRangeTest -Dseed=" + seed);
        Random random = new Random(seed);
        TreeMap<String, String> model = new TreeMap<>();
        TreeMap<String, String> old = new TreeMap<>();
        Snapshot snapshot = tiny.database.snapshot();
        for (int step = 0; step < 150; step++) {
            switch (random.nextInt(12)) {
                case 0 -> {
                    int from = random.nextInt(80);
                    int until = from + random.nextInt(30);
                    a.dropRange(KeyRange.all().from(key(from)).until(key(until)));
                    if (from < until) {
                        model.subMap(text(key(from)), text(key(until))).clear();
                    }
                }
                case 1 -> {
                    try (Ingestion ingestion = a.ingest()) {
                        for (int key = random.nextInt(20); key < 80; key += 1 + random.nextInt(20)) {
                            ingestion.put(key(key), value("i", step));
                            model.put(text(key(key)), text(value("i", step)));
                        }
                        ingestion.finish();
                    }
                }
                case 2 -> a.rotateMemtableAndWait();
                case 3 -> a.compact();
                case 4 -> {
                    snapshot.close();
                    snapshot = tiny.database.snapshot();
                    old = new TreeMap<>(model);
                }
                case 5 -> {
                    if (random.nextInt(4) == 0) {
                        a.clear();
                        model.clear();
                    }
                }
                default -> {
                    int key = random.nextInt(80);
                    if (random.nextInt(4) == 0) {
                        a.remove(key(key));
                        model.remove(text(key(key)));
                    } else {
                        a.put(key(key), value("p", step));
                        model.put(text(key(key)), text(value("p", step)));
                    }
                }
            }
            assertEquals(model, read(a), "step " + step);
            assertEquals(old, read(snapshot.in(a)), "the snapshot at step " + step);
        }
        snapshot.close();
        reopen(true);
        assertEquals(model, read(a));
        a.majorCompact();
        assertEquals(model, read(a));
    }

    // ---- vocabulary

    private static Map<String, String> read(KeyspaceReader reader) {
        Map<String, String> found = new TreeMap<>();
        try (Cursor cursor = reader.cursor(KeyRange.all())) {
            while (cursor.next()) {
                found.put(text(cursor.keyBytes()), text(cursor.valueBytes()));
                assertArrayEquals(cursor.valueBytes(), reader.get(MemorySegment.ofArray(cursor.keyBytes())));
            }
        }
        return found;
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

    private Tree tree() {
        Tree tree = tiny.engine().trees().get("a");
        if (tree == null) {
            throw new AssertionError("keyspace a is gone");
        }
        return tree;
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

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
