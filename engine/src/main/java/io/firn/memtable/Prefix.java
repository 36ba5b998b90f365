package io.firn.memtable;

import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Layouts;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The bytes that the keys of a memtable are guessed to begin with; heads are taken behind them. A wrong guess costs
 * time, since heads are then equal and whole keys are compared, but never an answer.
 */
public final class Prefix {
    /** What is known before there is a memtable to learn from. */
    public static final Prefix NONE = new Prefix(new byte[0]);

    static final int BYTES_MAX = 124;

    /** A head has one bit less than 8 bytes. */
    private static final int WHOLE_HEAD_BYTES = 7;

    private final byte[] bytes;

    private Prefix(byte[] bytes) {
        this.bytes = bytes;
    }

    /**
     * A guess from two keys that stand for all others: what they share, less {@code slackBytes} for keys that go on
     * rising, and leaving a head's worth of the longer key.
     */
    static Prefix shared(
            MemorySegment a, long aOffset, int aLength, MemorySegment b, long bOffset, int bLength, int slackBytes) {
        int shared = Bytes.sharedPrefix(a, aOffset, aLength, b, bOffset, bLength);
        int length = Math.min(shared - slackBytes, Math.max(aLength, bLength) - WHOLE_HEAD_BYTES);
        if (length <= 0) {
            return NONE;
        }
        byte[] bytes = new byte[Math.min(length, BYTES_MAX)];
        MemorySegment.copy(a, Layouts.BYTE, aOffset, bytes, 0, bytes.length);
        return new Prefix(bytes);
    }

    boolean isEmpty() {
        return bytes.length == 0;
    }

    int length() {
        return bytes.length;
    }

    void copyTo(MemorySegment target, long offset) {
        MemorySegment.copy(bytes, 0, target, Layouts.BYTE, offset, bytes.length);
    }

    /** As much of it as a key begins with. */
    Prefix sharedWith(MemorySegment key, long offset, int keyLength) {
        int shared = 0;
        while (shared < Math.min(bytes.length, keyLength) && key.get(Layouts.BYTE, offset + shared) == bytes[shared]) {
            shared++;
        }
        return shared == bytes.length ? this : new Prefix(Arrays.copyOf(bytes, shared));
    }

    /** Whether a key begins with these bytes. */
    boolean isPrefixOf(MemorySegment key, long offset, int keyLength) {
        return sharedWith(key, offset, keyLength) == this;
    }

    @Override
    public String toString() {
        return "prefix of " + bytes.length + " bytes";
    }
}
