package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.Verdict;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Whatever moment a crash comes at, and whatever it leaves of what was not forced: what is recovered is a prefix of the commits
 * that has every forced one, and after a kill every acknowledged one. {@code -Dseed=} repeats, {@code -Dstories=} limits.
 */
@Tag("proof")
class CrashTest {
    private static final int STEPS = 40;
    private static final int[] IMAGES = {0, 1, 2, 3, 4, 5, 6};
    /** Of the moments of a story one of so many is looked at, so that there are more stories. */
    private static final int STRIDE = 3;

    private static final long POINTS = 8_000;
    private static final long IMAGES_IN_ALL = 50_000;

    private final AtomicLong points = new AtomicLong();
    private final AtomicLong recoveryPoints = new AtomicLong();
    private final AtomicLong images = new AtomicLong();
    private final AtomicLong imagesKnown = new AtomicLong();
    private final AtomicLong compactions = new AtomicLong();
    private final Map<CrashStory.Edit, Long> edits = new ConcurrentHashMap<>();

    @Test
    void recoversAPrefixThatHoldsAllThatWasPromised() {
        tellUntil(POINTS, IMAGES_IN_ALL, Integer.getInteger("stories", Integer.MAX_VALUE));
    }

    @Test
    @Tag("long")
    void recoversAPrefixThatHoldsAllThatWasPromisedInManyStories() {
        tellUntil(200_000, 1_500_000, Integer.getInteger("stories", Integer.MAX_VALUE));
    }

    private void tellUntil(long pointsWanted, long imagesWanted, int stories) {
        long seed = Long.getLong("seed", 20_260_101);
        long start = System.nanoTime();
        AtomicLong told = new AtomicLong();
        try {
            Cases.onVirtualThreads(CrashTest.class, 1).run(Cases.threads(), () -> {
                boolean isEnough = points.get() >= pointsWanted && images.get() >= imagesWanted || told.get() == stories;
                long story = seed + (isEnough ? 0 : told.getAndIncrement());
                return isEnough ? null : new Cases.Case("-Dseed=" + story + " -Dstories=1", () -> tell(story));
            });
        } finally {
            System.out.printf(
                    "-Dseed=%d: %d stories, %d crash points, %d of them in recoveries of crashes, %d images, %d of them like one "
                            + "before, %d compactions, %s, verdicts %s, %.0f s%n",
                    seed, told.get(), points.get(), recoveryPoints.get(), images.get(), imagesKnown.get(), compactions.get(),
                    new TreeMap<>(edits), Upkept.verdicts(), (System.nanoTime() - start) / 1e9);
        }
        if (stories == Integer.MAX_VALUE) {
            assertTrue(points.get() >= pointsWanted, points + " points");
            assertTrue(images.get() >= imagesWanted, images + " images");
            assertTrue(recoveryPoints.get() >= pointsWanted / 10, recoveryPoints + " points in recoveries");
            for (CrashStory.Edit edit : CrashStory.Edit.values()) {
                assertTrue(edits.getOrDefault(edit, 0L) >= pointsWanted / 800, edit + ": " + edits.get(edit));
            }
            assertTrue(compactions.get() >= pointsWanted / 400, compactions + " compactions");
            assertEquals(Verdict.class.getPermittedSubclasses().length, Upkept.verdicts().size(), () -> Upkept.verdicts().toString());
        }
    }

    private void tell(long seed) {
        CrashStory story = new CrashStory(seed, IMAGES, STRIDE);
        try {
            story.tell(STEPS);
        } finally {
            points.addAndGet(story.points());
            recoveryPoints.addAndGet(story.recoveryPoints());
            images.addAndGet(story.images());
            imagesKnown.addAndGet(story.imagesKnown());
            compactions.addAndGet(story.compactions());
            story.edits().forEach((edit, times) -> edits.merge(edit, times, Long::sum));
        }
    }
}
