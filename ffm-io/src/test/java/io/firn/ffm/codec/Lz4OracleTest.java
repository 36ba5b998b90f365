package io.firn.ffm.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jpountz.lz4.LZ4Factory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Our LZ4 and lz4-java's read each other: the one in Java everywhere, the native one where it may be loaded. */
@Tag("native")
class Lz4OracleTest {
    private static List<LZ4Factory> oracles() {
        List<LZ4Factory> oracles = new ArrayList<>(List.of(LZ4Factory.safeInstance()));
        if (NativeLibraries.HAS_LZ4) {
            oracles.add(LZ4Factory.nativeInstance());
        }
        return oracles;
    }

    @Test
    void readsWhatLz4JavaWrote() {
        Lz4Decompressor own = new Lz4Decompressor();
        Samples.all(new Random(Samples.seed())).forEach((name, bytes) -> {
            for (LZ4Factory oracle : oracles()) {
                checkReads(own, oracle.fastCompressor().compress(bytes), bytes, oracle + ", " + name);
                if (bytes.length <= 70_001) {
                    checkReads(own, oracle.highCompressor().compress(bytes), bytes, oracle + " high, " + name);
                }
            }
        });
    }

    @Test
    void writesWhatLz4JavaReads() {
        try (Lz4Compressor own = new Lz4Compressor(MemoryBudget.ofMebibytes(1))) {
            Samples.all(new Random(Samples.seed())).forEach((name, bytes) -> {
                byte[] stored = compress(own, bytes);
                for (LZ4Factory oracle : oracles()) {
                    byte[] found = oracle.safeDecompressor().decompress(stored, bytes.length);
                    assertArrayEquals(bytes, found, () -> oracle + ", " + name);
                }
            });
        }
    }

    /** The table is not cleared between blocks: a place of an earlier block must not become a match in a later one. */
    @Test
    void forgetsEarlierBlocks() {
        Random random = new Random(Samples.seed());
        try (Lz4Compressor own = new Lz4Compressor(MemoryBudget.ofMebibytes(1))) {
            byte[] text = Samples.records(random, 70_000);
            for (int turn = 0; turn < 20_000; turn++) {
                int start = random.nextInt(text.length - 2000);
                byte[] bytes = Arrays.copyOfRange(text, start, start + random.nextInt(2000));
                byte[] found = LZ4Factory.safeInstance().safeDecompressor().decompress(compress(own, bytes), bytes.length);
                assertArrayEquals(bytes, found);
            }
        }
    }

    private static void checkReads(Lz4Decompressor own, byte[] stored, byte[] bytes, String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocate(stored.length);
            MemorySegment.copy(stored, 0, source, ValueLayout.JAVA_BYTE, 0, stored.length);
            MemorySegment target = arena.allocate(bytes.length);
            assertTrue(own.decompress(source, 0, stored.length, target, 0, bytes.length), name);
            assertArrayEquals(bytes, target.toArray(ValueLayout.JAVA_BYTE), name);
        }
    }

    private static byte[] compress(Lz4Compressor own, byte[] bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocate(bytes.length);
            MemorySegment.copy(bytes, 0, source, ValueLayout.JAVA_BYTE, 0, bytes.length);
            MemorySegment target = arena.allocate(own.boundBytes(bytes.length));
            int length = own.compress(source, 0, bytes.length, target, 0, (int) target.byteSize());
            return target.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
        }
    }
}
