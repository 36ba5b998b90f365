package io.firn.memtable;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Where the parts of a node lie, and how one writer and any number of readers share it without a lock (R18).
 *
 * <p>Threads: {@link #beginChange} and {@link #endChange} the writer; {@link #enter} and {@link #isUnchanged} any.
 */
final class NodeFormat {
    static final int SLOTS = 64;
    static final int ALIGNMENT_BYTES = 64;
    static final int LEAF_BYTES = 832;
    static final int INNER_BYTES = 1088;

    /**
     * Heads are not negative, so that one can be subtracted from another. No head is above this one, so unused slots
     * never count as below a head.
     */
    static final long HEAD_MAX = Long.MAX_VALUE;

    static final long HEAD_MIN = 0;

    static final int HEADS = 64;
    static final int ENTRIES = 576;
    static final int CHILDREN = 832;

    private static final int VERSION = 0;
    private static final int NEXT = 8;
    private static final int UPPER_ENTRY = 12;
    private static final int UPPER_HEAD = 16;
    private static final int COUNT = 24;
    private static final int LEVEL = 28;

    private static final VarHandle VERSION_HANDLE = ValueLayout.JAVA_LONG.varHandle();
    private static final int SPINS_BEFORE_YIELD = 64;

    private NodeFormat() {}

    /**
     * The even version that a read of the node starts from; waits while the writer is at work in it. PoisonedException if its
     * work has ended in the middle.
     */
    static long enter(MemorySegment segment, long base, SkipList list) {
        // acquire: pairs with the release in endChange()
        long version = (long) VERSION_HANDLE.getAcquire(segment, base + VERSION);
        return (version & 1) == 0 ? version : enterWhenEven(segment, base, list);
    }

    private static long enterWhenEven(MemorySegment segment, long base, SkipList list) {
        for (int spins = 0; ; spins++) {
            // acquire: pairs with the release in endChange()
            long version = (long) VERSION_HANDLE.getAcquire(segment, base + VERSION);
            if ((version & 1) == 0) {
                return version;
            }
            list.checkWhole();
            if (spins < SPINS_BEFORE_YIELD) {
                Thread.onSpinWait();
            } else {
                // The writer lost its processor in the middle of a change.
                Thread.yield();
            }
        }
    }

    /** Whether everything that was read since {@link #enter} belongs together. */
    static boolean isUnchanged(MemorySegment segment, long base, long version) {
        // acquire: pairs with the release fence in beginChange(): who read a byte of a change reads its odd version
        // here
        VarHandle.acquireFence();
        return (long) VERSION_HANDLE.getOpaque(segment, base + VERSION) == version;
    }

    static void beginChange(MemorySegment segment, long base) {
        long version = segment.get(LONG_LE, base + VERSION);
        assert (version & 1) == 0 : "a change within a change of a node";
        // opaque, then a release fence: pairs with the acquire fence in isUnchanged()
        VERSION_HANDLE.setOpaque(segment, base + VERSION, version + 1);
        VarHandle.releaseFence();
    }

    static void endChange(MemorySegment segment, long base) {
        long version = segment.get(LONG_LE, base + VERSION);
        assert (version & 1) == 1 : "the end of a change that did not begin";
        // release: pairs with the acquire in enter()
        VERSION_HANDLE.setRelease(segment, base + VERSION, version + 1);
    }

    /** An empty node, which nobody else sees yet. */
    static void write(MemorySegment segment, long base, int level) {
        segment.set(LONG_LE, base + VERSION, 0);
        segment.set(INT_LE, base + NEXT, 0);
        segment.set(INT_LE, base + UPPER_ENTRY, 0);
        segment.set(LONG_LE, base + UPPER_HEAD, 0);
        segment.set(INT_LE, base + COUNT, 0);
        segment.set(INT_LE, base + LEVEL, level);
        clearHeads(segment, base, 0, SLOTS);
    }

    static void clearHeads(MemorySegment segment, long base, int from, int to) {
        for (int at = from; at < to; at++) {
            segment.set(LONG_LE, base + HEADS + 8L * at, HEAD_MAX);
        }
    }

    static int bytes(int level) {
        return level == 0 ? LEAF_BYTES : INNER_BYTES;
    }

    static int next(MemorySegment segment, long base) {
        return segment.get(INT_LE, base + NEXT);
    }

    /** The first entry of the right neighbour, 0 if there is none. */
    static int upperEntry(MemorySegment segment, long base) {
        return segment.get(INT_LE, base + UPPER_ENTRY);
    }

    static long upperHead(MemorySegment segment, long base) {
        return segment.get(LONG_LE, base + UPPER_HEAD);
    }

    static void setNext(MemorySegment segment, long base, int next, int upperEntry, long upperHead) {
        segment.set(INT_LE, base + NEXT, next);
        segment.set(INT_LE, base + UPPER_ENTRY, upperEntry);
        segment.set(LONG_LE, base + UPPER_HEAD, upperHead);
    }

    static int count(MemorySegment segment, long base) {
        return segment.get(INT_LE, base + COUNT);
    }

    static void setCount(MemorySegment segment, long base, int count) {
        segment.set(INT_LE, base + COUNT, count);
    }

    /** Never changes. */
    static int level(MemorySegment segment, long base) {
        return segment.get(INT_LE, base + LEVEL);
    }

    static long head(MemorySegment segment, long base, int at) {
        return segment.get(LONG_LE, base + HEADS + 8L * at);
    }

    static int entry(MemorySegment segment, long base, int at) {
        return segment.get(INT_LE, base + ENTRIES + 4L * at);
    }

    static int child(MemorySegment segment, long base, int at) {
        return segment.get(INT_LE, base + CHILDREN + 4L * at);
    }

    static void setSlot(MemorySegment segment, long base, int at, long head, int entry) {
        segment.set(LONG_LE, base + HEADS + 8L * at, head);
        segment.set(INT_LE, base + ENTRIES + 4L * at, entry);
    }

    static void setChild(MemorySegment segment, long base, int at, int child) {
        segment.set(INT_LE, base + CHILDREN + 4L * at, child);
    }

    /** Copies slots, within a node or to another; a node of level 0 has no children to copy. */
    static void copySlots(
            MemorySegment source, long sourceBase, int from, MemorySegment target, long targetBase, int to, int count,
            int level) {
        MemorySegment.copy(source, sourceBase + HEADS + 8L * from, target, targetBase + HEADS + 8L * to, 8L * count);
        MemorySegment.copy(
                source, sourceBase + ENTRIES + 4L * from, target, targetBase + ENTRIES + 4L * to, 4L * count);
        if (level > 0) {
            MemorySegment.copy(
                    source, sourceBase + CHILDREN + 4L * from, target, targetBase + CHILDREN + 4L * to, 4L * count);
        }
    }

    /**
     * The number of heads below a head. One head of each of the 8 cache lines is read first, which are misses that
     * overlap; then the 8 heads of the line that it must be in. By subtraction, not by comparison: a comparison
     * becomes a branch where the first thousands of calls came in key order, and then every second one is
     * mispredicted (gets twice as slow).
     */
    static int countBelow(MemorySegment segment, long base, long head) {
        long heads = base + HEADS;
        long line = 0;
        for (int at = 1; at < 8; at++) {
            line += segment.get(LONG_LE, heads + 64L * at) - head >>> 63;
        }
        long below = line << 3;
        long lineHeads = heads + (line << 6);
        for (int at = 0; at < 8; at++) {
            below += segment.get(LONG_LE, lineHeads + 8L * at) - head >>> 63;
        }
        return (int) below;
    }
}
