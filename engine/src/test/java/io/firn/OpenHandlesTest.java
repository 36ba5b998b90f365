package io.firn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.error.ClosedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Cursors and snapshots that are open when their database is closed, that are forgotten, or used by two at once. */
@Timeout(600)
class OpenHandlesTest {
    private static final int ENTRIES = 2000;

    /** Kept, since a logger without a holder forgets its settings. */
    private static final Logger LOGGER = Logger.getLogger("io.firn");

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private Engine engine = open();
    private Database database = new Database(engine);
    private Keyspace keyspace = database.keyspace("a", KeyspaceOptions.defaults().memtableBytes(64 << 10));

    private Engine open() {
        return Engine.open(Database.builder(Path.of("/db")).storage(disk).budget(budget).settings());
    }

    @AfterEach
    void leavesNothing() {
        database.close();
        assertEquals(0, budget.usedBytes());
        disk.assertNothingOpen();
        disk.close();
    }

    // ---- R22

    @Test
    void r22_closeEndsOpenCursorsAndSnapshotsAndWaitsForNoneOfThem() {
        fill();
        Cursor moved = keyspace.cursor(KeyRange.all());
        assertTrue(moved.next());
        Cursor unmoved = keyspace.cursor(KeyRange.all());
        Snapshot snapshot = database.snapshot();
        KeyspaceView view = snapshot.in(keyspace);
        Cursor ofSnapshot = view.cursor(KeyRange.all());
        assertTrue(ofSnapshot.last());
        MemorySegment key = moved.key();
        MemorySegment value = ofSnapshot.value();
        keyspace.rotateMemtableAndWait();

        database.close();

        assertEquals(0, budget.usedBytes());
        disk.assertNothingOpen();
        for (Cursor cursor : List.of(moved, unmoved, ofSnapshot)) {
            assertThrows(ClosedException.class, cursor::next);
            assertThrows(ClosedException.class, cursor::previous);
            assertThrows(ClosedException.class, () -> cursor.find(MemorySegment.ofArray(key(1))));
            assertThrows(ClosedException.class, cursor::key);
            cursor.close();
            assertThrows(ClosedException.class, cursor::first);
        }
        assertThrows(ClosedException.class, () -> view.get(key(1)));
        assertThrows(ClosedException.class, () -> view.cursor(KeyRange.all()));
        assertThrows(ClosedException.class, database::snapshot);
        assertThrows(ClosedException.class, () -> keyspace.cursor(KeyRange.all()));
        assertThrows(ClosedException.class, keyspace::isEmpty);
        snapshot.close();
        // What was handed out is no longer memory of the database's, and says so.
        assertThrows(IllegalStateException.class, () -> key.get(JAVA_BYTE, 0));
        assertThrows(IllegalStateException.class, () -> value.get(JAVA_BYTE, 0));
    }

    @Test
    void r22_aMoveThatRunsIntoTheCloseIsAnsweredOrRefused() throws Exception {
        for (int round = 0; round < 10; round++) {
            fill();
            AtomicReference<Throwable> failure = new AtomicReference<>();
            AtomicInteger refused = new AtomicInteger();
            CountDownLatch moving = new CountDownLatch(3);
            List<Thread> threads = new ArrayList<>();
            for (int thread = 0; thread < 3; thread++) {
                int number = thread;
                threads.add(Thread.ofPlatform().start(() -> {
                    Cursor cursor = keyspace.cursor(KeyRange.all());
                    try {
                        for (int i = 0; ; i++) {
                            move(cursor, number, i);
                            if (i == 100) {
                                moving.countDown();
                            }
                        }
                    } catch (ClosedException e) {
                        refused.getAndIncrement();
                    } catch (Throwable t) {
                        failure.compareAndSet(null, t);
                        moving.countDown();
                    }
                }));
            }
            moving.await();
            database.close();
            assertEquals(0, budget.usedBytes());
            disk.assertNothingOpen();
            for (Thread thread : threads) {
                thread.join();
            }
            assertNull(failure.get());
            assertEquals(3, refused.get());
            engine = open();
            database = new Database(engine);
            keyspace = database.keyspace("a");
        }
    }

    private static void move(Cursor cursor, int number, int i) {
        boolean isThere = switch (number) {
            case 0 -> cursor.next() || cursor.first();
            case 1 -> cursor.previous() || cursor.last();
            default -> i % 2 == 0
                    ? cursor.seek(MemorySegment.ofArray(key(i * 31 % ENTRIES)))
                    : cursor.find(MemorySegment.ofArray(key(i * 31 % ENTRIES)));
        };
        if (!isThere || !Arrays.equals(cursor.keyBytes(), cursor.valueBytes())) {
            throw new AssertionError("a wrong entry");
        }
    }

