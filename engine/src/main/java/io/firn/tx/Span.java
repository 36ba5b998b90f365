package io.firn.tx;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import io.firn.merge.Bounds;
import java.lang.foreign.MemorySegment;

/**
 * The keys that a walk has passed since it began or jumped: from a lower key on, before an upper one.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
final class Span implements AutoCloseable {
    /** The length of an upper key that is absent: the span goes to the end. */
    static final int UNBOUNDED = -1;

    private final Scratch lowerMemory;
    private final Scratch upperMemory;
    private int lowerLength;
    private int upperLength;
    private boolean isBegun;

    Span(MemoryBudget budget) {
        lowerMemory = new Scratch(budget);
        upperMemory = new Scratch(budget);
    }

    void clear() {
        isBegun = false;
    }

    boolean isBegun() {
        return isBegun;
    }

    /** Begins with one key. */
    void beginAt(MemorySegment key, long offset, int length) {
        isBegun = true;
        setLower(key, offset, length);
        setUpperBehind(key, offset, length);
    }

    /** Begins with nothing, at the start of the bounds. */
    void beginAtStart(Bounds bounds) {
        isBegun = true;
        setLower(bounds.lower(), 0, bounds.lowerLength());
        Bytes.copy(lower(), 0, upperMemory.atLeast(lowerLength), 0, lowerLength);
        upperLength = lowerLength;
    }

    /** Begins with nothing, at the end of the bounds. */
    void beginAtEnd(Bounds bounds) {
        isBegun = true;
        upperLength = 0;
        reachEnd(bounds);
        if (upperLength == UNBOUNDED) {
            // Whatever is reached first is before this: the greatest key there can be.
            lowerLength = UNBOUNDED;
        } else {
            setLower(upper(), 0, upperLength);
        }
    }

    /** Reaches from what it has to the key. */
    void reach(MemorySegment key, long offset, int length) {
        if (lowerLength == UNBOUNDED || Bytes.compare(key, offset, length, lower(), 0, lowerLength) < 0) {
            setLower(key, offset, length);
        }
        if (upperLength != UNBOUNDED && Bytes.compare(key, offset, length, upper(), 0, upperLength) >= 0) {
            setUpperBehind(key, offset, length);
        }
    }

    /** Reaches to the start of the bounds, which may be narrower than the span. */
    void reachStart(Bounds bounds) {
        if (lowerLength == UNBOUNDED
                || Bytes.compare(bounds.lower(), 0, bounds.lowerLength(), lower(), 0, lowerLength) < 0) {
            setLower(bounds.lower(), 0, bounds.lowerLength());
        }
    }

    /** Reaches to the end of the bounds, which may be narrower than the span. */
    void reachEnd(Bounds bounds) {
        if (!bounds.hasUpper()) {
            upperLength = UNBOUNDED;
        } else if (upperLength != UNBOUNDED
                && Bytes.compare(bounds.upper(), 0, bounds.upperLength(), upper(), 0, upperLength) > 0) {
            upperLength = bounds.upperLength();
            Bytes.copy(bounds.upper(), 0, upperMemory.atLeast(upperLength), 0, upperLength);
        }
    }

    /** From offset 0 on. */
    MemorySegment lower() {
        return lowerMemory.bytes();
    }

    /** Negative if nothing was reached yet. */
    int lowerLength() {
        return lowerLength;
    }

    /** From offset 0 on. */
    MemorySegment upper() {
        return upperMemory.bytes();
    }

    int upperLength() {
        return upperLength;
    }

    /** Whether no key can be within. */
    boolean isEmpty() {
        return !isBegun || lowerLength == UNBOUNDED
                || upperLength != UNBOUNDED && Bytes.compare(lower(), 0, lowerLength, upper(), 0, upperLength) >= 0;
    }

    private void setLower(MemorySegment key, long offset, int length) {
        Bytes.copy(key, offset, lowerMemory.atLeast(length), 0, length);
        lowerLength = length;
    }

    private void setUpperBehind(MemorySegment key, long offset, int length) {
        MemorySegment memory = upperMemory.atLeast(length + 1L);
        Bytes.copy(key, offset, memory, 0, length);
        // What follows a key is the key with a zero byte behind it.
        memory.set(Layouts.BYTE, length, (byte) 0);
        upperLength = length + 1;
    }

    @Override
    public void close() {
        lowerMemory.close();
        upperMemory.close();
    }
}
