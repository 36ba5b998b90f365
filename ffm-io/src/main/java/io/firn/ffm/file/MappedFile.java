package io.firn.ffm.file;

import java.lang.foreign.MemorySegment;

/**
 * A sealed file as memory, read-only. Closed by: its opener, on the maintenance thread; late accesses throw
 * IllegalStateException.
 */
public interface MappedFile extends AutoCloseable {
    MemorySegment bytes();

    /**
     * Memory of so many zeros beside the mapping, in lines of 64 bytes, freed with it: closing another shared arena would stop all
     * threads once more.
     */
    MemorySegment allocate(long sizeBytes);

    /**
     * To be called between a copy of mapped bytes and the first look at the copy. In compiled code the InternalError of
     * a lost page comes statements late (2,000 times of 2,000): at the next return from the VM. This is the cheapest way
     * there and back that the compiler does not replace; unlike a yield it does not give up the processor, which costs
     * whoever reads beside busy threads a time slice, milliseconds, for each block.
     */
    static void deliverFault() {
        Thread.holdsLock(MappedFile.class);
    }

    @Override
    void close();
}
