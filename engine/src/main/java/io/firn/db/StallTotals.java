package io.firn.db;

import io.firn.error.WriteStalledException.Reason;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;

/** How long writers waited, by what they waited for. Threads: any; adding allocates nothing. */
final class StallTotals {
    private static final Reason[] REASONS = Reason.values();

    private final AtomicLongArray nanos = new AtomicLongArray(REASONS.length);

    void add(Reason reason, long waitedNanos) {
        nanos.addAndGet(reason.ordinal(), waitedNanos);
    }

    /** Those that are not zero. */
    Map<Reason, Duration> sums() {
        Map<Reason, Duration> sums = new EnumMap<>(Reason.class);
        for (Reason reason : REASONS) {
            long sum = nanos.get(reason.ordinal());
            if (sum > 0) {
                sums.put(reason, Duration.ofNanos(sum));
            }
        }
        return sums;
    }
}
