package io.firn.workload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole workload, small: every value that is read is compared, in loops that are those of a large run. */
@Tag("proof")
class CampaignTest {
    private static final Scale SCALE = new Scale(499);

    @TempDir
    private Path directory;

    private Path file;
    private final List<Trial> trials = new ArrayList<>();

    /** Measures in this JVM, which is quick, and has another one killed. */
    private final class SameJvm implements Launcher {
        private final ChildJvm children = new ChildJvm(directory.resolve("tmp"), false, List.of());

        @Override
        public List<Figures> measure(Trial trial) throws Exception {
            trials.add(trial);
            List<Figures> figures = Measurement.of(trial);
            figures.forEach(each -> each.with("peak_MiB", 0));
            return figures;
        }

        @Override
        public void killWithFullLog(Trial trial) throws Exception {
            children.killWithFullLog(trial);
        }
    }

    @BeforeEach
    void nameFile() {
        file = directory.resolve("results.tsv");
    }

    @Test
    void everyEngineAnswersRightInEveryPhaseAndIsReported() throws IOException {
        List<EngineName> engines = List.of(EngineName.values());
        Results results = Results.create(file);
        assertTrue(new Campaign(plan(engines, List.of(Phase.values())), results, new SameJvm()).run());
        for (EngineName engine : engines) {
            for (Phase phase : Phase.values()) {
                for (String row : phase.rows()) {
                    Figures figures = results.medians().get(row, engine);
                    assertEquals(engine.takesPartIn(phase), figures != null, phase + ", " + engine);
                    assertTrue(figures == null || figures.number("rate_per_s") > 0, phase + ", " + engine);
                }
            }
        }
        String report = new Report(results.medians()).markdown("a test");
        assertTrue(report.contains("| readwhilewriting-writes "), report);
        assertFalse(report.contains(": -"), "a goal that was not measured: " + report);
        String chart = Chart.svg(results.medians(), "a test");
        assertTrue(chart.contains(">open-killed<"), chart);
        assertFalse(Files.exists(directory.resolve("databases/firn")), "a database is left");
    }

    @Test
    void eachEngineRunsInAJvmOfItsOwn() throws IOException {
        Results results = Results.create(file);
        ChildJvm children = new ChildJvm(directory.resolve("tmp"), true, List.of("-XX:TieredStopAtLevel=1"));
        List<EngineName> engines = List.of(EngineName.FIRN, EngineName.LMDB, EngineName.MVSTORE);
        assertTrue(new Campaign(plan(engines, List.of(Phase.READRANDOM)), results, children).run());
        for (EngineName engine : engines) {
            Figures figures = results.medians().get("readrandom", engine);
            assertNotNull(figures, engine.toString());
            assertEquals(SCALE.reads(), figures.number("ops"));
            assertTrue(figures.number("peak_MiB") > 10, figures.toString());
        }
    }

    @Test
    void aRunIsContinuedWhereItEnded() throws Exception {
        List<EngineName> engines = List.of(EngineName.FIRN, EngineName.NONE);
        Plan plan = plan(engines, List.of(Phase.FILLSEQ, Phase.FILLBATCH));
        Results begun = Results.create(file);
        for (Figures each : Measurement.of(new Trial(
                EngineName.FIRN, Phase.FILLSEQ, directory.resolve("first"), SCALE))) {
            begun.add(each.with("round", 1).with("n", SCALE.entries()).with("peak_MiB", 0));
        }
        assertTrue(new Campaign(plan, Results.resume(file, SCALE.entries()), new SameJvm()).run());
        List<String> done = trials.stream().map(Trial::toString).toList();
        assertEquals(3, done.size(), done.toString());
        assertFalse(done.contains("fillseq, firn"), done.toString());
        trials.clear();
        assertTrue(new Campaign(plan, Results.resume(file, SCALE.entries()), new SameJvm()).run());
        assertTrue(trials.isEmpty(), trials.toString());
        assertEquals(4, Files.readAllLines(file).size() - 1);
    }

    @Test
    void anEngineThatFailsInOnePhaseIsMeasuredInTheOthers() throws IOException {
        Results results = Results.create(file);
        Launcher failing = new Launcher() {
            @Override
            public List<Figures> measure(Trial trial) throws Exception {
                if (trial.phase() == Phase.FILLSEQ) {
                    throw new IOException("a wrong answer");
                }
                return new SameJvm().measure(trial);
            }

            @Override
            public void killWithFullLog(Trial trial) {
                throw new AssertionError("nothing is to be killed");
            }
        };
        Plan plan = plan(List.of(EngineName.NONE), List.of(Phase.FILLSEQ, Phase.FILLBATCH));
        assertFalse(new Campaign(plan, results, failing).run());
        assertEquals(List.of("fillbatch"), List.copyOf(results.medians().byRow().keySet()));
    }

    @Test
    void theDriverAllocatesNothingForAnOperation() throws Exception {
        for (Phase phase : List.of(Phase.FILLSEQ, Phase.READRANDOM, Phase.READMISSING, Phase.SCAN, Phase.SEEK10)) {
            Scale scale = new Scale(WorkloadData.largestPrimeAtMost(200_000));
            Trial trial = new Trial(EngineName.NONE, phase, directory.resolve("none"), scale);
            Figures figures = Measurement.of(trial).getFirst();
            assertTrue(figures.number("heap_B_per_op") < 0.5, figures.toString());
        }
    }

    private Plan plan(List<EngineName> engines, List<Phase> phases) {
        return new Plan(engines, phases, SCALE, 1, directory.resolve("databases"), false);
    }
}
