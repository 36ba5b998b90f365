package io.firn;

import io.firn.config.KeyspaceOptions;
import io.firn.config.MemoryUsage;
import io.firn.ffm.budget.MemoryBudget;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Many databases that share one budget, driven by a few threads with puts, gets, flushes, closings and reopenings, while the
 * resident anonymous memory of this process is watched. Prints figures, one a line; ends with an exception if a write was lost or
 * an account does not sum.
 */
final class SharedBudgetProgram {
    private static final int DRIVERS = 4;
    private static final int VALUE_BYTES_MAX = 2000;

    private final Path directory;
    private final MemoryBudget budget;
    private final Slot[] slots;
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile boolean isDriving = true;

    private long residentBytesMost;
    private long beyondBudgetBytesMost;
    private long usedBytesMost;

    /** One database; its driver holds the monitor. */
    private static final class Slot {
        private Database database;
        private Keyspace keyspace;
        private int written;
    }

    private SharedBudgetProgram(Path directory, int databases, long budgetBytes) {
        this.directory = directory;
        budget = MemoryBudget.ofBytes(budgetBytes);
        slots = new Slot[databases];
        Arrays.setAll(slots, i -> new Slot());
    }

    /** Arguments: directory, databases, budget in MiB, MiB to write, seed. */
    public static void main(String[] arguments) throws Exception {
        int databases = Integer.parseInt(arguments[1]);
        long budgetBytes = Long.parseLong(arguments[2]) << 20;
        long writtenBytes = Long.parseLong(arguments[3]) << 20;
        new SharedBudgetProgram(Path.of(arguments[0]), databases, budgetBytes)
                .run(writtenBytes, Long.parseLong(arguments[4]));
    }

    private void run(long bytes, long seed) throws Exception {
        figure("resident before, bytes", residentBytes());
        for (int i = 0; i < slots.length; i++) {
            open(i);
        }
        figure("resident when all are open, bytes", residentBytes());
        Thread watcher = Thread.ofPlatform().start(this::watch);
        CountDownLatch left = new CountDownLatch(DRIVERS);
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < DRIVERS; i++) {
            SplittableRandom own = random.split();
            Thread.ofPlatform().start(() -> {
                try {
                    drive(bytes / DRIVERS, own);
                } catch (Throwable t) {
                    failure.compareAndSet(null, t);
                } finally {
                    left.countDown();
                }
            });
        }
        left.await();
        isDriving = false;
        watcher.join();
        if (failure.get() != null) {
            throw new AssertionError("a driver failed", failure.get());
        }
        verify();
        figure("budget, bytes", budget.limitBytes());
        figure("most used of it, bytes", usedBytesMost);
        figure("most resident, bytes", residentBytesMost);
        figure("most resident beyond what is used, bytes", beyondBudgetBytesMost);
        for (Slot slot : slots) {
            slot.database.close();
        }
        figure("used after all were closed, bytes", budget.usedBytes());
    }

    private void open(int index) {
        Slot slot = slots[index];
        slot.database = Database.builder(directory.resolve("db" + index)).budget(budget).workers(2)
                .journalFiles(256 << 10, 1 << 20, 256 << 10)
                .writeTimeout(Duration.ofSeconds(60))
                .open();
        slot.keyspace = slot.database.keyspace("a", KeyspaceOptions.defaults().memtableBytes(8 << 20));
    }

    private void drive(long bytes, SplittableRandom random) {
        long left = bytes;
        while (left > 0 && failure.get() == null) {
            int index = random.nextInt(slots.length);
            Slot slot = slots[index];
            synchronized (slot) {
                int count = random.nextInt(50);
                for (int i = 0; i < count; i++) {
                    byte[] value = value(index, slot.written);
                    slot.keyspace.put(key(slot.written), value);
                    slot.written++;
                    left -= value.length;
                    check(index, random.nextInt(slot.written));
                }
                switch (random.nextInt(500)) {
                    case 0 -> slot.keyspace.rotateMemtable();
                    case 1 -> slot.keyspace.rotateMemtableAndWait();
                    case 2 -> {
                        slot.database.close();
                        open(index);
                    }
                    default -> { }
                }
            }
        }
    }

    private void check(int index, int number) {
        if (!Arrays.equals(value(index, number), slots[index].keyspace.get(key(number)))) {
            throw new AssertionError("database " + index + " has lost or changed entry " + number);
        }
    }

    private void verify() {
        long entries = 0;
        long parts = 0;
        for (int index = 0; index < slots.length; index++) {
            for (int number = 0; number < slots[index].written; number++) {
                check(index, number);
                entries++;
            }
            MemoryUsage usage = slots[index].database.memory();
            parts += usage.memtablesBytes() + usage.cacheBytes() + usage.pinnedBytes() + usage.scratchBytes();
            if (usage.totalBytes() > budget.limitBytes()) {
                throw new AssertionError(usage + " of " + budget);
            }
        }
        figure("entries", entries);
        figure("sum of all parts, bytes", parts);
        figure("used, bytes", budget.usedBytes());
    }

    private void watch() {
        try {
            while (isDriving) {
                long used = budget.usedBytes();
                long resident = residentBytes();
                usedBytesMost = Math.max(usedBytesMost, used);
                residentBytesMost = Math.max(residentBytesMost, resident);
                beyondBudgetBytesMost = Math.max(beyondBudgetBytesMost, resident - used);
                Thread.sleep(20);
            }
        } catch (IOException | InterruptedException e) {
            failure.compareAndSet(null, e);
        }
    }

    private static long residentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("RssAnon:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
            }
        }
        throw new IOException("no RssAnon in /proc/self/status");
    }

    private static byte[] key(int number) {
        return ByteBuffer.allocate(2 * Integer.BYTES).putInt(Integer.reverse(number)).putInt(number).array();
    }

    private static byte[] value(int index, int number) {
        byte[] value = new byte[new SplittableRandom(31L * number + index).nextInt(VALUE_BYTES_MAX)];
        byte[] text = (index + " " + number + " ").getBytes(StandardCharsets.US_ASCII);
        for (int at = 0; at < value.length; at++) {
            value[at] = text[at % text.length];
        }
        return value;
    }

    private static void figure(String what, long value) {
        System.out.printf(Locale.ROOT, "%s: %d%n", what, value);
    }
}
