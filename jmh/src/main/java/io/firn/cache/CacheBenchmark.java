package io.firn.cache;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import io.firn.workload.WorkloadData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A cache of 256 MiB with blocks of 4 KiB: random hits, pinned and let go, misses, and inserts that each drop another
 * block. A few hundred blocks lie in the caches of the processor and show the instructions, many show the misses. Of
 * all threads together, with {@code -t}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx1g"})
public class CacheBenchmark {
    private static final int BLOCK_BYTES = 4096;
    private static final long CACHE_BYTES = 256L << 20;
    private static final long FILE_ID = 7;
    private static final long OTHER_FILE_ID = 8;

    @Param({"256", "49152"})
    public int blocks;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(512);
    private final MemorySegment block = Arena.global().allocate(BLOCK_BYTES, 64);
    private BlockCache cache;

    /** What one thread asks for. */
    @State(Scope.Thread)
    public static class Asking {
        private final int thread = (int) Thread.currentThread().threadId();
        private long asked;

        private long next(long blocks) {
            return WorkloadData.readOrder(thread, asked++, blocks) * BLOCK_BYTES;
        }
    }

    @Setup
    public void fill() {
        cache = new BlockCache(CACHE_BYTES, budget);
        for (long at = 0; at < (long) blocks * BLOCK_BYTES; at += BLOCK_BYTES) {
            block.set(Layouts.LONG_LE, 0, at);
            cache.unpin(cache.insert(CachedType.DATA, FILE_ID, at, block, 0, BLOCK_BYTES));
        }
    }

    @TearDown(Level.Trial)
    public void close() {
        cache.close();
    }

    /** Pins a block that is there, touches it and lets it go. */
    @Benchmark
    public long hit(Asking asking) {
        long at = asking.next(blocks);
        long pin = cache.pin(CachedType.DATA, FILE_ID, at);
        if (pin == BlockCache.NONE) {
            throw new IllegalStateException("the block at " + at + " is not there");
        }
        long first = cache.segment(pin).get(Layouts.LONG_LE, cache.offset(pin));
        cache.unpin(pin);
        return first;
    }

    /** Asks for a block that is not there. */
    @Benchmark
    public long miss(Asking asking) {
        return cache.pin(CachedType.DATA, OTHER_FILE_ID, asking.next(blocks));
    }

    /** Inserts a block that is not there, which drops another one once the cache is full. */
    @Benchmark
    public long insert(Asking asking) {
        long pin = cache.insert(
                CachedType.DATA, OTHER_FILE_ID + asking.thread, asking.asked++ * BLOCK_BYTES, block, 0, BLOCK_BYTES);
        if (pin != BlockCache.NONE) {
            cache.unpin(pin);
        }
        return pin;
    }
}
