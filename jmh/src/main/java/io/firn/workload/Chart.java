package io.firn.workload;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * A picture, as SVG, of how many times each engine's rate Firn's is: a bar for each engine in each row of figures, on a
 * logarithmic axis, from 1 to the right where Firn is faster and to the left where it is slower; a mark where the goal
 * is.
 */
final class Chart {
    private static final int PLOT_LEFT = 345;
    private static final int PLOT_WIDTH = 700;
    private static final int WIDTH = PLOT_LEFT + PLOT_WIDTH + 90;
    private static final int PLOT_TOP = 118;
    private static final int BAR_HEIGHT = 14;
    private static final int BAR_PITCH = 17;
    private static final int GROUP_GAP = 14;
    private static final int LABEL_WIDTH = 52;

    private static final double[] STEPS = {1, 2, 5};

    /** A bar that would leave this range is cut off at its end; its number tells. */
    private static final double LEAST = 1 / 64.0;
    private static final double MOST = 512;

    private final Medians medians;
    private final StringBuilder out = new StringBuilder();
    private final Map<String, Map<EngineName, Double>> ratios = new LinkedHashMap<>();
    private double least = 0.5;
    private double most = 2;

    private Chart(Medians medians) {
        this.medians = medians;
        for (String row : medians.byRow().keySet()) {
            Map<EngineName, Double> byEngine = new LinkedHashMap<>();
            for (EngineName engine : medians.engines()) {
                if (engine != EngineName.FIRN && engine != EngineName.NONE) {
                    medians.rateRatio(row, engine).ifPresent(ratio -> byEngine.put(engine, ratio));
                }
            }
            if (!byEngine.isEmpty()) {
                ratios.put(row, byEngine);
            }
        }
        ratios.values().forEach(byEngine -> byEngine.values().forEach(this::include));
        ratios.forEach((row, byEngine) -> byEngine.keySet().forEach(engine -> include(goal(row, engine).orElse(1))));
    }

    private void include(double ratio) {
        least = Math.max(LEAST, Math.min(least, ratio / 1.3));
        most = Math.min(MOST, Math.max(most, ratio * 1.3));
    }

    static String svg(Medians medians, String subject) {
        return new Chart(medians).draw(subject);
    }

    private String draw(String subject) {
        int bars = ratios.values().stream().mapToInt(Map::size).sum();
        int plotHeight = bars * BAR_PITCH + ratios.size() * GROUP_GAP + GROUP_GAP;
        int height = PLOT_TOP + plotHeight + 40;
        line("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\""
                + " font-family=\"Helvetica, Arial, DejaVu Sans, sans-serif\" font-size=\"13\" fill=\"#1a1a1a\">",
                WIDTH, height, WIDTH, height);
        line("<rect width=\"%d\" height=\"%d\" fill=\"white\"/>", WIDTH, height);
        text(20, 32, "start", "font-size=\"20\" font-weight=\"bold\"", "How many times an engine's rate Firn's is");
        text(20, 54, "start", "fill=\"#555\"", subject);
        legend();
        axis(plotHeight);
        int y = PLOT_TOP + GROUP_GAP;
        for (Map.Entry<String, Map<EngineName, Double>> row : ratios.entrySet()) {
            y = group(row.getKey(), row.getValue(), y);
        }
        line("</svg>");
        return out.toString();
    }

    private void legend() {
        int x = 20;
        for (EngineName engine : medians.engines()) {
            if (engine != EngineName.FIRN && engine != EngineName.NONE) {
                line("<rect x=\"%d\" y=\"70\" width=\"14\" height=\"14\" fill=\"%s\"/>", x, colour(engine));
                text(x + 20, 82, "start", "", engine.toString());
                x += 40 + 8 * engine.toString().length();
            }
        }
        line("<rect x=\"%d\" y=\"68\" width=\"3\" height=\"18\" fill=\"black\"/>", x + 4);
        text(x + 14, 82, "start", "", "goal");
    }

