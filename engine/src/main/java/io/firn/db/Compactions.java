package io.firn.db;

import io.firn.compaction.Choice;
import io.firn.compaction.Chooser;
import io.firn.compaction.Claim;
import io.firn.compaction.Compaction;
import io.firn.compaction.FilterFailedException;
import io.firn.compaction.Pace;
import io.firn.compaction.Survey;
import io.firn.config.CompactionFilter;
import io.firn.config.CompactionFilters;
import io.firn.config.CompactionStrategy;
import io.firn.event.CompactionEvent;
import io.firn.event.Events;
import io.firn.keyspace.HeldVersion;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeContext;
import io.firn.keyspace.Upkeep;
import io.firn.version.BlobUse;
import io.firn.version.Change;
import io.firn.version.Levels;
import io.firn.version.TableFiles;
import io.firn.version.TableRecord;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The compactions of all keyspaces: which tree is looked at next, who holds what, and how the outcome takes the inputs' place.
 *
 * <p>A tree is due when its tables may ask for something: after a flush, after each of its compactions, when it is opened, and
 * each second where they age. It is due until its strategy finds nothing, so that what there is to do is done without a write. When
 * nothing was written to the database for some seconds, what only readers gain by is done too.
 *
 * <p>Invariants: (1) at most so many compactions run as there are workers but one, which flushes wait for. (2) What a compaction
 * holds is claimed from its choice until it is installed or discarded. (3) An outcome whose inputs do not all stand there any more
 * is discarded (R2). (4) A failed output is deleted and tried again after a rest; a failed edit poisons. (5) Inputs are deleted
 * after the edit without them is durable; who still reads them has them mapped.
 *
 * <p>Threads: requests from any, the work on the workers. The monitor is taken before a tree's, and no other lock inside it.
 */
final class Compactions {
    /** How long a tree whose compaction failed is left alone. */
    private static final long REST_MILLIS = 100;

    /** So many seconds without a write are calm. */
    static final int CALM_SECONDS = 10;

    private final Workers workers;
    private final Edits edits;
    private final Flushes flushes;
    private final TreeContext context;
    private final Health health;
    private final Backpressure backpressure;
    private final TableFiles files;
    private final LongSupplier millisClock;
    private final Pace pace;
    private final int parallel;
    private final @Nullable CompactionFilters filters;
    private final Consumer<@Nullable Runnable> everySecond;

    private final Set<Tree> due = new LinkedHashSet<>();
    private final Map<Tree, List<Claim>> claims = new HashMap<>();
    /** Trees that a caller works on, who waits for what runs and lets nothing new begin. */
    private final Set<Tree> reserved = new HashSet<>();
    /** Trees whose next merge is not filtered. */
    private final Set<Tree> unfiltered = new HashSet<>();
    /** Trees whose tables may have to go for their age, or because a snapshot was closed: nothing tells when. */
    private final Set<Tree> ageing = new HashSet<>();
    /** Trees in which there is something to do for readers when it is calm. */
    private final Set<Tree> uncalmed = new HashSet<>();
    /** Of those that are due, the ones for whose readers something is to be done now. */
    private final Set<Tree> dueCalmly = new HashSet<>();
    private boolean isWatching;
    private long seenSeqno;
    private int secondsWithoutWrite;
    private final Upkeep totals = new Upkeep();
    private int started;

    /** What is to be done for a tree, as far as the claims allow. */
    private interface Choosing {
        @Nullable Choice choose(Survey survey);
    }

    /** A choice whose inputs are claimed and kept open. */
    private record Job(Tree tree, Compaction compaction, Claim claim, HeldVersion held) {}

    Compactions(
            Workers workers, Edits edits, Flushes flushes, TreeContext context, Health health, Backpressure backpressure,
            TableFiles files, Pace pace, int parallel, @Nullable CompactionFilters filters,
            Consumer<@Nullable Runnable> everySecond) {
        this.workers = workers;
        this.edits = edits;
        this.flushes = flushes;
        this.context = context;
        this.health = health;
        this.backpressure = backpressure;
        this.files = files;
        this.millisClock = files.millisClock();
        this.pace = pace;
        this.parallel = parallel;
        this.filters = filters;
        this.everySecond = everySecond;
    }

