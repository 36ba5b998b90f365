package io.firn.compaction;

import io.firn.version.Change;
import io.firn.version.Levels;
import io.firn.version.TableRecord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The changes of the levels by which what a choice comes to takes the place of its inputs. Runs may have been added meanwhile, and
 * other compactions may have ended: so the place is looked for in the levels as they are now.
 *
 * <p>Threads: any; immutable.
 */
final class Exchange {
    private final int keyspaceId;
    private final Choice choice;
    private final Set<Long> inputs;

    Exchange(int keyspaceId, Choice choice) {
        this.keyspaceId = keyspaceId;
        this.choice = choice;
        inputs = choice.tables().stream().map(TableRecord::id).collect(Collectors.toUnmodifiableSet());
    }

    Set<Long> inputs() {
        return inputs;
    }

    /** Whether every input still stands in the levels. */
    boolean isPossible(Levels levels) {
        Set<Long> missing = new HashSet<>(inputs);
        levels.tables().forEach(table -> missing.remove(table.id()));
        return missing.isEmpty();
    }

    List<Change.OfLevels> changes(Levels levels, List<TableRecord> written) {
        List<Change.OfLevels> changes = new ArrayList<>();
        changes.add(new Change.TablesRemoved(keyspaceId, choice.tables().stream().map(TableRecord::id).toList()));
        switch (choice) {
            case Choice.Merge merge -> {
                if (!written.isEmpty()) {
                    changes.add(put(levels, written, merge.target()));
                }
            }
            case Choice.Move move -> changes.add(put(
                    levels, inKeyOrder(move.tables()), new Choice.Target(move.level(), Choice.Placement.JOINED)));
            case Choice.Drop drop -> { }
        }
        return changes;
    }

    private Change.OfLevels put(Levels levels, List<TableRecord> tables, Choice.Target target) {
        int level = target.level();
        int left = 0;
        int position = 0;
        for (List<TableRecord> run : levels.runs(level)) {
            boolean isInput = run.stream().anyMatch(table -> inputs.contains(table.id()));
            boolean isLeft = run.stream().anyMatch(table -> !inputs.contains(table.id()));
            // Behind the newer runs, which are those before its oldest input; before all if its inputs come from above.
            position = isInput ? left : position;
            left += isLeft ? 1 : 0;
        }
        return switch (target.placement()) {
            case JOINED -> left > 0
                    ? new Change.TablesAdded(keyspaceId, level, 0, tables)
                    : new Change.RunAdded(keyspaceId, level, 0, tables);
            case OWN_RUN -> new Change.RunAdded(keyspaceId, level, position, tables);
        };
    }

    private static List<TableRecord> inKeyOrder(List<TableRecord> tables) {
        List<TableRecord> sorted = new ArrayList<>(tables);
        sorted.sort(Comparator.comparing(table -> table.keys().first(), Arrays::compareUnsigned));
        return sorted;
    }
}
