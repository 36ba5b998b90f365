package io.firn.workload;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

class WorkloadDataTest {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    @Test
    void mixIsSplitMix64() {
        assertEquals(0xE220A8397B1DCDAFL, WorkloadData.mix(0));
        assertEquals(0x6E789E6AA1B965F4L, WorkloadData.mix(GOLDEN));
        assertEquals(0x06C45D188009454FL, WorkloadData.mix(2 * GOLDEN));
        assertEquals(6457827717110365317L, WorkloadData.mix(1234567));
        assertEquals(3203168211198807973L, WorkloadData.mix(1234567 + GOLDEN));
    }

    @Test
    void keysAreTheNumberBigEndianAndEightDigits() {
        byte[] key = new byte[16];
        WorkloadData.key(0x0102030405L, MemorySegment.ofArray(key));
        assertArrayEquals(new byte[] {0, 0, 0, 1, 2, 3, 4, 5, '0', '0', '0', '0', '0', '0', '0', '0'}, key);
        WorkloadData.missingKey(0x0102030405L, MemorySegment.ofArray(key));
        assertArrayEquals(new byte[] {0, 0, 0, 1, 2, 3, 4, 5, '1', '1', '1', '1', '1', '1', '1', '1'}, key);
    }

    @Test
    void valuesAreHalfWordsCutAndHalfFiller() {
        for (int bytes : new int[] {100, 16, 99, 16384}) {
            byte[] value = new byte[bytes];
            MemorySegment segment = MemorySegment.ofArray(value);
            WorkloadData.filler(segment);
            WorkloadData.value(6, segment);
            WorkloadData.value(7, segment);
            assertArrayEquals(expectedValue(7, bytes), value, bytes + " bytes");
        }
    }

    private static byte[] expectedValue(long i, int bytes) {
        ByteBuffer words = ByteBuffer.allocate(bytes + 8).order(ByteOrder.LITTLE_ENDIAN);
        for (int k = 0; words.position() < bytes / 2; k++) {
            words.putLong(WorkloadData.mix(i * 1000003 + k));
        }
        byte[] value = Arrays.copyOf(words.array(), bytes);
        Arrays.fill(value, bytes / 2, bytes, (byte) 'x');
        return value;
    }

    @Test
    void aValueEndsInFiller() {
        MemorySegment value = MemorySegment.ofArray(new byte[100]);
        WorkloadData.filler(value);
        WorkloadData.value(0, value);
        byte[] bytes = value.toArray(ValueLayout.JAVA_BYTE);
        assertEquals(0xE220A8397B1DCDAFL, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong());
        assertEquals("x".repeat(50), new String(bytes, 50, 50, StandardCharsets.US_ASCII));
    }

    @Test
    void randomInsertOrderTakesEveryEntryOnce() {
        int n = (int) WorkloadData.largestPrimeAtMost(1_000_000);
        BitSet seen = new BitSet(n);
        for (long j = 0; j < n; j++) {
            seen.set((int) WorkloadData.insertOrder(j, n));
        }
        assertEquals(999_983, n);
        assertEquals(n, seen.cardinality());
        assertEquals(12345, WorkloadData.insertOrder(0, n));
    }

    @Test
    void readOrderStaysWithinAndDiffersByThread() {
        long same = 0;
        for (long j = 0; j < 10_000; j++) {
            long first = WorkloadData.readOrder(0, j, 4_999_999);
            long second = WorkloadData.readOrder(1, j, 4_999_999);
            assertTrue(0 <= first && first < 4_999_999);
            same += first == second ? 1 : 0;
        }
        assertTrue(same < 10);
        assertEquals(Long.remainderUnsigned(WorkloadData.mix(42), 4_999_999), WorkloadData.readOrder(0, 0, 4_999_999));
    }

    @Test
    void findsTheLargestPrime() {
        assertEquals(4_999_999, WorkloadData.largestPrimeAtMost(5_000_000));
        assertEquals(4_999_999, WorkloadData.largestPrimeAtMost(4_999_999));
        assertEquals(2, WorkloadData.largestPrimeAtMost(2));
        assertThrows(IllegalArgumentException.class, () -> WorkloadData.largestPrimeAtMost(1));
    }
}
