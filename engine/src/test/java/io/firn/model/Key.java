package io.firn.model;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/**
 * A key, and its text without spaces: letters, digits, '/', '_' and '-' for themselves, {@code %hh} for other bytes,
 * {@code (b*n)} for a run of a byte.
 *
 * <p>Threads: any.
 */
record Key(byte[] bytes) implements Comparable<Key> {
    private static final int RUN_MIN = 6;

    static Key of(int... bytes) {
        byte[] key = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            key[i] = (byte) bytes[i];
        }
        return new Key(key);
    }

    static Key parse(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int at = 0;
        while (at < text.length()) {
            if (text.charAt(at) == '(') {
                int star = text.indexOf('*', at);
                int end = text.indexOf(')', at);
                byte[] run = new byte[Integer.parseInt(text.substring(star + 1, end))];
                Arrays.fill(run, parse(text.substring(at + 1, star)).bytes[0]);
                bytes.writeBytes(run);
                at = end + 1;
            } else if (text.charAt(at) == '%') {
                bytes.write(Integer.parseInt(text.substring(at + 1, at + 3), 16));
                at += 3;
            } else {
                bytes.write(text.charAt(at++));
            }
        }
        return new Key(bytes.toByteArray());
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        int at = 0;
        while (at < bytes.length) {
            int end = at;
            while (end < bytes.length && bytes[end] == bytes[at]) {
                end++;
            }
            if (end - at >= RUN_MIN) {
                text.append('(');
                append(text, bytes[at]);
                text.append('*').append(end - at).append(')');
                at = end;
            } else {
                append(text, bytes[at++]);
            }
        }
        return text.toString();
    }

    private static void append(StringBuilder text, byte each) {
        char letter = (char) (each & 0xFF);
        boolean isPlain = letter < 128 && (Character.isLetterOrDigit(letter) || "/_-".indexOf(letter) >= 0);
        text.append(isPlain ? String.valueOf(letter) : String.format("%%%02x", (int) letter));
    }

    @Override
    public int compareTo(Key other) {
        return Arrays.compareUnsigned(bytes, other.bytes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Key key && Arrays.equals(bytes, key.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }
}
