package io.firn.workload;

/** What the process has used so far, all its threads together. */
record Usage(long cpuNanos, long collections, long collectionMillis) {
    static Usage now() {
        return new Usage(Machine.processNanos(), Machine.collections(), Machine.collectionMillis());
    }

    Usage since(Usage before) {
        return new Usage(
                cpuNanos - before.cpuNanos,
                collections - before.collections,
                collectionMillis - before.collectionMillis);
    }
}
