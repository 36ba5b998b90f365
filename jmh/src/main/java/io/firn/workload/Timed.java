package io.firn.workload;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.HdrHistogram.Histogram;

/** Runs loops of operations on threads of their own, and takes the figures. */
final class Timed {
    private static final long LATENCY_MAX_NANOS = 100_000_000_000L;
    private static final double MICRO = 1000.0;

    /** A loop over one engine's operations; answers how many, and records times if it has any. */
    interface Loop {
        long run(int thread, Histogram latencyNanos) throws Exception;
    }

    /** A loop that runs on so many threads, and the name of its figures. */
    record Part(String name, int threads, Loop loop) {}

    private record Lap(Histogram latencyNanos, long operations, long endNanos, long allocatedBytes, long cpuNanos) {}

    private Timed() {}

    static Figures run(String name, int threads, Loop loop) throws Exception {
        return run(List.of(new Part(name, threads, loop))).getFirst();
    }

    /** Runs the loops of all parts at once; the figures of each. */
    static List<Figures> run(List<Part> parts) throws Exception {
        int threads = parts.stream().mapToInt(Part::threads).sum();
        CountDownLatch ready = new CountDownLatch(threads);
        CountDownLatch start = new CountDownLatch(1);
        List<List<FutureTask<Lap>>> laps = new ArrayList<>();
        for (Part part : parts) {
            List<FutureTask<Lap>> ofPart = new ArrayList<>();
            for (int t = 0; t < part.threads; t++) {
                int thread = t;
                FutureTask<Lap> lap = new FutureTask<>(() -> lap(part.loop, thread, ready, start));
                ofPart.add(lap);
                Thread.ofPlatform().name(part.name + "-" + thread).daemon().start(lap);
            }
            laps.add(ofPart);
        }
        ready.await();
        Usage before = Usage.now();
        long began = System.nanoTime();
        start.countDown();
        for (List<FutureTask<Lap>> ofPart : laps) {
            for (FutureTask<Lap> each : ofPart) {
                each.get();
            }
        }
        Usage used = Usage.now().since(before);
        List<Figures> figures = new ArrayList<>();
        for (int p = 0; p < parts.size(); p++) {
            figures.add(figures(parts.get(p), began, laps.get(p), used));
        }
        return figures;
    }

    private static Lap lap(Loop loop, int thread, CountDownLatch ready, CountDownLatch start) throws Exception {
        Histogram latencyNanos = new Histogram(1, LATENCY_MAX_NANOS, 3);
        ready.countDown();
        start.await();
        long allocatedBytes = Machine.allocatedBytes();
        long cpuNanos = Machine.threadNanos();
        long operations = loop.run(thread, latencyNanos);
        return new Lap(
                latencyNanos, operations, System.nanoTime(),
                Machine.allocatedBytes() - allocatedBytes, Machine.threadNanos() - cpuNanos);
    }

    private static Figures figures(Part part, long began, List<FutureTask<Lap>> laps, Usage used) throws Exception {
        Histogram latencyNanos = new Histogram(1, LATENCY_MAX_NANOS, 3);
        long operations = 0;
        long endNanos = began;
        long allocatedBytes = 0;
        long cpuNanos = 0;
        for (FutureTask<Lap> each : laps) {
            Lap lap = each.get();
            latencyNanos.add(lap.latencyNanos);
            operations += lap.operations;
            endNanos = Math.max(endNanos, lap.endNanos);
            allocatedBytes += lap.allocatedBytes;
            cpuNanos += lap.cpuNanos;
        }
        double seconds = (endNanos - began) / 1e9;
        Figures figures = new Figures()
                .with("phase", part.name)
                .with("threads", part.threads)
                .with("ops", operations)
                .with("seconds", seconds)
                .with("ops_per_s", operations / seconds)
                .with("rate_per_s", operations / seconds);
        if (latencyNanos.getTotalCount() > 0) {
            latencies(figures, latencyNanos);
        }
        return figures
                .with("cpu_us", cpuNanos / MICRO / operations)
                .with("process_cpu_s", used.cpuNanos() / 1e9)
                .with("heap_B_per_op", allocatedBytes / (double) operations)
                .with("gc_count", used.collections())
                .with("gc_ms", used.collectionMillis());
    }

    private static void latencies(Figures figures, Histogram latencyNanos) {
        figures.with("mean_us", latencyNanos.getMean() / MICRO)
                .with("p50_us", latencyNanos.getValueAtPercentile(50) / MICRO)
                .with("p99_us", latencyNanos.getValueAtPercentile(99) / MICRO)
                .with("p99.9_us", latencyNanos.getValueAtPercentile(99.9) / MICRO)
                .with("max_us", latencyNanos.getMaxValue() / MICRO);
    }

    /** Records the time since an operation before ended; answers when this one did. */
    static long record(Histogram latencyNanos, long previousNanos) {
        long now = System.nanoTime();
        latencyNanos.recordValue(Math.min(now - previousNanos, LATENCY_MAX_NANOS));
        return now;
    }
}
