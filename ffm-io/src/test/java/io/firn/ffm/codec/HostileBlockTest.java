package io.firn.ffm.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Decoders meet bytes that no compressor wrote: the answer is true or false, and nothing but the target changes. */
@Tag("native")
class HostileBlockTest {
    private static final int TURNS = 200_000;
    private static final int GUARD_BYTES = 128;
    private static final int TARGET_BYTES_MAX = 1500;
    private static final long GUARD = 0xA5A5_5A5A_F00D_BEEFL;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(16);

    @Test
    void ownLz4StaysInsideItsTarget() {
        attack(new Lz4Compressor(budget), new Lz4Decompressor());
    }

    @Test
    void lz4StaysInsideItsTarget() {
        attack(Codecs.compressor(Codec.LZ4, budget), Codecs.decompressor(Codec.LZ4, budget));
    }

    @Test
    void zstdStaysInsideItsTarget() {
        if (Codecs.isAvailable(Codec.ZSTD)) {
            attack(Codecs.compressor(Codec.ZSTD, budget), Codecs.decompressor(Codec.ZSTD, budget));
        }
    }

    /** The source ends where its segment ends, so that reading past it throws instead of finding more bytes. */
    private void attack(Compressor compressor, Decompressor decompressor) {
        Random random = new Random(Samples.seed());
        List<byte[]> valid = validBlocks(compressor, random);
        int accepted = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sourceMemory = arena.allocate(8192);
            MemorySegment target = arena.allocate(TARGET_BYTES_MAX + 2L * GUARD_BYTES + 8);
            for (int turn = 0; turn < TURNS; turn++) {
                byte[] bytes = switch (random.nextInt(4)) {
                    case 0 -> Samples.noise(random, random.nextInt(200));
                    case 1 -> truncated(random, valid.get(random.nextInt(valid.size())));
                    default -> mutated(random, valid.get(random.nextInt(valid.size())));
                };
                MemorySegment source = sourceMemory.asSlice(0, bytes.length);
                MemorySegment.copy(bytes, 0, source, ValueLayout.JAVA_BYTE, 0, bytes.length);
                int length = random.nextInt(3) == 0 ? random.nextInt(TARGET_BYTES_MAX) : 1000;
                guard(target, length);
                boolean isAccepted = decompressor.decompress(source, 0, bytes.length, target, GUARD_BYTES, length);
                accepted += isAccepted ? 1 : 0;
                checkGuards(target, length, bytes);
            }
        }
        compressor.close();
        decompressor.close();
        // A literal that changed is still a block; the checksum finds it.
        assertTrue(0 < accepted && accepted < TURNS / 2, "accepted " + accepted);
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void refusesEachKindOfBrokenBlock() {
        check(false, "", 0);
        check(true, "00", 0);
        check(true, "10 41", 1);
        check(true, "12 41 0100 50 4242424242", 12);
        check(false, "00", 1);
        check(false, "10 41", 0);
        check(false, "10 41", 2);
        check(false, "10", 1);
        check(false, "F0", 15);
        check(false, "F0 FF", 270);
        check(false, "F0 FFFFFFFFFFFFFFFF", 270);
        check(false, "10 41 01", 10);
        check(false, "10 41 0000 50 4242424242", 10);
        check(false, "10 41 0200 50 4242424242", 10);
        check(false, "10 41 FFFF 50 4242424242", 10);
        check(false, "1F 41 0100", 100);
        check(false, "1F 41 0100 FF", 300);
        check(false, "1F 41 0100 FFFFFFFFFF00", 100);
        check(false, "10 41 0100", 5);
    }