    /** Compactions since the opening, those of keyspaces that were deleted included. */
    Upkeep totals() {
        return totals;
    }

    /** What stands where the tree's strategy would not leave it, see {@link Chooser#debtBytes}; 0 after the end of the tree. */
    long debtBytes(Tree tree) {
        Levels levels = tree.levels();
        return levels == null
                ? 0
                : Chooser.debtBytes(tree.options().compaction(), levels, millisClock.getAsLong());
    }

    // ---- requests

    /** Has the tree looked at in the background. */
    synchronized void request(Tree tree) {
        due.add(tree);
        if (tree.options().compaction() instanceof CompactionStrategy.Fifo) {
            ageing.add(tree);
            watch();
        }
        start();
    }

    /** Has {@link #lookAround} called each second. Monitor held. */
    private void watch() {
        if (!isWatching) {
            isWatching = true;
            secondsWithoutWrite = 0;
            everySecond.accept(this::lookAround);
        }
    }

    /** Each second, as long as there are trees that time alone changes something for. */
    synchronized void lookAround() {
        ageing.removeIf(tree -> tree.levels() == null);
        uncalmed.removeIf(tree -> tree.levels() == null);
        ageing.forEach(this::request);
        long seqno = context.published().get();
        secondsWithoutWrite = seqno == seenSeqno ? secondsWithoutWrite + 1 : 0;
        seenSeqno = seqno;
        if (secondsWithoutWrite >= CALM_SECONDS) {
            dueCalmly.addAll(uncalmed);
            due.addAll(uncalmed);
            uncalmed.clear();
            start();
        }
        if (ageing.isEmpty() && uncalmed.isEmpty()) {
            isWatching = false;
            everySecond.accept(null);
        }
    }

    /** Does one round of what the strategy finds, calmly, and waits for it. */
    void compact(Tree tree, CompactionStrategy strategy) {
        workers.callCompaction(() -> runReserved(tree, survey -> Chooser.chooseCalmly(strategy, survey)));
    }

    /** Merges all tables into the last level, and waits for it. */
    void compactAll(Tree tree) {
        workers.callCompaction(() -> runReserved(tree, survey -> Chooser.chooseAll(tree.options().compaction(), survey)));
    }

    // ---- scheduling

    /** Another compaction, if there may be one to do and a worker for it. Monitor held. */
    private void start() {
        if (started < parallel && isOneFree() && health.isWritable() && workers.submitCompaction(this::work)) {
            started++;
        }
    }

    /** Whether a tree is due that no caller works on: those are looked at when he has ended. Monitor held. */
    private boolean isOneFree() {
        for (Tree tree : due) {
            if (!reserved.contains(tree)) {
                return true;
            }
        }
        return false;
    }

    private void work() {
        try {
            Job job = next();
            if (job != null) {
                run(job);
            }
        } finally {
            synchronized (this) {
                started--;
                start();
            }
        }
    }

    /** Chooses for the tree that is due and has the most runs in level 0; null if no tree has anything to do. */
    private synchronized @Nullable Job next() {
        while (health.isWritable()) {
            Tree tree = due.stream()
                    .filter(each -> !reserved.contains(each))
                    .max(Comparator.comparingInt(Tree::level0Runs))
                    .orElse(null);
            if (tree == null) {
                return null;
            }
            CompactionStrategy strategy = tree.options().compaction();
            boolean isCalm = dueCalmly.remove(tree);
            Job job = claim(tree, survey -> isCalm
                    ? Chooser.chooseCalmly(strategy, survey)
                    : Chooser.choose(strategy, survey));
            if (job != null) {
                // There may be more to do that it does not hold.
                start();
                return job;
            }
            due.remove(tree);
            if (!isCalm && isMoreToDoCalmly(tree)) {
                uncalmed.add(tree);
                watch();
            }
        }
        return null;
    }

    /** What runs now is asked for by those who run it. Monitor held. */
    private boolean isMoreToDoCalmly(Tree tree) {
        Levels levels = tree.levels();
        return levels != null && !claims.containsKey(tree)
                && Chooser.chooseCalmly(tree.options().compaction(), survey(tree, levels)) != null;
    }

    private Survey survey(Tree tree, Levels levels) {
        return new Survey(
                levels, claims.getOrDefault(tree, List.of()), millisClock.getAsLong(),
                context.readers().snapshots().newest());
    }

