package io.firn.workload;

/** The two sizes of a block cache. */
enum Cache {
    LARGE(1L << 30),
    SMALL(32L << 20);

    final long bytes;

    Cache(long bytes) {
        this.bytes = bytes;
    }
}
