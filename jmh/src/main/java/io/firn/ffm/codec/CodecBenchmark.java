package io.firn.ffm.codec;

import io.firn.ffm.budget.MemoryBudget;
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

/** Compression of 4 KiB of values of the workload, by each codec and LZ4 in Java besides. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx1g"})
public class CodecBenchmark {
    private static final int BLOCK_BYTES = 4096;
    private static final int VALUE_BYTES = 100;

    @Param({"LZ4", "LZ4_IN_JAVA", "ZSTD"})
    public Way way;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private final MemorySegment plain = Arena.global().allocate(BLOCK_BYTES, 64);
    private Compressor compressor;
    private Decompressor decompressor;
    private MemorySegment stored;
    private int storedBytes;
    private MemorySegment target;

    /** A codec, and whose code it is. */
    public enum Way { LZ4, LZ4_IN_JAVA, ZSTD }

    @Setup
    public void compressOnce() {
        for (int at = 0; at < BLOCK_BYTES; at += VALUE_BYTES) {
            MemorySegment value = plain.asSlice(at, Math.min(VALUE_BYTES, BLOCK_BYTES - at));
            WorkloadData.filler(value);
            WorkloadData.value(at, value);
        }
        compressor = switch (way) {
            case LZ4 -> Codecs.compressor(Codec.LZ4, budget);
            case LZ4_IN_JAVA -> new Lz4Compressor(budget);
            case ZSTD -> Codecs.compressor(Codec.ZSTD, budget);
        };
        decompressor = switch (way) {
            case LZ4 -> Codecs.decompressor(Codec.LZ4, budget);
            case LZ4_IN_JAVA -> new Lz4Decompressor();
            case ZSTD -> Codecs.decompressor(Codec.ZSTD, budget);
        };
        int boundBytes = (int) compressor.boundBytes(BLOCK_BYTES);
        stored = Arena.global().allocate(boundBytes, 64);
        target = Arena.global().allocate(boundBytes, 64);
        storedBytes = compressor.compress(plain, 0, BLOCK_BYTES, stored, 0, boundBytes);
    }

    @TearDown(Level.Trial)
    public void close() {
        compressor.close();
        decompressor.close();
    }

    @Benchmark
    public int compress() {
        return compressor.compress(plain, 0, BLOCK_BYTES, target, 0, (int) target.byteSize());
    }

    @Benchmark
    public boolean decompress() {
        return decompressor.decompress(stored, 0, storedBytes, target, 0, BLOCK_BYTES);
    }
}