    /** Fixes the inputs of what is chosen; null if that is nothing, or the tree has ended. Monitor held. */
    private @Nullable Job claim(Tree tree, Choosing choosing) {
        Levels levels = tree.levels();
        Choice choice = levels == null ? null : choosing.choose(survey(tree, levels));
        HeldVersion held = choice == null
                ? null : tree.hold(choice.tables().stream().map(TableRecord::id).collect(Collectors.toSet()));
        if (choice == null || held == null) {
            return null;
        }
        Compaction compaction = new Compaction(tree.id(), tree.options(), held.version(), choice);
        Claim claim = new Claim(compaction.choice());
        claims.computeIfAbsent(tree, each -> new ArrayList<>()).add(claim);
        return new Job(tree, compaction, claim, held);
    }

    private void release(Job job) {
        job.held.close();
        synchronized (this) {
            List<Claim> running = claims.get(job.tree);
            running.remove(job.claim);
            if (running.isEmpty()) {
                claims.remove(job.tree);
            }
            notifyAll();
        }
    }

    /** Does for a caller what is chosen, when nothing that runs is in the way. */
    private @Nullable Void runReserved(Tree tree, Choosing choosing) throws IOException {
        Job job = reserve(tree, choosing);
        try {
            if (job != null) {
                try {
                    carryOut(job);
                } finally {
                    release(job);
                }
            }
            return null;
        } finally {
            endReservation(tree);
        }
    }

    /** Lets no compaction of the tree begin until {@link #endReservation}, and waits for those that run. A worker. */
    synchronized boolean reserve(Tree tree) {
        while (!reserved.add(tree)) {
            awaitRelease();
        }
        try {
            while (claims.containsKey(tree)) {
                awaitRelease();
            }
            return true;
        } catch (Throwable t) {
            reserved.remove(tree);
            notifyAll();
            start();
            throw t;
        }
    }

    void endReservation(Tree tree) {
        synchronized (this) {
            reserved.remove(tree);
            notifyAll();
        }
        request(tree);
    }

    private synchronized @Nullable Job reserve(Tree tree, Choosing choosing) {
        while (!reserved.add(tree)) {
            awaitRelease();
        }
        boolean isDone = false;
        try {
            Job job = claim(tree, choosing);
            while (job == null && claims.containsKey(tree)) {
                awaitRelease();
                job = claim(tree, choosing);
            }
            isDone = true;
            return job;
        } finally {
            if (!isDone) {
                reserved.remove(tree);
                notifyAll();
                start();
            }
        }
    }

    /** Until another compaction ends, or a while. Monitor held. */
    private void awaitRelease() {
        health.checkWritable();
        try {
            wait(REST_MILLIS);
        } catch (InterruptedException e) {
            // Nobody has this thread to interrupt; its caller looks again.
            return;
        }
    }

    // ---- running

    private void run(Job job) {
        boolean isFailed = false;
        try {
            carryOut(job);
            backpressure.compacted();
        } catch (IOException e) {
            isFailed = true;
            failed(e, Failures.translated(e));
        } catch (FilterFailedException e) {
            isFailed = true;
            failed(e, e);
        } finally {
            release(job);
        }
        if (isFailed) {
            rest();
        }
        request(job.tree);
    }

    /** Lets a while pass, whatever happens meanwhile but the end. */
    private synchronized void rest() {
        long untilNanos = backpressure.now() + TimeUnit.MILLISECONDS.toNanos(REST_MILLIS);
        long left = REST_MILLIS;
        while (left > 0 && health.isWritable()) {
            try {
                wait(left);
            } catch (InterruptedException e) {
                // Nobody has this thread to interrupt; the clock says how long.
                continue;
            } finally {
                left = TimeUnit.NANOSECONDS.toMillis(untilNanos - backpressure.now());
            }
        }
    }

    private void carryOut(Job job) throws IOException {
        long sinceNanos = backpressure.now();
        CompactionEvent event = Events.compaction();
        try (CountedWork work = new CountedWork(job.tree.compactions(), totals)) {
            try {
                carryOut(job, work, sinceNanos);
            } catch (Throwable t) {
                work.fail(t);
                throw t;
            } finally {
                if (event != null) {
                    Choice choice = job.compaction.choice();
                    event.tell(job.tree.name(), choice.getClass().getSimpleName(), choice.level(), work.outcome(),
                            work.readBytes(), work.writtenBytes());
                }
            }
        }
    }

