package io.firn.ffm.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What every pair of compressor and decompressor keeps, each that this VM may run. */
@Tag("native")
class CodecTest {
    private static final int GUARD_BYTES = 64;
    private static final byte GUARD = (byte) 0xA5;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);

    private record Pair(String name, Compressor compressor, Decompressor decompressor) implements AutoCloseable {
        @Override
        public void close() {
            compressor.close();
            decompressor.close();
        }
    }

    private List<Pair> pairs() {
        List<Pair> pairs = new ArrayList<>();
        pairs.add(new Pair("own LZ4", new Lz4Compressor(budget), new Lz4Decompressor()));
        pairs.add(new Pair("LZ4", Codecs.compressor(Codec.LZ4, budget), Codecs.decompressor(Codec.LZ4, budget)));
        if (Codecs.isAvailable(Codec.ZSTD)) {
            pairs.add(new Pair("zstd", Codecs.compressor(Codec.ZSTD, budget), Codecs.decompressor(Codec.ZSTD, budget)));
        }
        return pairs;
    }

    @Test
    void givesBackWhatItCompressed() {
        for (Pair pair : pairs()) {
            Samples.all(new Random(Samples.seed())).forEach((name, bytes) -> roundTrip(pair, name, bytes));
            pair.close();
        }
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void compressesWhatRepeats() {
        Map<String, Integer> lengths = new LinkedHashMap<>();
        for (Pair pair : pairs()) {
            lengths.put(pair.name, roundTrip(pair, "records", Samples.records(new Random(1), 4096)));
            assertTrue(roundTrip(pair, "zeros", new byte[1 << 20]) < 6000);
            pair.close();
        }
        lengths.forEach((name, length) -> assertTrue(length < 2200, name + " " + length));
    }

    @Test
    void saysWhenTheTargetIsTooSmallAndWritesNothingBehindIt() {
        Random random = new Random(Samples.seed());
        byte[] bytes = Samples.records(random, 3000);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = copyOf(arena, bytes);
            for (Pair pair : pairs()) {
                MemorySegment ample = arena.allocate(pair.compressor.boundBytes(bytes.length));
                int needed = pair.compressor.compress(source, 0, bytes.length, ample, 0, (int) ample.byteSize());
                for (int length = 0; length < needed + 40; length++) {
                    MemorySegment target = guarded(arena, length);
                    int found = pair.compressor.compress(source, 0, bytes.length, target, GUARD_BYTES, length);
                    // Our own asks for a byte or two more than it ends up with.
                    assertTrue(found == (length < needed ? -1 : needed) || length < needed + 4 && found == -1,
                            pair.name + ": " + found + " of " + needed + " in " + length);
                    checkGuards(target, length);
                }
                pair.close();
            }
        }
    }

    @Test
    void refusesAnotherLengthThanWasCompressed() {
        byte[] bytes = Samples.records(new Random(7), 4096);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = copyOf(arena, bytes);
            for (Pair pair : pairs()) {
                MemorySegment stored = arena.allocate(pair.compressor.boundBytes(bytes.length));
                int length = pair.compressor.compress(source, 0, bytes.length, stored, 0, (int) stored.byteSize());
                for (int wrong : new int[] {0, 1, 4000, 4095, 4097, 5000}) {
                    MemorySegment target = guarded(arena, wrong);
                    assertFalse(pair.decompressor.decompress(stored, 0, length, target, GUARD_BYTES, wrong), pair.name);
                    checkGuards(target, wrong);
                }
                pair.close();
            }
        }
    }

    @Test
    void refusesRunsOutsideTheirSegmentsAndClosedSegments() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment small = arena.allocate(100);
            MemorySegment large = arena.allocate(10_000);
            Arena closing = Arena.ofShared();
            MemorySegment closed = closing.allocate(10_000);
            for (Pair pair : pairs()) {
                Compressor to = pair.compressor;
                Decompressor back = pair.decompressor;
                assertThrows(IndexOutOfBoundsException.class, () -> to.compress(small, 50, 51, large, 0, 10_000));
                assertThrows(IndexOutOfBoundsException.class, () -> to.compress(large, 0, 100, small, 1, 100));
                assertThrows(IndexOutOfBoundsException.class, () -> back.decompress(small, 50, 51, large, 0, 10_000));
                assertThrows(IndexOutOfBoundsException.class, () -> back.decompress(large, 0, 100, small, 1, 100));
                to.compress(large, 0, 1000, closed, 0, 10_000);
                back.decompress(closed, 0, 100, large, 0, 1000);
            }
            closing.close();
            for (Pair pair : pairs()) {
                assertThrows(IllegalStateException.class,
                        () -> pair.compressor.compress(closed, 0, 1000, large, 0, 10_000));
                assertThrows(IllegalStateException.class,
                        () -> pair.decompressor.decompress(closed, 0, 1000, large, 0, 10_000));
            }
        }
    }

    @Test
    void hasNoHeapGarbage() {
        byte[] compressible = Samples.records(new Random(3), 4096);
        byte[] noise = Samples.noise(new Random(4), 4096);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofConfined()) {
            for (Pair pair : pairs()) {
                for (byte[] bytes : List.of(compressible, noise)) {
                    MemorySegment source = copyOf(arena, bytes);
                    MemorySegment stored = arena.allocate(pair.compressor.boundBytes(bytes.length));
                    int ample = (int) stored.byteSize();
                    int tight = bytes.length - bytes.length / 8;
                    MemorySegment target = arena.allocate(bytes.length);
                    long fewest = Long.MAX_VALUE;
                    for (int round = 0; round < 20; round++) {
                        long before = threads.getCurrentThreadAllocatedBytes();
                        for (int turn = 0; turn < 1000; turn++) {
                            pair.compressor.compress(source, 0, bytes.length, stored, 0, tight);
                            int length = pair.compressor.compress(source, 0, bytes.length, stored, 0, ample);
                            pair.decompressor.decompress(stored, 0, length, target, 0, bytes.length);
                        }
                        fewest = Math.min(fewest, threads.getCurrentThreadAllocatedBytes() - before);
                    }
                    assertEquals(0, fewest, pair.name);
                }
                pair.close();
            }
        }
    }

    @Test
    void chargesItsMemoryAndGivesItBackOnce() {
        List<Pair> pairs = pairs();
        assertTrue(budget.usedBytes() >= 16 * 1024, budget.toString());
        pairs.forEach(Pair::close);
        pairs.forEach(Pair::close);
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void keepsOneDecompressorACodec() {
        try (Decompressors decompressors = new Decompressors(budget)) {
            Decompressor first = decompressors.of(Codec.LZ4);
            assertEquals(first, decompressors.of(Codec.LZ4));
        }
        assertThrows(IllegalArgumentException.class, () -> Codecs.compressor(Codec.NONE, budget));
        assertThrows(IllegalArgumentException.class, () -> Codecs.decompressor(Codec.NONE, budget));
        assertTrue(Codecs.isAvailable(Codec.NONE));
        assertTrue(Codecs.isAvailable(Codec.LZ4));
    }

    private static int roundTrip(Pair pair, String name, byte[] bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = copyOf(arena, bytes);
            int bound = (int) pair.compressor.boundBytes(bytes.length);
            MemorySegment stored = guarded(arena, bound);
            int length = pair.compressor.compress(source, 0, bytes.length, stored, GUARD_BYTES, bound);
            assertTrue(length > 0, () -> pair.name + ", " + name + ": " + length);
            checkGuards(stored, bound);

            MemorySegment target = guarded(arena, bytes.length);
            assertTrue(pair.decompressor.decompress(stored, GUARD_BYTES, length, target, GUARD_BYTES, bytes.length),
                    () -> pair.name + ", " + name);
            checkGuards(target, bytes.length);
            assertArrayEquals(bytes, target.asSlice(GUARD_BYTES, bytes.length).toArray(ValueLayout.JAVA_BYTE),
                    () -> pair.name + ", " + name);
            return length;
        }
    }

    private static MemorySegment copyOf(Arena arena, byte[] bytes) {
        MemorySegment copy = arena.allocate(bytes.length);
        MemorySegment.copy(bytes, 0, copy, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return copy;
    }

    private static MemorySegment guarded(Arena arena, int length) {
        return arena.allocate(length + 2L * GUARD_BYTES).fill(GUARD);
    }

    private static void checkGuards(MemorySegment guarded, int length) {
        for (int at = 0; at < GUARD_BYTES; at++) {
            assertEquals(GUARD, guarded.get(ValueLayout.JAVA_BYTE, at));
            assertEquals(GUARD, guarded.get(ValueLayout.JAVA_BYTE, GUARD_BYTES + length + at));
        }
    }
}
