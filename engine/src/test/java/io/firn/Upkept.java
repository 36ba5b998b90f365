package io.firn;

import io.firn.config.CompactionFilter;
import io.firn.config.CompactionFilters;
import io.firn.config.FilteredEntry;
import io.firn.config.Verdict;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Keyspaces of the crash stories that change without a commit: one drops its oldest tables, of another compactions remove
 * some values, each key in its way, and replace others.
 *
 * <p>Threads: any.
 */
final class Upkept {
    static final String DROPPED_BY_AGE = "f";
    static final String FILTERED = "t";

    private static final String FILTERED_KEYS = "key/1";
    private static final String REMOVED_WEAKLY_KEY = "key/10";
    private static final String DESTROYED_KEY = "key/11";
    private static final int REPLACED_BYTES = 3;

    /** How often each verdict was given. */
    private static final Map<String, LongAdder> VERDICTS = new ConcurrentHashMap<>();

    static final CompactionFilters FILTERS = keyspace -> keyspace.equals(FILTERED) ? filter() : null;

    private Upkept() {}

    static boolean isDroppedByAge(String keyspace) {
        return keyspace.equals(DROPPED_BY_AGE);
    }

    static boolean isFiltered(String keyspace, String key) {
        return keyspace.equals(FILTERED) && key.startsWith(FILTERED_KEYS);
    }

    /** What is removed weakly, or destroyed, is right only if there is no older version that would come back. */
    static boolean mayPut(String keyspace, String key, CommitState before) {
        return !isRemovedWeakly(keyspace, key) && !isDestroyed(keyspace, key) || before.cell(keyspace, key) == null;
    }

    /** A removal would be an older version, too, that hides another one. */
    static boolean mayRemove(String keyspace, String key) {
        return !isDestroyed(keyspace, key);
    }

    private static boolean isRemovedWeakly(String keyspace, String key) {
        return keyspace.equals(FILTERED) && key.equals(REMOVED_WEAKLY_KEY);
    }

    private static boolean isDestroyed(String keyspace, String key) {
        return keyspace.equals(FILTERED) && key.equals(DESTROYED_KEY);
    }

    /** Half of the keys that are asked for, so that each verdict is given in a few stories. */
    static String anyKey(String keyspace, Random random) {
        return keyspace.equals(FILTERED) && random.nextBoolean()
                ? FILTERED_KEYS + List.of("", "0", "1").get(random.nextInt(3)) : CommitModel.anyKey(random);
    }

    /** How often each verdict was given in this process. */
    static Map<String, Long> verdicts() {
        Map<String, Long> times = new TreeMap<>();
        VERDICTS.forEach((verdict, each) -> times.put(verdict, each.sum()));
        return times;
    }

    /** What a compaction leaves of a value; null if nothing. What is left is left as it is by the next. */
    static byte @Nullable [] filtered(byte[] value) {
        return switch (value.length % 3) {
            case 0 -> value;
            case 1 -> null;
            default -> Arrays.copyOf(value, REPLACED_BYTES);
        };
    }

    private static CompactionFilter filter() {
        return new CompactionFilter() {
            @Override
            public Verdict filter(FilteredEntry entry) {
                String key = new String(entry.key().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
                if (!isFiltered(FILTERED, key)) {
                    return Verdict.KEEP;
                }
                Verdict verdict = verdict(key, entry.value().toArray(ValueLayout.JAVA_BYTE));
                VERDICTS.computeIfAbsent(verdict.getClass().getSimpleName(), type -> new LongAdder()).increment();
                return verdict;
            }
        };
    }

    private static Verdict verdict(String key, byte[] value) {
        byte[] left = filtered(value);
        if (left != null) {
            return left.length == value.length ? Verdict.KEEP : Verdict.replaceValue(MemorySegment.ofArray(left));
        }
        return switch (key) {
            case REMOVED_WEAKLY_KEY -> Verdict.REMOVE_WEAK;
            case DESTROYED_KEY -> Verdict.DESTROY;
            default -> Verdict.REMOVE;
        };
    }
}