    private void carryOut(Job job, CountedWork work, long sinceNanos) throws IOException {
        WrittenRun written = job.compaction.write(context::boundaries, () -> filter(job.tree), files, pace);
        // Crash here: orphans on the disk; the inputs are still named.
        Set<Long> forgottenBlobs;
        try {
            forgottenBlobs = install(job, written);
        } catch (Throwable t) {
            // The files stay: the manifest may name them. What readers see already stays open.
            if (!job.tree.tables().containsAll(written.records())) {
                written.close();
            }
            throw t;
        }
        if (forgottenBlobs == null) {
            written.discard(context.storage());
            postponeFilter(job);
            return;
        }
        work.complete(
                Choice.bytes(job.compaction.leftovers()), written.fileBytes(), backpressure.now() - sinceNanos);
        flushes.witness();
        delete(job, forgottenBlobs);
    }

    /** The filter of one compaction of the tree; null if it has none, or is to be merged once without it. */
    private @Nullable CompactionFilter filter(Tree tree) {
        synchronized (this) {
            if (unfiltered.remove(tree)) {
                return null;
            }
        }
        return filters == null ? null : filters.create(tree.name());
    }

    /** A snapshot may see what the filter has changed: so that the merge comes to an end, the next one does without it (R12). */
    private synchronized void postponeFilter(Job job) {
        if (job.compaction.isFiltered()) {
            unfiltered.add(job.tree);
        }
    }

    /**
     * Puts what was written in the place of the inputs; answers the blob files that no table names any more. Null if the inputs do not all
     * stand there any more.
     */
    private @Nullable Set<Long> install(Job job, WrittenRun written) throws IOException {
        Tree tree = job.tree;
        synchronized (edits.lock()) {
            Levels levels = tree.levels();
            if (levels == null || !health.isWritable() || tree.isDeleted() || !job.compaction.isPossible(levels)) {
                return null;
            }
            List<Change.OfLevels> changes = job.compaction.changes(levels, written);
            if (job.compaction.forgottenSeqnoMin() < Long.MAX_VALUE) {
                if (!forget(job, changes, written)) {
                    return null;
                }
            } else {
                edits.append(changes, () -> tree.install(changes, written.tables()));
                // Crash here: recovery opens the new tables; the inputs are orphans, which it deletes.
            }
            return BlobUse.forgotten(levels.tables(), tree.tables());
        }
    }

    /**
     * Takes what is dropped or filtered from the readers, then from the manifest, in this order because no snapshot may come between the
     * look at the live ones and the installation (R12). Manifest lock.
     */
    private boolean forget(Job job, List<Change.OfLevels> changes, WrittenRun written) throws IOException {
        boolean isUnseen = context.readers().snapshots().runUnlessSeen(
                job.compaction.forgottenSeqnoMin(), () -> job.tree.install(changes, written.tables()));
        if (!isUnseen) {
            return false;
        }
        // Crash here: what was forgotten is back, and is forgotten again.
        edits.append(changes, () -> { });
        return true;
    }

    /** The files go at once; the mappings when the last reader has left. */
    private void delete(Job job, Set<Long> forgottenBlobs) {
        job.compaction.doomLeftovers(forgottenBlobs);
        for (TableRecord table : job.compaction.leftovers()) {
            delete(context.files().table(job.tree.id(), table.id()));
        }
        for (long blobFile : forgottenBlobs) {
            delete(context.files().blob(job.tree.id(), blobFile));
        }
    }

    private void delete(Path file) {
        try {
            context.storage().delete(file);
        } catch (IOException e) {
            // Nobody names it: the next opening sweeps it.
            System.getLogger("io.firn").log(System.Logger.Level.WARNING, "an input of a compaction was not deleted", e);
        }
    }

    private void failed(Exception e, RuntimeException cause) {
        if (health.isWritable()) {
            System.Logger.Level level =
                    backpressure.isCompactionFailing() ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING;
            System.getLogger("io.firn").log(level, "a compaction failed and will be tried again", e);
            backpressure.compactionFailed(cause);
        }
    }
}
