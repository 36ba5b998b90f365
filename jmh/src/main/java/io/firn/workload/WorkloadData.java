package io.firn.workload;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The keys, values and orders of the workload, which every engine is given alike. */
public final class WorkloadData {
    public static final int KEY_BYTES = 16;

    private static final ValueLayout.OfLong LONG_BE =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG_LE =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long EIGHT_ZEROS = 0x3030303030303030L;
    private static final long EIGHT_ONES = 0x3131313131313131L;
    private static final byte FILLER = 'x';

    private WorkloadData() {}

    /** SplitMix64's finaliser. */
    public static long mix(long x) {
        long z = x + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** The key of entry i. */
    public static void key(long i, MemorySegment target) {
        target.set(LONG_BE, 0, i);
        target.set(LONG_BE, 8, EIGHT_ZEROS);
    }

    /** A key that is never written, next to that of entry i. */
    public static void missingKey(long i, MemorySegment target) {
        target.set(LONG_BE, 0, i);
        target.set(LONG_BE, 8, EIGHT_ONES);
    }

    /** What the values of one length have in common; to be done once, before {@link #value}. */
    public static void filler(MemorySegment target) {
        target.fill(FILLER);
    }

    /** Makes a value that holds {@link #filler}, or another entry's value, that of entry i. */
    public static void value(long i, MemorySegment target) {
        long halfBytes = target.byteSize() / 2;
        long x = i * 1000003;
        long at = 0;
        for (; at + 8 <= halfBytes; at += 8) {
            target.set(LONG_LE, at, mix(x++));
        }
        for (long rest = mix(x); at < halfBytes; at++) {
            target.set(ValueLayout.JAVA_BYTE, at, (byte) rest);
            rest >>>= 8;
        }
    }

    /** The sum of the first byte of the key of entry i and the first of its value, of more than 15 bytes. */
    static int firstBytes(long i) {
        return (byte) (i >>> 56) + (byte) mix(i * 1000003);
    }

    /** The entry that is the j-th of n in random order: each comes once, the factor being a prime above n. */
    public static long insertOrder(long j, long n) {
        return (j * 2654435761L + 12345) % n;
    }

    /** The entry that a thread reads as its j-th, of n. */
    public static long readOrder(int thread, long j, long n) {
        return Long.remainderUnsigned(mix(42 + thread * 1_000_000_007L + j), n);
    }

    /** With a prime number of entries the random order takes every one once. */
    static long largestPrimeAtMost(long n) {
        if (n < 2) {
            throw new IllegalArgumentException("no prime up to " + n);
        }
        long candidate = n;
        while (!isPrime(candidate)) {
            candidate--;
        }
        return candidate;
    }

    private static boolean isPrime(long n) {
        for (long divisor = 2; divisor * divisor <= n; divisor++) {
            if (n % divisor == 0) {
                return false;
            }
        }
        return true;
    }
}
