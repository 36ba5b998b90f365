package io.firn.compaction;

import io.firn.config.CompactionStrategy.Leveled;
import io.firn.version.KeySpan;
import io.firn.version.TableRecord;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Chooses for levels that are one run each below level 0.
 *
 * <p>Levels are filled from the last one up. The base is the first level below 0 that holds something: what leaves level 0
 * goes there, past the empty ones. It may hold so many tables as level 0 may have runs, and each level below a ratio more. When
 * all levels that hold something are too large, the level above the base becomes the base. So what is not much data lies in
 * level 0 and the last level alone.
 *
 * <p>In this order: levels of several runs become one run; what is in nobody's way goes down as it is; the level that is fullest
 * against its target gives to the next; and tombstones go down. Where nobody writes, what is left in level 0 follows.
 *
 * <p>Threads: one; for one choice.
 */
final class LeveledChooser {
    /** A merge has at most so many tables' bytes from the level above, and level 0 so many bases'. */
    private static final int MERGED_TABLES_MAX = 25;
    private static final int MERGED_BASES_MAX = 8;

    /** A run of level 0 that is less than this part of a table waits until there are more to be merged with. */
    private static final int SMALL_RUN_DIVISOR = 8;

    /** What can go down without a merge goes first. */
    private static final double EMPTY_BELOW_SCORE = 99.99;

    private final Leveled strategy;
    private final Survey survey;
    private final int last;
    private final long baseBytes;
    private final int base;

    private record Candidate(int level, double score) {}

    private LeveledChooser(Leveled strategy, Survey survey) {
        this.strategy = strategy;
        this.survey = survey;
        last = survey.last();
        baseBytes = strategy.l0Threshold() * strategy.tableBytes();
        base = base();
    }

    static @Nullable Choice choose(Leveled strategy, Survey survey) {
        return new LeveledChooser(strategy, survey).choose();
    }

    /** Fewer runs to ask, where nothing else is to be done: level 0 goes down, or becomes one run if it is too little for that. */
    static @Nullable Choice chooseForReaders(Leveled strategy, Survey survey) {
        return new LeveledChooser(strategy, survey).chooseForReaders();
    }

    /** How full the fullest level is; above 1 there is something to do. */
    static double score(Leveled strategy, Survey survey) {
        return new LeveledChooser(strategy, survey).candidates().stream()
                .mapToDouble(Candidate::score).max().orElse(0);
    }

    /** What is to go down, once for each level. */
    static long debtBytes(Leveled strategy, Survey survey) {
        LeveledChooser chooser = new LeveledChooser(strategy, survey);
        double debt = 0;
        for (int level = 1; level <= chooser.last; level++) {
            debt += survey.levels().runs(level).size() > 1 ? chooser.unclaimedBytes(level) : 0;
        }
        double coming = survey.levels().runs(0).size() >= strategy.l0Threshold() ? chooser.unclaimedBytes(0) : 0;
        debt += coming;
        for (int level = chooser.base; level < chooser.last; level++) {
            double bytes = chooser.unclaimedBytes(level) + coming;
            coming = Math.max(0, bytes - chooser.targetBytes(level, chooser.base));
            debt += coming;
        }
        return (long) debt;
    }

    private @Nullable Choice choose() {
        Choice choice = singleRun();
        if (choice == null) {
            choice = promotion();
        }
        List<Candidate> candidates = choice == null ? candidates() : List.of();
        for (int i = 0; choice == null && i < candidates.size(); i++) {
            int level = candidates.get(i).level;
            choice = level == 0 ? fromLevel0() : from(level, table -> true);
        }
        if (choice == null) {
            choice = tombstonesOfLevel0();
        }
        for (int level = base; choice == null && level < last; level++) {
            choice = from(level, table -> isMostlyTombstones(List.of(table)));
        }
        return choice;
    }

