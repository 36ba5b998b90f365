package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.db.Engine;
import io.firn.error.ClosedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a snapshot sees: what was there when it was taken, whatever is written and flushed since. */
class SnapshotTest {
    private static final int VERSIONS = 10_000;

    private static final int WRITES_OF_ROUND = 600;
    private static final int ROUNDS = 8;

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private Engine engine = open();
    private Database database = new Database(engine);
    private Keyspace keyspace = keyspace("a");

    private Engine open() {
        return Engine.open(Database.builder(Path.of("/db")).storage(disk).budget(budget).settings());
    }

    private Keyspace keyspace(String name) {
        return database.keyspace(name, KeyspaceOptions.defaults().memtableBytes(16 << 10));
    }

    @AfterEach
    void close() {
        database.close();
        assertEquals(0, budget.usedBytes());
        disk.assertNothingOpen();
        disk.close();
    }

    @Test
    void givesTheSameAnswersBeforeAndAfterFlushesWhileWritersGoOn() throws Exception {
        for (int i = 0; i < 300; i++) {
            put("key" + i, "old" + i);
        }
        AtomicInteger writesAllowed = new AtomicInteger();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        try (Snapshot snapshot = database.snapshot()) {
            KeyspaceView view = snapshot.in(keyspace);
            Map<String, String> before = entries(view);
            assertEquals(300, before.size());
            Thread writer = Thread.ofPlatform().start(() -> {
                try {
                    for (int i = 0; i < ROUNDS * WRITES_OF_ROUND; i++) {
                        while (writesAllowed.get() <= i) {
                            Thread.onSpinWait();
                        }
                        switch (i % 3) {
                            case 0 -> put("key" + i % 300, "new" + i);
                            case 1 -> keyspace.remove(bytes("key" + i * 7 % 300));
                            default -> put("other" + i % 1000, "new" + i);
                        }
                    }
                } catch (Throwable t) {
                    failure.set(t);
                }
            });
            for (int round = 0; round < ROUNDS; round++) {
                writesAllowed.addAndGet(WRITES_OF_ROUND);
                keyspace.rotateMemtableAndWait();
                assertEquals(before, entries(view));
                assertEquals(reversed(view), before);
                assertEquals(300, view.count());
                for (int i = 0; i < 300; i += 7) {
                    assertEquals("old" + i, text(view.get(bytes("key" + i))));
                }
                assertEquals(new Entry(bytes("key0"), bytes("old0")), view.firstEntry());
                assertEquals(new Entry(bytes("key99"), bytes("old99")), view.lastEntry());
            }
            writer.join();
            assertNull(failure.get());
        }
        Map<String, String> last = entries(keyspace);
        reopen();
        assertEquals(last, entries(keyspace), "the same data gives the same answers when it is opened again");
        assertEquals(last, reversed(keyspace));
    }

    @Test
    void aDeletedKeyStaysDeletedAtNewerSeqnos() {
        List<Snapshot> before = new ArrayList<>();
        put("a", "1");
        put("b1", "1");
        put("b2", "1");
        put("c", "1");
        keyspace.rotateMemtableAndWait();
        before.add(database.snapshot());
        keyspace.remove(bytes("b1"));
        before.add(database.snapshot());
        for (int stage = 0; stage < 4; stage++) {
            checkDeleted(keyspace);
            checkDeleted(before.get(1).in(keyspace));
            assertEquals("1", text(before.get(0).in(keyspace).get(bytes("b1"))));
            assertEquals(Map.of("a", "1", "b1", "1", "b2", "1", "c", "1"), reversed(before.get(0).in(keyspace)));
            switch (stage) {
                case 0 -> keyspace.rotateMemtableAndWait();
                case 1 -> {
                    put("d", "2");
                    keyspace.remove(bytes("d"));
                    keyspace.remove(bytes("b1"));
                }
                default -> keyspace.rotateMemtableAndWait();
            }
        }
        before.forEach(Snapshot::close);
        reopen();
        checkDeleted(keyspace);
        keyspace.rotateMemtableAndWait();
        checkDeleted(keyspace);
    }

    private static void checkDeleted(KeyspaceReader reader) {
        Map<String, String> left = Map.of("a", "1", "b2", "1", "c", "1");
        assertNull(reader.get(bytes("b1")));
        assertEquals(left, entries(reader));
        assertEquals(left, reversed(reader));
        assertEquals(3, reader.count());
        try (Cursor cursor = reader.cursor(KeyRange.prefix(bytes("b")))) {
            assertTrue(cursor.next());
            assertEquals("b2", text(cursor.keyBytes()));
            assertFalse(cursor.next());
            assertTrue(cursor.previous());
            assertEquals("b2", text(cursor.keyBytes()));
            assertFalse(cursor.previous());
            assertFalse(cursor.find(MemorySegment.ofArray(bytes("b1"))));
            assertTrue(cursor.seek(MemorySegment.ofArray(bytes("b1"))));
            assertEquals("b2", text(cursor.keyBytes()));
            assertFalse(cursor.seekForPrevious(MemorySegment.ofArray(bytes("b1"))));
        }
    }