    private void axis(int plotHeight) {
        int bottom = PLOT_TOP + plotHeight;
        for (double tick : ticks()) {
            String stroke = tick == 1 ? "stroke=\"#333\" stroke-width=\"1.5\"" : "stroke=\"#ddd\"";
            line("<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" %s/>", x(tick), PLOT_TOP, x(tick), bottom, stroke);
            String label = (tick >= 1 ? Long.toString(Math.round(tick)) : Double.toString(tick)) + "x";
            text(x(tick), PLOT_TOP - 6, "middle", "fill=\"#555\"", label);
            text(x(tick), bottom + 18, "middle", "fill=\"#555\"", label);
        }
        text(x(1) + 6, bottom + 34, "start", "fill=\"#555\"", "Firn is faster \u2192");
        text(x(1) - 6, bottom + 34, "end", "fill=\"#555\"", "\u2190 slower");
    }

    private List<Double> ticks() {
        List<Double> ticks = new ArrayList<>();
        for (int exponent = -2; exponent <= 2; exponent++) {
            for (double step : STEPS) {
                double tick = Double.parseDouble(step + "e" + exponent);
                if (least <= tick && tick <= most) {
                    ticks.add(tick);
                }
            }
        }
        return ticks;
    }

    /** The bars of a row; answers where the next one begins. */
    private int group(String row, Map<EngineName, Double> byEngine, int top) {
        Figures firn = medians.byRow().get(row).get(EngineName.FIRN);
        int middle = top + (byEngine.size() * BAR_PITCH - (BAR_PITCH - BAR_HEIGHT)) / 2;
        text(PLOT_LEFT - 78, middle + 5, "end", "font-weight=\"bold\"", row);
        text(PLOT_LEFT - 10, middle + 5, "end", "fill=\"#555\"", Report.shortened(firn.number("rate_per_s")) + "/s");
        int y = top;
        for (Map.Entry<EngineName, Double> each : byEngine.entrySet()) {
            bar(row, each.getKey(), each.getValue(), y);
            y += BAR_PITCH;
        }
        return y + GROUP_GAP;
    }

    private void bar(String row, EngineName engine, double ratio, int y) {
        double left = Math.min(x(1), x(ratio));
        double right = Math.max(x(1), x(ratio));
        line("<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>",
                left, y, Math.max(1, right - left), BAR_HEIGHT, colour(engine));
        double labelLeft = ratio >= 1 ? right + 6 : x(1) + 6;
        OptionalDouble goal = goal(row, engine);
        if (goal.isPresent()) {
            double mark = x(goal.getAsDouble());
            line("<rect x=\"%.1f\" y=\"%d\" width=\"3\" height=\"%d\" fill=\"black\"/>",
                    mark - 1.5, y - 2, BAR_HEIGHT + 4);
            if (labelLeft - 8 < mark && mark < labelLeft + LABEL_WIDTH) {
                labelLeft = mark + 7;
            }
        }
        text(labelLeft, y + 11, "start", "font-size=\"12\"", Report.times(ratio));
    }

    /** How many times the engine's rate Firn's has to be. */
    private static OptionalDouble goal(String row, EngineName engine) {
        return Goal.ALL.stream()
                .filter(goal -> goal instanceof Goal.Times times && times.row().equals(row) && times.peer() == engine)
                .mapToDouble(goal -> ((Goal.Times) goal).times())
                .findFirst();
    }

    private double x(double ratio) {
        double within = Math.clamp(ratio, least, most);
        return PLOT_LEFT + PLOT_WIDTH * Math.log(within / least) / Math.log(most / least);
    }

    private static String colour(EngineName engine) {
        return switch (engine) {
            case ROCKSDB -> "#c2571a";
            case LMDB -> "#2b6cb0";
            case LMDB_BATCHED -> "#7fb2e5";
            case MVSTORE -> "#5a8f3c";
            case FIRN, NONE -> "#888888";
        };
    }

    private void text(double x, double y, String anchor, String style, String content) {
        line("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>", x, y, anchor, style,
                content.replace("&", "&amp;").replace("<", "&lt;"));
    }

    private void line(String format, Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }
}
