package io.firn.model;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a database should hold: keyspaces, as they were after each commit. A snapshot is the number of a commit.
 *
 * <p>Threads: one.
 */
final class Model {
    private final Map<String, Space> spaces = new TreeMap<>();
    private int commit;
    private int forced;

    /** The keyspace of a name, new if there is none. */
    Space space(String name) {
        return spaces.computeIfAbsent(name, absent -> new Space());
    }

    void delete(String name) {
        spaces.remove(name);
        force();
    }

    Set<String> names() {
        return spaces.keySet();
    }

    /** The number of the last commit. */
    int commit() {
        return commit;
    }

    /** The number of the commit that is being made. */
    int nextCommit() {
        return ++commit;
    }

    /** All commits so far are told to be durable. */
    void force() {
        forced = commit;
    }

    /**
     * The power was lost: what was found must be the state after one of the commits from the last forced one on, in all
     * keyspaces; the model goes back to it. Null, or what is wrong.
     */
    @Nullable String recover(Map<String, TreeMap<byte[], byte[]>> found) {
        if (!found.keySet().equals(spaces.keySet())) {
            return "keyspaces " + found.keySet() + " instead of " + spaces.keySet();
        }
        int[] differences = new int[commit - forced + 2];
        int keys = 0;
        for (Map.Entry<String, Space> each : spaces.entrySet()) {
            TreeMap<byte[], byte[]> content = found.get(each.getKey());
            for (byte[] key : content.keySet()) {
                if (!each.getValue().wasEverWritten(key)) {
                    return "key " + new Key(key) + " of " + each.getKey() + " was never written";
                }
            }
            each.getValue().countEqual(content, forced, commit, differences);
            keys += each.getValue().keyCount();
        }
        int first = -1;
        int last = -1;
        int equal = 0;
        for (int number = forced; number <= commit; number++) {
            equal += differences[number - forced];
            if (equal == keys) {
                first = first < 0 ? number : first;
                last = number;
            }
        }
        if (last < 0) {
            return "what is recovered is the state after no commit from " + forced + " to " + commit;
        }
        for (Space space : spaces.values()) {
            space.rollBack(first, last);
        }
        commit = last;
        force();
        return null;
    }
}
