package io.firn.compaction;

import io.firn.config.CompactionStrategy;
import io.firn.version.Levels;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is to be done with the tables of a keyspace; null for nothing, or for nothing that is not held by running compactions. */
public final class Chooser {
    private Chooser() {}

    /** What the strategy would do next. */
    public static @Nullable Choice choose(CompactionStrategy strategy, Survey survey) {
        return switch (strategy) {
            case CompactionStrategy.Leveled leveled -> LeveledChooser.choose(leveled, survey);
            case CompactionStrategy.Tiered tiered -> TieredChooser.choose(tiered, survey);
            case CompactionStrategy.Fifo fifo -> FifoChooser.choose(fifo, survey);
        };
    }

    /**
     * What the strategy would do next in a keyspace that nobody writes to: beside all else, what readers gain by. Each of these merges
     * writes at most as much for a byte that comes from level 0 as the strategy would write for it anyway.
     */
    public static @Nullable Choice chooseCalmly(CompactionStrategy strategy, Survey survey) {
        Choice choice = choose(strategy, survey);
        return choice == null && strategy instanceof CompactionStrategy.Leveled leveled
                ? LeveledChooser.chooseForReaders(leveled, survey)
                : choice;
    }

    /**
     * What stands where the strategy will not leave it, whatever is being compacted: the size of tables, counted once for each level that
     * they have to go down, or that of what the strategy would merge or drop next where it does not fill levels. 0 if there is nothing to
     * do; what is only to be moved because nothing is in its way does not count.
     */
    public static long debtBytes(CompactionStrategy strategy, Levels levels, long nowMillis) {
        Survey survey = new Survey(levels, List.of(), nowMillis, -1);
        if (strategy instanceof CompactionStrategy.Leveled leveled) {
            return LeveledChooser.debtBytes(leveled, survey);
        }
        Choice choice = choose(strategy, survey);
        return choice == null ? 0 : Choice.bytes(choice.tables());
    }

    /** Everything into the last level. */
    public static @Nullable Choice chooseAll(CompactionStrategy strategy, Survey survey) {
        return MajorChooser.choose(strategy, survey);
    }
}
