package io.firn.memtable;

import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The slabs of one memtable, each of twice the size of the one before, filled from the start and never emptied.
 *
 * <p>Invariants: (1) a later allocation has a larger reference (as an unsigned number). (2) What was allocated never
 * moves. (3) If {@link #holds} has answered true for a sum, allocations up to that sum, with what their alignment
 * takes, succeed: they go to the slabs in turn, and whatever passes the slabs before it finds the one that holds the
 * whole sum untouched. (4) The slabs sum to at most the limit, but for one that a single large reservation asked for.
 *
 * <p>Threads: the writer; segments are read by anyone who has read a reference in a validated node.
 *
 * <p>Closed by: the memtable, which gives the slabs back to their pool.
 */
final class SlabChain {
    static final long FIRST_BYTES_MAX = 256 * 1024;
    static final long FIRST_BYTES_MIN = 2 * 1024;

    private static final int UNIT_BYTES_LOG = 3;
    private static final int SLAB_ALIGNMENT_BYTES = 64;

    /** The index of no slab; a reference of 0 leads here. */
    private static final int NO_SLAB = Integer.SIZE;

    private final SlabPool pool;
    private final long limitBytes;
    private final long firstBytes;

    /** By the number of leading zeros of the references into it; so the first slab has the highest index. */
    private final MemorySegment[] segments = new MemorySegment[NO_SLAB + 1];

    /** The same, read-only: what values are handed out by. */
    private final MemorySegment[] views = new MemorySegment[NO_SLAB + 1];

    private final List<Slab> slabs = new ArrayList<>();

    /** The slab that is being filled, and the last one provided. */
    private int current = NO_SLAB;
    private int last = NO_SLAB;

    private long currentUsedBytes;
    private long passedUsedBytes;
    private long slabBytes;
    private long lastBytes;
    private boolean isExempt;

    SlabChain(SlabPool pool, long limitBytes, long firstBytesMax) {
        this.pool = pool;
        this.limitBytes = limitBytes;
        firstBytes = Math.clamp(Long.highestOneBit(limitBytes), FIRST_BYTES_MIN, firstBytesMax);
    }

    MemorySegment[] segments() {
        return segments;
    }

    MemorySegment[] views() {
        return views;
    }

    static MemorySegment segment(MemorySegment[] segments, int reference) {
        return segments[Integer.numberOfLeadingZeros(reference)];
    }

    static long offset(int reference) {
        return (long) (reference & Integer.MAX_VALUE >>> Integer.numberOfLeadingZeros(reference)) << UNIT_BYTES_LOG;
    }

    /** Whether one of the slabs that are not passed yet has so many bytes left. */
    boolean holds(long bytes) {
        if (current == NO_SLAB) {
            return false;
        }
        if (bytes <= segments[current].byteSize() - currentUsedBytes) {
            return true;
        }
        for (int index = current - 1; last <= index; index--) {
            if (segments[index] != null && bytes <= segments[index].byteSize()) {
                return true;
            }
        }
        return false;
    }

    /** Whether the slab being filled is the last one and more than half used. */
    boolean isLastHalfUsed() {
        return current != NO_SLAB && current == last && 2 * currentUsedBytes > segments[current].byteSize();
    }

    /** The size of the next slab if it is to hold so many bytes; 0 if the limit forbids it. */
    long nextSlabBytes(long leastBytes, boolean isPassingLimitAllowed) {
        long leftBytes = limitBytes - slabBytes;
        long doubledBytes = lastBytes == 0 ? firstBytes : 2 * lastBytes;
        long bytes = Math.max(doubledBytes, powerOfTwoFrom(leastBytes));
        if (bytes > leftBytes) {
            long largestBytes = leftBytes <= 0 ? 0 : Long.highestOneBit(leftBytes);
            long exactBytes = roundUp(leastBytes);
            if (firstBytes <= largestBytes && leastBytes <= largestBytes) {
                bytes = largestBytes;
            } else if (0 < leastBytes && (exactBytes <= leftBytes || isPassingLimitAllowed)) {
                bytes = exactBytes;
            } else {
                return 0;
            }
        }
        return 0 <= indexFor(bytes) ? bytes : 0;
    }

    void provide(Slab slab) {
        int index = indexFor(slab.sizeBytes());
        if (index < 0) {
            throw new IllegalStateException("no references left for a slab of " + slab.sizeBytes() + " bytes");
        }
        slabs.add(slab);
        segments[index] = slab.bytes();
        views[index] = slab.view();
        slabBytes += slab.sizeBytes();
        lastBytes = slab.sizeBytes();
        last = index;
        if (current == NO_SLAB) {
            current = index;
        }
    }

    /** A reference to bytes whose content is undefined. */
    int allocate(long bytes, int alignmentBytes) {
        while (current != NO_SLAB) {
            long offset = currentUsedBytes + alignmentBytes - 1 & -alignmentBytes;
            if (offset + bytes <= segments[current].byteSize()) {
                currentUsedBytes = offset + bytes;
                return Integer.MIN_VALUE >>> current | (int) (offset >>> UNIT_BYTES_LOG);
            }
            if (current == last) {
                break;
            }
            pass();
        }
        throw new IllegalStateException("no room for " + bytes + " bytes in a memtable: they were not reserved");
    }

    long usedBytes() {
        return passedUsedBytes + currentUsedBytes;
    }

    long slabBytes() {
        return slabBytes;
    }

    /** False if there is nothing to exempt any more. */
    boolean exempt() {
        if (isExempt || slabs.isEmpty()) {
            return false;
        }
        slabs.forEach(pool::exempt);
        isExempt = true;
        return true;
    }

    void free() {
        for (Slab slab : slabs) {
            pool.release(slab);
        }
        slabs.clear();
    }

    private void pass() {
        passedUsedBytes += currentUsedBytes;
        currentUsedBytes = 0;
        do {
            current--;
        } while (segments[current] == null);
    }

    /**
     * Behind the last slab, and wide enough that every offset in it has a reference; negative if there is none left.
     */
    private int indexFor(long bytes) {
        long units = powerOfTwoFrom(bytes) >>> UNIT_BYTES_LOG;
        return Math.min(last - 1, Long.numberOfLeadingZeros(units) - Integer.SIZE);
    }

    private static long powerOfTwoFrom(long bytes) {
        return bytes <= 1 ? bytes : Long.highestOneBit(bytes - 1) << 1;
    }

    private static long roundUp(long bytes) {
        return bytes + SLAB_ALIGNMENT_BYTES - 1 & -SLAB_ALIGNMENT_BYTES;
    }
}
