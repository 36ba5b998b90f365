package io.firn.tx;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Leases;
import io.firn.ffm.memory.Scratch;

/** The memory that an attempt works with. Leased from its beginning to its end. */
final class Workspace implements Leases.Leased {
    /** What a large write has taken is given back. */
    private static final long KEPT_BYTES = 1 << 20;

    /** A key and a value on their way into the private writes. */
    final Scratch entry;

    final ReadSet reads;

    /** Goes over private writes when they are committed. */
    final PrivateCursor cursor;

    Workspace(MemoryBudget budget) {
        entry = new Scratch(budget);
        reads = new ReadSet(budget);
        cursor = new PrivateCursor(budget);
    }

    void clear() {
        reads.clear();
        if (entry.bytes().byteSize() > KEPT_BYTES) {
            entry.close();
        }
    }

    @Override
    public void close() {
        entry.close();
        reads.close();
        cursor.close();
    }
}
