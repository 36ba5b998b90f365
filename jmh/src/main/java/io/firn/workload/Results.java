package io.firn.workload;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** All figures of a run, kept in a file of tab-separated lines as they come, so that a run can be continued. */
final class Results {
    private static final List<String> COLUMNS = List.of(
            "phase", "engine", "round", "n", "threads", "ops", "seconds", "rate_per_s", "ops_per_s",
            "mean_us", "p50_us", "p99_us", "p99.9_us", "max_us",
            "cpu_us", "process_cpu_s", "heap_B_per_op", "gc_count", "gc_ms", "peak_MiB",
            "settle_s", "settled_ops_per_s", "written_MiB", "write_calls_MiB", "write_amplification", "disk_MiB");

    private final Path file;
    private final List<Figures> all = new ArrayList<>();

    private Results(Path file) {
        this.file = file;
    }

    /** Begins anew. */
    static Results create(Path file) throws IOException {
        Files.writeString(file, String.join("\t", COLUMNS) + "\n");
        return new Results(file);
    }

    /** What a run with as many entries left, to be continued; nothing if there is no such file. */
    static Results resume(Path file, long entries) throws IOException {
        if (!Files.exists(file)) {
            return create(file);
        }
        Results results = new Results(file);
        List<String> lines = Files.readAllLines(file);
        List<String> names = List.of(lines.getFirst().split("\t"));
        for (String line : lines.subList(1, lines.size())) {
            String[] cells = line.split("\t", -1);
            Figures figures = new Figures();
            for (int column = 0; column < cells.length; column++) {
                if (!cells[column].isEmpty()) {
                    figures.with(names.get(column), cells[column]);
                }
            }
            if (figures.number("n") != entries) {
                throw new IOException(file + " holds figures of " + figures.text("n") + " entries, not " + entries);
            }
            results.all.add(figures);
        }
        return results;
    }

    void add(Figures figures) throws IOException {
        all.add(figures);
        List<String> cells = COLUMNS.stream()
                .map(name -> figures.has(name) ? figures.text(name) : "")
                .toList();
        Files.writeString(file, String.join("\t", cells) + "\n", StandardOpenOption.APPEND);
    }

    /** Whether the phase has been measured of the engine in the round. */
    boolean holds(Phase phase, EngineName engine, int round) {
        return all.stream().anyMatch(each -> phase.rows().contains(each.text("phase"))
                && each.text("engine").equals(engine.toString())
                && each.number("round") == round);
    }

    Medians medians() {
        return Medians.of(all);
    }
}
