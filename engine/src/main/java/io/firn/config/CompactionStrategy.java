package io.firn.config;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** How the tables of a keyspace are merged, or dropped, as it grows. */
public sealed interface CompactionStrategy {

    /**
     * Few runs to read: below level 0 each level is one run, larger than the one above by its ratio. It rewrites an entry about
     * ratio times a level. For most keyspaces.
     *
     * @param l0Threshold so many runs of level 0 are merged into the next level, 1 to 20, default 4; fewer where nothing was written to
     *     the database for ten seconds
     * @param tableBytes tables are cut at this size, 4 KiB to 4 GiB, default 64 MiB; the first level below 0 holds l0Threshold of them
     * @param levelRatio how many times larger a level is than the one above it, from the second below level 0 on; the last one
     *     repeats; each from 2 to 1,000, default 10
     */
    record Leveled(int l0Threshold, long tableBytes, PerLevel<Double> levelRatio) implements CompactionStrategy {
        private static final Leveled DEFAULTS = new Leveled(4, 64 << 20, PerLevel.all(10.0));

        public Leveled {
            Limits.check(1 <= l0Threshold && l0Threshold <= 20, "l0Threshold", l0Threshold, "1 to 20");
            checkTableBytes(tableBytes);
            for (double ratio : levelRatio.values()) {
                Limits.check(ratio >= 2 && ratio <= 1000, "levelRatio", ratio, "2 to 1,000");
            }
        }

        public static Leveled defaults() {
            return DEFAULTS;
        }
    }

    /**
     * Few rewrites: runs of similar size that follow each other in age are merged into one. It rewrites an entry about once each
     * time that the data doubles, and reads and disk pay for it with more runs and older versions. For keyspaces that are written
     * much more than read.
     *
     * @param sizeRatio going from the newest run to older ones, the next one joins a merge while its size is at most so many
     *     times that of those gathered before it; 1 to 100, default 1.25
     * @param minRuns as few runs are merged because of their sizes, 2 to 20, default 4
     * @param maxRuns when there are more runs than this the newest are merged whatever their sizes, minRuns to 20, default 12
     * @param spaceRatio when all runs but the oldest together are more than so many times its size everything is merged into one
     *     run, which ends what was overwritten and removed; 0.1 to 1,000, default 2
     * @param tableBytes tables are cut at this size, 4 KiB to 4 GiB, default 64 MiB
     */
    record Tiered(double sizeRatio, int minRuns, int maxRuns, double spaceRatio, long tableBytes)
            implements CompactionStrategy {
        private static final Tiered DEFAULTS = new Tiered(1.25, 4, 12, 2, 64 << 20);

        public Tiered {
            Limits.check(sizeRatio >= 1 && sizeRatio <= 100, "sizeRatio", sizeRatio, "1 to 100");
            Limits.check(2 <= minRuns && minRuns <= 20, "minRuns", minRuns, "2 to 20");
            Limits.check(minRuns <= maxRuns && maxRuns <= 20, "maxRuns", maxRuns, "minRuns to 20");
            Limits.check(spaceRatio >= 0.1 && spaceRatio <= 1000, "spaceRatio", spaceRatio, "0.1 to 1,000");
            checkTableBytes(tableBytes);
        }

        public static Tiered defaults() {
            return DEFAULTS;
        }
    }

    /**
     * Nothing is ever rewritten: the oldest tables are dropped, with what they hold, when there is too much or when they are too
     * old. For logs, queues and caches whose keys are not written twice.
     *
     * @param limitBytes what the keyspace may hold on the disk, at least 1; more is dropped, oldest first
     * @param maxAge tables that were written longer ago than this are dropped, 1 ms to 36,500 days in whole milliseconds; null for
     *     never
     */
    record Fifo(long limitBytes, @Nullable Duration maxAge) implements CompactionStrategy {
        private static final Duration AGE_MIN = Duration.ofMillis(1);
        private static final Duration AGE_MAX = Duration.ofDays(36_500);

        public Fifo {
            Limits.check(limitBytes >= 1, "limitBytes", limitBytes, "at least 1");
            if (maxAge != null) {
                Limits.check(AGE_MIN.compareTo(maxAge) <= 0 && maxAge.compareTo(AGE_MAX) <= 0
                        && maxAge.getNano() % 1_000_000 == 0, "maxAge", maxAge, "1 ms to 36,500 days, whole milliseconds");
            }
        }
    }

    private static void checkTableBytes(long bytes) {
        Limits.check(4096 <= bytes && bytes <= 1L << 32, "tableBytes", bytes, "4 KiB to 4 GiB");
    }
}
