package io.firn.tx;

import io.firn.config.KeyRange;
import io.firn.error.ClosedException;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What was written lately by everybody, in commit order: as far back as the oldest live attempt began, and no more than 64 MiB or an
 * eighth of the budget of it. Who began earlier than that has to begin anew.
 *
 * <p>Invariants: (1) chunks are filled and linked under the commit lock, from memory that was acquired outside. (2) The chunks from
 * the first pinned one on are kept; those before it go when one is filled up or an attempt ends. (3) A chunk that is forgotten though it
 * is pinned keeps its memory until nobody walks: a walker counts itself, then looks whether its chunk is forgotten; who forgets
 * marks it, then looks whether anybody walks.
 *
 * <p>Threads: what says so under the commit lock; walks by any. Closed by: the oracle.
 */
final class RecentWrites implements AutoCloseable {
    static final long CHUNK_BYTES = 256 << 10;

    private static final long BYTES_MAX = 64L << 20;
    private static final int BUDGET_SHARE = 8;

    private final SlabPool slabs;
    private final long bytesMax;
    private final AtomicInteger walkers = new AtomicInteger();

    // Under the commit lock.
    private final ArrayDeque<Chunk> chunks = new ArrayDeque<>();
    private final List<Chunk> forgotten = new ArrayList<>();
    private final List<Slab> unused = new ArrayList<>();
    private @Nullable Slab spare;
    private long keptBytes;

    RecentWrites(SlabPool slabs, long bytesMax) {
        this.slabs = slabs;
        this.bytesMax = bytesMax;
    }

    /** How much is remembered with such a budget. */
    static long bytesMax(long budgetBytes) {
        return Math.min(BYTES_MAX, budgetBytes / BUDGET_SHARE);
    }

    // ---- writing, under the commit lock

    /** Moves the position to the end, for an attempt that begins; false if there is no chunk for it yet. */
    boolean pinEnd(Position position) {
        if ((chunks.isEmpty() || chunks.getLast().isForgotten) && !append()) {
            return false;
        }
        position.pin(chunks.getLast());
        return true;
    }

    boolean hasRoom(long keyBytes, int keys) {
        long bytes = keyBytes + (long) keys * Chunk.HEADER_BYTES;
        return bytes <= chunks.getLast().leftBytes() || hasSpare(keyBytes, keys);
    }

    /** Whether the spare slab alone would do. */
    boolean hasSpare(long keyBytes, int keys) {
        return spare != null && keyBytes + (long) keys * Chunk.HEADER_BYTES <= spare.sizeBytes();
    }

    void note(int keyspaceId, MemorySegment key, long offset, int length) {
        Chunk chunk = chunkFor(Chunk.HEADER_BYTES + length);
        if (chunk != null) {
            int at = chunk.endOffset;
            putHeader(chunk.bytes, at, keyspaceId, length, Chunk.KEY);
            Bytes.copy(key, offset, chunk.bytes, at + Chunk.HEADER_BYTES, length);
            chunk.endOffset = at + Chunk.HEADER_BYTES + length;
        }
    }

    void note(int keyspaceId, KeyRange range) {
        byte[] lower = range.lower();
        byte @Nullable [] upper = range.upper();
        int upperLength = upper == null ? Span.UNBOUNDED : upper.length;
        int bytes = Chunk.HEADER_BYTES + lower.length + Math.max(0, upperLength);
        Chunk chunk = chunkFor(bytes);
        if (chunk == null) {
            return;
        }
        int at = chunk.endOffset;
        putHeader(chunk.bytes, at, keyspaceId, lower.length, upperLength);
        MemorySegment.copy(lower, 0, chunk.bytes, Layouts.BYTE, at + Chunk.HEADER_BYTES, lower.length);
        if (upper != null) {
            MemorySegment.copy(
                    upper, 0, chunk.bytes, Layouts.BYTE, at + Chunk.HEADER_BYTES + lower.length, upperLength);
        }
        chunk.endOffset = at + bytes;
    }

    private static void putHeader(MemorySegment target, int at, int keyspaceId, int lowerLength, int upperLength) {
        target.set(Layouts.INT_LE, at, keyspaceId);
        target.set(Layouts.INT_LE, at + 4L, lowerLength);
        target.set(Layouts.INT_LE, at + 8L, upperLength);
    }

