package io.firn.cache;

import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/** The memory of one sample's cache, used again for the next ones: a test makes thousands. */
final class RecycledMemory extends CacheMemory {
    private static final MemoryBudget BUDGET = MemoryBudget.ofMebibytes(4096);
    private static final Map<Long, Queue<Piece>> FREE = new ConcurrentHashMap<>();

    private final List<Piece> taken = new ArrayList<>();

    RecycledMemory() {
        super(BUDGET);
    }

    @Override
    Piece tryAllocate(long bytes) {
        Piece piece = queue(bytes).poll();
        if (piece == null) {
            piece = super.tryAllocate(bytes);
        } else {
            piece.bytes().fill((byte) 0);
        }
        synchronized (taken) {
            taken.add(piece);
        }
        return piece;
    }

    @Override
    MemorySegment tryAllocateLasting(long bytes) {
        return tryAllocate(bytes).bytes();
    }

    /** What the sample gives back goes with the rest. */
    @Override
    void free(Piece piece) {}

    /** Nobody uses the sample any more. */
    void recycle() {
        taken.forEach(piece -> queue(piece.sizeBytes()).add(piece));
        taken.clear();
    }

    private static Queue<Piece> queue(long bytes) {
        return FREE.computeIfAbsent(bytes, size -> new ConcurrentLinkedQueue<>());
    }
}
