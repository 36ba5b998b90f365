package io.firn.ffm.file;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** A journal file as memory, for writing. Closed by: the journal's owner; late accesses throw IllegalStateException. */
public interface JournalMapping extends AutoCloseable {
    MemorySegment bytes();

    /** Makes what was stored before this call durable. A failure is final. */
    void force() throws IOException;

    /**
     * Gives up the memory, after the last store: what was stored stays in the file, and {@link #force} still makes it
     * durable. A force of pages that are mapped for writing has to stop every processor for each of them, 20 us a page
     * on a virtual machine; one of pages that are not mapped stops nobody.
     */
    void unmap() throws IOException;

    @Override
    void close() throws IOException;
}
