package io.firn;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The independent cases of a proof, run on several threads. What fails is told with the command that repeats it
 * alone; the first failure is thrown, with the others suppressed in it.
 *
 * <p>Threads: one runs them, and waits; each case runs on one of its own.
 */
public final class Cases {
    /** So many seconds of waiting one case may take. A process that is stopped does not wait meanwhile. */
    private static final int WAITS_MAX = 900;

    private final Class<?> test;
    private final int failuresMax;
    private final ThreadFactory factory;
    private final ConcurrentLinkedQueue<AssertionError> failures = new ConcurrentLinkedQueue<>();

    /**
     * One of them.
     *
     * @param options those that let the test run this case alone
     */
    public record Case(String options, Body body) {}

    /** What a case does; it fails by throwing whatever it likes. */
    public interface Body {
        void run() throws Throwable;
    }

    /** After so many failures no case is begun any more. */
    public Cases(Class<?> test, int failuresMax) {
        this(test, failuresMax, Thread.ofPlatform().daemon().name("case ", 0).factory());
    }

    private Cases(Class<?> test, int failuresMax, ThreadFactory factory) {
        this.test = test;
        this.failuresMax = failuresMax;
        this.factory = factory;
    }

    /** The same on virtual threads, for cases whose databases have no others: most of what those do is waiting for one another. */
    public static Cases onVirtualThreads(Class<?> test, int failuresMax) {
        return new Cases(test, failuresMax, Thread.ofVirtual().name("case ", 0).factory());
    }

    /** As many threads as there are processors, at least two. */
    public static int threads() {
        return Math.max(2, Runtime.getRuntime().availableProcessors());
    }

    /** The command that lets a test run with these options. */
    public static String command(Class<?> test, String options) {
        return "mvn -q test -pl ffm-io,engine -Dtest=" + test.getSimpleName()
                + " -Dsurefire.failIfNoSpecifiedTests=false " + options;
    }

    public boolean hasFailed() {
        return !failures.isEmpty();
    }

    /** Runs what is supplied, on so many threads, until there is null. The supplier is asked by one thread at a time. */
    public void run(int threads, Supplier<@Nullable Case> next) {
        AtomicReferenceArray<Case> running = new AtomicReferenceArray<>(threads);
        ExecutorService pool =
                Executors.newFixedThreadPool(threads, factory);
        for (int i = 0; i < threads; i++) {
            int at = i;
            pool.execute(() -> {
                for (Case each = nextOf(next); each != null; each = nextOf(next)) {
                    running.set(at, each);
                    run(each);
                }
                running.set(at, null);
            });
        }
        pool.shutdown();
        awaitEnd(pool, running);
        throwFirst();
    }

    /** The same for a list, on as many threads as there are processors. */
    public void run(Collection<Case> cases) {
        run(threads(), new ConcurrentLinkedQueue<>(cases)::poll);
    }

    private @Nullable Case nextOf(Supplier<@Nullable Case> next) {
        synchronized (next) {
            return failures.size() < failuresMax ? next.get() : null;
        }
    }

    private void run(Case each) {
        try {
            each.body.run();
        } catch (Throwable e) {
            failures.add(new AssertionError(command(test, each.options) + "\n" + e, e));
        }
    }

    private void awaitEnd(ExecutorService pool, AtomicReferenceArray<Case> running) {
        Case[] seen = new Case[running.length()];
        int[] waits = new int[running.length()];
        try {
            while (!pool.awaitTermination(1, TimeUnit.SECONDS)) {
                for (int i = 0; i < seen.length; i++) {
                    Case each = running.get(i);
                    waits[i] = each != null && each == seen[i] ? waits[i] + 1 : 0;
                    seen[i] = each;
                    if (each != null && waits[i] > WAITS_MAX) {
                        throw new AssertionError(command(test, each.options) + "\nhangs" + stacks());
                    }
                }
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static String stacks() {
        StringBuilder stacks = new StringBuilder();
        Thread.getAllStackTraces().forEach((thread, stack) -> {
            stacks.append('\n').append(thread);
            List.of(stack).forEach(frame -> stacks.append("\n    ").append(frame));
        });
        return stacks.toString();
    }

    private void throwFirst() {
        AssertionError first = failures.poll();
        if (first != null) {
            failures.forEach(first::addSuppressed);
            throw first;
        }
    }
}
