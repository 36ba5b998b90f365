package io.firn;

import static io.firn.TransactionTest.all;
import static io.firn.TransactionTest.bytes;
import static io.firn.TransactionTest.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.db.Engine;
import io.firn.error.ClosedException;
import io.firn.error.PoisonedException;
import io.firn.error.WriteStalledException;
import io.firn.error.WriteStalledException.Reason;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whose turn it is: one transaction after the other, and what waits for that. */
class SingleWriterTest {
    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private Engine engine;
    private SingleWriterDatabase database = open(Duration.ofSeconds(30));
    private Keyspace keyspace = database.keyspace("a");

    private SingleWriterDatabase open(Duration writeTimeout) {
        engine = Engine.open(Database.builder(Path.of("/db")).storage(disk).budget(budget).writeTimeout(writeTimeout).settings());
        return new SingleWriterDatabase(engine);
    }

    private void reopen(Duration writeTimeout) {
        database.close();
        database = open(writeTimeout);
        keyspace = database.keyspace("a");
    }

    @AfterEach
    void close() {
        try {
            database.close();
        } catch (PoisonedException e) {
            assertTrue(e.getCause() instanceof InternalError);
        }
        assertEquals(0, budget.usedBytes());
        disk.close();
    }

    @Test
    void everyWriteWaitsForTheTurnOfATransaction() throws Exception {
        keyspace.put(bytes("k"), bytes("0"));
        Keyspace other = database.keyspace("b");
        Keyspace cleared = database.keyspace("c");
        Ingestion ingestion = keyspace.ingest();
        ingestion.put(bytes("ingested"), bytes("1"));
        WriteBatch[] batch = new WriteBatch[1];
        List<Runnable> writes = List.of(
                () -> keyspace.put(bytes("put"), bytes("1")),
                () -> keyspace.remove(bytes("k")),
                () -> {
                    batch[0] = database.batch();
                    batch[0].put(keyspace, bytes("batch"), bytes("1")).commit();
                    batch[0].close();
                },
                ingestion::finish,
                () -> keyspace.dropRange(KeyRange.prefix(bytes("x"))),
                cleared::clear,
                () -> database.deleteKeyspace(other),
                () -> database.transact(transaction -> {
                    transaction.in(keyspace).put(bytes("transacted"), bytes("1"));
                    return null;
                }));
        List<Thread> threads = new ArrayList<>();
        long before;
        try (Transaction transaction = database.begin()) {
            before = database.statistics().seqno();
            for (int i = 0; i < writes.size(); i++) {
                threads.add((i % 2 == 0 ? Thread.ofVirtual() : Thread.ofPlatform()).start(writes.get(i)));
            }
            for (int i = 0; i < 100; i++) {
                LockSupport.parkNanos(1_000_000);
                assertEquals(before, database.statistics().seqno());
            }
            assertEquals("0", text(transaction.in(keyspace).get(bytes("k"))));
            transaction.in(keyspace).put(bytes("own"), bytes("1"));
            transaction.commit();
        }
        for (Thread each : threads) {
            each.join();
        }
        ingestion.close();
        assertEquals("batch=1 ingested=1 own=1 put=1 transacted=1", all(keyspace));
        assertFalse(database.keyspaceExists("b"));
        assertEquals(before + 9, database.statistics().seqno());
        assertTrue(database.statistics().stalls().containsKey(Reason.WRITER_TURN));
    }

    @Test
    void turnsGoInTheOrderOfAsking() throws Exception {
        List<Thread> threads = new ArrayList<>();
        StringBuilder order = new StringBuilder();
        try (Transaction transaction = database.begin()) {
            for (int i = 0; i < 8; i++) {
                int number = i;
                Thread thread = Thread.ofPlatform().start(() -> database.transact(each -> order.append(number)));
                threads.add(thread);
                while (thread.getState() != Thread.State.TIMED_WAITING) {
                    Thread.onSpinWait();
                }
            }
            transaction.commit();
        }
        for (Thread each : threads) {
            each.join();
        }
        assertEquals("01234567", order.toString());
    }

