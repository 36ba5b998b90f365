package io.firn.workload;

/**
 * How much is done with so many entries, a prime number. From a million entries on all the rest is as the workload has
 * it; below it shrinks alike.
 */
record Scale(long entries) {
    private static final long WHOLE_ENTRIES = 1_000_000;

    /** Of the values that are read, one of so many is compared; all of them in a small run. */
    private static final int READS_PER_CHECK = 1024;

    Scale {
        if (entries != WorkloadData.largestPrimeAtMost(entries)) {
            throw new IllegalArgumentException(entries + " entries: not a prime number");
        }
    }

    /** Into a database that is thrown away, before the first one that counts. */
    long warmupInserts() {
        return Math.max(1, Math.min(500_000, entries / 10));
    }

    /** Of each reading thread, after half as many to warm up. */
    long reads() {
        return part(2_000_000);
    }

    long seeks() {
        return part(200_000);
    }

    /** Durable inserts of one thread alone. */
    long durableInserts() {
        return part(2_000);
    }

    /** Durable inserts of each of several threads. */
    long durableInsertsOfThread() {
        return part(500);
    }

    long largeEntries() {
        return part(30_000);
    }

    long largeReads() {
        return part(100_000);
    }

    /** As many as fit into a write buffer of 64 MiB of every engine, and fill 50 to 63 MiB of its log. */
    long logEntries() {
        return part(400_000);
    }

    long readWhileWritingNanos() {
        return part(20_000) * 1_000_000;
    }

    long entriesOf(Values values) {
        return values == Values.SMALL ? entries : largeEntries();
    }

    int readsPerCheck() {
        return entries < WHOLE_ENTRIES ? 1 : READS_PER_CHECK;
    }

    private long part(long whole) {
        return Math.max(1, Math.min(whole, whole * entries / WHOLE_ENTRIES));
    }
}
