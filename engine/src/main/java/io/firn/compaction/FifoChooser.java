package io.firn.compaction;

import io.firn.config.CompactionStrategy.Fifo;
import io.firn.version.TableRecord;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Chooses which of the oldest tables go: those that are too old, and those that are too much.
 *
 * <p>Invariants: (1) nothing goes while an older run stays, so nothing older surfaces (R15). (2) What a live snapshot may see stays
 * until that is closed (R12).
 *
 * <p>Threads: one; for one choice.
 */
final class FifoChooser {
    private FifoChooser() {}

    static @Nullable Choice choose(Fifo strategy, Survey survey) {
        long writtenBefore = strategy.maxAge() == null
                ? Long.MIN_VALUE : survey.nowMillis() - strategy.maxAge().toMillis();
        long excess = survey.levels().tables().stream().mapToLong(TableRecord::bytesWithBlobs).sum()
                - strategy.limitBytes();
        List<TableRecord> dropped = new ArrayList<>();
        boolean isWhole = true;
        for (int level = survey.last(); level >= 0 && isWhole; level--) {
            for (List<TableRecord> run : survey.levels().runs(level).reversed()) {
                for (TableRecord table : run) {
                    boolean isDue = excess > 0 || table.createdMillis() <= writtenBefore;
                    if (isDue && table.seqnoMin() > survey.newestSnapshot() && !survey.isClaimed(table)) {
                        dropped.add(table);
                        excess -= table.bytesWithBlobs();
                    } else {
                        isWhole = false;
                    }
                }
                if (!isWhole) {
                    break;
                }
            }
        }
        return dropped.isEmpty() ? null : new Choice.Drop(dropped);
    }
}
