package io.firn.config;

import java.time.Duration;
import java.time.InstantSource;
import java.util.function.ToLongFunction;

/**
 * A filter that removes entries some time after they were written. When that was is told by the entry, in its key or value: for
 * example {@code entry -> entry.value().get(ValueLayout.JAVA_LONG_UNALIGNED, 0)}. Until a compaction meets it an entry stays.
 *
 * <p>Threads: one.
 */
public final class TimeToLive implements CompactionFilter {
    private final long oldestMillis;
    private final ToLongFunction<FilteredEntry> writtenMillis;

    private TimeToLive(long oldestMillis, ToLongFunction<FilteredEntry> writtenMillis) {
        this.oldestMillis = oldestMillis;
        this.writtenMillis = writtenMillis;
    }

    /** Removes what was written longer ago than the age when the compaction begins; times are milliseconds since 1970. */
    public static TimeToLive of(Duration age, InstantSource clock, ToLongFunction<FilteredEntry> writtenMillis) {
        return new TimeToLive(clock.millis() - age.toMillis(), writtenMillis);
    }

    @Override
    public Verdict filter(FilteredEntry entry) {
        return writtenMillis.applyAsLong(entry) < oldestMillis ? Verdict.REMOVE : Verdict.KEEP;
    }
}
