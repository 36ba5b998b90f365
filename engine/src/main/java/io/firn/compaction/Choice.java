package io.firn.compaction;

import io.firn.version.KeySpan;
import io.firn.version.TableRecord;
import java.util.List;

/** What a strategy has chosen to do. The tables are in the order in which a lookup asks them, and there is at least one. */
public sealed interface Choice {
    /** In place of the level of what goes. */
    int NO_LEVEL = -1;

    List<TableRecord> tables();

    /** Where what is written or moved comes to stand; NO_LEVEL if nothing is. */
    int level();

    /** Where what is written or moved comes to stand. */
    record Target(int level, Placement placement) {}

    /** Among the tables of a level's run, or as a run of its own in the place of those that it is made of. */
    enum Placement { JOINED, OWN_RUN }

    /** The tables become others, cut at {@code tableBytes}. */
    record Merge(List<TableRecord> tables, Target target, long tableBytes) implements Choice {
        public Merge {
            tables = List.copyOf(tables);
        }

        @Override
        public int level() {
            return target.level();
        }
    }

    /**
     * The tables join another level as they are. No table of that level lies in their hull. What is to be laid out in another
     * way there is written anew instead, cut at {@code tableBytes}.
     */
    record Move(List<TableRecord> tables, int level, long tableBytes) implements Choice {
        public Move {
            tables = List.copyOf(tables);
        }

        Merge asMerge() {
            return new Merge(tables, new Target(level, Placement.JOINED), tableBytes);
        }
    }

    /** The tables go, with what they hold. */
    record Drop(List<TableRecord> tables) implements Choice {
        public Drop {
            tables = List.copyOf(tables);
        }

        @Override
        public int level() {
            return NO_LEVEL;
        }
    }

    /** The least span that holds all of the tables. */
    static KeySpan hull(List<TableRecord> tables) {
        KeySpan hull = tables.getFirst().keys();
        for (TableRecord table : tables) {
            hull = hull.hull(table.keys());
        }
        return hull;
    }

    static long bytes(List<TableRecord> tables) {
        long bytes = 0;
        for (TableRecord table : tables) {
            bytes += table.fileBytes();
        }
        return bytes;
    }
}
