package io.firn.workload;

import io.firn.workload.Phase.Start;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * All trials of a run, in such an order that the engines of one phase run close in time: phase by phase, in each the
 * engines one after the other, each time another one first.
 *
 * <pre>
 * directory/ENGINE/small-lz4    filled in random order and settled, until the next fill; likewise small-none, large-...
 * directory/ENGINE/*.settled    how many entries the database of that name holds: it is there, and closed
 * directory/ENGINE/scratch      of one trial
 * </pre>
 */
final class Campaign {
    private final Plan plan;
    private final Results results;
    private final Launcher launcher;
    private boolean hasFailed;

    Campaign(Plan plan, Results results, Launcher launcher) {
        this.plan = plan;
        this.results = results;
        this.launcher = launcher;
    }

    /** Whether every trial succeeded; those that are among the results already are left out. */
    boolean run() throws IOException {
        int turn = 0;
        for (int round = 1; round <= plan.rounds(); round++) {
            for (Phase phase : plan.phases()) {
                List<EngineName> engines = new ArrayList<>(plan.engines());
                engines.removeIf(engine -> !engine.takesPartIn(phase));
                Collections.rotate(engines, turn++);
                for (EngineName engine : engines) {
                    if (!results.holds(phase, engine, round)) {
                        trial(engine, phase, round);
                    }
                }
            }
        }
        if (!plan.keepsDatabases()) {
            for (EngineName engine : plan.engines()) {
                Machine.delete(directory(engine));
                Machine.delete(directory(engine.filledAs()));
            }
        }
        return !hasFailed;
    }

    /** An engine that fails in one phase is measured in the others all the same. */
    private void trial(EngineName engine, Phase phase, int round) throws IOException {
        try {
            for (Figures each : measured(engine, phase)) {
                each.with("round", round).with("n", plan.scale().entries());
                System.out.println(each.summary());
                results.add(each);
            }
        } catch (Exception e) {
            hasFailed = true;
            System.out.printf("%-30s %-13s failed: %s%n", phase, engine, e.getMessage());
        }
    }

    private List<Figures> measured(EngineName engine, Phase phase) throws Exception {
        Path scratch = directory(engine).resolve("scratch");
        Machine.delete(scratch);
        try {
            return switch (phase.start) {
                case EMPTY -> measured(new Trial(engine, phase, scratch, plan.scale()));
                case EMPTY_KEPT -> filled(engine, phase);
                case SETTLED -> measured(new Trial(engine, phase, settled(engine, phase), plan.scale()));
                case COPY, KILLED -> {
                    Machine.copy(settled(engine, phase), scratch);
                    Trial trial = new Trial(engine, phase, scratch, plan.scale());
                    if (phase.start == Start.KILLED) {
                        launcher.killWithFullLog(trial);
                    }
                    yield measured(trial);
                }
            };
        } finally {
            Machine.delete(scratch);
        }
    }

    private List<Figures> measured(Trial trial) throws Exception {
        Files.createDirectories(trial.database().getParent());
        return launcher.measure(trial);
    }

    /** The figures of a fill, whose database is kept. */
    private List<Figures> filled(EngineName engine, Phase phase) throws Exception {
        Path database = database(engine, phase);
        Path mark = mark(database);
        Files.deleteIfExists(mark);
        Machine.delete(database);
        List<Figures> figures = measured(new Trial(engine, phase, database, plan.scale()));
        Files.writeString(mark, Long.toString(plan.scale().entries()));
        return figures;
    }

    /** The settled database of such a phase, made if it is not there. */
    private Path settled(EngineName engine, Phase phase) throws Exception {
        EngineName filler = engine.filledAs();
        Path database = database(filler, phase);
        Path mark = mark(database);
        if (!Files.exists(mark) || Long.parseLong(Files.readString(mark)) != plan.scale().entries()) {
            System.out.printf("%-30s %-13s is filled first%n", phase, filler);
            filled(filler, phase.fill());
        }
        return database;
    }

    private Path database(EngineName engine, Phase phase) {
        return directory(engine).resolve(phase.values.name().toLowerCase(Locale.ROOT) + "-"
                + engine.compression(phase).name().toLowerCase(Locale.ROOT));
    }

    private static Path mark(Path database) {
        return database.resolveSibling(database.getFileName() + ".settled");
    }

    private Path directory(EngineName engine) {
        return plan.directory().resolve(engine.toString());
    }
}
