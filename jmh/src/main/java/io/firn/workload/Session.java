package io.firn.workload;

/**
 * A thread's way to read and write single entries. What it is given and what it answers stands in operands.
 *
 * <p>Threads: one. Closed by: its thread, which commits what was gathered.
 */
interface Session extends AutoCloseable {
    /** Writes the operands' value under their key. */
    void put(Operands operands) throws Exception;

    /** Adds the operands' key and value to those that {@link #commitBatch} writes at once. */
    void putInBatch(Operands operands) throws Exception;

    void commitBatch() throws Exception;

    /** Copies the value of the operands' key into their target; answers its size or {@link Peer#MISSING}. */
    long get(Operands operands) throws Exception;

    /**
     * Looks at the first and the last byte of the value of the operands' key, where it lies if the engine shows it
     * there; answers its size or {@link Peer#MISSING}.
     */
    default long look(Operands operands) throws Exception {
        long size = get(operands);
        if (size > 0) {
            operands.seen = operands.targetBuffer.get(0) + operands.targetBuffer.get((int) size - 1);
        }
        return size;
    }

    @Override
    void close() throws Exception;
}
