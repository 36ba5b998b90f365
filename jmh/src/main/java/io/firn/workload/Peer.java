package io.firn.workload;

/**
 * An engine, opened on a directory of its own.
 *
 * <p>Threads: any. Closed by: who opened it, after its sessions and walkers.
 */
interface Peer extends AutoCloseable {
    /** The size of a value whose key is missing. */
    long MISSING = -1;

    /** A thread's way to read and write. */
    Session session() throws Exception;

    /** A thread's way through the entries in the order of their keys. */
    Walker walker() throws Exception;

    /** Puts on the disk what stands in memory, and waits until no background work is left. */
    void settle() throws Exception;

    @Override
    void close();
}
