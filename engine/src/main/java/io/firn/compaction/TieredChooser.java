package io.firn.compaction;

import io.firn.config.CompactionStrategy.Tiered;
import io.firn.version.TableRecord;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Chooses for runs that lie one under the other by age: of those that follow each other some become one, in their place. What
 * holds the oldest run goes to the last level; what does not, as deep as the run below it allows, so that the layout of
 * lower levels fits what is large and old.
 *
 * <p>Threads: one; for one choice.
 */
final class TieredChooser {
    private final Tiered strategy;
    private final Survey survey;
    private final List<AgedRun> runs = new ArrayList<>();

    /** A run, the newest first among its like. */
    private record AgedRun(int level, List<TableRecord> tables, long bytes, boolean isClaimed) {}

    private TieredChooser(Tiered strategy, Survey survey) {
        this.strategy = strategy;
        this.survey = survey;
        for (int level = 0; level <= survey.last(); level++) {
            for (List<TableRecord> run : survey.levels().runs(level)) {
                runs.add(new AgedRun(level, run, Choice.bytes(run), survey.isAnyClaimed(run)));
            }
        }
    }

    static @Nullable Choice choose(Tiered strategy, Survey survey) {
        return new TieredChooser(strategy, survey).choose();
    }

    private @Nullable Choice choose() {
        Choice choice = forSpace();
        if (choice == null) {
            choice = bySize();
        }
        return choice == null ? byCount() : choice;
    }

    /** Everything, when what may hide older versions is much against the oldest run. */
    private @Nullable Choice forSpace() {
        if (runs.size() < 2) {
            return null;
        }
        long newer = 0;
        for (AgedRun run : runs.subList(0, runs.size() - 1)) {
            newer += run.bytes;
        }
        return newer > strategy.spaceRatio() * runs.getLast().bytes ? merged(0, runs.size()) : null;
    }

    private @Nullable Choice bySize() {
        for (int first = 0; first < runs.size(); first++) {
            double gathered = runs.get(first).bytes;
            int end = first + 1;
            while (end < runs.size() && runs.get(end).bytes <= strategy.sizeRatio() * gathered) {
                gathered += runs.get(end).bytes;
                end++;
            }
            if (end - first >= strategy.minRuns()) {
                Choice choice = merged(first, end);
                if (choice != null) {
                    return choice;
                }
            }
        }
        return null;
    }

    private @Nullable Choice byCount() {
        return runs.size() > strategy.maxRuns() ? merged(0, runs.size() - strategy.maxRuns() + 1) : null;
    }

    private @Nullable Choice merged(int first, int end) {
        List<TableRecord> tables = new ArrayList<>();
        for (AgedRun run : runs.subList(first, end)) {
            if (run.isClaimed) {
                return null;
            }
            tables.addAll(run.tables);
        }
        int deepest = runs.get(end - 1).level;
        int level = end == runs.size() ? survey.last() : Math.max(deepest, runs.get(end).level - 1);
        return new Choice.Merge(
                tables, new Choice.Target(level, Choice.Placement.OWN_RUN), strategy.tableBytes());
    }
}
