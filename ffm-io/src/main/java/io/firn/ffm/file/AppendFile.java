package io.firn.ffm.file;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * A file that is being written, from its start to its end.
 *
 * <p>Invariants: after a failure, every later call but {@code close} throws the first cause.
 *
 * <p>Threads: one at a time. Closed by: its creator; closing does not force.
 */
public interface AppendFile extends AutoCloseable {
    /** Appends all of the source, which is native memory, or throws. */
    void append(MemorySegment source) throws IOException;

    /** Makes the content durable. A failure is final. */
    void force() throws IOException;

    long positionBytes();

    long forcedBytes();

    @Override
    void close() throws IOException;
}
