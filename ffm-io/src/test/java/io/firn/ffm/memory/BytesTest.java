package io.firn.ffm.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Every loop over bytes against the plain one, for all short lengths and offsets and some long ones. */
final class BytesTest {
    private static final long SEED = Long.getLong("seed", 1);
    private static final int SHORT = 40;

    private final Arena arena = Arena.ofConfined();
    private final SplittableRandom random = new SplittableRandom(SEED);

    @AfterEach
    void freesItsMemory() {
        arena.close();
    }

    /** At an odd address, with other bytes on both sides, so that what is read outside is noticed. */
    private MemorySegment at(byte[] content, int offset) {
        MemorySegment segment = arena.allocate(content.length + 2L * offset + 1);
        byte[] around = new byte[(int) segment.byteSize()];
        random.nextBytes(around);
        MemorySegment.copy(around, 0, segment, ValueLayout.JAVA_BYTE, 0, around.length);
        MemorySegment.copy(content, 0, segment, ValueLayout.JAVA_BYTE, offset, content.length);
        return segment;
    }

    private byte[] content(int length) {
        byte[] content = new byte[length];
        random.nextBytes(content);
        return content;
    }

    private void check(byte[] a, byte[] b) {
        int aOffset = random.nextInt(9);
        int bOffset = random.nextInt(9);
        MemorySegment aSegment = at(a, aOffset);
        MemorySegment bSegment = at(b, bOffset);
        String message = "seed " + SEED + ": " + Arrays.toString(a) + " and " + Arrays.toString(b);
        int order = Bytes.compare(aSegment, aOffset, a.length, bSegment, bOffset, b.length);
        assertEquals(Integer.signum(Arrays.compareUnsigned(a, b)), Integer.signum(order), message);
        assertEquals(
                Arrays.equals(a, b), Bytes.equal(aSegment, aOffset, a.length, bSegment, bOffset, b.length), message);
        int mismatch = Arrays.mismatch(a, b);
        int shared = Bytes.sharedPrefix(aSegment, aOffset, a.length, bSegment, bOffset, b.length);
        assertEquals(mismatch < 0 ? a.length : mismatch, shared, message);
    }

    @Test
    void comparesAsUnsignedBytesForAllShortLengths() {
        for (int aLength = 0; aLength <= SHORT; aLength++) {
            for (int bLength = 0; bLength <= SHORT; bLength++) {
                byte[] a = content(aLength);
                check(a, content(bLength));
                byte[] alike = Arrays.copyOf(a, bLength);
                check(a, alike);
                if (bLength > 0) {
                    alike[random.nextInt(bLength)] ^= (byte) (1 << random.nextInt(8));
                    check(a, alike);
                }
            }
        }
    }

    @Test
    void comparesWhereverTheDifferenceIs() {
        for (int length = 1; length <= SHORT; length++) {
            for (int at = 0; at < length; at++) {
                byte[] a = content(length);
                byte[] b = a.clone();
                a[at] = (byte) 0x7F;
                b[at] = (byte) 0x80;
                check(a, b);
                check(b, a);
            }
        }
    }

    @Test
    void comparesLongOnes() {
        for (int round = 0; round < 60; round++) {
            byte[] a = content(1 + random.nextInt(70_000));
            byte[] b = Arrays.copyOf(a, Math.max(0, a.length - random.nextInt(20)));
            check(a, b);
            if (b.length > 0) {
                b[random.nextInt(b.length)]++;
                check(a, b);
            }
        }
    }

    @Test
    void headsAreTheFirstBytesInTheOrderOfTheKeys() {
        for (int length = 0; length <= SHORT; length++) {
            byte[] a = content(length);
            MemorySegment segment = at(a, 3);
            long head = 0;
            for (int index = 0; index < 8; index++) {
                head = head << 8 | (index < length ? a[index] & 0xFF : 0);
            }
            assertEquals(head, Bytes.head(segment, 3, length));
            assertEquals((int) (head >>> 32), Bytes.head4(segment, 3, length));
        }
    }

    @Test
    void copiesAllShortLengthsAndNothingElse() {
        for (int length = 0; length <= SHORT; length++) {
            for (int offset = 0; offset < 9; offset++) {
                checkCopy(length, offset);
            }
        }
        checkCopy(70_001, 5);
    }

