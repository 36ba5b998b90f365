package io.firn.keyspace;

import io.firn.entry.ReadCounts;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What the reads of one keyspace came to: a piece for each number that what reads it has, made when that first comes, so that no two
 * threads count on one cache line.
 *
 * <p>Threads: any; a piece is counted in by whoever leases what has its number.
 */
final class ReadCounters {
    private static final int SLOTS_FIRST = 4;

    private volatile @Nullable ReadCounts[] bySlot = new ReadCounts[SLOTS_FIRST];

    ReadCounts of(int slot) {
        @Nullable ReadCounts[] now = bySlot;
        ReadCounts counts = slot < now.length ? now[slot] : null;
        return counts != null ? counts : make(slot);
    }

    private synchronized ReadCounts make(int slot) {
        @Nullable ReadCounts[] now = bySlot;
        if (slot >= now.length) {
            now = Arrays.copyOf(now, Math.max(slot + 1, 2 * now.length));
        }
        ReadCounts made = new ReadCounts();
        now[slot] = made;
        bySlot = now;
        return made;
    }

    void addTo(ReadSums sums) {
        for (ReadCounts each : bySlot) {
            if (each != null) {
                sums.add(each);
            }
        }
    }
}
