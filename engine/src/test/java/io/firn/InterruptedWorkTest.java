package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyspaceOptions;
import io.firn.error.FirnException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A clear or a deletion comes while a flush or a compaction is writing: what these have written goes, and nothing returns. */
@Timeout(600)
class InterruptedWorkTest {
    private static final Path DIRECTORY = Path.of("/interrupted/db");

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(32);
    private final CountDownLatch isInside = new CountDownLatch(1);
    private final CountDownLatch mayGoOn = new CountDownLatch(1);
    private volatile boolean isArmed;
    private Database database = open();
    private Keyspace a = database.keyspace("a", KeyspaceOptions.defaults().memtableBytes(64 << 10));

    @AfterEach
    void close() {
        mayGoOn.countDown();
        database.close();
        disk.assertNothingOpen();
        assertEquals(0, budget.usedBytes());
        disk.close();
    }

    @Test
    void aCompactionWhoseInputsAreClearedDiscardsWhatItHasWritten() throws Exception {
        Thread compacting = compactingHalfWay();
        a.clear();
        a.put(key(7), key(7));
        goOn(compacting);
        assertEquals(List.of(), disk.list(DIRECTORY.resolve("keyspaces/1/tables")));
        for (int life = 0; life < 2; life++) {
            assertEquals(1, a.count());
            assertTrue(a.containsKey(key(7)));
            database.close();
            database = open();
            a = database.keyspace("a");
        }
    }

    @Test
    void aCompactionWhoseKeyspaceIsDeletedLeavesNothing() throws Exception {
        Thread compacting = compactingHalfWay();
        database.deleteKeyspace(a);
        assertTrue(disk.exists(DIRECTORY.resolve("keyspaces/1/tables")), "the compaction writes there");
        goOn(compacting);
        awaitNoDirectory();
        database.keyspace("b").put(key(1), key(1));
    }

    @Test
    void aFlushWhoseMemtableIsClearedDiscardsWhatItHasWritten() throws Exception {
        fill();
        isArmed = true;
        a.rotateMemtable();
        isInside.await();
        a.clear();
        a.put(key(7), key(7));
        mayGoOn.countDown();
        a.rotateMemtableAndWait();
        assertEquals(1, a.count());
        assertEquals(1, disk.list(DIRECTORY.resolve("keyspaces/1/tables")).size());
        database.close();
        database = open();
        assertEquals(1, database.keyspace("a").count());
    }

    @Test
    void aFlushWhoseKeyspaceIsDeletedLeavesNothing() throws Exception {
        fill();
        isArmed = true;
        a.rotateMemtable();
        isInside.await();
        database.deleteKeyspace(a);
        assertTrue(disk.exists(DIRECTORY.resolve("keyspaces/1/tables")), "the flush writes there");
        mayGoOn.countDown();
        awaitNoDirectory();
        assertEquals(List.of(), database.keyspaceNames());
    }

    // ---- vocabulary

    /** Opened with a disk on which the creation of a table waits once it is armed. */
    private Database open() {
        return Database.builder(DIRECTORY).storage(slow(disk)).budget(budget).workers(2)
                .journalFiles(64 << 10, 256 << 10, 64 << 10).open();
    }

    private Storage slow(Storage real) {
        return (Storage) Proxy.newProxyInstance(
                Storage.class.getClassLoader(), new Class<?>[] {Storage.class}, (proxy, method, arguments) -> {
                    boolean isTable = method.getName().equals("create") && arguments[0].toString().endsWith(".table");
                    if (isTable && isArmed) {
                        isArmed = false;
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

    private Thread compactingHalfWay() throws InterruptedException {
        fill();
        a.rotateMemtableAndWait();
        fill();
        a.rotateMemtableAndWait();
        isArmed = true;
        Thread compacting = Thread.ofPlatform().start(() -> {
            try {
                a.majorCompact();
            } catch (FirnException e) {
                // The keyspace is gone; what counts is what is left of it.
                return;
            }
        });
        isInside.await();
        return compacting;
    }

    private void goOn(Thread compacting) throws InterruptedException {
        mayGoOn.countDown();
        compacting.join();
    }

    private void fill() {
        for (int i = 0; i < 50; i++) {
            a.put(key(i), new byte[100]);
        }
    }

    private void awaitNoDirectory() throws IOException {
        long deadline = System.nanoTime() + 300_000_000_000L;
        while (disk.exists(DIRECTORY.resolve("keyspaces/1")) && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertFalse(disk.exists(DIRECTORY.resolve("keyspaces/1")));
    }

    private static byte[] key(int number) {
        return ("key" + number).getBytes(StandardCharsets.UTF_8);
    }
}
