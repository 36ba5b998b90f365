package io.firn;

import java.util.Arrays;
import java.util.HexFormat;

/**
 * A copy of a key and its value. Equal if the bytes are; the arrays are the record's own, and whoever changes them
 * changes it.
 */
public record Entry(byte[] key, byte[] value) {
    @Override
    public boolean equals(Object other) {
        return other instanceof Entry entry && Arrays.equals(key, entry.key) && Arrays.equals(value, entry.value);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(key) + Arrays.hashCode(value);
    }

    @Override
    public String toString() {
        HexFormat hex = HexFormat.of();
        return "Entry[" + hex.formatHex(key) + " = " + hex.formatHex(value) + "]";
    }
}
