package io.firn.ffm.file;

import java.lang.foreign.MemorySegment;

/**
 * A mapping as a segment of the same class that arenas allocate. The platform has one class for mapped and one for other native
 * memory; code that meets both is compiled for both, and cannot get rid of the slices that it makes.
 */
final class NativeView {
    /** A buffer ends here. */
    private static final long BYTES_MAX = Integer.MAX_VALUE - 1;

    private NativeView() {}

    /**
     * The same memory, writability and scope. The way there is a buffer of two-byte elements, which knows nothing of the mapping:
     * what is longer than a buffer or has an odd size stays as it is.
     */
    static MemorySegment of(MemorySegment mapped) {
        if (mapped.byteSize() > BYTES_MAX || mapped.byteSize() % Character.BYTES != 0) {
            return mapped;
        }
        return MemorySegment.ofBuffer(mapped.asByteBuffer().asCharBuffer());
    }
}
