package io.firn;

import com.sun.management.ThreadMXBean;
import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The process that counts what merges allocate on the heap, in all threads: runs that overlap everywhere become one, in one merge.
 * {@link MergeAllocationTest} starts it.
 */
final class MergeProgram {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int VALUE_BYTES = 100;
    private static final int ENTRY_BYTES = 16 + VALUE_BYTES;
    private static final int RUNS = 8;

    private MergeProgram() {}

    /** A directory, how many bytes are merged, and how often at most: until what a merge allocates is little. */
    public static void main(String[] arguments) {
        long entriesEachRun = Long.parseLong(arguments[1]) / ENTRY_BYTES / RUNS;
        int rounds = Integer.parseInt(arguments[2]);
        double least = Double.MAX_VALUE;
        try (Database db = Database.builder(Path.of(arguments[0])).budget(MemoryBudget.ofMebibytes(1024))
                        .writeBufferBytes(900 << 20).writeTimeout(Duration.ofHours(1)).open();
                Arena arena = Arena.ofConfined()) {
            MemorySegment key = arena.allocate(16);
            MemorySegment value = arena.allocate(VALUE_BYTES);
            for (int round = 0; round < rounds && least > MergeAllocationTest.BYTES_PER_ENTRY; round++) {
                Keyspace keyspace = db.keyspace("round " + round, KeyspaceOptions.defaults()
                        .memtableBytes(512 << 20).compression(Compression.NONE)
                        .compaction(new CompactionStrategy.Leveled(RUNS + 4, 64 << 20, PerLevel.all(10.0))));
                for (int run = 0; run < RUNS; run++) {
                    for (long i = 0; i < entriesEachRun; i++) {
                        long number = i * RUNS + run;
                        key.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, Long.reverseBytes(number * 0x9E3779B97F4A7C15L));
                        key.set(ValueLayout.JAVA_LONG_UNALIGNED, 8, number);
                        keyspace.put(key, value);
                    }
                    keyspace.rotateMemtableAndWait();
                }
                long readBefore = keyspace.statistics().compactions().readBytes();
                long before = THREADS.getTotalThreadAllocatedBytes();
                long since = System.nanoTime();
                keyspace.majorCompact();
                long allocated = THREADS.getTotalThreadAllocatedBytes() - before;
                double perEntry = (double) allocated / (entriesEachRun * RUNS);
                least = Math.min(least, perEntry);
                System.out.printf("merged %,d bytes of %,d entries in %,d ms: %,d bytes allocated, %.4f an entry%n",
                        keyspace.statistics().compactions().readBytes() - readBefore, entriesEachRun * RUNS,
                        (System.nanoTime() - since) / 1_000_000, allocated, perEntry);
                db.deleteKeyspace(keyspace);
            }
        }
        if (least > MergeAllocationTest.BYTES_PER_ENTRY) {
            throw new AssertionError(least + " bytes an entry");
        }
        System.out.println("clean");
    }
}
