package io.firn.entry;

/** How large keys and values may be. */
public final class EntryLimits {
    public static final int KEY_BYTES_MIN = 1;
    public static final int KEY_BYTES_MAX = 65_535;

    /** What a value leaves for headers and its key, so that a record of one entry stays below 2^31 bytes. */
    public static final int VALUE_BYTES_MAX = Integer.MAX_VALUE - 128 * 1024;

    private EntryLimits() {}

    public static void checkKey(long keyBytes) {
        if (keyBytes < KEY_BYTES_MIN || keyBytes > KEY_BYTES_MAX) {
            throw new IllegalArgumentException(
                    "a key of " + keyBytes + " bytes; keys have " + KEY_BYTES_MIN + " to " + KEY_BYTES_MAX);
        }
    }

    public static void checkValue(long valueBytes) {
        if (valueBytes > VALUE_BYTES_MAX) {
            throw new IllegalArgumentException(
                    "a value of " + valueBytes + " bytes; values have at most " + VALUE_BYTES_MAX);
        }
    }
}
