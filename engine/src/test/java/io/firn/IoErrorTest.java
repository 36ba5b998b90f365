package io.firn;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every operation at the door fails in turn, for every cause, once and for ever: the call fails, the database is poisoned, or
 * the work is tried again; no answer is wrong meanwhile, closing ends and leaves nothing open, no force that failed is tried again, and
 * nothing promised is lost. {@code -Dfault=} repeats one, as a failure tells it; {@code -Dstories=} limits it to the
 * lives whose names match, {@code -Dvariants=} to so many of each, {@code -Dstride=} to one of so many operations.
 */
@Tag("proof")
class IoErrorTest {
    /** Most of a run that stalls is waiting. */
    private static final int THREADS = 10;

    private static final int ENOUGH = 20;
    private static final long FAULTS = 20_000;

    /** Of each life of maintenance there are so many, with other keys and values. */
    private static final int VARIANTS = Integer.getInteger("variants", 4);

    private static final String ONLY = System.getProperty("fault", "");
    private static final String STORIES = System.getProperty("stories", "");
    private static final int STRIDE = Integer.getInteger("stride", 1);
    private static final long SEED = Long.getLong("seed", 0);

    private static final List<FaultPlan.Cause> CAUSES = List.of(
            FaultPlan.Cause.EIO, FaultPlan.Cause.EIO_AFTERWARDS, FaultPlan.Cause.ENOSPC, FaultPlan.Cause.EMFILE,
            FaultPlan.Cause.SHORT_WRITE);

    private final Map<String, Long> faults = new ConcurrentHashMap<>();

    private record Fault(FaultPlan.Cause cause, FaultPlan.Times times) {
        void plant(SimStorage disk, long nth) {
            if (cause == FaultPlan.Cause.SHORT_WRITE) {
                disk.faults().fail(Operation.Kind.APPEND, "*", nth, cause, times);
            } else {
                disk.faults().failAny(nth, cause, times);
            }
        }
    }

    /** A life that is told again and again. */
    private record Story(String name, ErrorRun.Start start, ErrorRun.Plot plot, long seed) {}

    /** The first operation fails in one life, the second in another, and so on, until a life has no such operation. */
    private record Row(Story story, Fault fault, int number, AtomicLong asked, AtomicBoolean isPastItsEnd) {
        String stem() {
            return story.name + "/" + fault.cause + "/" + fault.times + "/";
        }
    }

    @Test
    void everyOperationFailsInTurn() throws Exception {
        failEach("everyOperationFailsInTurn", VARIANTS, FAULTS);
    }

    @Test
    @Tag("long")
    void everyOperationFailsInTurnInManyLives() throws Exception {
        failEach("everyOperationFailsInTurnInManyLives", 25 * VARIANTS, 25 * FAULTS / 2);
    }

    private void failEach(String test, int variants, long wanted) throws Exception {
        if (Shares.isOne() || !ONLY.isEmpty()) {
            failEach(variants);
            return;
        }
        long begin = System.nanoTime();
        long sum = Shares.run(IoErrorTest.class, test, SEED);
        System.out.printf("%d faults, %.0f s%n", sum, (System.nanoTime() - begin) / 1e9);
        boolean isWhole = STORIES.isEmpty() && STRIDE == 1;
        assertTrue(!isWhole || sum >= wanted, sum + " faults");
    }

    private void failEach(int variants) {
        List<Row> rows = rows(variants);
        AtomicLong asked = new AtomicLong();
        Supplier<Cases.@Nullable Case> next = () -> {
            rows.removeIf(row -> row.isPastItsEnd.get());
            if (rows.isEmpty()) {
                return null;
            }
            Row row = rows.get((int) (asked.getAndIncrement() % rows.size()));
            return caseOf(row, row.asked.getAndAdd(STRIDE));
        };
        try {
            Cases cases = Cases.onVirtualThreads(IoErrorTest.class, ENOUGH);
            if (ONLY.isEmpty()) {
                cases.run(THREADS, next);
            } else {
                cases.run(rows.stream().map(IoErrorTest.this::named).filter(Objects::nonNull).toList());
            }
        } finally {
            System.out.println(new TreeMap<>(faults));
            Shares.tell(faults.values().stream().mapToLong(Long::longValue).sum());
        }
    }

    private static List<Story> stories(int variants) {
        List<Story> stories = new ArrayList<>();
        stories.add(new Story("creation", new ErrorRun.Start(new SimStorage(), new CommitModel()), ErrorRun.Plot.WRITES, SEED));
        stories.add(new Story("recovery", ErrorRun.killed(SEED), ErrorRun.Plot.WRITES, SEED));
        for (long seed = SEED; seed < SEED + variants; seed++) {
            ErrorRun.Start killed = ErrorRun.killed(seed);
            for (ErrorRun.Plot plot : ErrorRun.Plot.values()) {
                if (plot != ErrorRun.Plot.WRITES) {
                    stories.add(new Story(plot.name().toLowerCase(Locale.ROOT) + "-" + seed, killed, plot, seed));
                }
            }
        }
        return stories.stream().filter(story -> STORIES.isEmpty() || story.name.matches(STORIES)).toList();
    }

    private static List<Row> rows(int variants) {
        List<Row> rows = new ArrayList<>();
        for (Story story : stories(variants)) {
            for (FaultPlan.Cause cause : CAUSES) {
                for (FaultPlan.Times times : FaultPlan.Times.values()) {
                    AtomicLong first = new AtomicLong(1 + Math.floorMod(SEED + rows.size(), STRIDE));
                    rows.add(new Row(story, new Fault(cause, times), rows.size(), first, new AtomicBoolean()));
                }
            }
        }
        rows.removeIf(row -> !Shares.isMine(row.number));
        return rows;
    }

    private Cases.@Nullable Case named(Row row) {
        return ONLY.startsWith(row.stem()) ? caseOf(row, Long.parseLong(ONLY.substring(row.stem().length()))) : null;
    }

    private Cases.Case caseOf(Row row, long nth) {
        return new Cases.Case("-Dfault=" + row.stem() + nth, () -> {
            ErrorRun.Crashes[] crashes = ErrorRun.Crashes.values();
            if (!fail(row.story, row.fault, nth, crashes[(int) ((nth + row.number) % crashes.length)])) {
                row.isPastItsEnd.set(true);
            }
        });
    }

    /** False if there is no such operation. */
    private boolean fail(Story story, Fault fault, long nth, ErrorRun.Crashes crashes) {
        ErrorRun.Start start = story.start.copy();
        try (SimStorage disk = start.disk()) {
            try {
                new ErrorRun(disk, start.model(), story.plot, story.seed, crashes, () -> fault.plant(disk, nth)).run();
            } catch (RuntimeException | Error e) {
                throw new CrashCheck.Violation(disk.faults().injected().stream().limit(3).toList().toString(), e);
            }
            if (disk.faults().injected().isEmpty()) {
                return false;
            }
            faults.merge(story.name, 1L, Long::sum);
            return true;
        }
    }
}
