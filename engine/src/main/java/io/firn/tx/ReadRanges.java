package io.firn.tx;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.agrona.collections.IntHashSet;

/**
 * The ranges that a transaction has read, of all keyspaces.
 *
 * <p>Invariants: (1) sorted by keyspace and key, and disjoint: what overlaps or touches is one. (2) Keys lie in private memory, one
 * behind the other; what became part of another range stays there unused. (3) Of a keyspace that is read as a whole there is no range.
 * (4) When the keys take more than 4 MiB every keyspace with ranges counts as read as a whole, so that the memory has a limit.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
final class ReadRanges implements AutoCloseable {
    static final long KEYS_BYTES_MAX = 4 << 20;

    private final Scratch memory;
    private long usedBytes;

    private int[] keyspaces = new int[8];
    private long[] lowers = new long[8];
    private int[] lowerLengths = new int[8];
    private long[] uppers = new long[8];
    private int[] upperLengths = new int[8];
    private int count;
    private final IntHashSet wholes = new IntHashSet();

    ReadRanges(MemoryBudget budget) {
        memory = new Scratch(budget);
    }

    boolean isEmpty() {
        return count == 0 && wholes.isEmpty();
    }

    void clear() {
        count = 0;
        usedBytes = 0;
        wholes.clear();
        if (memory.bytes().byteSize() > KEYS_BYTES_MAX / 64) {
            memory.close();
        }
    }

    /** The whole keyspace was read. */
    void addWhole(int keyspaceId) {
        if (wholes.add(keyspaceId)) {
            int first = firstOf(keyspaceId);
            int next = firstOf(keyspaceId + 1);
            moveDown(next, first);
        }
    }

    void add(int keyspaceId, Span span) {
        if (span.isEmpty() || wholes.contains(keyspaceId)) {
            return;
        }
        int begin = firstEndingAtOrBehind(keyspaceId, span.lower(), span.lowerLength());
        int end = begin;
        while (end < count && keyspaces[end] == keyspaceId && isAtOrBefore(end, span)) {
            end++;
        }
        if (end == begin + 1 && holds(begin, span)) {
            return;
        }
        if (usedBytes + span.lowerLength() + Math.max(0, span.upperLength()) > KEYS_BYTES_MAX) {
            coarsen();
            addWhole(keyspaceId);
            return;
        }
        put(keyspaceId, span, begin, end);
    }

    /** Whether a key was read. */
    boolean contains(int keyspaceId, MemorySegment key, long offset, int length) {
        if (count > 0) {
            int at = firstEndingAtOrBehind(keyspaceId, key, offset, length);
            // A range may end just before the key.
            for (; at < count && keyspaces[at] == keyspaceId && compareLower(at, key, offset, length) <= 0; at++) {
                if (upperLengths[at] == Span.UNBOUNDED || compareUpper(at, key, offset, length) > 0) {
                    return true;
                }
            }
        }
        return !wholes.isEmpty() && wholes.contains(keyspaceId);
    }

    /** Whether any key was read that is at or after the lower one and, if there is one, before the upper one. */
    boolean overlaps(
            int keyspaceId, MemorySegment keys, long lower, int lowerLength, long upper, int upperLength) {
        if (wholes.contains(keyspaceId)) {
            return true;
        }
        int at = firstEndingAtOrBehind(keyspaceId, keys, lower, lowerLength);
        for (; at < count && keyspaces[at] == keyspaceId; at++) {
            if (upperLength != Span.UNBOUNDED && compareLower(at, keys, upper, upperLength) >= 0) {
                return false;
            }
            if (upperLengths[at] == Span.UNBOUNDED || compareUpper(at, keys, lower, lowerLength) > 0) {
                return true;
            }
        }
        return false;
    }

    /** Replaces the ranges from begin on, before end, by what they and the span make. */
    private void put(int keyspaceId, Span span, int begin, int end) {
        long lower;
        int lowerLength;
        if (begin < end && compareLower(begin, span.lower(), 0, span.lowerLength()) <= 0) {
            lower = lowers[begin];
            lowerLength = lowerLengths[begin];
        } else {
            lowerLength = span.lowerLength();
            lower = append(span.lower(), lowerLength);
        }
        long upper;
        int upperLength;
        if (begin < end && isEndOutside(end - 1, span)) {
            upper = uppers[end - 1];
            upperLength = upperLengths[end - 1];
        } else {
            upperLength = span.upperLength();
            upper = upperLength == Span.UNBOUNDED ? 0 : append(span.upper(), upperLength);
        }
        makeRoom(begin, end);
        keyspaces[begin] = keyspaceId;
        lowers[begin] = lower;
        lowerLengths[begin] = lowerLength;
        uppers[begin] = upper;
        upperLengths[begin] = upperLength;
    }

    private void coarsen() {
        while (count > 0) {
            addWhole(keyspaces[count - 1]);
        }
        usedBytes = 0;
    }

    private long append(MemorySegment key, int length) {
        long at = usedBytes;
        usedBytes += length;
        Bytes.copy(key, 0, memory.atLeastKeeping(usedBytes, at), at, length);
        return at;
    }

    /** Makes the entries from begin on, before end, exactly one. */
    private void makeRoom(int begin, int end) {
        if (begin < end) {
            moveDown(end, begin + 1);
            return;
        }
        if (count == keyspaces.length) {
            keyspaces = Arrays.copyOf(keyspaces, 2 * count);
            lowers = Arrays.copyOf(lowers, 2 * count);
            lowerLengths = Arrays.copyOf(lowerLengths, 2 * count);
            uppers = Arrays.copyOf(uppers, 2 * count);
            upperLengths = Arrays.copyOf(upperLengths, 2 * count);
        }
        move(begin, begin + 1);
        count++;
    }

    private void moveDown(int from, int to) {
        move(from, to);
        count -= from - to;
    }

    private void move(int from, int to) {
        int moved = count - from;
        System.arraycopy(keyspaces, from, keyspaces, to, moved);
        System.arraycopy(lowers, from, lowers, to, moved);
        System.arraycopy(lowerLengths, from, lowerLengths, to, moved);
        System.arraycopy(uppers, from, uppers, to, moved);
        System.arraycopy(upperLengths, from, upperLengths, to, moved);
    }

    // ---- order

    private int firstOf(int keyspaceId) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = low + high >>> 1;
            if (keyspaces[middle] < keyspaceId) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private int firstEndingAtOrBehind(int keyspaceId, MemorySegment key, int length) {
        return firstEndingAtOrBehind(keyspaceId, key, 0, length);
    }

    private int firstEndingAtOrBehind(int keyspaceId, MemorySegment key, long offset, int length) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = low + high >>> 1;
            if (keyspaces[middle] < keyspaceId
                    || keyspaces[middle] == keyspaceId && upperLengths[middle] != Span.UNBOUNDED
                            && compareUpper(middle, key, offset, length) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private boolean isAtOrBefore(int range, Span span) {
        return span.upperLength() == Span.UNBOUNDED || compareLower(range, span.upper(), 0, span.upperLength()) <= 0;
    }

    private boolean holds(int range, Span span) {
        return compareLower(range, span.lower(), 0, span.lowerLength()) <= 0 && isEndOutside(range, span);
    }

    private boolean isEndOutside(int range, Span span) {
        return upperLengths[range] == Span.UNBOUNDED
                || span.upperLength() != Span.UNBOUNDED && compareUpper(range, span.upper(), 0, span.upperLength()) >= 0;
    }

    private int compareLower(int range, MemorySegment key, long offset, int length) {
        return Bytes.compare(memory.bytes(), lowers[range], lowerLengths[range], key, offset, length);
    }

    private int compareUpper(int range, MemorySegment key, long offset, int length) {
        return Bytes.compare(memory.bytes(), uppers[range], upperLengths[range], key, offset, length);
    }

    @Override
    public void close() {
        memory.close();
    }
}
