package io.firn.db;

import io.firn.error.ClosedException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The background workers and their three queues: what writers will soon wait for, which takes milliseconds; flushes and other
 * short tasks; and compactions. Each goes before the next, and one thread more than there are workers does only the first: a journal
 * that is not ready would stall every writer for the rest of a flush.
 *
 * <p>Invariants: (1) a task that throws poisons the database; the worker goes on. (2) The queues are bounded by their users: each kind
 * of task is queued at most once a tree. (3) After {@code stop} no task runs. (4) One worker never takes a compaction, if there
 * are two: no flush waits for a compaction.
 *
 * <p>Threads: any. Closed by: the database, by {@code stop}.
 */
final class Workers {
    private final ArrayDeque<Runnable> preparations = new ArrayDeque<>();
    private final ArrayDeque<Runnable> queue = new ArrayDeque<>();
    private final ArrayDeque<Runnable> compactions = new ArrayDeque<>();
    private final List<Thread> threads = new ArrayList<>();
    private final Consumer<Throwable> onFailure;
    private final int compactionsMax;
    private int running;
    private int compacting;
    private boolean isStopped;

    private record Task(Runnable work, boolean isCompaction) {}

    Workers(int count, ThreadFactory factory, Consumer<Throwable> onFailure) {
        this.onFailure = onFailure;
        compactionsMax = compactionsMax(count);
        for (int i = 0; i < count; i++) {
            threads.add(factory.newThread(() -> work(this::next)));
        }
        threads.add(factory.newThread(() -> work(this::nextPreparation)));
        threads.forEach(Thread::start);
    }

    /** How many of so many workers may compact at the same time. */
    static int compactionsMax(int count) {
        return Math.max(1, count - 1);
    }

    /** Has something made ready that writers will soon want; false if the workers were stopped. */
    boolean submitPreparation(Runnable task) {
        return submit(preparations, task);
    }

    /** False if the workers were stopped. */
    boolean submit(Runnable task) {
        return submit(queue, task);
    }

    /** False if the workers were stopped. */
    boolean submitCompaction(Runnable task) {
        return submit(compactions, task);
    }

    private synchronized boolean submit(ArrayDeque<Runnable> tasks, Runnable task) {
        if (isStopped) {
            return false;
        }
        tasks.add(task);
        notifyAll();
        return true;
    }

    /** Runs a compaction on a worker and waits for it, whatever interrupts the caller. */
    <T extends @Nullable Object> T callCompaction(Callable<T> task) {
        FutureTask<T> future = new FutureTask<>(task);
        if (!submitCompaction(future)) {
            throw new ClosedException("the database is closed");
        }
        return await(future);
    }

    /** Runs a task on a worker and waits for it, whatever interrupts the caller (an interrupt closes file channels). */
    <T> T call(Callable<T> task) {
        FutureTask<T> future = new FutureTask<>(task);
        if (!submit(future)) {
            throw new ClosedException("the database is closed");
        }
        return await(future);
    }

    /** Ends the threads after the tasks that run now; what is queued is dropped. */
    void stop() {
        List<Runnable> dropped;
        synchronized (this) {
            isStopped = true;
            dropped = new ArrayList<>(queue);
            dropped.addAll(compactions);
            preparations.clear();
            queue.clear();
            compactions.clear();
            notifyAll();
        }
        for (Runnable task : dropped) {
            if (task instanceof FutureTask<?> future) {
                future.cancel(false);
            }
        }
        threads.forEach(Workers::join);
    }

    /** Whether nothing is queued and nothing runs. */
    synchronized boolean isIdle() {
        return preparations.isEmpty() && queue.isEmpty() && compactions.isEmpty() && running == 0;
    }

    /** Waits for a thread to end; an interrupt is kept for later. */
    static void join(Thread thread) {
        boolean isInterrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                isInterrupted = true;
            }
        }
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
    }

    static <T extends @Nullable Object> T await(FutureTask<T> future) {
        boolean isInterrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    isInterrupted = true;
                }
            }
        } catch (CancellationException e) {
            throw new ClosedException("the database was closed meanwhile");
        } catch (ExecutionException e) {
            throw rethrown(e.getCause());
        } finally {
            if (isInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static RuntimeException rethrown(Throwable cause) {
        return switch (cause) {
            case RuntimeException e -> e;
            case IOException e -> Failures.translated(e);
            case Error e -> throw e;
            default -> new IllegalStateException(cause);
        };
    }

    private void work(Supplier<@Nullable Task> source) {
        while (true) {
            Task task = source.get();
            if (task == null) {
                return;
            }
            try {
                task.work.run();
            } catch (Throwable t) {
                onFailure.accept(t);
            } finally {
                synchronized (this) {
                    running--;
                    compacting -= task.isCompaction ? 1 : 0;
                    notifyAll();
                }
            }
        }
    }

    private synchronized @Nullable Task next() {
        while (preparations.isEmpty() && queue.isEmpty() && (compactions.isEmpty() || compacting == compactionsMax)
                && !isStopped) {
            awaitTask();
        }
        if (isStopped) {
            return null;
        }
        running++;
        if (!preparations.isEmpty()) {
            return new Task(preparations.poll(), false);
        }
        if (!queue.isEmpty()) {
            return new Task(queue.poll(), false);
        }
        compacting++;
        return new Task(compactions.poll(), true);
    }

    private synchronized @Nullable Task nextPreparation() {
        while (preparations.isEmpty() && !isStopped) {
            awaitTask();
        }
        if (isStopped) {
            return null;
        }
        running++;
        return new Task(preparations.poll(), false);
    }

    /** Monitor held. */
    private void awaitTask() {
        try {
            wait();
        } catch (InterruptedException e) {
            // Nobody has this thread to interrupt; the queues say what to do.
            return;
        }
    }
}
