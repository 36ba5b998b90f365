package io.firn.workload;

import io.firn.config.Compression;
import io.firn.config.PersistMode;
import java.nio.file.Path;

/**
 * How an engine is opened in a directory that is there, as far as all of them know the thing: a write is as durable as
 * the mode says when it returns; so many entries of these values are, or will be, in the database.
 */
record Settings(
        Path directory, PersistMode durability, Compression compression, Cache cache, Values values, long entries) {
    static final long WRITE_BUFFER_BYTES = 64 << 20;
    static final int BLOCK_BYTES = 4096;
    static final int FILTER_BITS_PER_KEY = 10;

    /** Values of at least so many bytes are kept apart from their keys by engines that can. */
    static final int SEPARATION_BYTES = 1024;

    boolean isDurable() {
        return durability != PersistMode.BUFFER;
    }
}
