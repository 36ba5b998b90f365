package io.firn;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a database should hold after one commit. Of keyspaces whose tables are dropped or filtered as they age, something of it
 * may be gone, but only what may go.
 *
 * <p>Threads: any; a value.
 *
 * @param keyspaces what lies under each key, by keyspace; one without entries may be missing here
 * @param deleted the keyspace that this commit deleted, if it did
 */
record CommitState(int number, Map<String, Map<String, Cell>> keyspaces, @Nullable String deleted) {
    static final CommitState EMPTY = new CommitState(0, Map.of(), null);

    /** A value, the commit that wrote it, and how often its key was put since it was last removed. */
    record Cell(byte[] value, int number, int puts) {}

    /** The next one, which writes this. */
    CommitState with(List<CommitModel.Write> writes) {
        Map<String, Map<String, Cell>> changed = new HashMap<>(keyspaces);
        for (CommitModel.Write write : writes) {
            Map<String, Cell> cells = new TreeMap<>(changed.getOrDefault(write.keyspace(), Map.of()));
            byte[] value = write.value();
            if (value == null) {
                cells.remove(write.key());
            } else {
                Cell before = cells.get(write.key());
                cells.put(write.key(), new Cell(value, number + 1, before == null ? 1 : before.puts + 1));
            }
            changed.put(write.keyspace(), cells);
        }
        return new CommitState(number + 1, changed, null);
    }

    /** The next one, in which the keys from one to another, exclusive, are gone; all of them without bounds. */
    CommitState without(String keyspace, @Nullable String from, @Nullable String until) {
        Map<String, Map<String, Cell>> changed = new HashMap<>(keyspaces);
        Map<String, Cell> left = new TreeMap<>(changed.getOrDefault(keyspace, Map.of()));
        left.keySet().removeIf(key ->
                (from == null || key.compareTo(from) >= 0) && (until == null || key.compareTo(until) < 0));
        changed.put(keyspace, left);
        return new CommitState(number + 1, changed, null);
    }

    /** The next one, in which the keyspace is gone. */
    CommitState withDeleted(String keyspace) {
        Map<String, Map<String, Cell>> changed = new HashMap<>(keyspaces);
        changed.remove(keyspace);
        return new CommitState(number + 1, changed, keyspace);
    }

    @Nullable Cell cell(String keyspace, String key) {
        return keyspaces.getOrDefault(keyspace, Map.of()).get(key);
    }

    /** Whether the key may be removed weakly. */
    boolean isPutAtMostOnce(String keyspace, String key) {
        Cell cell = cell(keyspace, key);
        return cell == null || cell.puts <= 1;
    }

    /** How what the database holds differs from this; null if it does not. Each keyspace by its keys and what lies under them. */
    @Nullable String difference(Map<String, Map<String, byte[]>> found) {
        List<String> names = new ArrayList<>(found.keySet());
        names.addAll(keyspaces.keySet());
        for (String name : names) {
            String difference = difference(name, found.getOrDefault(name, Map.of()));
            if (difference != null) {
                return difference;
            }
        }
        return null;
    }

    /** The same of one keyspace. */
    @Nullable String difference(String name, Map<String, byte[]> found) {
        Map<String, Cell> expected = keyspaces.getOrDefault(name, Map.of());
        for (Map.Entry<String, byte[]> entry : found.entrySet()) {
            if (!isRight(name, entry.getKey(), entry.getValue())) {
                return difference(name, entry.getKey(), entry.getValue(), expected.get(entry.getKey()));
            }
        }
        int lastDropped = 0;
        int firstLeft = Integer.MAX_VALUE;
        for (Map.Entry<String, Cell> entry : expected.entrySet()) {
            Cell cell = entry.getValue();
            boolean isLeft = found.containsKey(entry.getKey());
            if (!isLeft && !isRight(name, entry.getKey(), null)) {
                return difference(name, entry.getKey(), null, cell);
            }
            lastDropped = isLeft ? lastDropped : Math.max(lastDropped, cell.number);
            firstLeft = isLeft ? Math.min(firstLeft, cell.number) : firstLeft;
        }
        if (Upkept.isDroppedByAge(name) && lastDropped >= firstLeft) {
            return "keyspace " + name + ": what commit " + lastDropped + " wrote was dropped before that of commit " + firstLeft;
        }
        return null;
    }

    /** Whether this value, or none, may be what is found under the key. */
    boolean isRight(String keyspace, String key, byte @Nullable [] found) {
        Cell cell = cell(keyspace, key);
        byte[] expected = cell == null ? null : cell.value;
        return Arrays.equals(expected, found)
                || expected != null && found == null && Upkept.isDroppedByAge(keyspace)
                || expected != null && Upkept.isFiltered(keyspace, key)
                        && (Arrays.equals(found, Upkept.filtered(expected)));
    }

    private static String difference(String name, String key, byte @Nullable [] found, @Nullable Cell expected) {
        return "keyspace " + name + ", key " + key.substring(0, Math.min(8, key.length())) + ": " + text(found)
                + " instead of " + text(expected == null ? null : expected.value);
    }

    static String text(byte @Nullable [] value) {
        if (value == null) {
            return "nothing";
        }
        String start = new String(value, 0, Math.min(24, value.length), StandardCharsets.ISO_8859_1);
        return "\"" + start + "\" (" + value.length + " bytes)";
    }
}
