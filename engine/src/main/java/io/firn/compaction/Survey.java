package io.firn.compaction;

import io.firn.version.KeySpan;
import io.firn.version.Levels;
import io.firn.version.TableRecord;
import java.util.ArrayList;
import java.util.List;

/**
 * What a strategy looks at: the tables of a keyspace, what running compactions hold of them, the wall clock, and the seqno of the
 * newest live snapshot, -1 for none.
 *
 * <p>Threads: any; immutable.
 */
public record Survey(Levels levels, List<Claim> claims, long nowMillis, long newestSnapshot) {
    public Survey {
        claims = List.copyOf(claims);
    }

    int last() {
        return levels.count() - 1;
    }

    boolean isClaimed(TableRecord table) {
        for (int i = 0; i < claims.size(); i++) {
            if (claims.get(i).holds(table.id())) {
                return true;
            }
        }
        return false;
    }

    boolean isAnyClaimed(List<TableRecord> tables) {
        return !claims.isEmpty() && tables.stream().anyMatch(this::isClaimed);
    }

    /** Whether nothing is being written into the span of the level. */
    boolean isFree(int level, KeySpan span) {
        return claims.stream().noneMatch(claim -> claim.writesInto(level, span));
    }

    List<TableRecord> tables(int level) {
        List<TableRecord> all = new ArrayList<>();
        levels.runs(level).forEach(all::addAll);
        return all;
    }

    boolean isEmpty(int level) {
        return levels.runs(level).isEmpty();
    }

    List<TableRecord> overlapping(int level, KeySpan span) {
        List<TableRecord> found = new ArrayList<>();
        for (List<TableRecord> run : levels.runs(level)) {
            for (int i = firstNotBefore(run, span); i < run.size() && !span.isBefore(run.get(i).keys()); i++) {
                found.add(run.get(i));
            }
        }
        return found;
    }

    /** The first table that does not end before the span. */
    private static int firstNotBefore(List<TableRecord> run, KeySpan span) {
        int low = 0;
        int high = run.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (run.get(middle).keys().isBefore(span)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /**
     * The tables, and all of the level that lie in the hull of them and of these: what has to be merged so that the outcome can
     * join the level.
     */
    List<TableRecord> withOverlapping(List<TableRecord> upper, int level) {
        List<TableRecord> lower = overlapping(level, Choice.hull(upper));
        List<TableRecord> all = joined(upper, lower);
        if (levels.runs(level).size() > 1) {
            // A table of one run may reach over tables of another.
            int count = 0;
            while (lower.size() > count) {
                count = lower.size();
                lower = overlapping(level, Choice.hull(all));
                all = joined(upper, lower);
            }
        }
        return all;
    }

    private static List<TableRecord> joined(List<TableRecord> upper, List<TableRecord> lower) {
        List<TableRecord> all = new ArrayList<>(upper);
        all.addAll(lower);
        return all;
    }
}
