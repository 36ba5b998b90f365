package io.firn.compaction;

import io.firn.version.KeySpan;
import io.firn.version.TableRecord;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a running compaction holds: its inputs, and the span of a level that it writes into.
 *
 * <p>Threads: any; immutable. Two are not equal unless they are the same.
 */
public final class Claim {
    private final Set<Long> inputs;
    private final KeySpan span;
    private final int level;

    public Claim(Choice choice) {
        inputs = choice.tables().stream().map(TableRecord::id).collect(Collectors.toUnmodifiableSet());
        span = Choice.hull(choice.tables());
        level = choice.level();
    }

    boolean holds(long tableId) {
        return inputs.contains(tableId);
    }

    boolean writesInto(int otherLevel, KeySpan otherSpan) {
        return level == otherLevel && span.overlaps(otherSpan);
    }
}