    /** In a memtable and then in one table, of which they fill many blocks. */
    @Test
    void tenThousandVersionsOfAKeyAreEachReadableAtTheirOwnSeqno() {
        Keyspace counters = database.keyspace("counters", KeyspaceOptions.defaults().memtableBytes(8 << 20).blockBytes(4096));
        counters.put(bytes("a"), bytes("before"));
        counters.put(bytes("z"), bytes("behind"));
        List<Snapshot> snapshots = new ArrayList<>();
        for (int version = 0; version < VERSIONS; version++) {
            if (version % 1000 == 999) {
                counters.remove(bytes("counter"));
            } else {
                counters.put(bytes("counter"), bytes("version " + version));
            }
            snapshots.add(database.snapshot());
        }
        checkVersions(counters, snapshots, 1);
        counters.rotateMemtableAndWait();
        checkVersions(counters, snapshots, 1);
        snapshots.forEach(Snapshot::close);
        assertEquals(0, engine.readers().snapshots().capture().seqnos().length);
        assertNull(counters.get(bytes("counter")));
    }

    private static void checkVersions(Keyspace counters, List<Snapshot> snapshots, int step) {
        for (int version = 0; version < VERSIONS; version += step) {
            KeyspaceView view = snapshots.get(version).in(counters);
            String expected = version % 1000 == 999 ? null : "version " + version;
            assertEquals(expected, text(view.get(bytes("counter"))));
            if (version % 97 == 0 || version % 1000 > 997) {
                Map<String, String> entries = new TreeMap<>(Map.of("a", "before", "z", "behind"));
                if (expected != null) {
                    entries.put("counter", expected);
                }
                assertEquals(entries, entries(view));
                assertEquals(entries, reversed(view));
            }
        }
    }

    @Test
    void seesAllKeyspacesAtOneMoment() {
        Keyspace other = keyspace("b");
        for (int i = 0; i < 50; i++) {
            try (WriteBatch batch = database.batch()) {
                batch.put(keyspace, bytes("k"), bytes("" + i)).put(other, bytes("k"), bytes("" + i)).commit();
            }
            try (Snapshot snapshot = database.snapshot()) {
                put("k", "later");
                assertEquals("" + i, text(snapshot.in(keyspace).get(bytes("k"))));
                assertEquals("" + i, text(snapshot.in(other).get(bytes("k"))));
            }
        }
    }

    @Test
    void aKeyspaceThatWasCreatedLaterIsEmpty() {
        try (Snapshot snapshot = database.snapshot()) {
            Keyspace later = keyspace("later");
            later.put(bytes("k"), bytes("v"));
            for (int stage = 0; stage < 2; stage++) {
                KeyspaceView view = snapshot.in(later);
                assertTrue(view.isEmpty());
                assertNull(view.get(bytes("k")));
                assertNull(view.firstEntry());
                assertEquals(0, view.count());
                later.rotateMemtableAndWait();
            }
            assertFalse(later.isEmpty());
        }
    }

    @Test
    void readsOfAClosedSnapshotAreRefusedButItsCursorsReadOn() {
        put("k", "v");
        Snapshot snapshot = database.snapshot();
        KeyspaceView view = snapshot.in(keyspace);
        Cursor cursor = view.cursor(KeyRange.all());
        put("k", "w");
        snapshot.close();
        snapshot.close();
        keyspace.rotateMemtableAndWait();
        assertThrows(ClosedException.class, () -> view.get(bytes("k")));
        assertThrows(ClosedException.class, () -> view.get(bytes("missing")));
        assertThrows(ClosedException.class, view::isEmpty);
        assertThrows(ClosedException.class, () -> view.multiGet(List.of(), (index, value) -> { }));
        assertThrows(ClosedException.class, () -> view.cursor(KeyRange.all()));
        assertThrows(ClosedException.class, () -> snapshot.in(keyspace));
        assertTrue(cursor.next());
        assertEquals("v", text(cursor.valueBytes()));
        cursor.close();
    }

    @Test
    void aKeyspaceOfAnotherDatabaseIsRefused() {
        try (SimStorage otherDisk = new SimStorage();
                Database other = Database.builder(Path.of("/db")).storage(otherDisk).open();
                Snapshot snapshot = database.snapshot()) {
            Keyspace foreign = other.keyspace("a");
            assertThrows(IllegalArgumentException.class, () -> snapshot.in(foreign));
        }
    }

    private void reopen() {
        database.close();
        engine = open();
        database = new Database(engine);
        keyspace = keyspace("a");
    }

    private void put(String key, String value) {
        keyspace.put(bytes(key), bytes(value));
    }

    private static Map<String, String> entries(KeyspaceReader reader) {
        try (Stream<Entry> entries = reader.stream(KeyRange.all())) {
            return entries.collect(Collectors.toMap(each -> text(each.key()), each -> text(each.value())));
        }
    }

    private static Map<String, String> reversed(KeyspaceReader reader) {
        Map<String, String> entries = new TreeMap<>();
        try (Cursor cursor = reader.cursor(KeyRange.all())) {
            while (cursor.previous()) {
                assertNull(entries.put(text(cursor.keyBytes()), text(cursor.valueBytes())));
            }
        }
        return entries;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.ISO_8859_1);
    }
}