    private void checkCopy(int length, int offset) {
        byte[] a = content(length);
        byte[] expected = content(length + 20);
        MemorySegment target = arena.allocateFrom(ValueLayout.JAVA_BYTE, expected);
        Bytes.copy(at(a, 7), 7, target, offset, length);
        System.arraycopy(a, 0, expected, offset, length);
        assertEquals(-1, MemorySegment.ofArray(expected).mismatch(target), "length " + length + " to " + offset);
    }

    @Test
    void copiesRunsThatOverlap() {
        for (int length = 1; length <= SHORT; length++) {
            for (int shift = -SHORT / 2; shift <= SHORT / 2; shift++) {
                byte[] expected = content(3 * SHORT);
                MemorySegment segment = arena.allocateFrom(ValueLayout.JAVA_BYTE, expected);
                Bytes.copy(segment, SHORT, segment, SHORT + shift, length);
                System.arraycopy(expected, SHORT, expected, SHORT + shift, length);
                assertEquals(
                        -1, MemorySegment.ofArray(expected).mismatch(segment), "length " + length + " by " + shift);
            }
        }
    }

    /** The values lie in files: a change here is a change of the format. */
    @Test
    void hashesAreThoseOfTheFormat() {
        int[] lengths = {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 24, 32, 33, 100};
        long[] golden = {
            0x97EAA3BACA70BA63L, 0x31BA108F72F07DC2L, 0x3F58D0D9C9564245L, 0x0E430A4DF24DD567L, 0xC37710BDFCCFB49BL,
            0xB1D656C9996C85CCL, 0x972CB3DCA23E1462L, 0xD8D416FDB7C7AD3EL, 0xA5A13E4BF1FA5E8DL, 0x58EBB47384937FB7L,
            0x5C211E90B853505EL, 0xE2373BC89000981BL, 0xDAD01B6E1566547DL, 0xD7C006213A94E3C1L, 0x3B5DC32B5E05E255L
        };
        byte[] content = new byte[200];
        for (int index = 0; index < content.length; index++) {
            content[index] = (byte) (index * 31 + 7);
        }
        MemorySegment segment = at(content, 1);
        for (int index = 0; index < lengths.length; index++) {
            assertEquals(golden[index], Bytes.hash(segment, 1, lengths[index]), "length " + lengths[index]);
        }
        long all = 0;
        for (int length = 0; length < content.length; length++) {
            all = all * 31 + Bytes.hash(segment, 1, length);
        }
        assertEquals(0xF5DA9898D6189BA2L, all);
    }

    @Test
    void hashesDependOnEveryBitAndOnNothingElse() {
        for (int length = 1; length <= SHORT; length++) {
            byte[] a = content(length);
            long hash = Bytes.hash(at(a, 2), 2, length);
            assertEquals(hash, Bytes.hash(at(a, 5), 5, length));
            Set<Long> others = new HashSet<>();
            for (int bit = 0; bit < length * 8; bit++) {
                byte[] b = a.clone();
                b[bit / 8] ^= (byte) (1 << bit % 8);
                long other = Bytes.hash(at(b, 2), 2, length);
                int changed = Long.bitCount(hash ^ other);
                assertTrue(8 <= changed && changed <= 56, changed + " bits changed by bit " + bit + " of " + length);
                others.add(other);
            }
            assertEquals(length * 8, others.size());
        }
    }

    @Test
    void hashesOfZerosDependOnTheLength() {
        Set<Long> hashes = new HashSet<>();
        MemorySegment zeros = arena.allocate(1_000);
        for (int length = 0; length <= 1_000; length++) {
            hashes.add(Bytes.hash(zeros, 0, length));
        }
        assertEquals(1_001, hashes.size());
    }

    @Test
    void hashesOfNumberedKeysSpreadOverBothHalves() {
        int[] high = new int[256];
        int[] low = new int[256];
        MemorySegment key = arena.allocate(16);
        int keys = 256 * 400;
        for (int number = 0; number < keys; number++) {
            for (int digit = 11, rest = number; digit >= 0; digit--, rest /= 10) {
                key.set(ValueLayout.JAVA_BYTE, digit, (byte) ('0' + rest % 10));
            }
            long hash = Bytes.hash(key, 0, 12);
            high[(int) (hash >>> 56)]++;
            low[(int) hash & 0xFF]++;
        }
        // 400 are expected in each; the deviation of a fair throw is 20.
        for (int index = 0; index < 256; index++) {
            assertTrue(300 < high[index] && high[index] < 500, high[index] + " high");
            assertTrue(300 < low[index] && low[index] < 500, low[index] + " low");
        }
    }
}
