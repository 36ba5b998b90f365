package io.firn.version;

import java.util.Arrays;

/**
 * The keys from a first to a last one, both included: where the entries of a table lie.
 *
 * <p>Threads: any; immutable, the arrays are not changed by anyone.
 */
public record KeySpan(byte[] first, byte[] last) {
    private static final int SHOWN_BYTES = 32;

    public KeySpan {
        assert Arrays.compareUnsigned(first, last) <= 0 : "a span that ends before it begins";
    }

    public boolean overlaps(KeySpan other) {
        return !isBefore(other) && !other.isBefore(this);
    }

    /** Whether it ends before the other begins. */
    public boolean isBefore(KeySpan other) {
        return Arrays.compareUnsigned(last, other.first) < 0;
    }

    /** The least span that holds both. */
    public KeySpan hull(KeySpan other) {
        return new KeySpan(
                Arrays.compareUnsigned(first, other.first) <= 0 ? first : other.first,
                Arrays.compareUnsigned(last, other.last) >= 0 ? last : other.last);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KeySpan span && Arrays.equals(first, span.first) && Arrays.equals(last, span.last);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(first) + Arrays.hashCode(last);
    }

    @Override
    public String toString() {
        return "[" + text(first) + " .. " + text(last) + "]";
    }

    /** A key as text, what is not plain in hexadecimal digits; only the beginning of a long one. */
    public static String text(byte[] key) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < Math.min(key.length, SHOWN_BYTES); i++) {
            boolean isPlain = ' ' < key[i] && key[i] <= '~' && key[i] != '\\';
            text.append(isPlain ? String.valueOf((char) key[i]) : String.format("\\%02x", key[i]));
        }
        return key.length <= SHOWN_BYTES ? text.toString() : text + "... (" + key.length + " bytes)";
    }
}
