package io.firn.config;

/** Refuses what is outside its limits. */
final class Limits {
    private Limits() {}

    static void check(boolean isWithin, String name, Object value, String limits) {
        if (!isWithin) {
            throw new IllegalArgumentException(name + " " + value + "; " + limits);
        }
    }
}
