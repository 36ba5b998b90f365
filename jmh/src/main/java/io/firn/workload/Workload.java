package io.firn.workload;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The program that runs the workload on all engines, and shows where Firn stands. */
public final class Workload {
    private static final String USAGE = """
            Usage: java -cp benchmarks.jar io.firn.workload.Workload [OPTION]...
              --n ENTRIES     cut to a prime; default 4999999; below a million the other numbers shrink alike
              --engines LIST  of firn, rocksdb, lmdb, lmdb-batched, mvstore, none; default all but none
              --phases LIST   default all: %s
              --rounds COUNT  of the whole; the report shows the medians; default 1
              --dir DIR       for the databases; default: workload in java.io.tmpdir
              --out DIR       for report.md, report.svg and results.tsv; default: report in the one of --dir
              --resume        leaves out what results.tsv holds already, and adds to it
              --keep          leaves the databases; phases that read take those of a run before, fills make them anew
              --epsilon       runs Firn on a heap of 64 MiB that is never collected
              --jvm OPTIONS   more options of the measured JVMs, separated by blanks
            """.formatted(Arrays.stream(Phase.values())
                    .map(Phase::toString)
                    .collect(Collectors.joining(", "))
                    .replaceAll("(.{1,90}, )", "$1\n" + " ".repeat(18))
                    .strip());
    private static final Set<String> VALUED =
            Set.of("--n", "--engines", "--phases", "--rounds", "--dir", "--out", "--jvm");
    private static final Set<String> FLAGS = Set.of("--resume", "--keep", "--epsilon");
    private static final String ALL_ENGINES = "firn,rocksdb,lmdb,lmdb-batched,mvstore";

    private final Map<String, String> options;

    private Workload(String[] arguments) {
        options = parse(arguments);
    }

    public static void main(String[] arguments) throws IOException {
        boolean isDone;
        try {
            isDone = new Workload(arguments).run();
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.print(USAGE);
            System.exit(2);
            return;
        }
        System.exit(isDone ? 0 : 1);
    }

    private static Map<String, String> parse(String[] arguments) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i < arguments.length; i++) {
            String name = arguments[i];
            if (FLAGS.contains(name)) {
                options.put(name, "");
            } else if (!VALUED.contains(name)) {
                throw new IllegalArgumentException("unknown option " + name);
            } else if (++i == arguments.length) {
                throw new IllegalArgumentException("a value is missing after " + name);
            } else {
                options.put(name, arguments[i]);
            }
        }
        return options;
    }

    private boolean run() throws IOException {
        Plan plan = plan();
        Path out = options.containsKey("--out") ? Path.of(options.get("--out")) : plan.directory().resolve("report");
        Files.createDirectories(out);
        Path file = out.resolve("results.tsv");
        Results results = options.containsKey("--resume")
                ? Results.resume(file, plan.scale().entries())
                : Results.create(file);
        Path temporary = plan.directory().resolve("tmp");
        ChildJvm launcher = new ChildJvm(temporary, options.containsKey("--epsilon"), jvmOptions());
        String subject = "N = " + plan.scale().entries() + ", " + Machine.description();
        System.out.println(subject);
        boolean isDone = new Campaign(plan, results, launcher).run();
        Machine.delete(temporary);
        Report report = new Report(results.medians());
        Files.writeString(out.resolve("report.md"), report.markdown(subject));
        Files.writeString(out.resolve("report.svg"), Chart.svg(results.medians(), subject));
        System.out.println();
        System.out.println(report.comparison());
        System.out.println(out.toAbsolutePath().resolve("report.md") + ", report.svg, results.tsv");
        return isDone;
    }

    private Plan plan() {
        List<Phase> phases = options.containsKey("--phases")
                ? Phase.listOf(options.get("--phases"))
                : List.of(Phase.values());
        long entries = Long.parseLong(options.getOrDefault("--n", "4999999").replaceAll("[_,]", ""));
        return new Plan(
                EngineName.listOf(options.getOrDefault("--engines", ALL_ENGINES)),
                phases,
                new Scale(WorkloadData.largestPrimeAtMost(entries)),
                Integer.parseInt(options.getOrDefault("--rounds", "1")),
                options.containsKey("--dir")
                        ? Path.of(options.get("--dir")).toAbsolutePath()
                        : Path.of(System.getProperty("java.io.tmpdir"), "workload"),
                options.containsKey("--keep"));
    }

    private List<String> jvmOptions() {
        return Stream.of(options.getOrDefault("--jvm", "").split(" ")).filter(each -> !each.isEmpty()).toList();
    }
}