    private @Nullable Choice chooseForReaders() {
        List<TableRecord> level0 = survey.tables(0);
        if (level0.isEmpty() || survey.isAnyClaimed(level0)) {
            return null;
        }
        List<TableRecord> all = survey.withOverlapping(level0, base);
        long bytes = Choice.bytes(level0);
        if (Choice.bytes(all) - bytes <= bytes * strategy.levelRatio().at(0)) {
            return merged(all, base);
        }
        return survey.levels().runs(0).size() > 1
                ? new Choice.Merge(level0, new Choice.Target(0, Choice.Placement.OWN_RUN), strategy.tableBytes())
                : null;
    }

    /** Such tables hide more below than they are: they go down though their level is not too full. */
    private static boolean isMostlyTombstones(List<TableRecord> tables) {
        long tombstones = tables.stream().mapToLong(TableRecord::tombstoneCount).sum();
        return 2 * tombstones > entries(tables);
    }

    private static long entries(List<TableRecord> tables) {
        return tables.stream().mapToLong(TableRecord::entryCount).sum();
    }

    /**
     * Level 0 when it is mostly tombstones and those may hide half or more of what lies below in its span: the merges drop at least as
     * much as they write. Tombstones that are strewn over many entries wait for more of their kind.
     */
    private @Nullable Choice tombstonesOfLevel0() {
        List<TableRecord> level0 = survey.tables(0);
        if (level0.isEmpty() || !isMostlyTombstones(level0)) {
            return null;
        }
        KeySpan hull = Choice.hull(level0);
        long below = 0;
        for (int level = base; level <= last; level++) {
            below += entries(survey.overlapping(level, hull));
        }
        long tombstones = level0.stream().mapToLong(TableRecord::tombstoneCount).sum();
        return below > 0 && 2 * tombstones >= below ? merged(survey.withOverlapping(level0, base), base) : null;
    }

    private int base() {
        int first = 1;
        while (first < last && survey.isEmpty(first)) {
            first++;
        }
        if (first == 1) {
            return first;
        }
        for (int level = first; level <= last; level++) {
            if (!survey.isEmpty(level) && unclaimedBytes(level) <= targetBytes(level, first)) {
                return first;
            }
        }
        return survey.isEmpty(first) ? first : first - 1;
    }

    /** The levels that are too full, the worst first. */
    private List<Candidate> candidates() {
        List<Candidate> candidates = new ArrayList<>();
        int runs = survey.levels().runs(0).size();
        if (runs >= strategy.l0Threshold()) {
            candidates.add(new Candidate(0, (double) runs / strategy.l0Threshold()));
        }
        for (int level = base; level < last; level++) {
            double fullness = unclaimedBytes(level) / targetBytes(level, base);
            if (fullness > 1) {
                candidates.add(new Candidate(level, survey.isEmpty(level + 1) ? EMPTY_BELOW_SCORE : fullness));
            }
        }
        candidates.sort(Comparator.comparingDouble(Candidate::score).reversed());
        return candidates;
    }

    private double targetBytes(int level, int ofBase) {
        double target = baseBytes;
        for (int below = 0; below < level - ofBase; below++) {
            target *= strategy.levelRatio().at(below);
        }
        return target;
    }

    private long unclaimedBytes(int level) {
        long bytes = 0;
        for (List<TableRecord> run : survey.levels().runs(level)) {
            for (TableRecord table : run) {
                bytes += survey.isClaimed(table) ? 0 : table.fileBytes();
            }
        }
        return bytes;
    }

    /** Several runs in a level below 0 come from another strategy: they become one. */
    private @Nullable Choice singleRun() {
        for (int level = 1; level <= last; level++) {
            if (survey.levels().runs(level).size() > 1) {
                Choice choice = merged(survey.tables(level), level);
                if (choice != null) {
                    return choice;
                }
            }
        }
        return null;
    }

