package io.firn;

import java.lang.foreign.MemorySegment;

/**
 * Sees the values of several keys where they lie. As for {@link ValueVisitor}: keep it in a field; it may throw, and
 * may not block.
 */
@FunctionalInterface
public interface IndexedVisitor {
    /** The value of the key at this index, read-only, valid until this returns. */
    void value(int index, MemorySegment value);
}
