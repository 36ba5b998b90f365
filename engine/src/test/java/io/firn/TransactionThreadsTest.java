package io.firn;

import static io.firn.TransactionTest.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PersistMode;
import io.firn.error.ConflictException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Many threads at a bank: whatever they transfer, and however the day ends, there is as much money as before. */
class TransactionThreadsTest {
    private static final int ACCOUNTS = 20;
    private static final long DEPOSIT = 100;
    private static final int THREADS = 4;
    private static final int TRANSFERS = 1_000;

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private final long seed = Long.getLong("seed", System.nanoTime());
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private Database database;
    private Keyspace accounts;
    private Keyspace log;

    private interface Body {
        void run(Transaction transaction);
    }

    private void open(boolean isOptimistic) {
        System.out.println("-Dseed=" + seed);
        DatabaseBuilder builder = Database.builder(Path.of("/db")).storage(disk).budget(budget);
        database = isOptimistic ? builder.openOptimistic() : builder.openSingleWriter();
        accounts = database.keyspace("accounts", KeyspaceOptions.defaults().memtableBytes(16 << 10));
        log = database.keyspace("log", KeyspaceOptions.defaults().memtableBytes(64 << 10));
    }

    @AfterEach
    void close() {
        assertEquals(0, database.statistics().openSnapshots());
        database.close();
        assertEquals(0, budget.usedBytes());
        disk.close();
    }

    private void transact(Body body) {
        switch (database) {
            case OptimisticDatabase optimistic -> {
                while (true) {
                    try (Transaction transaction = optimistic.begin()) {
                        body.run(transaction);
                        transaction.commit();
                        return;
                    } catch (ConflictException e) {
                        refused.incrementAndGet();
                    }
                }
            }
            case SingleWriterDatabase single -> single.transact(transaction -> {
                body.run(transaction);
                return null;
            });
            default -> throw new AssertionError();
        }
    }

    @Test
    void optimisticTransfersLoseNothing() throws Exception {
        open(true);
        transfer();
        assertTrue(refused.get() > 0, "nobody met anybody");
    }

    @Test
    void transfersOfASingleWriterLoseNothing() throws Exception {
        open(false);
        transfer();
        assertEquals(0, refused.get());
    }

    private void transfer() throws Exception {
        deposit();
        List<Thread> threads = new ArrayList<>();
        AtomicBoolean isOver = new AtomicBoolean();
        for (int i = 0; i < THREADS; i++) {
            int number = i;
            threads.add((i % 2 == 0 ? Thread.ofPlatform() : Thread.ofVirtual()).start(() -> run(() -> {
                Random random = new Random(seed + number);
                for (int j = 0; j < TRANSFERS; j++) {
                    transfer(random, number * TRANSFERS + j);
                }
            })));
        }
        Thread auditor = Thread.ofPlatform().start(() -> run(() -> {
            while (!isOver.get()) {
                try (Snapshot snapshot = database.snapshot()) {
                    assertEquals(ACCOUNTS * DEPOSIT, sum(snapshot.in(accounts)));
                }
                // Blind writes, and writes that are no transaction's, of keys that others read.
                accounts.put(key(ACCOUNTS), value(0));
                accounts.rotateMemtable();
            }
        }));
        for (Thread each : threads) {
            each.join();
        }
        isOver.set(true);
        auditor.join();
        assertNull(failure.get());
        assertEquals(ACCOUNTS * DEPOSIT, sum(accounts));
        assertEquals((long) THREADS * TRANSFERS, log.count(), "each exactly once");
    }

    private void run(Runnable action) {
        try {
            action.run();
        } catch (Throwable t) {
            failure.compareAndSet(null, t);
        }
    }

    private void deposit() {
        for (int i = 0; i < ACCOUNTS; i++) {
            accounts.put(key(i), value(DEPOSIT));
        }
    }

    private void transfer(Random random, int number) {
        int from = random.nextInt(ACCOUNTS);
        int to = (from + 1 + random.nextInt(ACCOUNTS - 1)) % ACCOUNTS;
        long amount = random.nextInt(50);
        boolean isAudited = random.nextInt(20) == 0;
        transact(transaction -> {
            TransactionKeyspace in = transaction.in(accounts);
            if (isAudited) {
                assertEquals(ACCOUNTS * DEPOSIT, sum(in));
            }
            long left = amount(in.get(key(from)));
            if (left >= amount) {
                in.put(key(from), value(left - amount));
                in.updateFetch(key(to), value -> value(amount(value) + amount));
            }
            transaction.in(log).put(key(number), value(amount));
        });
    }

    @Test
    void whatIsCommittedSurvivesAKillAndWhatIsNotLeavesNothing() {
        open(true);
        deposit();
        Random random = new Random(seed);
        for (int i = 0; i < 300; i++) {
            transfer(random, i);
        }
        try (Transaction open = ((OptimisticDatabase) database).begin()) {
            open.in(accounts).put(key(0), value(1_000_000));
            check(CrashImage.EVERYTHING, 300, 300);
            check(CrashImage.NOTHING, 0, 300);
        }
        transact(transaction -> {
            transaction.in(log).put(key(300), value(0));
            transaction.durability(PersistMode.SYNC_DATA);
        });
        check(CrashImage.NOTHING, 301, 301);
    }

    private void check(int image, long least, long most) {
        try (SimStorage crashed = CrashImage.draw(disk, seed, image);
                SingleWriterDatabase recovered = Database.builder(Path.of("/db")).storage(crashed).openSingleWriter()) {
            long count = recovered.keyspace("log").count();
            assertTrue(least <= count && count <= most, count + " transfers");
            long sum = sum(recovered.keyspace("accounts"));
            assertTrue(sum == ACCOUNTS * DEPOSIT || count == 0, "a sum of " + sum);
        }
    }

    private static long sum(KeyspaceReader reader) {
        long sum = 0;
        try (Cursor cursor = reader.cursor(KeyRange.all())) {
            while (cursor.next()) {
                sum += amount(cursor.valueBytes());
            }
        }
        return sum;
    }

    private static byte[] key(int number) {
        return bytes(String.format("%06d", number));
    }

    private static byte[] value(long amount) {
        byte[] value = new byte[8];
        MemorySegment.ofArray(value).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, amount);
        return value;
    }

    private static long amount(byte[] value) {
        return MemorySegment.ofArray(value).get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    }
}
