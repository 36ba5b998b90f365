package io.firn.cache;

import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The native memory of one cache: pieces with an arena of their own, so that each can be closed alone, and what stays until all is
 * closed, in one arena, since closing one stops other threads.
 *
 * <p>Invariants: (1) all memory is charged to the budget until it is closed. (2) Nobody is asked to make room for any:
 * what a cache could win by that is less than what others lose.
 *
 * <p>Threads: any. Closed by: its cache, with all pieces that are left: a late access throws (R22). Not final, so that
 * a test can use memory again.
 */
class CacheMemory {
    private final MemoryBudget budget;
    private final Set<Piece> open = Collections.newSetFromMap(new IdentityHashMap<>());
    private @Nullable Arena lasting;
    private long lastingBytes;
    private boolean isClosed;

    /** A part of the memory; its bytes are zeros at first. */
    record Piece(Arena arena, MemorySegment bytes) {
        long sizeBytes() {
            return bytes.byteSize();
        }
    }

    CacheMemory(MemoryBudget budget) {
        this.budget = budget;
    }

    /** What the budget has left, for all who want some. */
    long leftBytes() {
        return budget.leftBytes();
    }

    /** So many bytes; null if the budget or the machine does not give them. */
    @Nullable Piece tryAllocate(long bytes) {
        if (!budget.tryReserve(bytes)) {
            return null;
        }
        Arena arena = Arena.ofShared();
        Piece piece;
        try {
            piece = new Piece(arena, arena.allocate(bytes, 64));
        } catch (OutOfMemoryError e) {
            arena.close();
            budget.release(bytes);
            return null;
        }
        synchronized (this) {
            if (!isClosed) {
                open.add(piece);
                return piece;
            }
        }
        close(piece);
        throw new IllegalStateException("the block cache is closed");
    }

    /** So many bytes that are never closed alone, zeros at first; null if the budget or the machine does not give them. */
    @Nullable MemorySegment tryAllocateLasting(long bytes) {
        if (!budget.tryReserve(bytes)) {
            return null;
        }
        MemorySegment memory = null;
        try {
            memory = allocateLasting(bytes);
        } catch (OutOfMemoryError e) {
            return null;
        } finally {
            if (memory == null) {
                budget.release(bytes);
            }
        }
        return memory;
    }

    private synchronized MemorySegment allocateLasting(long bytes) {
        if (isClosed) {
            throw new IllegalStateException("the block cache is closed");
        }
        Arena arena = lasting == null ? Arena.ofShared() : lasting;
        lasting = arena;
        MemorySegment memory = arena.allocate(bytes, 64);
        lastingBytes += bytes;
        return memory;
    }

    void free(Piece piece) {
        synchronized (this) {
            if (!open.remove(piece)) {
                // The whole was closed meanwhile.
                return;
            }
        }
        close(piece);
    }

    void close() {
        List<Piece> rest;
        Arena last;
        long lastBytes;
        synchronized (this) {
            isClosed = true;
            rest = List.copyOf(open);
            open.clear();
            last = lasting;
            lasting = null;
            lastBytes = lastingBytes;
            lastingBytes = 0;
        }
        rest.forEach(this::close);
        if (last != null) {
            last.close();
            budget.release(lastBytes);
        }
    }

    private void close(Piece piece) {
        piece.arena.close();
        budget.release(piece.sizeBytes());
    }
}
