package io.firn.memtable;

/**
 * Entries after which the left one of two leaves under a root is full: the insert of {@link #NEW} splits it, evenly,
 * since they came in no order.
 */
final class FullLeaf {
    /** 65, which split into 33 and 32, and 31 more into the left half. */
    static final int ENTRIES = 96;

    static final long LOW = number(2);
    static final long HIGH = number(60);

    /** Stands in the right half of the left leaf, behind what a split moves. */
    static final long NEW = number(50) + 1;

    private FullLeaf() {}

    static void fill(StressedMemtable memtable) {
        // The right leaf: far behind all others.
        for (int index = 0; index < 33; index++) {
            memtable.insert(1_000_000 + index * 7 % 33);
        }
        for (int index = 0; index < 63; index++) {
            memtable.insert(number(index * 37 % 64));
        }
    }

    private static long number(int index) {
        return 1_000L + 10L * index;
    }
}
