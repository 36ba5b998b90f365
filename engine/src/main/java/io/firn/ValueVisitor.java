package io.firn;

import java.lang.foreign.MemorySegment;

/**
 * Sees a value where it lies. Keep it in a field: a capturing lambda costs 24 bytes a call, and a call site that has seen more
 * than two visitor classes 40 bytes more. It may throw, and may not block or close the database.
 */
@FunctionalInterface
public interface ValueVisitor {
    /** The value, read-only, valid until this returns. */
    void value(MemorySegment value);
}
