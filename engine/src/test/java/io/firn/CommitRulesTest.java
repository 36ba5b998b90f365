package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyspaceOptions;
import io.firn.config.OpenMode;
import io.firn.error.ClosedException;
import io.firn.error.WriteStalledException;
import io.firn.ffm.file.Storage;
import io.firn.ffm.file.SystemStorage;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The scenarios of the rules about commits and flushes that need a whole database. */
class CommitRulesTest {
    @TempDir
    Path directory;

    @Test
    void r1_aFlushDoesNotOutrunTheJournal() {
        SimStorage disk = new SimStorage();
        try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE); WriteBatch batch = tiny.database.batch()) {
            Keyspace a = tiny.database.keyspace("a");
            Keyspace b = tiny.database.keyspace("b");
            batch.put(a, bytes("k"), bytes("half")).put(b, bytes("k"), bytes("other half")).commit();
            a.rotateMemtableAndWait();
            // Power fails: nothing that was not forced survives. The edit that names a's table was.
            try (TinyDatabase after = TinyDatabase.open(
                    CrashImage.draw(disk, 1, CrashImage.NOTHING), OpenMode.RECOVER)) {
                assertArrayEquals(bytes("half"), after.database.keyspace("a").get(bytes("k")));
                assertArrayEquals(bytes("other half"), after.database.keyspace("b").get(bytes("k")));
            }
        }
    }

    @Test
    void r6_aFlushWithoutAnEarlierOneLeavesNoGap() {
        SimStorage disk = new SimStorage();
        try (TinyDatabase tiny = TinyDatabase.open(disk, OpenMode.CREATE)) {
            Keyspace a = tiny.database.keyspace("a");
            for (int memtable = 0; memtable < 4; memtable++) {
                a.put(bytes("k"), bytes("v" + memtable));
                a.put(bytes("k" + memtable), bytes("v"));
                a.rotateMemtable();
            }
            a.rotateMemtableAndWait();
            try (TinyDatabase after = TinyDatabase.open(
                    CrashImage.draw(disk, 1, CrashImage.NOTHING), OpenMode.RECOVER)) {
                Keyspace found = after.database.keyspace("a");
                assertArrayEquals(bytes("v3"), found.get(bytes("k")));
                for (int memtable = 0; memtable < 4; memtable++) {
                    assertTrue(found.containsKey(bytes("k" + memtable)));
                }
            }
        }
    }

    @Test
    void r9_whoeverWaitsForAJournalDoesNotHoldTheCommitLock() throws Exception {
        CountDownLatch isWorkerInside = new CountDownLatch(1);
        CountDownLatch mayGoOn = new CountDownLatch(1);
        Storage slow = slowAtTheSecondJournal(isWorkerInside, mayGoOn);
        Database db = Database.builder(directory.resolve("db")).storage(slow)
                .journalFiles(16 << 10, 16 << 10, 8 << 10)
                .writeTimeout(Duration.ofMillis(300)).open();
        try {
            Keyspace a = db.keyspace("a");
            a.put(bytes("early"), bytes("v"));
            // The file is full and the next one does not come: the writer waits, and gives up at its deadline.
            WriteStalledException stalled = assertThrows(WriteStalledException.class, () -> {
                for (int i = 0; i < 1000; i++) {
                    a.put(bytes("k" + i), new byte[100]);
                }
            });
            assertEquals(WriteStalledException.Reason.JOURNAL_NOT_READY, stalled.reason());
            isWorkerInside.await();

            // Meanwhile another writer waits; who needs the lock without waiting gets it, and reads go on.
            FutureTask<Object> waiting = new FutureTask<>(() -> {
                a.put(bytes("late"), new byte[8192]);
                return null;
            });
            Thread.ofPlatform().start(waiting);
            assertTimeoutPreemptively(Duration.ofMinutes(5), () -> {
                assertTrue(a.rotateMemtable());
                assertArrayEquals(bytes("v"), a.get(bytes("early")));
            });
            mayGoOn.countDown();
            try {
                waiting.get();
            } catch (ExecutionException e) {
                assertTrue(e.getCause() instanceof WriteStalledException, String.valueOf(e.getCause()));
            }
            putWhenAJournalIsReady(a, bytes("now"));
            assertTrue(a.containsKey(bytes("now")));
            assertFalse(a.containsKey(bytes("k999")), "a refused write leaves no trace");
        } finally {
            mayGoOn.countDown();
            db.close();
        }
    }

    @Test
    void r9_aStalledWriterSeesClose() throws Exception {
        CountDownLatch isWorkerInside = new CountDownLatch(1);
        CountDownLatch mayGoOn = new CountDownLatch(1);
        Storage slow = slowAtTheSecondJournal(isWorkerInside, mayGoOn);
        Database db = Database.builder(directory.resolve("db")).storage(slow)
                .journalFiles(16 << 10, 16 << 10, 8 << 10).open();
        Keyspace a = db.keyspace("a", KeyspaceOptions.defaults());
        FutureTask<Object> writer = new FutureTask<>(() -> {
            for (int i = 0; i < 1000; i++) {
                a.put(bytes("k" + i), new byte[100]);
            }
            return null;
        });
        Thread.ofPlatform().start(writer);
        isWorkerInside.await();
        Thread closer = Thread.ofPlatform().start(db::close);
        Throwable seen = assertThrows(ExecutionException.class, writer::get).getCause();
        assertTrue(seen instanceof ClosedException, String.valueOf(seen));
        mayGoOn.countDown();
        closer.join();
    }

    /** The worker may take its time, and the deadline is short. */
    private static void putWhenAJournalIsReady(Keyspace keyspace, byte[] key) {
        for (int i = 0; i < 1000; i++) {
            try {
                keyspace.put(key, bytes("v"));
                return;
            } catch (WriteStalledException e) {
                assertEquals(WriteStalledException.Reason.JOURNAL_NOT_READY, e.reason());
            }
        }
    }

    /** Real files; whoever prepares a journal after the first waits inside the call. */
    private static Storage slowAtTheSecondJournal(CountDownLatch isInside, CountDownLatch mayGoOn) {
        Storage real = new SystemStorage();
        return (Storage) Proxy.newProxyInstance(
                Storage.class.getClassLoader(), new Class<?>[] {Storage.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("journal") && !arguments[0].toString().contains("000001")) {
                        isInside.countDown();
                        mayGoOn.await();
                    }
                    try {
                        return method.invoke(real, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
