package io.firn.table;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Which blocks of a table were verified and accepted, so that they may be read in place.
 *
 * <p>Threads: any. Two may verify the same block; both find the same.
 */
final class VerifiedBits {
    private static final VarHandle BITS = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] bits;

    VerifiedBits(long count) {
        bits = new long[(int) ((count + Long.SIZE - 1) / Long.SIZE)];
    }

    /** Acquire: pairs with the release in set(), so that who sees the bit also sees the check done. */
    boolean isSet(int bit) {
        return ((long) BITS.getAcquire(bits, bit >>> 6) >>> bit & 1) != 0;
    }

    /** Called when all was checked. */
    void set(int bit) {
        long ignored = (long) BITS.getAndBitwiseOrRelease(bits, bit >>> 6, 1L << bit);
    }
}
