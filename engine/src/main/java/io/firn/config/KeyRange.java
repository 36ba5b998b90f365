package io.firn.config;

import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * A range of keys in the order of unsigned bytes. Each bound narrows it; bounds that cross leave it empty. Immutable;
 * equal if the same keys are within: {@code after(k)} is {@code from(k)} with a zero byte behind k, the key that
 * follows k.
 */
public final class KeyRange {
    private static final byte[] NO_BYTES = {};
    private static final KeyRange ALL = new KeyRange(NO_BYTES, null);
    private static final KeyRange EMPTY = new KeyRange(NO_BYTES, NO_BYTES);

    private final byte[] lower;
    private final byte @Nullable [] upper;

    private KeyRange(byte[] lower, byte @Nullable [] upper) {
        this.lower = lower;
        this.upper = upper;
    }

    /** Every key. */
    public static KeyRange all() {
        return ALL;
    }

    /** The keys that begin with the prefix; with an empty one all. */
    public static KeyRange prefix(byte[] prefix) {
        int end = prefix.length;
        while (end > 0 && prefix[end - 1] == (byte) 0xFF) {
            end--;
        }
        if (end == 0) {
            return ALL.from(prefix);
        }
        byte[] next = Arrays.copyOf(prefix, end);
        next[end - 1]++;
        return new KeyRange(prefix.clone(), next);
    }

    /** Those at or after the key. */
    public KeyRange from(byte[] key) {
        return narrowed(key.clone(), upper);
    }

    /** Those after the key. */
    public KeyRange after(byte[] key) {
        return narrowed(following(key), upper);
    }

    /** Those at or before the key. */
    public KeyRange to(byte[] key) {
        return narrowed(lower, following(key));
    }

    /** Those before the key. */
    public KeyRange until(byte[] key) {
        return narrowed(lower, key.clone());
    }

    /** Whether no key can be within. */
    public boolean isEmpty() {
        return upper != null && Arrays.compareUnsigned(lower, upper) >= 0;
    }

    /** Whether the key is within. */
    public boolean contains(byte[] key) {
        return Arrays.compareUnsigned(lower, key) <= 0 && (upper == null || Arrays.compareUnsigned(key, upper) < 0);
    }

    /** A copy of the bound that every key within is at or after; empty if there is none. */
    public byte[] lower() {
        return lower.clone();
    }

    /** A copy of the bound that every key within is before; null if there is none. */
    public byte @Nullable [] upper() {
        return upper == null ? null : upper.clone();
    }

    /** The tighter of old and new bounds. */
    private KeyRange narrowed(byte[] newLower, byte @Nullable [] newUpper) {
        byte[] highest = Arrays.compareUnsigned(lower, newLower) < 0 ? newLower : lower;
        byte[] lowest = upper;
        if (upper == null || newUpper != null && Arrays.compareUnsigned(newUpper, upper) < 0) {
            lowest = newUpper;
        }
        KeyRange range = new KeyRange(highest, lowest);
        return range.isEmpty() ? EMPTY : range;
    }

    /** The first key behind this one. */
    private static byte[] following(byte[] key) {
        return Arrays.copyOf(key, key.length + 1);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KeyRange range
                && Arrays.equals(lower, range.lower) && Arrays.equals(upper, range.upper);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(lower) + Arrays.hashCode(upper);
    }

    @Override
    public String toString() {
        HexFormat hex = HexFormat.of();
        return "[" + hex.formatHex(lower) + ", " + (upper == null ? "end" : hex.formatHex(upper)) + ")";
    }
}