    /** Null if there is no room: then all is forgotten, so that nobody misses what cannot be noted. */
    private @Nullable Chunk chunkFor(int bytes) {
        if (bytes <= chunks.getLast().leftBytes() || append() && bytes <= chunks.getLast().leftBytes()) {
            return chunks.getLast();
        }
        chunks.forEach(each -> each.isForgotten = true);
        return null;
    }

    /** Goes on in the spare slab, if there is one. */
    private boolean append() {
        Slab slab = spare;
        if (slab == null) {
            return false;
        }
        spare = null;
        Chunk chunk = new Chunk(slab);
        Chunk last = chunks.peekLast();
        chunks.add(chunk);
        keptBytes += slab.sizeBytes();
        if (last != null) {
            last.next = chunk;
        }
        trim();
        return true;
    }

    /** Lets go of what nobody will ask for, and of the oldest of what is too much. */
    void trim() {
        while (chunks.size() > 1 && (chunks.getFirst().pins.get() == 0 || keptBytes > bytesMax)) {
            Chunk first = chunks.removeFirst();
            keptBytes -= first.slab.sizeBytes();
            if (first.pins.get() == 0) {
                unused.add(first.slab);
            } else {
                first.isForgotten = true;
                forgotten.add(first);
            }
        }
        if (!forgotten.isEmpty() && walkers.get() == 0) {
            forgotten.forEach(each -> unused.add(each.slab));
            forgotten.clear();
        }
    }

    /** Takes a slab as spare if there is none of its size; answers those that are to be given back outside the lock. */
    List<Slab> exchange(@Nullable Slab slab) {
        Slab former = spare;
        if (slab != null && (former == null || former.sizeBytes() < slab.sizeBytes())) {
            spare = slab;
            slab = former;
        }
        trim();
        List<Slab> surplus = List.copyOf(unused);
        unused.clear();
        if (slab == null) {
            return surplus;
        }
        List<Slab> all = new ArrayList<>(surplus);
        all.add(slab);
        return all;
    }

    // ---- outside the lock

    /** A slab for so many keys. */
    Slab acquire(long keyBytes, int keys) {
        long bytes = Math.max(CHUNK_BYTES, keyBytes + (long) keys * Chunk.HEADER_BYTES);
        try {
            Slab slab = slabs.tryAcquireBeyondLimit(Long.highestOneBit(bytes - 1) << 1);
            if (slab == null) {
                throw new OutOfMemoryError("no native memory for " + bytes + " bytes of recent writes");
            }
            return slab;
        } catch (IllegalStateException e) {
            throw new ClosedException("the database is closed");
        }
    }

    void giveBack(List<Slab> surplus) {
        surplus.forEach(slabs::release);
    }

    /**
     * Moves the position over what was noted since, up to the end or to what meets the read set; false if it was met, or if there is
     * something that is no longer known.
     */
    boolean isUnread(Position position, ReadSet reads) {
        walkers.getAndIncrement();
        try {
            if (position.pinned().isForgotten) {
                position.forget();
                return false;
            }
            while (true) {
                Chunk chunk = position.chunk();
                // Before the end: when there is a next one, this one's end is final.
                Chunk next = chunk.next;
                if (!isUnread(chunk, chunk.endOffset, position, reads)) {
                    return false;
                }
                if (next == null) {
                    return true;
                }
                position.enter(next);
            }
        } finally {
            walkers.getAndDecrement();
        }
    }

    private static boolean isUnread(Chunk chunk, int endOffset, Position position, ReadSet reads) {
        MemorySegment bytes = chunk.bytes;
        int at = position.offset();
        while (at < endOffset) {
            int keyspaceId = bytes.get(Layouts.INT_LE, at);
            int lowerLength = bytes.get(Layouts.INT_LE, at + 4L);
            int upperLength = bytes.get(Layouts.INT_LE, at + 8L);
            int lower = at + Chunk.HEADER_BYTES;
            boolean isMet = upperLength == Chunk.KEY
                    ? reads.contains(keyspaceId, bytes, lower, lowerLength)
                    : reads.overlaps(keyspaceId, bytes, lower, lowerLength, lower + lowerLength, upperLength);
            if (isMet) {
                position.stop(at);
                return false;
            }
            at = lower + lowerLength + Math.max(0, upperLength);
        }
        position.stop(at);
        return true;
    }

    @Override
    public void close() {
        chunks.forEach(each -> slabs.release(each.slab));
        forgotten.forEach(each -> slabs.release(each.slab));
        unused.forEach(slabs::release);
        chunks.clear();
        forgotten.clear();
        unused.clear();
        if (spare != null) {
            slabs.release(spare);
            spare = null;
        }
    }
}
