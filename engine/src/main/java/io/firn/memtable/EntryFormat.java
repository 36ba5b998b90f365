package io.firn.memtable;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.ffm.memory.Bytes;
import java.lang.foreign.MemorySegment;

/** Where the parts of an entry lie. An entry is complete before its reference is in a node, and then never changes. */
final class EntryFormat {
    static final int HEADER_BYTES = 16;
    static final int ALIGNMENT_BYTES = 8;

    private static final int TRAILER = 0;
    private static final int VALUE_LENGTH = 8;
    private static final int KEY_LENGTH = 12;

    private EntryFormat() {}

    static void write(
            MemorySegment target, long base, MemorySegment key, long keyOffset, int keyLength, long trailer,
            MemorySegment value, long valueOffset, int valueLength) {
        target.set(LONG_LE, base + TRAILER, trailer);
        target.set(INT_LE, base + VALUE_LENGTH, valueLength);
        target.set(INT_LE, base + KEY_LENGTH, keyLength);
        Bytes.copy(key, keyOffset, target, base + HEADER_BYTES, keyLength);
        Bytes.copy(value, valueOffset, target, base + HEADER_BYTES + keyLength, valueLength);
    }

    static long trailer(MemorySegment segment, long base) {
        return segment.get(LONG_LE, base + TRAILER);
    }

    static int valueLength(MemorySegment segment, long base) {
        return segment.get(INT_LE, base + VALUE_LENGTH);
    }

    static int keyLength(MemorySegment segment, long base) {
        return segment.get(INT_LE, base + KEY_LENGTH);
    }
}
