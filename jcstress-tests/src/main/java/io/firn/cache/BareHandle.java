package io.firn.cache;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A handle and the two words of memory that it stands for, without a cache around them. */
final class BareHandle {
    static final int MISSED = 0;
    static final int RIGHT = 1;
    static final int WRONG = -1;

    private static final long FILE_ID = 7;
    private static final long FIRST = 0x1111_1111_1111_1111L;
    private static final long SECOND = 0x2222_2222_2222_2222L;

    final MemorySegment chunk = MemorySegment.ofArray(new long[HandleFormat.BYTES / Long.BYTES]);
    private final MemorySegment block = MemorySegment.ofArray(new long[16]);

    /** Stands for the first block. */
    BareHandle(int pins) {
        fill(1, FIRST);
        HandleFormat.publish(chunk, 0, pins);
    }

    /** As an eviction does that makes room for another block; whether nobody had pinned the first. */
    boolean replace() {
        if (!HandleFormat.kill(chunk, 0, HandleFormat.word(chunk, 0))) {
            return false;
        }
        fill(2, SECOND);
        HandleFormat.publish(chunk, 0, 0);
        return true;
    }

    /** As a reader does that has pinned whatever is there. */
    int read() {
        return HandleFormat.hasKey(chunk, 0, FILE_ID, 1) ? bytes() : MISSED;
    }

    private int bytes() {
        for (int at = 0; at < 128; at += 8) {
            if (block.get(ValueLayout.JAVA_LONG, at) != FIRST) {
                return WRONG;
            }
        }
        return RIGHT;
    }

    private void fill(long offset, long word) {
        for (int at = 0; at < 128; at += 8) {
            block.set(ValueLayout.JAVA_LONG, at, word);
        }
        HandleFormat.setKey(chunk, 0, FILE_ID, offset);
    }
}
