package io.firn.workload;

import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** What Firn has to reach in a row of figures: beside a peer that was measured in the same run, or by itself. */
sealed interface Goal {
    /** In the order of the rows. */
    List<Goal> ALL = List.of(
            new Times("fillseq", EngineName.ROCKSDB, 5.3),
            new Times("fillseq-1000", EngineName.LMDB, 1.1),
            new Times("fillrandom", EngineName.ROCKSDB, 5.4),
            new Times("fillrandom", EngineName.LMDB_BATCHED, 2.7),
            new Limit("fillrandom", "p99.9_us", 15),
            new Limit("fillrandom", "max_us", 2000),
            new Share("fillrandom", "disk_MiB", EngineName.ROCKSDB, 1.05),
            new Times("fillbatch", EngineName.ROCKSDB, 3.6),
            new Times("readrandom", EngineName.ROCKSDB, 5),
            new Times("readrandom", EngineName.LMDB, 1.4),
            new Limit("readrandom", "p50_us", 0.85),
            new Times("readrandom-2", EngineName.ROCKSDB, 4.7),
            new Times("readrandom-2", EngineName.LMDB, 1.4),
            new Times("readrandom-small", EngineName.ROCKSDB, 3.2),
            new Times("readrandom-small-uncompressed", EngineName.LMDB, 1.4),
            new Times("readmissing", EngineName.ROCKSDB, 5.4),
            new Times("scan", EngineName.ROCKSDB, 6),
            new Times("scan", EngineName.LMDB, 1.2),
            new Times("scan-reverse", EngineName.ROCKSDB, 6),
            new Times("scan-reverse", EngineName.LMDB, 1.2),
            new Times("seek10", EngineName.ROCKSDB, 8),
            new Times("seek10", EngineName.LMDB, 1.35),
            new Times("readwhilewriting-reads", EngineName.ROCKSDB, 1.1),
            new Times("readwhilewriting-reads", EngineName.LMDB, 1.1),
            new Times("readwhilewriting-reads", EngineName.LMDB_BATCHED, 1.1),
            new Limit("readwhilewriting-reads", "p99.9_us", 6),
            // The budget, which is the cache and 512 MiB, and 100 MiB.
            new Limit("readwhilewriting-reads", "peak_MiB", 1024 + 512 + 100),
            new Times("readwhilewriting-writes", EngineName.ROCKSDB, 1.4),
            new Times("readwhilewriting-writes", EngineName.LMDB, 1.4),
            new Times("readwhilewriting-writes", EngineName.LMDB_BATCHED, 1.4),
            new Times("fillsync", EngineName.ROCKSDB, 1),
            new Times("fillsync", EngineName.LMDB, 1),
            new Times("fillsync-8", EngineName.ROCKSDB, 2.2),
            new Times("largefill", EngineName.ROCKSDB, 1.67),
            new Times("largefill-uncompressed", EngineName.LMDB, 1),
            new Times("largeread-uncompressed", EngineName.LMDB, 1.6),
            new Times("open", EngineName.ROCKSDB, 1.4),
            new Times("open-killed", EngineName.ROCKSDB, 4.8),
            new Times("open-killed", EngineName.LMDB, 2));

    enum Outcome { MET, MISSED, NOT_MEASURED }

    String row();

    Outcome outcome(Medians medians);

    /** At least so many times the peer's rate. */
    record Times(String row, EngineName peer, double times) implements Goal {
        @Override
        public Outcome outcome(Medians medians) {
            OptionalDouble ratio = medians.rateRatio(row, peer);
            return Goal.outcome(ratio, ratio.orElse(0) >= times);
        }

        @Override
        public String toString() {
            return number(times) + "x " + peer;
        }
    }

    /** A figure that is at most so much. */
    record Limit(String row, String figure, double most) implements Goal {
        @Override
        public Outcome outcome(Medians medians) {
            Figures firn = medians.get(row, EngineName.FIRN);
            if (firn == null) {
                return Outcome.NOT_MEASURED;
            }
            return firn.number(figure) <= most ? Outcome.MET : Outcome.MISSED;
        }

        @Override
        public String toString() {
            return figure + " " + number(most);
        }
    }

    /** A figure that is at most so many times the peer's. */
    record Share(String row, String figure, EngineName peer, double times) implements Goal {
        @Override
        public Outcome outcome(Medians medians) {
            OptionalDouble ratio = medians.ratio(row, peer, figure);
            return Goal.outcome(ratio, ratio.orElse(0) <= times);
        }

        @Override
        public String toString() {
            return figure + " " + number(times) + "x " + peer;
        }
    }

    private static Outcome outcome(OptionalDouble ratio, boolean isMet) {
        if (ratio.isEmpty()) {
            return Outcome.NOT_MEASURED;
        }
        return isMet ? Outcome.MET : Outcome.MISSED;
    }

    private static String number(double value) {
        return value == Math.rint(value)
                ? String.format(Locale.ROOT, "%.0f", value)
                : Double.toString(value);
    }
}
