package io.firn.ffm.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The simulated disk against a store that is right, and against one with each of the classic mistakes planted. */
final class PlantedMistakesTest {
    private static final int IMAGES = 6;
    private static final int PUTS = 60;
    private static final long SEED = Long.getLong("seed", 20_260_101);

    private final List<String> violations = new ArrayList<>();
    private long points;
    private long images;
    private long acknowledged;

    @Test
    void findsNothingInTheStoreThatIsRight() throws IOException {
        long start = System.nanoTime();
        for (int round = 0; round < 3; round++) {
            run(SEED + round, ToyStore.Mistake.NONE, LazyStorage::new);
        }
        System.out.printf(
                "seed %d: %d crash points, %d images, %.0f images/s, %d violations%n",
                SEED, points, images, images * 1e9 / (System.nanoTime() - start), violations.size());
        assertEquals(List.of(), violations);
        assertTrue(points > 1_000, points + " crash points");
    }

    @Test
    @Tag("proof")
    void findsNothingWhenEachOperationFailsOnce() throws IOException {
        long faults = 0;
        for (FaultPlan.Cause cause :
                List.of(FaultPlan.Cause.EIO, FaultPlan.Cause.EIO_AFTERWARDS, FaultPlan.Cause.ENOSPC)) {
            for (FaultPlan.Times times : FaultPlan.Times.values()) {
                for (long nth = 1; failAt(nth, cause, times); nth++) {
                    faults++;
                }
            }
        }
        System.out.printf("seed %d: %d faults, %d images after them%n", SEED, faults, images);
        assertEquals(List.of(), violations);
        assertTrue(faults > 500, faults + " faults");
    }

    @Test
    void findsAcknowledgementBeforeForce() throws IOException {
        finds(disk -> new LazyStorage(disk).skipping(Operation.Kind.JOURNAL_FORCE, "*.journal"));
    }

    @Test
    void findsNoDirectorySyncAfterJournalCreation() throws IOException {
        finds(disk -> new LazyStorage(disk).skipping(Operation.Kind.SYNC_DIRECTORY, "journal"));
    }

    @Test
    void findsTableNotForced() throws IOException {
        finds(disk -> new LazyStorage(disk).skipping(Operation.Kind.FORCE, "*.table"));
    }

    @Test
    void findsManifestNotForcedBeforeRename() throws IOException {
        finds(disk -> new LazyStorage(disk).skipping(Operation.Kind.FORCE, "manifest-*"));
    }

    @Test
    void findsCurrentNotForcedBeforeRename() throws IOException {
        finds(disk -> new LazyStorage(disk).skipping(Operation.Kind.FORCE, "CURRENT.tmp"));
    }

    @Test
    void findsFilesDeletedWithoutDirectorySyncAfterRename() throws IOException {
        run(SEED, ToyStore.Mistake.NO_SYNC_AFTER_RENAME, LazyStorage::new);
        assertFound();
    }

    @Test
    void findsNoChecksum() throws IOException {
        run(SEED, ToyStore.Mistake.NO_CHECKSUM, LazyStorage::new);
        assertFound();
    }

    @Test
    void findsTheRetryOfAFailedForce() throws IOException {
        finds(disk -> {
            for (int nth = 6; nth < 100; nth += 6) {
                disk.faults().fail(
                        Operation.Kind.JOURNAL_FORCE, "*.journal", nth, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
            }
            return new LazyStorage(disk).retrying(Operation.Kind.JOURNAL_FORCE, "*.journal");
        });
    }

    @Test
    void findsAForceThatSucceedsAndDrops() throws IOException {
        finds(disk -> new LazyStorage(disk).dropping(Operation.Kind.FORCE, "*.table"));
    }

    @Test
    void findsADeleteBeforeTheForce() throws IOException {
        finds(disk -> new LazyStorage(disk)
                .postponing(Operation.Kind.FORCE, "*.table", Operation.Kind.DELETE, "*.table"));
    }

    @Test
    void findsEachDirectorySyncLeftOutOnce() throws IOException {
        for (int nth = 2; nth <= 8; nth++) {
            int leftOut = nth;
            violations.clear();
            finds(disk -> new LazyStorage(disk).skippingNth(Operation.Kind.SYNC_DIRECTORY, "db", leftOut));
        }
    }

    private void finds(Wrapping mistakes) throws IOException {
        assertTrue(run(SEED, ToyStore.Mistake.NONE, mistakes) > 0, "no mistake was made");
        assertFound();
    }

    private void assertFound() {
        System.out.printf("seed %d: %d of %d images show it: %s%n", SEED, violations.size(), images,
                violations.isEmpty() ? "" : violations.getFirst());
        assertTrue(!violations.isEmpty(), "no image of " + images + " shows the mistake");
    }

    /** Draws images before every operation of a run; answers how many mistakes the storage made. */
    private long run(long seed, ToyStore.Mistake mistake, Wrapping wrap) throws IOException {
        try (SimStorage disk = new SimStorage()) {
            LazyStorage lazy = wrap.wrap(disk);
            acknowledged = 0;
            disk.onOperation(operation -> checkImages(disk, seed, operation.toString(), mistake));
            work(lazy, mistake);
            checkImages(disk, seed, "the end", mistake);
            disk.assertNothingOpen();
            return lazy.mistakes();
        }
    }

    private void work(Storage storage, ToyStore.Mistake mistake) throws IOException {
        try (ToyStore store = ToyStore.open(storage, mistake)) {
            for (int put = 1; put <= PUTS; put++) {
                store.put();
                acknowledged = store.sequence();
                if (put % 7 == 0) {
                    store.checkpoint();
                }
            }
        }
    }

    private boolean failAt(long nth, FaultPlan.Cause cause, FaultPlan.Times times) throws IOException {
        try (SimStorage disk = new SimStorage()) {
            disk.faults().failAny(nth, cause, times);
            acknowledged = 0;
            try {
                work(disk, ToyStore.Mistake.NONE);
            } catch (IOException e) {
                assertTrue(e.getMessage().contains("injected"), e.getMessage());
            }
            if (disk.faults().injected().isEmpty()) {
                return false;
            }
            disk.assertNothingOpen();
            checkImages(disk, SEED + nth, "fault " + nth + " " + cause, ToyStore.Mistake.NONE);
            // The next process of the same boot sees what a failed force dropped, and must not count on it.
            disk.faults().heal();
            ToyStore.open(disk, ToyStore.Mistake.NONE).close();
            checkImages(disk, SEED + nth, "fault " + nth + " " + cause + ", reopened", ToyStore.Mistake.NONE);
            return true;
        }
    }

    private void checkImages(SimStorage disk, long seed, String point, ToyStore.Mistake mistake) {
        points++;
        for (int image = 0; image < IMAGES; image++) {
            images++;
            try (SimStorage crashed = CrashImage.draw(disk, seed, image);
                    ToyStore store = ToyStore.open(crashed, mistake)) {
                if (store.sequence() < acknowledged
                        || !store.entries().equals(ToyStore.stateAfter(store.sequence()))) {
                    violations.add("seed " + seed + ", " + point + ", image " + image + ": " + store.sequence() + " "
                            + store.entries() + ", acknowledged " + acknowledged);
                }
            } catch (IOException e) {
                violations.add("seed " + seed + ", " + point + ", image " + image + ": " + e);
            }
        }
    }

    /** Puts mistakes before a disk. */
    private interface Wrapping {
        LazyStorage wrap(SimStorage disk);
    }
}
