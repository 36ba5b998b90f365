package io.firn.config;

/** The filter that tells a missing key without reading a block. */
public sealed interface FilterPolicy {
    /** No filter. */
    record None() implements FilterPolicy {}

    /** So many bits for each key, above 0 and at most 64. */
    record BitsPerKey(double bits) implements FilterPolicy {
        public BitsPerKey {
            if (!(bits > 0 && bits <= 64)) {
                throw new IllegalArgumentException(bits + " bits per key; above 0, at most 64");
            }
        }
    }

    /** So many bits that this share of missing keys passes, from 1e-7 to below 1. */
    record FalsePositiveRate(double rate) implements FilterPolicy {
        public FalsePositiveRate {
            if (!(rate >= 1e-7 && rate < 1)) {
                throw new IllegalArgumentException("a false-positive rate of " + rate + "; from 1e-7 to below 1");
            }
        }
    }
}