    @Test
    void whoWaitsTooLongIsToldWhy() {
        reopen(Duration.ofMillis(50));
        try (Transaction transaction = database.begin()) {
            Throwable stalled = failureOf(() -> keyspace.put(bytes("k"), bytes("1")));
            assertEquals(Reason.WRITER_TURN, ((WriteStalledException) stalled).reason());
            assertEquals(Reason.WRITER_TURN, ((WriteStalledException) failureOf(() -> database.begin())).reason());
            assertEquals(Reason.WRITER_TURN, ((WriteStalledException) failureOf(keyspace::clear)).reason());
            transaction.in(keyspace).put(bytes("l"), bytes("1"));
            transaction.commit();
        }
        assertEquals("l=1", all(keyspace));
        assertNull(failureOf(() -> keyspace.put(bytes("k"), bytes("1"))));
    }

    @Test
    void aThreadDoesNotWaitForItself() {
        try (Transaction transaction = database.begin()) {
            assertThrows(IllegalStateException.class, database::begin);
            assertThrows(IllegalStateException.class, () -> keyspace.put(bytes("k"), bytes("1")));
            assertThrows(IllegalStateException.class, keyspace::clear);
            transaction.in(keyspace).put(bytes("l"), bytes("1"));
            transaction.commit();
        }
        keyspace.put(bytes("m"), bytes("1"));
        try (Transaction transaction = database.begin()) {
            assertEquals("l=1 m=1", all(transaction.in(keyspace)));
        }
    }

    @Test
    void whoWaitsSeesPoison() throws Exception {
        assertTurnsAway(PoisonedException.class, () -> engine.trees().get("a").reader().lostPage(new InternalError("planted")));
    }

    @Test
    void whoWaitsSeesClose() throws Exception {
        assertTurnsAway(ClosedException.class, () -> database.close());
    }

    private void assertTurnsAway(Class<? extends RuntimeException> expected, Runnable end) throws Exception {
        Transaction transaction = database.begin();
        transaction.in(keyspace).put(bytes("k"), bytes("1"));
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread waiting = Thread.ofPlatform().start(() -> run(database::begin, failure));
        while (waiting.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        end.run();
        waiting.join();
        assertEquals(expected, failure.get().getClass());
        assertThrows(expected, transaction::commit);
        transaction.close();
        assertThrows(expected, database::begin);
    }

    @Test
    void anInterruptDoesNotEndTheWaitingAndIsKept() throws Exception {
        AtomicBoolean wasInterrupted = new AtomicBoolean();
        try (Transaction transaction = database.begin()) {
            Thread waiting = Thread.ofPlatform().start(() -> {
                Thread.currentThread().interrupt();
                keyspace.put(bytes("k"), bytes("1"));
                wasInterrupted.set(Thread.currentThread().isInterrupted());
            });
            for (int i = 0; i < 20; i++) {
                LockSupport.parkNanos(1_000_000);
                waiting.interrupt();
            }
            assertNull(keyspace.get(bytes("k")));
            transaction.commit();
            waiting.join();
        }
        assertTrue(wasInterrupted.get());
        assertEquals("1", text(keyspace.get(bytes("k"))));
    }

    @Test
    void transactRollsBackWhatThrows() {
        assertThrows(IllegalArgumentException.class, () -> database.transact(transaction -> {
            transaction.in(keyspace).put(bytes("k"), bytes("1"));
            throw new IllegalArgumentException();
        }));
        assertEquals("", all(keyspace));
        assertEquals(7, (int) database.transact(transaction -> {
            transaction.in(keyspace).put(bytes("k"), bytes("1"));
            return 7;
        }));
        assertEquals("k=1", all(keyspace));
    }

    private static void run(Runnable action, AtomicReference<Throwable> failure) {
        try {
            action.run();
        } catch (Throwable t) {
            failure.set(t);
        }
    }

    private static Throwable failureOf(Runnable action) {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread thread = Thread.ofPlatform().start(() -> run(action, failure));
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        return failure.get();
    }
}
