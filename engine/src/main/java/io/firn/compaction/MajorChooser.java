package io.firn.compaction;

import io.firn.config.CompactionStrategy;
import io.firn.version.TableRecord;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Chooses everything, for the last level. */
final class MajorChooser {
    /** Where the strategy knows no size. */
    private static final long TABLE_BYTES = 64 << 20;

    private MajorChooser() {}

    /** Null if there is nothing, or if another compaction holds some of it. */
    static @Nullable Choice choose(CompactionStrategy strategy, Survey survey) {
        List<TableRecord> all = survey.levels().tables();
        if (all.isEmpty() || !survey.claims().isEmpty()) {
            return null;
        }
        long tableBytes = switch (strategy) {
            case CompactionStrategy.Leveled leveled -> leveled.tableBytes();
            case CompactionStrategy.Tiered tiered -> tiered.tableBytes();
            case CompactionStrategy.Fifo fifo -> TABLE_BYTES;
        };
        return new Choice.Merge(
                all, new Choice.Target(survey.last(), Choice.Placement.OWN_RUN), tableBytes);
    }
}
