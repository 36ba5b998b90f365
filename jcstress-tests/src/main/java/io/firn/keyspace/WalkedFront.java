package io.firn.keyspace;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.merge.Bounds;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A front whose tree shows one key at seqno 1, and a second one before it from seqno 2 on. */
final class WalkedFront {
    private static final long BEFORE = 1;
    private static final long AFTERWARDS = 2;
    private static final MemoryBudget BUDGET = MemoryBudget.ofMebibytes(64);
    private static final MemorySegment FIRST = key(5);
    private static final MemorySegment EARLIER = key(3);

    private final PublishedSeqno published = new PublishedSeqno();
    private final Front front;

    /** @param behind by how much the front takes the published seqno for less than it is */
    WalkedFront(long behind) {
        published.publish(BEFORE);
        front = new Front(new PublishedSeqno() {
            @Override
            public long get() {
                return published.get() - behind;
            }
        });
    }

    private static MemorySegment key(int value) {
        MemorySegment key = Arena.global().allocate(8, 8);
        key.fill((byte) value);
        return key;
    }

    void putBefore() {
        front.put(EARLIER, 0, 8);
        published.publish(AFTERWARDS);
    }

    /** A long walk from the start; 1 if it did not see the put. */
    int walk() {
        long seqno = published.get();
        if (seqno == AFTERWARDS) {
            return 0;
        }
        front.walked(FIRST, 0, 8, seqno);
        return 1;
    }

    boolean isPutHidden() {
        try (Bounds bounds = new Bounds(BUDGET)) {
            return front.raise(bounds, AFTERWARDS);
        }
    }
}
