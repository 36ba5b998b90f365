package io.firn.model;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What is done with a list of steps that failed: it is shrunk, and told with the command that repeats it.
 *
 * <p>Threads: any.
 */
final class Failing {
    private static final int ATTEMPTS_MAX = 1_500;

    /** What depends on the moment does not fail each time. */
    private static final int TRIES = 3;

    private Failing() {}

    static Execution.@Nullable Failure failure(List<Step> steps, OptionSet options, Execution.Lie lie) {
        try {
            new Execution(options, lie).run(steps);
            return null;
        } catch (Execution.Failure e) {
            return e;
        }
    }

    static List<Step> shrunk(List<Step> steps, OptionSet options, Supplier<Execution.Lie> lies) {
        Execution.Failure first = failure(steps, options, lies.get());
        List<Step> begun = first == null ? steps : steps.subList(0, Math.min(steps.size(), first.steps));
        int tries = options.isQuiet() ? 1 : TRIES;
        return new Shrinking(fewer -> {
            for (int i = 0; i < tries; i++) {
                if (failure(fewer, options, lies.get()) != null) {
                    return true;
                }
            }
            return false;
        }, ATTEMPTS_MAX).shrink(begun);
    }

    /** Under quiet options, if it fails there: then it fails each time. */
    static AssertionError report(long seed, List<Step> steps, OptionSet options, Execution.Failure failure) {
        OptionSet quiet = options.quiet();
        OptionSet failing = failure(steps, quiet, Execution.Lie.NONE) != null ? quiet : options;
        List<Step> shrunk = shrunk(steps, failing, () -> Execution.Lie.NONE);
        return new AssertionError(
                "-Dseed=" + seed + " -Dlists=1, option set " + options + ": " + failure.getMessage() + "\nshrunk to "
                        + shrunk.size() + " steps" + (failing.isQuiet() ? "" : ", which may have to be tried often") + ":\n"
                        + "mvn -q test -pl ffm-io,engine -Dtest=ModelTest -Dsurefire.failIfNoSpecifiedTests=false -Dtimes="
                        + (failing.isQuiet() ? 1 : 1000) + " -Dset=" + failing.number()
                        + " -Dsteps='" + StepText.of(shrunk) + "'",
                failure);
    }
}
