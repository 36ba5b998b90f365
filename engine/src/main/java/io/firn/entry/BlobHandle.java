package io.firn.entry;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import java.lang.foreign.MemorySegment;

/**
 * What stands in a table in the place of a separated value: where it is, and how large. Part of the format of tables.
 *
 * <pre>
 * handle := fileId:u64 offset:u64 storedBytes:u32 valueBytes:u32
 * </pre>
 *
 * <p>The offset is that of the value's frame in the blob file. The value is stored as it is exactly if both sizes are equal.
 */
public final class BlobHandle {
    public static final int BYTES = 24;

    private static final int FILE_ID = 0;
    private static final int OFFSET = 8;
    private static final int STORED_BYTES = 16;
    private static final int VALUE_BYTES = 20;

    private BlobHandle() {}

    public static void put(
            MemorySegment target, long at, long fileId, long offset, int storedBytes, int valueBytes) {
        target.set(LONG_LE, at + FILE_ID, fileId);
        target.set(LONG_LE, at + OFFSET, offset);
        target.set(INT_LE, at + STORED_BYTES, storedBytes);
        target.set(INT_LE, at + VALUE_BYTES, valueBytes);
    }

    public static long fileId(MemorySegment segment, long at) {
        return segment.get(LONG_LE, at + FILE_ID);
    }

    public static long offset(MemorySegment segment, long at) {
        return segment.get(LONG_LE, at + OFFSET);
    }

    public static int storedBytes(MemorySegment segment, long at) {
        return segment.get(INT_LE, at + STORED_BYTES);
    }

    public static int valueBytes(MemorySegment segment, long at) {
        return segment.get(INT_LE, at + VALUE_BYTES);
    }

    /** How large the value of an entry is, wherever it stands. */
    public static int valueLength(long trailer, MemorySegment value, long valueOffset, int valueLength) {
        return Trailer.isSeparated(trailer) ? valueBytes(value, valueOffset) : valueLength;
    }
}
