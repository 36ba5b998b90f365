package io.firn.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What one keyspace should hold after each commit.
 *
 * <p>Threads: one.
 */
final class Space {
    private final TreeMap<byte[], Versions> keys = new TreeMap<>(Arrays::compareUnsigned);

    record Entry(byte[] key, byte[] value) {}

    void write(int commit, byte[] key, byte @Nullable [] value) {
        keys.computeIfAbsent(key, absent -> new Versions()).add(commit, value);
    }

    /** Removes every key of the range. */
    void clear(int commit, Range range) {
        keys.forEach((key, versions) -> {
            if (range.contains(key)) {
                versions.add(commit, null);
            }
        });
    }

    byte @Nullable [] get(byte[] key, int commit) {
        Versions versions = keys.get(key);
        return versions == null ? null : versions.at(commit);
    }

    /** How often the key was put since it was last removed. */
    int putsOf(byte[] key) {
        Versions versions = keys.get(key);
        return versions == null ? 0 : versions.puts();
    }

    /** The first key at a commit from one on, or after it; of all if that is null. */
    byte @Nullable [] ceiling(byte @Nullable [] from, boolean isInclusive, int commit) {
        return first(from == null ? keys : keys.tailMap(from, isInclusive), commit);
    }

    /** The last key at a commit down to one, or before it; of all if that is null. */
    byte @Nullable [] floor(byte @Nullable [] to, boolean isInclusive, int commit) {
        return first((to == null ? keys : keys.headMap(to, isInclusive)).descendingMap(), commit);
    }

    private static byte @Nullable [] first(NavigableMap<byte[], Versions> in, int commit) {
        for (var each : in.entrySet()) {
            if (each.getValue().at(commit) != null) {
                return each.getKey();
            }
        }
        return null;
    }

    List<Entry> entries(Range range, int commit) {
        List<Entry> entries = new ArrayList<>();
        keys.forEach((key, versions) -> {
            byte[] value = versions.at(commit);
            if (value != null && range.contains(key)) {
                entries.add(new Entry(key, value));
            }
        });
        return entries;
    }

    /** Every key that was ever written. */
    Iterable<byte[]> everyKey() {
        return keys.keySet();
    }

    void rollBack(int first, int commit) {
        keys.values().forEach(versions -> versions.rollBack(first, commit));
    }

    /** Counts, for the commits of a window, the keys whose value is the one that was found. */
    void countEqual(TreeMap<byte[], byte[]> found, int first, int last, int[] differences) {
        keys.forEach((key, versions) -> versions.countEqual(found.get(key), first, last, differences));
    }

    int keyCount() {
        return keys.size();
    }

    boolean wasEverWritten(byte[] key) {
        return keys.containsKey(key);
    }
}
