package io.firn.workload;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/**
 * A thread's key, value and target, outside the heap: as segments and as buffers over the same bytes, so that every
 * engine finds the form that its interface takes.
 *
 * <p>Threads: one. Never freed: it lives as long as its process.
 */
final class Operands {
    final MemorySegment key;
    final MemorySegment value;
    final MemorySegment target;
    final ByteBuffer keyBuffer;
    final ByteBuffer valueBuffer;
    final ByteBuffer targetBuffer;
    private final MemorySegment expected;

    /** The sum of the bytes that a session looked at. */
    int seen;

    Operands(Values values) {
        key = Arena.global().allocate(WorkloadData.KEY_BYTES, 8);
        value = Arena.global().allocate(values.bytes, 8);
        target = Arena.global().allocate(values.bytes, 8);
        expected = Arena.global().allocate(values.bytes, 8);
        keyBuffer = key.asByteBuffer();
        valueBuffer = value.asByteBuffer();
        targetBuffer = target.asByteBuffer();
        WorkloadData.filler(value);
        WorkloadData.filler(expected);
    }

    /** The key of entry i and its value. */
    void entry(long i) {
        WorkloadData.key(i, key);
        WorkloadData.value(i, value);
    }

    /** Throws unless the target holds the value of entry i. */
    void check(long i, long size) {
        WorkloadData.value(i, expected);
        if (size != expected.byteSize() || expected.mismatch(target) >= 0) {
            throw new IllegalStateException("entry " + i + ": a wrong value of " + size + " bytes");
        }
    }
}
