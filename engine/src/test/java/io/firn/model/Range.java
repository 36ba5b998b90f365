package io.firn.model;

import io.firn.config.KeyRange;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A range of keys as the model understands it: two bounds, or a prefix. It shares no code with the range of the API.
 * Its text is {@code lower+upper}, each {@code kind=key}, or {@code all}.
 *
 * <p>Threads: any.
 */
record Range(Lower lowerKind, @Nullable Key lower, Upper upperKind, @Nullable Key upper) {
    static final Range ALL = new Range(Lower.NONE, null, Upper.NONE, null);

    enum Lower { NONE, FROM, AFTER, PREFIX }

    enum Upper { NONE, TO, UNTIL }

    static Range parse(String text) {
        Range range = ALL;
        for (String bound : text.split("\\+")) {
            int equals = bound.indexOf('=');
            String kind = bound.substring(0, Math.max(0, equals)).toUpperCase(Locale.ROOT);
            Key key = Key.parse(bound.substring(equals + 1));
            range = switch (kind) {
                case "FROM", "AFTER", "PREFIX" -> new Range(Lower.valueOf(kind), key, range.upperKind, range.upper);
                case "TO", "UNTIL" -> new Range(range.lowerKind, range.lower, Upper.valueOf(kind), key);
                default -> range;
            };
        }
        return range;
    }

    Range mapped(UnaryOperator<Key> keys) {
        return new Range(lowerKind, lower == null ? null : keys.apply(lower), upperKind, upper == null ? null : keys.apply(upper));
    }

    /** The range of the API. */
    KeyRange keyRange() {
        KeyRange range = lower != null && lowerKind == Lower.PREFIX ? KeyRange.prefix(lower.bytes()) : KeyRange.all();
        if (lower != null && lowerKind != Lower.PREFIX) {
            range = lowerKind == Lower.FROM ? range.from(lower.bytes()) : range.after(lower.bytes());
        }
        if (upper != null) {
            range = upperKind == Upper.TO ? range.to(upper.bytes()) : range.until(upper.bytes());
        }
        return range;
    }

    boolean contains(byte[] key) {
        return !isBefore(key) && !isBehind(key);
    }

    /** Whether every key of the range comes after this one. */
    boolean isBefore(byte[] key) {
        if (lower == null) {
            return false;
        }
        int order = Arrays.compareUnsigned(key, lower.bytes());
        return order < 0 || lowerKind == Lower.AFTER && order == 0;
    }

    /** Whether every key of the range comes before this one. */
    boolean isBehind(byte[] key) {
        if (lower != null && lowerKind == Lower.PREFIX) {
            byte[] prefix = lower.bytes();
            boolean isWithin = key.length >= prefix.length && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
            if (!isWithin && Arrays.compareUnsigned(key, prefix) > 0) {
                return true;
            }
        }
        if (upper == null) {
            return false;
        }
        int order = Arrays.compareUnsigned(key, upper.bytes());
        return order > 0 || upperKind == Upper.UNTIL && order == 0;
    }

    @Override
    public String toString() {
        String from = lower == null ? "" : lowerKind.name().toLowerCase(Locale.ROOT) + "=" + lower;
        String to = upper == null ? "" : upperKind.name().toLowerCase(Locale.ROOT) + "=" + upper;
        if (from.isEmpty() && to.isEmpty()) {
            return "all";
        }
        return from.isEmpty() || to.isEmpty() ? from + to : from + "+" + to;
    }
}
