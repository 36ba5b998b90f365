package io.firn.config;

import java.util.ArrayList;
import java.util.List;

/**
 * A value for each level of a keyspace: the first is that of level 0, and the last one stands for every level below too. 1 to
 * 255 values. Two are equal when they say the same for every level.
 */
public record PerLevel<T>(List<T> values) {
    private static final int VALUES_MAX = 255;

    /** Repeated values at the end are left out, since the last one stands for them. */
    public PerLevel {
        if (values.isEmpty() || values.size() > VALUES_MAX) {
            throw new IllegalArgumentException(values.size() + " values for levels; 1 to " + VALUES_MAX);
        }
        List<T> distinct = new ArrayList<>(values);
        while (distinct.size() > 1 && distinct.getLast().equals(distinct.get(distinct.size() - 2))) {
            distinct.removeLast();
        }
        values = List.copyOf(distinct);
    }

    /** The same for all levels. */
    public static <T> PerLevel<T> all(T value) {
        return new PerLevel<>(List.of(value));
    }

    /** From level 0 on; the last one repeats. */
    @SafeVarargs
    @SuppressWarnings("varargs") // List.of only reads the array.
    public static <T> PerLevel<T> of(T... fromTop) {
        return new PerLevel<>(List.of(fromTop));
    }

    /** What holds for a level, from 0 on. */
    public T at(int level) {
        return values.get(Math.min(level, values.size() - 1));
    }

    @Override
    public String toString() {
        return values.toString();
    }
}
