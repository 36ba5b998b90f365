package io.firn;

import io.firn.config.CompactionFilter;
import io.firn.config.CompactionFilters;
import io.firn.config.FilteredEntry;
import io.firn.config.Verdict;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Keyspaces of the crash stories that change without a commit: one drops its oldest tables, of another compactions remove some values
 * and replace others.
 *
 * <p>Threads: any.
 */
final class Upkept {
    static final String DROPPED_BY_AGE = "f";
    static final String FILTERED = "t";

    private static final String FILTERED_KEYS = "key/1";
    private static final int REPLACED_BYTES = 3;

    static final CompactionFilters FILTERS = keyspace -> keyspace.equals(FILTERED) ? filter() : null;

    private Upkept() {}

    static boolean isDroppedByAge(String keyspace) {
        return keyspace.equals(DROPPED_BY_AGE);
    }

    static boolean isFiltered(String keyspace, String key) {
        return keyspace.equals(FILTERED) && key.startsWith(FILTERED_KEYS);
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
                byte[] key = entry.key().toArray(ValueLayout.JAVA_BYTE);
                if (!isFiltered(FILTERED, new String(key, StandardCharsets.UTF_8))) {
                    return Verdict.KEEP;
                }
                byte[] value = entry.value().toArray(ValueLayout.JAVA_BYTE);
                byte[] left = filtered(value);
                if (left == null) {
                    return Verdict.REMOVE;
                }
                return left.length == value.length ? Verdict.KEEP : Verdict.replaceValue(MemorySegment.ofArray(left));
            }
        };
    }
}
