package io.firn.model;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What was ever the value of one key, by the number of the commit; and how often it was put since it was last removed.
 *
 * <p>Threads: one.
 */
final class Versions {
    private int count;
    private int[] commits = new int[2];
    private byte[] @Nullable [] values = new byte[2][];
    private int[] puts = new int[2];

    /** Null removes. Of several of one commit only the last counts. */
    void add(int commit, byte @Nullable [] value) {
        if (count > 0 && commits[count - 1] == commit) {
            count--;
        }
        int putsBefore = puts();
        if (count == commits.length) {
            commits = Arrays.copyOf(commits, 2 * count);
            values = Arrays.copyOf(values, 2 * count);
            puts = Arrays.copyOf(puts, 2 * count);
        }
        commits[count] = commit;
        values[count] = value;
        puts[count] = value == null ? 0 : putsBefore + 1;
        count++;
    }

    byte @Nullable [] at(int commit) {
        int index = indexAt(commit);
        return index < 0 ? null : values[index];
    }

    int puts() {
        return count == 0 ? 0 : puts[count - 1];
    }

    /** Forgets what came after a commit. That it was any from the first one on cannot be told: the most puts count. */
    void rollBack(int first, int commit) {
        int kept = indexAt(commit);
        int mostPuts = 0;
        for (int i = Math.max(0, indexAt(first)); i <= kept; i++) {
            mostPuts = Math.max(mostPuts, puts[i]);
        }
        count = kept + 1;
        if (count > 0) {
            puts[kept] = mostPuts;
        }
    }

    /**
     * Counts a value for the commits of a window after which the key had it. The counts are differences: each is that of the
     * commit before and what stands here.
     */
    void countEqual(byte @Nullable [] value, int first, int last, int[] differences) {
        if (value == null && (count == 0 || commits[0] > first)) {
            note(first, count == 0 ? last : Math.min(last, commits[0] - 1), first, differences);
        }
        for (int i = count - 1; i >= 0; i--) {
            int from = Math.max(first, commits[i]);
            int to = i + 1 < count ? Math.min(last, commits[i + 1] - 1) : last;
            if (from <= to && Arrays.equals(value, values[i])) {
                note(from, to, first, differences);
            }
            if (commits[i] <= first) {
                return;
            }
        }
    }

    private static void note(int from, int to, int first, int[] differences) {
        differences[from - first]++;
        differences[to + 1 - first]--;
    }

    private int indexAt(int commit) {
        int index = count - 1;
        while (index >= 0 && commits[index] > commit) {
            index--;
        }
        return index;
    }
}
