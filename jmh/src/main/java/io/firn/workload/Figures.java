package io.firn.workload;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/**
 * What was measured of one engine in one phase: a line of {@code name=value}. Among the names are {@code ops_per_s} and
 * {@code rate_per_s}, the rate by which engines are compared.
 */
record Figures(Map<String, String> byName) {
    private static final String MARK = "figures ";

    Figures() {
        this(new LinkedHashMap<>());
    }

    Figures with(String name, String value) {
        byName.put(name, value);
        return this;
    }

    Figures with(String name, long value) {
        return with(name, Long.toString(value));
    }

    Figures with(String name, double value) {
        return with(name, String.format(Locale.ROOT, "%.2f", value));
    }

    String text(String name) {
        String value = byName.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no " + name + " in " + this);
        }
        return value;
    }

    double number(String name) {
        return Double.parseDouble(text(name));
    }

    boolean has(String name) {
        return byName.containsKey(name);
    }

    static boolean isLine(String line) {
        return line.startsWith(MARK);
    }

    static Figures parse(String line) {
        Figures figures = new Figures();
        for (String each : line.substring(MARK.length()).split(" ")) {
            int equals = each.indexOf('=');
            figures.with(each.substring(0, equals), each.substring(equals + 1));
        }
        return figures;
    }

    /** In a line for people. */
    String summary() {
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT, "%-30s %-13s %7s/s", text("phase"), text("engine"),
                Report.shortened(number("rate_per_s"))));
        if (has("p50_us")) {
            line.append(String.format(
                    Locale.ROOT, "   us: p50 %s, p99 %s, p99.9 %s, max %s",
                    text("p50_us"), text("p99_us"), text("p99.9_us"), text("max_us")));
        }
        line.append(String.format(
                Locale.ROOT, "   %s B/op, %s GCs of %s ms, peak %.0f MiB",
                text("heap_B_per_op"), text("gc_count"), text("gc_ms"), number("peak_MiB")));
        if (has("settle_s")) {
            line.append(String.format(
                    Locale.ROOT, "; settled in %s s, wrote %.0f MiB, %.0f on disk, CPU %s s",
                    text("settle_s"), number("written_MiB"), number("disk_MiB"), text("process_cpu_s")));
        }
        return line.toString();
    }

    /** The line for programs. */
    @Override
    public String toString() {
        StringJoiner line = new StringJoiner(" ", MARK, "");
        byName.forEach((name, value) -> line.add(name + "=" + value));
        return line.toString();
    }
}
