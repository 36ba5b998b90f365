package io.firn.workload;

/**
 * A place in the order of the keys; each move answers whether there is an entry.
 *
 * <p>Threads: one. Closed by: its thread.
 */
interface Walker extends AutoCloseable {
    boolean first() throws Exception;

    boolean last() throws Exception;

    boolean next() throws Exception;

    boolean previous() throws Exception;

    /** To the first entry at or after the operands' key. */
    boolean seek(Operands operands) throws Exception;

    /** The sum of the first byte of the entry's key and the first of its value. */
    int touch() throws Exception;

    @Override
    void close();
}
