package io.firn.model;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * Makes a list of steps that fails shorter, as long as it fails: steps are left out (ddmin), then keys become one byte each, values
 * short, and writes of batches steps of their own.
 *
 * <p>Threads: one.
 */
final class Shrinking {
    private final Predicate<List<Step>> fails;
    private final int attemptsMax;
    private int attempts;

    Shrinking(Predicate<List<Step>> fails, int attemptsMax) {
        this.fails = fails;
        this.attemptsMax = attemptsMax;
    }

    /** A list that fails too. */
    List<Step> shrink(List<Step> failing) {
        List<Step> steps = withFewerSteps(failing);
        steps = orElse(withSplitBatches(steps), steps);
        steps = withFewerSteps(steps);
        steps = orElse(withShortKeys(steps), steps);
        steps = orElse(withShortValues(steps, 0), orElse(withShortValues(steps, 8), steps));
        return withFewerSteps(steps);
    }

    int attempts() {
        return attempts;
    }

    private List<Step> orElse(List<Step> changed, List<Step> steps) {
        return !changed.equals(steps) && isFailing(changed) ? changed : steps;
    }

    private boolean isFailing(List<Step> steps) {
        return attempts++ < attemptsMax && fails.test(steps);
    }

    private List<Step> withFewerSteps(List<Step> failing) {
        List<Step> steps = failing;
        int chunk = Math.max(1, steps.size() / 2);
        while (chunk >= 1 && attempts < attemptsMax) {
            boolean isShorter = false;
            int at = 0;
            while (at < steps.size() && attempts < attemptsMax) {
                List<Step> without = new ArrayList<>(steps.subList(0, at));
                without.addAll(steps.subList(Math.min(steps.size(), at + chunk), steps.size()));
                if (isFailing(without)) {
                    steps = without;
                    isShorter = true;
                } else {
                    at += chunk;
                }
            }
            if (!isShorter || chunk > 1) {
                chunk /= 2;
            }
        }
        return steps;
    }

    private static List<Step> withSplitBatches(List<Step> steps) {
        List<Step> split = new ArrayList<>();
        for (Step step : steps) {
            if (step instanceof Step.Batch batch) {
                split.addAll(batch.writes());
            } else {
                split.add(step);
            }
        }
        return split;
    }

    /** In the same order, as far as there are bytes. */
    private static List<Step> withShortKeys(List<Step> steps) {
        TreeSet<Key> keys = new TreeSet<>();
        steps.forEach(step -> keys.addAll(StepText.keysOf(step)));
        TreeMap<Key, Key> shorter = new TreeMap<>();
        for (Key key : keys) {
            shorter.put(key, Key.of('a' + shorter.size()));
        }
        if (keys.size() > 256 - 'a') {
            return steps;
        }
        return steps.stream().map(step -> StepText.mapped(step, shorter::get, value -> value)).toList();
    }

    private static List<Step> withShortValues(List<Step> steps, int length) {
        return steps.stream()
                .map(step -> StepText.mapped(
                        step, key -> key, value -> new Value(Math.min(length, value.length()), value.number())))
                .toList();
    }
}
