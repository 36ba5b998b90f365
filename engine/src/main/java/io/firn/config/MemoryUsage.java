package io.firn.config;

/**
 * The off-heap memory that one database uses, in bytes. Mapped files are the operating system's and are not in it.
 *
 * @param memtablesBytes memory of memtables, those included that are flushed and that a reader still holds, and free memory that is
 *     kept for the next ones
 * @param cacheBytes memory of the block cache
 * @param pinnedBytes indexes and filters that are kept in memory while their tables are open
 * @param scratchBytes private memory of reads, writes, flushes and compactions, and what is set aside for them
 */
public record MemoryUsage(long memtablesBytes, long cacheBytes, long pinnedBytes, long scratchBytes) {
    /** The sum of the parts. */
    public long totalBytes() {
        return memtablesBytes + cacheBytes + pinnedBytes + scratchBytes;
    }
}