    /** Each of them leases a lookup of its own, more than are kept. */
    @Test
    void r22_closeInsideACallbackIsRefusedHoweverManyCallsThereAreOrWere() throws Exception {
        keyspace.put(key(1), key(1));
        int calls = 100;
        CountDownLatch inside = new CountDownLatch(calls);
        CountDownLatch isOver = new CountDownLatch(1);
        AtomicInteger refused = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            threads.add(Thread.ofPlatform().start(() -> keyspace.read(key(1), value -> {
                inside.countDown();
                await(isOver);
                try {
                    database.close();
                } catch (IllegalStateException e) {
                    refused.getAndIncrement();
                }
            })));
        }
        inside.await();
        isOver.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(calls, refused.get());
        int[] nested = {0};
        keyspace.multiGet(List.of(MemorySegment.ofArray(key(1))), (index, value) -> {
            assertThrows(IllegalStateException.class, database::close);
            nested[0]++;
        });
        assertEquals(1, nested[0]);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    // ---- R20

    /** A get, a scan and a multiGet inside a callback lease memory of their own: the outer key and value stay. */
    @Test
    void r20_callsInsideACallbackLeaveTheOuterOneItsKeyAndValue() {
        fill();
        keyspace.rotateMemtableAndWait();
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            assertTrue(cursor.find(MemorySegment.ofArray(key(7))));
            boolean isFound = keyspace.read(key(5), outer -> {
                keyspace.read(key(6), inner -> {
                    assertArrayEquals(key(8), keyspace.get(key(8)));
                    assertEquals(2, keyspace.multiGet(
                            List.of(MemorySegment.ofArray(key(1)), MemorySegment.ofArray(key(2))),
                            (index, value) -> {
                                assertArrayEquals(key(9), keyspace.get(key(9)));
                                assertArrayEquals(key(index + 1), bytes(value));
                            }));
                    assertEquals(ENTRIES, keyspace.count());
                    assertArrayEquals(key(6), bytes(inner));
                });
                assertArrayEquals(key(5), bytes(outer));
            });
            assertTrue(isFound);
            assertArrayEquals(key(7), bytes(cursor.key()));
            assertArrayEquals(key(7), bytes(cursor.value()));
        }
    }

    // ---- forgotten ones

    @Test
    void aForgottenCursorIsReleasedAndReportedOnceWithTheStackOfItsOpening() throws Exception {
        fill();
        List<LogRecord> reports = reportsWhile(() -> forgetCursor(keyspace));
        assertEquals(1, reports.size());
        assertTrue(reports.getFirst().getMessage().contains("keyspace a"), reports.getFirst().getMessage());
        assertTrue(Arrays.stream(reports.getFirst().getThrown().getStackTrace())
                .anyMatch(frame -> frame.getMethodName().equals("forgetCursor")));
        keyspace.rotateMemtableAndWait();
        awaitResting();
    }

    @Test
    void aForgottenSnapshotIsReleasedAndReportedOnceWithTheStackOfItsOpening() throws Exception {
        keyspace.put(key(1), key(1));
        List<LogRecord> reports = reportsWhile(() -> forgetSnapshot(database));
        assertEquals(1, reports.size());
        assertTrue(Arrays.stream(reports.getFirst().getThrown().getStackTrace())
                .anyMatch(frame -> frame.getMethodName().equals("forgetSnapshot")));
        assertEquals(0, engine.readers().snapshots().capture().seqnos().length);
    }

    /** A view keeps its snapshot; what was closed is not reported. */
    @Test
    void whatIsUsedOrClosedIsNotReported() throws Exception {
        keyspace.put(key(1), key(1));
        KeyspaceView view = database.snapshot().in(keyspace);
        List<LogRecord> reports = reportsWhile(() -> {
            for (int i = 0; i < 100; i++) {
                keyspace.cursor(KeyRange.all()).close();
                database.snapshot().close();
                keyspace.stream(KeyRange.all()).close();
            }
        });
        assertEquals(List.of(), reports);
        assertArrayEquals(key(1), view.get(key(1)));
    }

    private static void forgetCursor(Keyspace keyspace) {
        assertTrue(keyspace.cursor(KeyRange.all()).next());
    }

    private static void forgetSnapshot(Database database) {
        assertTrue(database.snapshot().seqno() > 0);
    }

    /** Collects garbage until what was forgotten is released, and somewhat longer. */
    private List<LogRecord> reportsWhile(Runnable action) throws InterruptedException {
        List<LogRecord> reports = Collections.synchronizedList(new ArrayList<>());
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord report) {
                reports.add(report);
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Level before = LOGGER.getLevel();
        LOGGER.setLevel(Level.ALL);
        LOGGER.setUseParentHandlers(false);
        LOGGER.addHandler(handler);
        try {
            int openBefore = engine.readers().openings().count();
            action.run();
            long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(5);
            int more = 5;
            while (more > 0 && System.nanoTime() < end) {
                System.gc();
                Thread.sleep(10);
                keyspace.cursor(KeyRange.all()).close();
                more -= engine.readers().openings().count() == openBefore ? 1 : 0;
            }
            assertEquals(openBefore, engine.readers().openings().count());
        } finally {
            LOGGER.removeHandler(handler);
            LOGGER.setUseParentHandlers(true);
            LOGGER.setLevel(before);
        }
        return reports;
    }

    private void awaitResting() throws InterruptedException {
        while (!EngineRest.isResting(engine)) {
            Thread.sleep(1);
        }
    }

    // ---- misuse

    @Test
    void aCursorIsForOneThreadAtATimeButMayBeHandedOver() throws Exception {
        fill();
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            assertTrue(cursor.next());
            Thread other = Thread.ofPlatform().start(cursor::next);
            other.join();
            assertTrue(cursor.next());
            assertArrayEquals(key(2), cursor.keyBytes());
        }
        AtomicInteger refused = new AtomicInteger();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            List<Thread> threads = new ArrayList<>();
            for (int thread = 0; thread < 2; thread++) {
                threads.add(Thread.ofPlatform().start(() -> {
                    for (int i = 0; i < 200_000 && failure.get() == null; i++) {
                        try {
                            boolean ignored = cursor.next() || cursor.first();
                        } catch (IllegalStateException e) {
                            refused.getAndIncrement();
                        } catch (Throwable t) {
                            failure.compareAndSet(null, t);
                        }
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
        }
        assertNull(failure.get());
        System.out.println(refused + " moves refused");
    }

    @Test
    void aClosedCursorAnswersClosedAndClosingAgainIsNothing() {
        fill();
        Cursor cursor = keyspace.cursor(KeyRange.all());
        assertThrows(IllegalStateException.class, cursor::key);
        assertTrue(cursor.next());
        cursor.close();
        cursor.close();
        assertThrows(ClosedException.class, cursor::next);
        assertThrows(ClosedException.class, cursor::key);
        assertThrows(ClosedException.class, cursor::value);
        assertThrows(ClosedException.class, cursor::valueSize);
        assertThrows(ClosedException.class, cursor::keyBytes);
        assertThrows(ClosedException.class, cursor::seqno);
        // Its memory serves others now.
        try (Cursor other = keyspace.cursor(KeyRange.all())) {
            assertTrue(other.last());
            assertThrows(ClosedException.class, cursor::previous);
            assertArrayEquals(key(ENTRIES - 1), other.keyBytes());
        }
    }

    @Test
    void keysOfWrongLengthsAreRefusedAndLeaveTheCursorUsable() {
        fill();
        try (Cursor cursor = keyspace.cursor(KeyRange.all())) {
            MemorySegment empty = MemorySegment.ofArray(new byte[0]);
            assertThrows(IllegalArgumentException.class, () -> cursor.find(empty));
            assertThrows(IllegalArgumentException.class, () -> cursor.find(MemorySegment.ofArray(new byte[65_536])));
            assertTrue(cursor.seek(empty), "every key is after the empty one");
            assertArrayEquals(key(0), cursor.keyBytes());
            assertFalse(cursor.seekForPrevious(empty));
            assertTrue(cursor.next());
            assertThrows(NullPointerException.class, () -> cursor.seek(null));
            assertTrue(cursor.next());
            assertArrayEquals(key(0), cursor.keyBytes(), "after a move that threw as before any");
        }
    }

    private void fill() {
        for (int i = 0; i < ENTRIES; i++) {
            keyspace.put(key(i), key(i));
        }
    }

    private static byte[] key(int number) {
        return new byte[] {'k', (byte) (number >> 8), (byte) number, 'e', 'y'};
    }

    private static byte[] bytes(MemorySegment segment) {
        return segment.toArray(JAVA_BYTE);
    }
}
