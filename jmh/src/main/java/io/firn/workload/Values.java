package io.firn.workload;

/** The two sizes of values. */
enum Values {
    SMALL(100),
    LARGE(16 << 10);

    final int bytes;

    Values(int bytes) {
        this.bytes = bytes;
    }
}
