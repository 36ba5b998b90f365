package io.firn.model;

/**
 * A value, told by its length and a number: those of 8 bytes and more are different for different numbers, and odd
 * numbers give values that a codec makes smaller. Its text is {@code length:number}.
 *
 * <p>Threads: any.
 */
record Value(int length, int number) {
    private static final int PATTERN_BYTES = 24;

    static Value parse(String text) {
        int colon = text.indexOf(':');
        return new Value(Integer.parseInt(text.substring(0, colon)), Integer.parseInt(text.substring(colon + 1)));
    }

    byte[] bytes() {
        byte[] bytes = new byte[length];
        long state = (number + 1L) * 0x9E3779B97F4A7C15L;
        boolean isRepeating = (number & 1) == 1;
        for (int i = 0; i < length; i++) {
            if (isRepeating && i >= PATTERN_BYTES) {
                bytes[i] = bytes[i - PATTERN_BYTES];
            } else {
                if (i % 8 == 0) {
                    state ^= state << 13;
                    state ^= state >>> 7;
                    state ^= state << 17;
                }
                bytes[i] = (byte) (state >>> 8 * (i % 8));
            }
        }
        return bytes;
    }

    @Override
    public String toString() {
        return length + ":" + number;
    }
}
