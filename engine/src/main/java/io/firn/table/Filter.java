package io.firn.table;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.config.FilterPolicy;
import io.firn.error.CorruptionException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A blocked bloom filter: a key's bits all lie in one line of 512, so that asking costs one cache miss. Static: a
 * filter is the payload of a frame of type FILTER.
 *
 * <pre>
 * payload := pad line* probes:u32 lineCount:u32        the pad, zeros, lets the lines begin at a multiple of 64
 * </pre>
 */
final class Filter {
    static final int LINE_BYTES = 64;
    static final int TAIL_BYTES = 8;

    /** No filter that we write has more: beyond it lines are so full that more bits a key tell less. */
    static final int PROBES_MAX = 14;

    private static final int LINE_BITS = 512;
    private static final long MIX_1 = 0x9E3779B97F4A7C15L;
    private static final long MIX_2 = 0xD6E8FEB86659FD93L;

    /** A hash that was mixed once gives 7 places of 9 bits. */
    private static final int PLACES_A_MIX = 7;

    private static final double BITS_STEP = 0.25;
    private static final double BITS_MAX = 64;
    private static final double NEARLY = 1.05;

    /** Of the policies seen, since to work it out takes up to milliseconds, as long as many small tables. */
    private static final ConcurrentHashMap<FilterPolicy, Size> SIZES = new ConcurrentHashMap<>();

    private static final int SIZES_MAX = 256;

    private Filter() {}

    /** What a policy comes to: bits for each key, 0 for no filter, and how many of them a key sets. */
    record Size(double bitsPerKey, int probes) {}

    static Size size(FilterPolicy policy) {
        Size known = SIZES.get(policy);
        if (known != null) {
            return known;
        }
        double bits = bitsPerKey(policy);
        Size size = new Size(bits, bits == 0 ? 0 : probes(bits));
        if (SIZES.size() < SIZES_MAX) {
            SIZES.put(policy, size);
        }
        return size;
    }

    /** Whether a key of this hash may be in the filter: no branch, all loads from one line. */
    static boolean mayContain(MemorySegment payload, long at, int length, long hash) {
        long sizes = payload.get(LONG_LE, at + length - TAIL_BYTES);
        int probes = (int) sizes;
        long lines = sizes >>> 32;
        long lineAt = at + length - TAIL_BYTES - lines * LINE_BYTES
                + Math.unsignedMultiplyHigh(hash, lines) * LINE_BYTES;
        long places = hash * MIX_1;
        long found = 1;
        for (int i = 0; i < probes; i++) {
            if (i == PLACES_A_MIX) {
                places *= MIX_2;
            }
            found &= payload.get(LONG_LE, lineAt + (places >>> 61 << 3)) >>> (places >>> 55);
            places = Long.rotateLeft(places, 9);
        }
        return (found & 1) != 0;
    }

    static void add(MemorySegment lines, long linesAt, int lineCount, int probes, long hash) {
        long lineAt = linesAt + Math.unsignedMultiplyHigh(hash, lineCount) * LINE_BYTES;
        long places = hash * MIX_1;
        for (int i = 0; i < probes; i++) {
            if (i == PLACES_A_MIX) {
                places *= MIX_2;
            }
            long wordAt = lineAt + (places >>> 61 << 3);
            lines.set(LONG_LE, wordAt, lines.get(LONG_LE, wordAt) | 1L << (places >>> 55));
            places = Long.rotateLeft(places, 9);
        }
    }

    static void putTail(MemorySegment payload, long at, int lineCount, int probes) {
        payload.set(INT_LE, at, probes);
        payload.set(INT_LE, at + 4, lineCount);
    }

    /** Accepts or refuses a filter before it is asked; {@code place} is where its frame begins. */
    static void check(Path path, long place, MemorySegment payload, long at, int length) {
        if (length < TAIL_BYTES + LINE_BYTES) {
            throw new CorruptionException(path, place, "a filter of a line and a tail", length + " bytes");
        }
        long probes = Integer.toUnsignedLong(payload.get(INT_LE, at + length - TAIL_BYTES));
        long lines = Integer.toUnsignedLong(payload.get(INT_LE, at + length - TAIL_BYTES + 4));
        long padBytes = length - TAIL_BYTES - lines * LINE_BYTES;
        if (probes < 1 || probes > PROBES_MAX || lines < 1 || padBytes < 0 || padBytes >= LINE_BYTES) {
            throw new CorruptionException(
                    path, place, "1 to " + PROBES_MAX + " probes and lines for " + length + " bytes",
                    probes + " probes and " + lines + " lines");
        }
    }

    /** The bits a key that a policy asks for; 0 for no filter. */
    static double bitsPerKey(FilterPolicy policy) {
        return switch (policy) {
            case FilterPolicy.None() -> 0;
            case FilterPolicy.BitsPerKey(double bits) -> bits;
            case FilterPolicy.FalsePositiveRate(double rate) -> bitsForRate(rate);
        };
    }

    static int lineCount(long keys, double bitsPerKey) {
        return Math.toIntExact(Math.max(1, (long) Math.ceil(keys * bitsPerKey / LINE_BITS)));
    }

    /** The fewest probes that let pass nearly as little as the best number would: each is a load. */
    static int probes(double bitsPerKey) {
        double best = 1;
        for (int probes = 1; probes <= PROBES_MAX; probes++) {
            best = Math.min(best, falsePositiveRate(bitsPerKey, probes));
        }
        int fewest = 1;
        while (falsePositiveRate(bitsPerKey, fewest) > best * NEARLY) {
            fewest++;
        }
        return fewest;
    }

    private static double bitsForRate(double rate) {
        double bits = Math.max(BITS_STEP, Math.floor(-Math.log(rate) / (Math.log(2) * Math.log(2))));
        while (bits < BITS_MAX && falsePositiveRate(bits, probes(bits)) > rate) {
            bits += BITS_STEP;
        }
        return bits;
    }

    /** The mean over lines, whose numbers of keys are Poisson distributed, of what a line of so many keys lets pass. */
    static double falsePositiveRate(double bitsPerKey, int probes) {
        double mean = LINE_BITS / bitsPerKey;
        double unsetByOne = Math.pow(1 - 1.0 / LINE_BITS, probes);
        double logMean = Math.log(mean);
        double logFactorial = 0;
        double unset = 1;
        double rate = 0;
        int most = (int) (mean + 12 * Math.sqrt(mean) + 12);
        for (int keys = 1; keys <= most; keys++) {
            logFactorial += Math.log(keys);
            unset *= unsetByOne;
            rate += Math.exp(keys * logMean - mean - logFactorial) * Math.pow(1 - unset, probes);
        }
        return Math.min(1, rate);
    }
}