    /**
     * The oldest run of level 0 goes down as it is where nothing is in its way: to the last level if it can, so that what is loaded
     * in key order is written once, or to the base.
     */
    private @Nullable Choice promotion() {
        List<List<TableRecord>> runs = survey.levels().runs(0);
        if (runs.isEmpty() || survey.isAnyClaimed(survey.tables(0))) {
            return null;
        }
        List<TableRecord> oldest = runs.getLast();
        if (Choice.bytes(oldest) < strategy.tableBytes() / SMALL_RUN_DIVISOR) {
            return null;
        }
        KeySpan hull = Choice.hull(oldest);
        int deepest = 0;
        while (deepest < last && survey.overlapping(deepest + 1, hull).isEmpty() && survey.isFree(deepest + 1, hull)) {
            deepest++;
        }
        if (deepest < base) {
            return null;
        }
        return new Choice.Move(oldest, deepest == last ? last : base, strategy.tableBytes());
    }

    /** The runs of level 0, or the oldest of many, and what they overlap in the base. */
    private @Nullable Choice fromLevel0() {
        List<List<TableRecord>> runs = survey.levels().runs(0);
        if (survey.isAnyClaimed(survey.tables(0))) {
            return null;
        }
        int newest = runs.size();
        long bytes = 0;
        while (newest > 0 && (runs.size() - newest < strategy.l0Threshold() || bytes < MERGED_BASES_MAX * baseBytes)) {
            newest--;
            bytes += Choice.bytes(runs.get(newest));
        }
        List<TableRecord> upper = new ArrayList<>();
        runs.subList(newest, runs.size()).forEach(upper::addAll);
        return merged(survey.withOverlapping(upper, base), base);
    }

    /** The tables of a level, of those wanted, whose merge with the next level writes least beside them. */
    private @Nullable Choice from(int level, Predicate<TableRecord> isWanted) {
        if (survey.levels().runs(level).size() != 1) {
            return null;
        }
        List<TableRecord> run = survey.levels().runs(level).getFirst();
        int best = -1;
        double leastRatio = Double.MAX_VALUE;
        for (int i = 0; i < run.size(); i++) {
            TableRecord table = run.get(i);
            if (isWanted.test(table)) {
                List<TableRecord> all = survey.withOverlapping(List.of(table), level + 1);
                double ratio = (double) (Choice.bytes(all) - table.fileBytes()) / table.fileBytes();
                if (ratio < leastRatio && isPossible(all, level + 1)) {
                    leastRatio = ratio;
                    best = i;
                }
            }
        }
        if (best < 0) {
            return null;
        }
        return leastRatio == 0 ? moved(run, best, level) : expanded(run, best, level);
    }

    /** The table and those behind it that nothing below lies under, as many as the level has too much. */
    private Choice moved(List<TableRecord> run, int first, int level) {
        // It may come to be written anew.
        double excess = Math.min(
                unclaimedBytes(level) - targetBytes(level, base), MERGED_TABLES_MAX * strategy.tableBytes());
        int end = first + 1;
        while (end < run.size() && Choice.bytes(run.subList(first, end)) < excess
                && isPossible(survey.withOverlapping(run.subList(first, end + 1), level + 1), level + 1)
                && survey.overlapping(level + 1, Choice.hull(run.subList(first, end + 1))).isEmpty()) {
            end++;
        }
        return new Choice.Move(run.subList(first, end), level + 1, strategy.tableBytes());
    }

    /** The table with those behind it that add nothing from below. */
    private @Nullable Choice expanded(List<TableRecord> run, int first, int level) {
        List<TableRecord> all = survey.withOverlapping(List.of(run.get(first)), level + 1);
        int end = first + 1;
        while (end < run.size() && Choice.bytes(run.subList(first, end)) < MERGED_TABLES_MAX * strategy.tableBytes()) {
            List<TableRecord> more = survey.withOverlapping(run.subList(first, end + 1), level + 1);
            if (more.size() > all.size() + 1 || !isPossible(more, level + 1)) {
                break;
            }
            all = more;
            end++;
        }
        return merged(all, level + 1);
    }

    private @Nullable Choice merged(List<TableRecord> tables, int level) {
        return isPossible(tables, level)
                ? new Choice.Merge(tables, new Choice.Target(level, Choice.Placement.JOINED), strategy.tableBytes())
                : null;
    }

    private boolean isPossible(List<TableRecord> tables, int level) {
        return !survey.isAnyClaimed(tables) && survey.isFree(level, Choice.hull(tables));
    }
}
