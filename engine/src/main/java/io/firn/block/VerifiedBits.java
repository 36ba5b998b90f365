package io.firn.block;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Which blocks of a file were verified and accepted, so that they may be read in place.
 *
 * <p>Threads: any. Two may verify the same block; both find the same.
 */
public final class VerifiedBits {
    private static final VarHandle BITS = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] bits;

    public VerifiedBits(long count) {
        bits = new long[(int) ((count + Long.SIZE - 1) / Long.SIZE)];
    }

    /** Acquire: pairs with the release in set(), so that who sees the bit also sees the check done. */
    public boolean isSet(int bit) {
        return ((long) BITS.getAcquire(bits, bit >>> 6) >>> bit & 1) != 0;
    }

    /** Called when all was checked. */
    public void set(int bit) {
        long ignored = (long) BITS.getAndBitwiseOrRelease(bits, bit >>> 6, 1L << bit);
    }
}
