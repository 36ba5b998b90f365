package io.firn.merge;

import io.firn.config.KeyRange;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The two keys between which a cursor shows entries: at or after the lower, before the upper.
 *
 * <p>Invariants: (1) an empty lower key bounds nothing, since every key is after it. (2) The upper key may be absent;
 * an empty one leaves nothing.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
public final class Bounds implements AutoCloseable {
    private static final int ABSENT = -1;

    private final Scratch lowerMemory;
    private final Scratch upperMemory;
    private int lowerLength;
    private int upperLength = ABSENT;

    public Bounds(MemoryBudget budget) {
        lowerMemory = new Scratch(budget);
        upperMemory = new Scratch(budget);
    }

    /** To those of all keys. */
    public void clear() {
        lowerLength = 0;
        upperLength = ABSENT;
    }

    /** To those of a range. */
    public void set(KeyRange range) {
        clear();
        byte[] lower = range.lower();
        lowerLength = lower.length;
        copy(lower, lowerMemory);
        byte @Nullable [] upper = range.upper();
        if (upper != null) {
            upperLength = upper.length;
            copy(upper, upperMemory);
        }
    }

    /** Leaves nothing up to the key, and not the key. */
    public void raiseBehind(MemorySegment key, long keyOffset, int keyLength) {
        MemorySegment memory = lowerMemory.atLeast(keyLength + 1L);
        Bytes.copy(key, keyOffset, memory, 0, keyLength);
        // What follows a key is the key with a zero byte behind it.
        memory.set(Layouts.BYTE, keyLength, (byte) 0);
        lowerLength = keyLength + 1;
    }

    /** Leaves nothing before a key of this length, which the caller writes into the memory that this gives, so many bytes of it. */
    public MemorySegment raiseTo(int keyLength, int writtenBytes) {
        lowerLength = keyLength;
        return lowerMemory.atLeast(writtenBytes);
    }

    /** Leaves nothing from the key on. */
    public void cutAt(MemorySegment key, long keyOffset, int keyLength) {
        Bytes.copy(key, keyOffset, upperMemory.atLeast(keyLength), 0, keyLength);
        upperLength = keyLength;
    }

    /** Leaves nothing. */
    public void empty() {
        upperLength = 0;
    }

    public boolean hasLower() {
        return lowerLength > 0;
    }

    public boolean hasUpper() {
        return upperLength != ABSENT;
    }

    /** The lower key, from offset 0 on. */
    public MemorySegment lower() {
        return lowerMemory.bytes();
    }

    public int lowerLength() {
        return lowerLength;
    }

    /** The upper key, from offset 0 on, if there is one. */
    public MemorySegment upper() {
        return upperMemory.bytes();
    }

    public int upperLength() {
        assert hasUpper() : "no upper bound";
        return upperLength;
    }

    /** Whether a key comes before the range. */
    public boolean isBelow(MemorySegment key, long keyOffset, int keyLength) {
        return lowerLength > 0
                && Bytes.compare(key, keyOffset, keyLength, lowerMemory.bytes(), 0, lowerLength) < 0;
    }

    /** Whether a key comes behind the range. */
    public boolean isAbove(MemorySegment key, long keyOffset, int keyLength) {
        return upperLength != ABSENT
                && Bytes.compare(key, keyOffset, keyLength, upperMemory.bytes(), 0, upperLength) >= 0;
    }

    @Override
    public void close() {
        clear();
        lowerMemory.close();
        upperMemory.close();
    }

    private static void copy(byte[] key, Scratch memory) {
        MemorySegment.copy(key, 0, memory.atLeast(key.length), Layouts.BYTE, 0, key.length);
    }
}
