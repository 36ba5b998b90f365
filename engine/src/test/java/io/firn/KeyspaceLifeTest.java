package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.OpenMode;
import io.firn.error.KeyspaceDeletedException;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Keyspaces are cleared, deleted and created again: what is gone stays gone, what is not is there, and the disk is freed. */
@Timeout(600)
class KeyspaceLifeTest {
    private static final Path KEYSPACES = TinyDatabase.DIRECTORY.resolve("keyspaces");

    private SimStorage disk = new SimStorage();
    private TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE);

    @AfterEach
    void close() {
        tiny.close();
        disk.assertNothingOpen();
        assertEquals(0, tiny.usedMemoryBytes());
        disk.close();
    }

    // ---- clear

    @Test
    void whatWasClearedIsGoneAndStaysGone() {
        Keyspace a = tiny.keyspace("a");
        fill(a, 0, 40);
        a.rotateMemtableAndWait();
        fill(a, 40, 60);
        a.rotateMemtable();
        fill(a, 60, 70);
        a.clear();
        assertEquals(0, a.count());
        assertEquals(0, a.approximateCount());
        fill(a, 200, 210);
        for (int life = 0; life < 3; life++) {
            reopen();
            assertEquals(10, tiny.keyspace("a").count());
            assertArrayEquals(value(205), tiny.keyspace("a").get(key(205)));
        }
    }

    @Test
    void r2_aClearHasItsPlaceInTheOrderOfTheCommits() {
        Keyspace a = tiny.keyspace("a");
        Keyspace b = tiny.keyspace("b");
        fill(a, 0, 20);
        a.rotateMemtableAndWait();
        a.put(key(1), value(11));
        b.put(key(1), value(1));
        List<SimStorage> images = new ArrayList<>();
        disk.onOperation(operation -> {
            for (int image : new int[] {CrashImage.NOTHING, CrashImage.EVERYTHING, 3, 4}) {
                images.add(CrashImage.draw(disk, operation.number(), image));
            }
        });
        a.clear();
        disk.onOperation(operation -> { });
        a.put(key(2), value(22));
        int before = 0;
        int behind = 0;
        for (SimStorage image : images) {
            try (TinyDatabase after = TinyDatabase.open(image, OpenMode.RECOVER)) {
                long count = after.keyspace("a").count();
                assertTrue(count == 0 || count == 20, count + " entries");
                // Whoever sees the clear sees the commit before it.
                assertTrue(count == 20 || after.keyspace("b").containsKey(key(1)));
                before += count == 20 ? 1 : 0;
                behind += count == 0 ? 1 : 0;
            }
            image.close();
        }
        assertTrue(before > 0 && behind > 0, before + " before the clear, " + behind + " behind it");
        try (SimStorage killed = CrashImage.draw(disk, 1, CrashImage.EVERYTHING);
                TinyDatabase after = TinyDatabase.open(killed, OpenMode.RECOVER)) {
            assertEquals(1, after.keyspace("a").count());
            assertArrayEquals(value(22), after.keyspace("a").get(key(2)));
        }
        // What clear has promised survives a loss of power.
        try (SimStorage lost = CrashImage.draw(disk, 1, CrashImage.NOTHING);
                TinyDatabase after = TinyDatabase.open(lost, OpenMode.RECOVER)) {
            assertFalse(after.keyspace("a").containsKey(key(1)));
            assertArrayEquals(value(1), after.keyspace("b").get(key(1)));
        }
    }

    @Test
    void r12_olderSnapshotsAndOpenCursorsReadOn() {
        Keyspace a = tiny.keyspace("a");
        fill(a, 0, 30);
        a.rotateMemtableAndWait();
        fill(a, 30, 40);
        Cursor cursor = a.cursor(KeyRange.all());
        Snapshot before = tiny.database.snapshot();
        a.clear();
        Snapshot between = tiny.database.snapshot();
        fill(a, 100, 105);
        a.clear();
        Snapshot behind = tiny.database.snapshot();
        fill(a, 200, 202);
        for (int look = 0; look < 2; look++) {
            assertEquals(40, before.in(a).count());
            assertArrayEquals(value(35), before.in(a).get(key(35)));
            assertEquals(0, between.in(a).count());
            assertEquals(0, behind.in(a).count());
            assertEquals(2, a.count());
            a.rotateMemtableAndWait();
        }
        int shown = 0;
        while (cursor.next()) {
            shown++;
        }
        assertEquals(40, shown);
        cursor.close();
        try (Cursor late = before.in(a).cursor(KeyRange.all())) {
            before.close();
            between.close();
            behind.close();
            assertTrue(late.first());
            assertTrue(late.find(segment(key(39))));
        }
        eventually(() -> tables(1) == 1);
    }

    @Test
    void theDiskIsFreedWhenTheLastReaderLeaves() {
        Keyspace a = tiny.keyspace("a");
        fill(a, 0, 100);
        a.rotateMemtableAndWait();
        tiny.awaitQuiet();
        assertTrue(tables(1) > 0);
        Snapshot snapshot = tiny.database.snapshot();
        a.clear();
        tiny.awaitQuiet();
        assertEquals(0, tables(1), "no name is left");
        assertTrue(disk.openCount(".table") > 0);
        assertEquals(100, snapshot.in(a).count());
        snapshot.close();
        eventually(() -> disk.openCount(".table") == 0);
        fill(a, 0, 10);
        a.rotateMemtableAndWait();
        a.clear();
        eventually(() -> tables(1) == 0 && disk.openCount(".table") == 0);
    }

    @Test
    void journalsAndMemoryAreGivenBackByAClear() {
        Keyspace a = tiny.keyspace("a");
        fill(a, 0, 200);
        long before = tiny.usedMemoryBytes();
        long journal = tiny.journalFile();
        for (int round = 0; round < 30; round++) {
            fill(a, 0, 60);
            a.clear();
            eventually(tiny::isQuiet);
            assertTrue(tiny.usedMemoryBytes() <= before + (64 << 10), () -> tiny.usedMemoryBytes() + " bytes, " + before + " before");
            assertTrue(tiny.engine().journal().leftBytes() <= 2 * TinyDatabase.JOURNAL_MAX_BYTES,
                    () -> tiny.engine().journal().leftBytes() + " bytes in journals");
        }
        assertTrue(tiny.journalFile() > journal + 5);
        assertEquals(0, a.count());
    }

    // ---- delete

    @Test
    void theHandlesOfADeletedKeyspaceThrow() {
        Keyspace a = tiny.keyspace("a");
        Keyspace b = tiny.keyspace("b");
        fill(a, 0, 10);
        try (WriteBatch batch = tiny.database.batch()) {
            batch.put(b, key(1), value(1)).put(a, key(1), value(1));
            tiny.database.deleteKeyspace(a);
            assertThrows(KeyspaceDeletedException.class, batch::commit);
            assertNull(b.get(key(1)));
        }
        assertThrows(KeyspaceDeletedException.class, () -> a.put(key(1), value(1)));
        assertThrows(KeyspaceDeletedException.class, () -> a.remove(key(1)));
        assertThrows(KeyspaceDeletedException.class, () -> a.get(key(1)));
        assertThrows(KeyspaceDeletedException.class, () -> a.get(segment(key(1))));
        assertThrows(KeyspaceDeletedException.class, () -> a.containsKey(key(1)));
        assertThrows(KeyspaceDeletedException.class, () -> a.sizeOf(key(1)));
        assertThrows(KeyspaceDeletedException.class, a::isEmpty);
        assertThrows(KeyspaceDeletedException.class, a::count);
        assertThrows(KeyspaceDeletedException.class, a::approximateCount);
        assertThrows(KeyspaceDeletedException.class, a::firstEntry);
        assertThrows(KeyspaceDeletedException.class, () -> a.cursor(KeyRange.all()));
        assertThrows(KeyspaceDeletedException.class, a::clear);
        assertThrows(KeyspaceDeletedException.class, a::rotateMemtable);
        assertThrows(KeyspaceDeletedException.class, a::rotateMemtableAndWait);
        assertThrows(KeyspaceDeletedException.class, () -> tiny.database.deleteKeyspace(a));
        assertEquals("a", a.name());
        assertEquals(List.of("b"), tiny.database.keyspaceNames());
        b.put(key(1), value(1));
    }

    @Test
    void aDeletedKeyspaceStaysDeletedAndLeavesNothing() throws IOException {
        Keyspace a = tiny.keyspace("a");
        Keyspace b = tiny.keyspace("b");
        fill(a, 0, 50);
        fill(b, 0, 5);
        a.rotateMemtableAndWait();
        fill(a, 50, 60);
        tiny.database.deleteKeyspace(a);
        fill(b, 5, 10);
        eventually(() -> !hasDirectory(1));
        for (int life = 0; life < 3; life++) {
            reopen();
            assertEquals(List.of("b"), tiny.database.keyspaceNames());
            assertEquals(10, tiny.keyspace("b").count());
            assertEquals(List.of("2"), disk.list(KEYSPACES));
        }
    }

    @Test
    void snapshotsAndCursorsOfADeletedKeyspaceReadOn() {
        Keyspace a = tiny.keyspace("a");
        fill(a, 0, 50);
        a.rotateMemtableAndWait();
        fill(a, 50, 60);
        Snapshot snapshot = tiny.database.snapshot();
        KeyspaceView view = snapshot.in(a);
        Cursor cursor = a.cursor(KeyRange.all());
        tiny.database.deleteKeyspace(a);
        Snapshot later = tiny.database.snapshot();
        assertThrows(KeyspaceDeletedException.class, () -> later.in(a).get(key(1)));
        assertEquals(60, view.count());
        assertArrayEquals(value(55), view.get(key(55)));
        Keyspace again = tiny.keyspace("a");
        again.put(key(1), value(7));
        assertEquals(0, snapshot.in(again).count());
        assertArrayEquals(value(1), view.get(key(1)));
        assertTrue(cursor.last());
        assertArrayEquals(key(59), cursor.keyBytes());
        cursor.close();
        assertTrue(hasDirectory(1));
        snapshot.close();
        later.close();
        eventually(() -> !hasDirectory(1));
    }

    @Test
    void aNameIsGivenAgainWithANewIdOverSeveralReopenings() {
        int lastId = 0;
        for (int life = 0; life < 6; life++) {
            Keyspace a = tiny.keyspace("a");
            assertTrue(a.id() > lastId, a.id() + " after " + lastId);
            assertEquals(0, a.count());
            lastId = a.id();
            fill(a, 0, 10 + life);
            if (life % 2 == 0) {
                a.rotateMemtableAndWait();
            }
            reopen();
            a = tiny.keyspace("a");
            assertEquals(lastId, a.id());
            assertEquals(10 + life, a.count());
            tiny.database.deleteKeyspace(a);
            if (life % 3 == 0) {
                reopen();
            }
        }
    }

    @Test
    void aStaleHandleDoesNothingToTheKeyspaceThatHasItsName() {
        Keyspace old = tiny.keyspace("a");
        tiny.database.deleteKeyspace(old);
        Keyspace now = tiny.keyspace("a");
        now.put(key(1), value(1));
        assertThrows(KeyspaceDeletedException.class, () -> tiny.database.deleteKeyspace(old));
        assertThrows(KeyspaceDeletedException.class, old::clear);
        assertFalse(old.equals(now));
        assertArrayEquals(value(1), now.get(key(1)));
        reopen();
        assertArrayEquals(value(1), tiny.keyspace("a").get(key(1)));
    }

    // ---- weak removals and requested flushes

    @Test
    void aWeakRemovalGoesWithWhatItRemovesBeforeAndAfterAReopening() {
        Keyspace a = tiny.keyspace("a");
        for (int life = 0; life < 2; life++) {
            fill(a, 0, 8);
            try (WriteBatch batch = tiny.database.batch()) {
                for (int i = 0; i < 4; i++) {
                    batch.removeWeak(a, key(i));
                }
                batch.removeWeak(a, segment(key(4))).commit();
            }
            a.removeWeak(key(5));
            a.removeWeak(segment(key(6)));
            assertThrows(IllegalArgumentException.class, () -> tiny.keyspace("a").removeWeak(new byte[0]));
            assertEquals(1, a.count());
            assertNull(a.get(key(2)));
            if (life == 1) {
                // As a kill leaves it: the journal has said what kind of removal it is.
                SimStorage killed = CrashImage.draw(disk, 1, CrashImage.EVERYTHING);
                tiny.close();
                disk.close();
                disk = killed;
                tiny = TinyDatabase.open(disk, OpenMode.RECOVER);
                a = tiny.keyspace("a");
            }
            a.rotateMemtableAndWait();
            assertEquals(1, a.count());
            assertEquals(1, a.approximateCount(), "nothing but what is left");
            a.clear();
        }
    }

    @Test
    void aRequestedFlushHappensInTheBackground() {
        Keyspace a = tiny.keyspace("a");
        a.requestFlush();
        fill(a, 0, 3);
        a.requestFlush();
        eventually(() -> tables(1) == 1);
        assertEquals(3, a.count());
    }

    // ---- vocabulary

    private void reopen() {
        tiny.close();
        disk.assertNothingOpen();
        tiny = TinyDatabase.open(disk, OpenMode.RECOVER);
    }

    private static void fill(Keyspace keyspace, int from, int to) {
        for (int i = from; i < to; i++) {
            keyspace.put(key(i), value(i));
        }
    }

    static byte[] key(int number) {
        return String.format("key%05d", number).getBytes(StandardCharsets.UTF_8);
    }

    static byte[] value(int number) {
        return ("value " + number + " ".repeat(100)).getBytes(StandardCharsets.UTF_8);
    }

    private static MemorySegment segment(byte[] bytes) {
        return MemorySegment.ofArray(bytes);
    }

    private boolean hasDirectory(int keyspaceId) {
        try {
            return disk.exists(KEYSPACES.resolve(Integer.toString(keyspaceId)));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private int tables(int keyspaceId) {
        try {
            return disk.list(KEYSPACES.resolve(keyspaceId + "/tables")).size();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void eventually(BooleanSupplier isTrue) {
        long deadline = System.nanoTime() + 300_000_000_000L;
        while (!isTrue.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("it does not come true");
            }
            Thread.onSpinWait();
        }
    }
}
