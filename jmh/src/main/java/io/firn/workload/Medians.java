package io.firn.workload;

import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** Of each row of figures, in the order of the phases, and each engine the round whose rate is the median. */
record Medians(Map<String, Map<EngineName, Figures>> byRow) {
    static Medians of(List<Figures> all) {
        Map<String, Map<EngineName, Figures>> byRow = new LinkedHashMap<>();
        for (Phase phase : Phase.values()) {
            for (String row : phase.rows()) {
                Map<EngineName, Figures> byEngine = new EnumMap<>(EngineName.class);
                for (EngineName engine : EngineName.values()) {
                    List<Figures> rounds = all.stream()
                            .filter(each -> each.text("phase").equals(row)
                                    && each.text("engine").equals(engine.toString()))
                            .sorted(Comparator.comparingDouble(each -> each.number("rate_per_s")))
                            .toList();
                    if (!rounds.isEmpty()) {
                        byEngine.put(engine, rounds.get(rounds.size() / 2));
                    }
                }
                if (!byEngine.isEmpty()) {
                    byRow.put(row, byEngine);
                }
            }
        }
        return new Medians(byRow);
    }

    @Nullable Figures get(String row, EngineName engine) {
        return byRow.getOrDefault(row, Map.of()).get(engine);
    }

    /** The engines of which anything was measured. */
    List<EngineName> engines() {
        return Arrays.stream(EngineName.values())
                .filter(engine -> byRow.values().stream().anyMatch(byEngine -> byEngine.containsKey(engine)))
                .toList();
    }

    /** How many times the other engine's figure Firn's is. */
    OptionalDouble ratio(String row, EngineName other, String figure) {
        Figures firn = get(row, EngineName.FIRN);
        Figures others = get(row, other);
        return firn == null || others == null
                ? OptionalDouble.empty()
                : OptionalDouble.of(firn.number(figure) / others.number(figure));
    }

    OptionalDouble rateRatio(String row, EngineName other) {
        return ratio(row, other, "rate_per_s");
    }
}
