package io.firn.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.Cases;
import io.firn.Shares;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;

/**
 * Random steps on a database and on a model of it: every answer is the model's, under every option set, whatever is flushed,
 * reopened or crashed in between, and the same steps give the same history under all option sets.
 *
 * <p>{@code -Dseed=} repeats a run, {@code -Dlists=1} its first list alone, {@code -Dset=} one option set alone; {@code -Dsteps=}
 * does the steps of a text instead, {@code -Dtimes=} so often.
 */
@Tag("proof")
class ModelTest {
    private static final int LIST_STEPS = 4_000;
    private static final int LISTS = 18;
    private static final int SETS = OptionSet.FIXED + 1;

    private final AtomicLong stepsDone = new AtomicLong();
    private final ConcurrentHashMap<Long, Long> histories = new ConcurrentHashMap<>();

    @Test
    void everyAnswerIsTheModelsUnderEveryOptionSet() throws Exception {
        runLists("everyAnswerIsTheModelsUnderEveryOptionSet", Long.getLong("seed", 20_260_401), Integer.getInteger("lists", LISTS));
    }

    @Test
    @Tag("long")
    void everyAnswerIsTheModelsInManyLists() throws Exception {
        runLists("everyAnswerIsTheModelsInManyLists", Long.getLong("seed", 20_270_401), Integer.getInteger("lists", 100 * LISTS));
    }

    private void runLists(String test, long seed, int lists) throws Exception {
        String text = System.getProperty("steps");
        Long only = Long.getLong("set");
        System.out.printf("-Dseed=%d -Dlists=%d%n", seed, lists);
        if (Shares.isOne() || text != null || only != null) {
            runLists(seed, lists, text, only);
        } else {
            assertEquals((long) lists * SETS * LIST_STEPS, Shares.run(ModelTest.class, test, seed));
        }
    }

    private void runLists(long seed, int lists, @Nullable String text, @Nullable Long only) {
        long start = System.nanoTime();
        List<Cases.Case> cases = new ArrayList<>();
        for (long time = 0; text != null && time < Integer.getInteger("times", 1); time++) {
            OptionSet options = setOf(only == null ? time : only, seed);
            cases.add(new Cases.Case("-Dseed=" + seed + " -Dsteps='" + text + "'", () -> run(seed, StepText.parseAll(text), options)));
        }
        for (long task = 0; text == null && task < (long) lists * SETS; task++) {
            long listSeed = seed + task / SETS;
            long set = task % SETS;
            if ((only == null || only == set) && Shares.isMine(task / SETS)) {
                cases.add(new Cases.Case("-Dlists=1 -Dseed=" + listSeed,
                        () -> run(listSeed, Steps.of(listSeed, LIST_STEPS), setOf(set, listSeed))));
            }
        }
        try {
            Cases.onVirtualThreads(ModelTest.class, 1).run(cases);
        } finally {
            double seconds = (System.nanoTime() - start) / 1e9;
            System.out.printf("%,d steps in %.0f s, %,.0f a second%n", stepsDone.get(), seconds, stepsDone.get() / seconds);
            Shares.tell(stepsDone.get());
        }
    }

    /** Those behind the fixed ones are random. */
    private static OptionSet setOf(long number, long seed) {
        return OptionSet.of(number < OptionSet.FIXED ? number : 1_000 + seed * 31 + number);
    }

    private void run(long seed, List<Step> steps, OptionSet options) {
        long history;
        try {
            history = new Execution(options, Execution.Lie.NONE).run(steps);
        } catch (Execution.Failure e) {
            throw Failing.report(seed, steps, options, e);
        }
        stepsDone.addAndGet(steps.size());
        Long other = histories.putIfAbsent(seed, history);
        if (other != null && other != history && Steps.isWithoutLossOfPower(steps)) {
            throw new AssertionError("the history of list " + seed + " under option set " + options.number() + " is another one");
        }
    }

    // ---- the test of the test

    /** A reader is told that an empty value is missing, once its keyspace was flushed. */
    private static final class Canary implements Execution.Lie {
        private boolean isFlushed;

        @Override
        public void see(Step step) {
            isFlushed |= step instanceof Step.Flush;
        }

        @Override
        public byte @Nullable [] told(byte @Nullable [] answer) {
            return isFlushed && answer != null && answer.length == 0 ? null : answer;
        }
    }

    @Test
    void aWrongAnswerIsFoundAndShrunkAndRepeated() {
        OptionSet options = OptionSet.of(0);
        long seed = 1;
        List<Step> steps = Steps.of(seed, LIST_STEPS);
        while (Failing.failure(steps, options, new Canary()) == null) {
            steps = Steps.of(++seed, LIST_STEPS);
        }
        List<Step> shrunk = Failing.shrunk(steps, options, Canary::new);
        String text = StepText.of(shrunk);
        assertTrue(shrunk.size() <= 3, text);
        assertEquals(shrunk, StepText.parseAll(text));
        assertTrue(Failing.failure(StepText.parseAll(text), options, new Canary()) != null, text);
        assertTrue(Failing.failure(StepText.parseAll(text), options, Execution.Lie.NONE) == null, text);
    }

    @Test
    void everyStepIsReadBackFromItsText() {
        for (long seed = 1; seed <= 20; seed++) {
            List<Step> steps = Steps.of(seed, 500);
            assertEquals(steps, StepText.parseAll(StepText.of(steps)));
        }
    }
}
