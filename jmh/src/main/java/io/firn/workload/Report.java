package io.firn.workload;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** The figures of all engines side by side, and what Firn's goals say to them, in Markdown. */
final class Report {
    private static final String MEANING = """
            Rates a second; in parentheses how many times the engine's rate Firn's is. `fillrandom` and `largefill` are
            counted until background work has settled. A goal is met (yes), missed (NO), or not told by
            these engines (-).
            """;

    private final Medians medians;
    private final List<EngineName> engines;

    Report(Medians medians) {
        this.medians = medians;
        engines = medians.engines();
    }

    /** Everything, below a heading and what the figures were taken of. */
    String markdown(String subject) {
        StringBuilder out = new StringBuilder("# Firn beside other engines\n\n");
        out.append(subject).append("\n\n![How many times an engine's rate Firn's is](report.svg)\n\n");
        out.append(MEANING).append('\n').append(comparison());
        out.append("\n## Every figure\n\n").append(details());
        out.append("\n## What fills cost\n\n").append(fills());
        return out.toString();
    }

    /** A line for each row of figures, a column for each engine, and the goals. */
    String comparison() {
        Table table = new Table();
        List<String> head = new ArrayList<>(List.of("phase"));
        engines.forEach(engine -> head.add(engine.toString()));
        head.add("goals");
        table.add(head);
        for (String row : medians.byRow().keySet()) {
            List<String> cells = new ArrayList<>(List.of(row));
            engines.forEach(engine -> cells.add(rate(row, engine)));
            cells.add(String.join(", ", Goal.ALL.stream()
                    .filter(goal -> goal.row().equals(row))
                    .map(goal -> goal + ": " + word(goal.outcome(medians)))
                    .toList()));
            table.add(cells);
        }
        return table.toString();
    }

    private String rate(String row, EngineName engine) {
        Figures figures = medians.get(row, engine);
        if (figures == null) {
            return "";
        }
        String rate = shortened(figures.number("rate_per_s"));
        OptionalDouble ratio = medians.rateRatio(row, engine);
        return engine == EngineName.FIRN || ratio.isEmpty()
                ? rate
                : rate + " (" + times(ratio.getAsDouble()) + ")";
    }

    private static String word(Goal.Outcome outcome) {
        return switch (outcome) {
            case MET -> "yes";
            case MISSED -> "NO";
            case NOT_MEASURED -> "-";
        };
    }

    private String details() {
        return everyRow(List.of(
                "ops_per_s", "p50_us", "p99_us", "p99.9_us", "max_us", "cpu_us", "process_cpu_s", "heap_B_per_op",
                "gc_count", "gc_ms", "peak_MiB"), "ops_per_s");
    }

    private String fills() {
        return everyRow(List.of(
                "settle_s", "settled_ops_per_s", "written_MiB", "write_calls_MiB", "write_amplification", "disk_MiB",
                "process_cpu_s"), "settle_s");
    }

    /** A line for each row and engine that has a certain figure, a column for each of the names. */
    private String everyRow(List<String> names, String necessary) {
        Table table = new Table();
        List<String> head = new ArrayList<>(List.of("phase", "engine"));
        head.addAll(names);
        table.add(head);
        medians.byRow().forEach((row, byEngine) -> byEngine.forEach((engine, figures) -> {
            if (figures.has(necessary)) {
                List<String> cells = new ArrayList<>(List.of(row, engine.toString()));
                names.forEach(name -> cells.add(figures.has(name) ? grouped(figures.text(name)) : ""));
                table.add(cells);
            }
        }));
        return table.toString();
    }

    private static String grouped(String number) {
        int point = number.indexOf('.');
        String whole = point < 0 ? number : number.substring(0, point);
        return whole.length() <= 3
                ? number
                : String.format(Locale.ROOT, "%,d", Math.round(Double.parseDouble(number)));
    }

    /** Three or so digits: 1.13M, 221k, 66.1k, 3.9. */
    static String shortened(double value) {
        if (value >= 1e6) {
            return threeDigits(value / 1e6) + "M";
        }
        return value >= 1e3 ? threeDigits(value / 1e3) + "k" : threeDigits(value);
    }

    static String times(double ratio) {
        return threeDigits(ratio) + "x";
    }

    private static String threeDigits(double value) {
        String format = value >= 99.95 ? "%.0f" : value >= 9.995 ? "%.1f" : value >= 0.0995 ? "%.2f" : "%.2g";
        return String.format(Locale.ROOT, format, value);
    }

    /** Cells in lines, the first of which is the head; the columns are as wide as their widest cell. */
    private static final class Table {
        private final List<List<String>> lines = new ArrayList<>();

        void add(List<String> cells) {
            lines.add(cells);
        }

        @Override
        public String toString() {
            int[] widths = new int[lines.getFirst().size()];
            for (List<String> line : lines) {
                for (int column = 0; column < widths.length; column++) {
                    widths[column] = Math.max(widths[column], line.get(column).length());
                }
            }
            StringBuilder out = new StringBuilder();
            for (int i = 0; i < lines.size(); i++) {
                append(out, lines.get(i), widths);
                if (i == 0) {
                    append(out, Arrays.stream(widths).mapToObj("-"::repeat).toList(), widths);
                }
            }
            return out.toString();
        }

        private static void append(StringBuilder out, List<String> cells, int[] widths) {
            for (int column = 0; column < widths.length; column++) {
                String cell = cells.get(column);
                out.append("| ").append(cell).append(" ".repeat(widths[column] - cell.length() + 1));
            }
            out.append("|\n");
        }
    }
}