    private static void check(boolean isValid, String hex, int length) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocate(bytes.length);
            MemorySegment.copy(bytes, 0, source, ValueLayout.JAVA_BYTE, 0, bytes.length);
            MemorySegment target = arena.allocate(length + 2L * GUARD_BYTES + 8);
            guard(target, length);
            assertEquals(isValid,
                    new Lz4Decompressor().decompress(source, 0, bytes.length, target, GUARD_BYTES, length), hex);
            checkGuards(target, length, bytes);
        }
    }

    /** A frame that declares another size than it has, and one that declares a size beyond all memory. */
    @Test
    void refusesAFrameThatLiesAboutItsSize() {
        if (!Codecs.isAvailable(Codec.ZSTD)) {
            return;
        }
        try (Arena arena = Arena.ofConfined();
                Compressor compressor = Codecs.compressor(Codec.ZSTD, budget);
                Decompressor decompressor = Codecs.decompressor(Codec.ZSTD, budget)) {
            byte[] bytes = Samples.records(new Random(5), 1000);
            MemorySegment plain = arena.allocate(1000);
            MemorySegment.copy(bytes, 0, plain, ValueLayout.JAVA_BYTE, 0, 1000);
            MemorySegment frame = arena.allocate(compressor.boundBytes(1000));
            int length = compressor.compress(plain, 0, 1000, frame, 0, (int) frame.byteSize());
            MemorySegment target = arena.allocate(4096);
            assertTrue(decompressor.decompress(frame, 0, length, target, 0, 1000));
            target.fill((byte) 0);
            assertFalse(decompressor.decompress(frame, 0, length, target, 0, 2000));
            assertEquals(-1, target.mismatch(arena.allocate(4096)), "wrote what it refused");
            // Behind magic and descriptor stands the content size in two bytes, less 256.
            frame.set(ValueLayout.JAVA_SHORT_UNALIGNED, 5, (short) (1001 - 256));
            assertFalse(decompressor.decompress(frame, 0, length, target, 0, 1000));
            assertFalse(decompressor.decompress(frame, 0, length, target, 0, 1001));

            byte[] bomb = HexFormat.of().parseHex("28B52FFD" + "E0" + "FFFFFFFFFFFFFF7F" + "0300" + "00" + "41");
            MemorySegment.copy(bomb, 0, frame, ValueLayout.JAVA_BYTE, 0, bomb.length);
            assertFalse(decompressor.decompress(frame, 0, bomb.length, target, 0, 4096));
        }
    }

    private List<byte[]> validBlocks(Compressor compressor, Random random) {
        List<byte[]> blocks = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocate(1000);
            MemorySegment target = arena.allocate(compressor.boundBytes(1000));
            for (int block = 0; block < 50; block++) {
                byte[] bytes = Samples.records(random, 1000);
                if (block % 2 == 0) {
                    int period = 1 + random.nextInt(100);
                    for (int at = period; at < 1000; at++) {
                        bytes[at] = random.nextInt(30) == 0 ? (byte) random.nextInt() : bytes[at - period];
                    }
                }
                MemorySegment.copy(bytes, 0, source, ValueLayout.JAVA_BYTE, 0, 1000);
                int length = compressor.compress(source, 0, 1000, target, 0, (int) target.byteSize());
                blocks.add(target.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE));
            }
        }
        return blocks;
    }

    private static byte[] truncated(Random random, byte[] block) {
        return Arrays.copyOf(block, random.nextInt(block.length));
    }

    private static byte[] mutated(Random random, byte[] block) {
        byte[] bytes = block.clone();
        for (int left = 1 + random.nextInt(3); left > 0; left--) {
            int at = random.nextInt(bytes.length);
            bytes[at] = switch (random.nextInt(3)) {
                case 0 -> (byte) (bytes[at] ^ 1 << random.nextInt(8));
                case 1 -> (byte) random.nextInt();
                default -> (byte) 0xFF;
            };
        }
        return bytes;
    }

    private static void guard(MemorySegment target, int length) {
        for (int at = 0; at < GUARD_BYTES; at += 8) {
            target.set(ValueLayout.JAVA_LONG_UNALIGNED, at, GUARD);
            target.set(ValueLayout.JAVA_LONG_UNALIGNED, GUARD_BYTES + length + at, GUARD);
        }
    }

    private static void checkGuards(MemorySegment target, int length, byte[] source) {
        for (int at = 0; at < GUARD_BYTES; at += 8) {
            if (target.get(ValueLayout.JAVA_LONG_UNALIGNED, at) != GUARD
                    || target.get(ValueLayout.JAVA_LONG_UNALIGNED, GUARD_BYTES + length + at) != GUARD) {
                throw new AssertionError("wrote outside " + length + " bytes for " + HexFormat.of().formatHex(source));
            }
        }
    }
}
