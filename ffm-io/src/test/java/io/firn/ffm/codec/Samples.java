package io.firn.ffm.codec;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** Inputs that codecs meet, and the seed that random ones come from. */
final class Samples {
    private static final int[] LENGTHS = {
        0, 1, 2, 4, 5, 11, 12, 13, 14, 16, 31, 32, 33, 64, 255, 256, 270, 271, 272, 4096, 65_535, 65_536, 65_537, 70_001, 1 << 20,
    };

    private Samples() {}

    static long seed() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        return seed;
    }

    static Map<String, byte[]> all(Random random) {
        Map<String, byte[]> samples = new LinkedHashMap<>();
        for (int length : LENGTHS) {
            samples.put("zeros of " + length, new byte[length]);
            samples.put("noise of " + length, noise(random, length));
            samples.put("records of " + length, records(random, length));
            for (int period = 2; period <= 40; period += period < 10 ? 1 : 7) {
                samples.put("period " + period + " of " + length, periodic(random, length, period));
            }
        }
        samples.put("noise with echoes at all distances", echoes(random, 200_000));
        return samples;
    }

    /** Half of it compresses: constant text, a number, random bytes. */
    static byte[] records(Random random, int length) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] noise = new byte[50];
        for (int number = 0; bytes.size() < length; number++) {
            random.nextBytes(noise);
            bytes.writeBytes("user:key--".getBytes(StandardCharsets.US_ASCII));
            bytes.writeBytes(String.format("%06d", number).getBytes(StandardCharsets.US_ASCII));
            bytes.writeBytes(noise);
            bytes.writeBytes("a constant text that every record of the table has".getBytes(StandardCharsets.US_ASCII));
        }
        return Arrays.copyOf(bytes.toByteArray(), length);
    }

    static byte[] noise(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private static byte[] periodic(Random random, int length, int period) {
        byte[] pattern = noise(random, period);
        byte[] bytes = new byte[length];
        for (int at = 0; at < length; at++) {
            bytes[at] = pattern[at % period];
        }
        return bytes;
    }

    private static byte[] echoes(Random random, int length) {
        byte[] bytes = noise(random, length);
        int at = 100;
        while (at < length - 1000) {
            int distance = 1 + random.nextInt(Math.min(at, 70_000));
            int echo = 4 + random.nextInt(random.nextBoolean() ? 40 : 900);
            for (int end = at + echo; at < end; at++) {
                bytes[at] = bytes[at - distance];
            }
            at += random.nextInt(60);
        }
        return bytes;
    }
}
