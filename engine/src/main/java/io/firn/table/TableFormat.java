package io.firn.table;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.ffm.codec.Crc32c;
import java.lang.foreign.MemorySegment;

/** Where the parts of a table file lie, as drawn in the package's description. */
final class TableFormat {
    /** The bytes FIRNTABL. */
    static final long MAGIC = 0x4C42_4154_4E52_4946L;

    static final int VERSION = 1;

    static final int FOOTER_BYTES = 76;
    static final int FOOTER_TABLE_ID = 0;
    static final int FOOTER_FILE_BYTES = 8;
    static final int FOOTER_PROPERTIES_OFFSET = 16;
    static final int FOOTER_INDEX_OFFSET = 24;
    static final int FOOTER_FILTER_OFFSET = 32;
    static final int FOOTER_PROPERTIES_BYTES = 40;
    static final int FOOTER_INDEX_BYTES = 44;
    static final int FOOTER_INDEX_PLAIN_BYTES = 48;
    static final int FOOTER_FILTER_BYTES = 52;
    static final int FOOTER_FLAGS = 56;
    static final int FOOTER_VERSION = 60;
    static final int FOOTER_CHECKSUM = 64;
    static final int FOOTER_MAGIC = 68;

    /** The index has a top level. */
    static final int INDEX_PARTITIONED = 1;

    /** The filter has a top level. */
    static final int FILTER_PARTITIONED = 2;

    /** A handle: the value of an entry of an index or of a top level. */
    static final int HANDLE_BYTES = 20;
    static final int HANDLE_OFFSET = 0;
    static final int HANDLE_STORED_BYTES = 8;
    static final int HANDLE_PLAIN_BYTES = 12;
    static final int HANDLE_ORDINAL = 16;

    private TableFormat() {}

    static void putHandle(MemorySegment target, long at, long offset, int storedBytes, int plainBytes, int ordinal) {
        target.set(LONG_LE, at + HANDLE_OFFSET, offset);
        target.set(INT_LE, at + HANDLE_STORED_BYTES, storedBytes);
        target.set(INT_LE, at + HANDLE_PLAIN_BYTES, plainBytes);
        target.set(INT_LE, at + HANDLE_ORDINAL, ordinal);
    }

    static long handleOffset(MemorySegment handles, long at) {
        return handles.get(LONG_LE, at + HANDLE_OFFSET);
    }

    static int handleStoredBytes(MemorySegment handles, long at) {
        return handles.get(INT_LE, at + HANDLE_STORED_BYTES);
    }

    static int handlePlainBytes(MemorySegment handles, long at) {
        return handles.get(INT_LE, at + HANDLE_PLAIN_BYTES);
    }

    static int handleOrdinal(MemorySegment handles, long at) {
        return handles.get(INT_LE, at + HANDLE_ORDINAL);
    }

    /** The checksum of a footer in private memory, seeded with the table's id and the footer's place. */
    static int footerChecksum(MemorySegment footer, long at, long tableId, long footerOffset, Crc32c crc) {
        return crc.of(tableId, footerOffset, footer, at, FOOTER_CHECKSUM);
    }
}
