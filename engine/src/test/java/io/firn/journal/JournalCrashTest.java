package io.firn.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.RecoveryMode;
import io.firn.error.FirnException;
import io.firn.ffm.file.Storage;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.LazyStorage;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import io.firn.journal.JournalRig.Recovered;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The journal alone on a disk that loses what was not forced: random lives of appends, forces, preparations, rotations,
 * retirements and closes, with a crash before every operation of the disk and now and then between. What a recovery
 * visits must be a prefix of what was appended, hold all that was forced, and after the death of the process alone be
 * everything.
 */
@Timeout(600)
final class JournalCrashTest {
    private static final JournalSettings TINY = new JournalSettings(1024, 4096, 1 << 20);
    private static final int LIVES = 3;

    private long points;
    private long images;

    /** A recovery that is not what it must be. */
    private static final class Violation extends AssertionError {
        private static final long serialVersionUID = 1;

        Violation(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** One random story, told again by its seed. */
    private final class Story {
        private final long seed;
        private final int imagesPerPoint;
        private final SplittableRandom random;
        private final UnaryOperator<Storage> mutant;
        private SimStorage disk = new SimStorage();
        private JournalRig rig;
        /** What tables hold, whatever happens to the journal. */
        private final List<String> flushed = new ArrayList<>();
        /** What stands in the files from the first live one on, and in which. */
        private final List<String> live = new ArrayList<>();
        private final List<Long> fileIds = new ArrayList<>();
        private long firstLiveId = 1;
        private int forcedCount;
        private boolean arePredecessorsDead = true;
        private long firstIdOfLife;

        Story(long seed, int imagesPerPoint, UnaryOperator<Storage> mutant) throws IOException {
            this.seed = seed;
            this.imagesPerPoint = imagesPerPoint;
            this.mutant = mutant;
            random = new SplittableRandom(seed);
            disk.createDirectory(JournalRig.DIRECTORY);
            disk.syncDirectory(JournalRig.DIRECTORY.getParent());
            disk.syncDirectory(JournalRig.DIRECTORY.getParent().getParent());
            rig = new JournalRig(mutant.apply(disk), TINY);
            disk.onOperation(operation -> crash(operation.toString()));
        }

        void tell() throws IOException {
            for (int life = 0; life < LIVES; life++) {
                for (int step = random.nextInt(5, 40); step > 0; step--) {
                    step();
                }
                boolean isClean = arePredecessorsDead && random.nextInt(3) == 0;
                if (isClean) {
                    rig.journal.seal();
                    forcedCount = live.size();
                }
                crash("the end of a life");
                recover(isClean);
            }
            rig.close();
            disk.assertNothingOpen();
            disk.close();
        }

        private void step() throws IOException {
            switch (random.nextInt(20)) {
                case 0, 1, 2 -> {
                    if (arePredecessorsDead) {
                        int before = live.size();
                        rig.journal.force();
                        forcedCount = before;
                    }
                }
                case 3 -> rig.journal.prepare(random.nextInt(4) == 0 ? 5000 : 0);
                case 4 -> retire();
                case 5 -> crash("an idle moment");
                case 6 -> declareDead();
                default -> put();
            }
        }

        private void put() throws IOException {
            rig.put("key" + random.nextInt(10), "v".repeat(random.nextInt(20) == 0 ? 3000 : random.nextInt(200)));
            live.add(rig.appended.getLast());
            fileIds.add(rig.journal.currentFileId());
        }

        /** As the database does it: the tables and the edit are on disk before the journal lets its files go. */
        private void retire() throws IOException {
            if (arePredecessorsDead) {
                letGo(random.nextLong(firstLiveId, rig.journal.currentFileId() + 1));
                rig.journal.retire(firstLiveId);
            }
        }

        private void letGo(long beforeFileId) {
            int dead = 0;
            while (dead < fileIds.size() && fileIds.get(dead) < beforeFileId) {
                dead++;
            }
            flushed.addAll(live.subList(0, dead));
            live.subList(0, dead).clear();
            fileIds.subList(0, dead).clear();
            forcedCount = Math.max(0, forcedCount - dead);
            firstLiveId = beforeFileId;
        }

        private void declareDead() throws IOException {
            if (!arePredecessorsDead) {
                letGo(firstIdOfLife);
                rig.journal.declarePredecessorsDead();
                arePredecessorsDead = true;
                JournalReplay.sweep(mutant.apply(disk), JournalRig.DIRECTORY, firstLiveId);
            }
        }

        private void recover(boolean isClean) throws IOException {
            int image = random.nextInt(6);
            SimStorage next = CrashImage.draw(disk, seed, image);
            rig.close();
            disk.assertNothingOpen();
            disk.close();
            disk = next;
            RecoveryMode mode = isClean && !isMutant() ? RecoveryMode.EXACT : RecoveryMode.TORN_TAIL;
            Recovered recovered = check(disk, image, "recovery", mode);
            live.subList(recovered.visited().size(), live.size()).clear();
            fileIds.subList(recovered.visited().size(), fileIds.size()).clear();
            if (image != CrashImage.EVERYTHING) {
                forcedCount = live.size(); // after a loss of power, all that is left is on disk
            }
            arePredecessorsDead = false;
            disk.onOperation(operation -> crash(operation.toString()));
            rig = JournalRig.after(recovered.result(), mutant.apply(disk), JournalRig.DIRECTORY, TINY);
            firstIdOfLife = rig.journal.currentFileId();
        }

        private boolean isMutant() {
            return mutant.apply(disk) != disk;
        }

        private void crash(String when) {
            points++;
            for (int image = 0; image < imagesPerPoint; image++) {
                SimStorage drawn = CrashImage.draw(disk, seed, image);
                check(drawn, image, when, RecoveryMode.TORN_TAIL);
                drawn.close();
            }
        }

        private Recovered check(SimStorage drawn, int image, String when, RecoveryMode mode) {
            images++;
            String where = "-Dseed=" + seed + ", image " + image + ", " + when;
            try {
                Recovered recovered = JournalRig.replay(drawn, JournalRig.DIRECTORY, firstLiveId, mode);
                int count = recovered.visited().size();
                int least = image == CrashImage.EVERYTHING ? live.size() : forcedCount;
                if (count < least || count > live.size() || !live.subList(0, count).equals(recovered.visited())) {
                    throw new Violation(where + ": " + count + " of " + live.size() + " records, forced " + forcedCount
                            + ", " + recovered.result().discarded(), null);
                }
                return recovered;
            } catch (IOException | FirnException e) {
                throw new Violation(where, e);
            }
        }
    }

    private void tell(long seed, int stories, int imagesPerPoint) throws IOException {
        System.out.println("JournalCrashTest -Dseed=" + seed);
        for (int story = 0; story < stories; story++) {
            new Story(seed + story, imagesPerPoint, disk -> disk).tell();
        }
        System.out.println(points + " crash points, " + images + " images, no violation");
    }

    @Test
    void recoversAPrefixThatHoldsAllThatWasForced() throws IOException {
        tell(Long.getLong("seed", System.nanoTime()), 30, 10);
        assertTrue(points > 1000, points + " points");
    }

    @Test
    @Tag("long")
    @Timeout(3600)
    void recoversAPrefixThatHoldsAllThatWasForcedInManyStories() throws IOException {
        tell(Long.getLong("seed", System.nanoTime()), 3000, 20);
    }

    @Test
    void everyForceAndEverySyncIsNeeded() {
        check("*.journal.next", Operation.Kind.JOURNAL_FORCE, false);
        check("*.journal", Operation.Kind.JOURNAL_FORCE, false);
        check("*.journal", Operation.Kind.JOURNAL_FORCE, true);
        check("*", Operation.Kind.SYNC_DIRECTORY, false);
    }

    private void check(String glob, Operation.Kind kind, boolean isDropping) {
        for (int story = 0; story < 2000; story++) {
            try {
                new Story(story, 10, storage -> {
                    LazyStorage lazy = new LazyStorage((SimStorage) storage);
                    return isDropping ? lazy.dropping(kind, "**/" + glob) : lazy.skipping(kind, "**/" + glob);
                }).tell();
            } catch (Violation e) {
                System.out.println("without " + kind + " of " + glob + ": found in story " + story);
                return;
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
        throw new AssertionError("nobody misses " + kind + " of " + glob);
    }

    @Test
    void aFailedForceLosesNothingThatIsForcedInTheNextLife() throws IOException {
        SimStorage disk = new SimStorage();
        disk.createDirectory(JournalRig.DIRECTORY);
        disk.syncDirectory(JournalRig.DIRECTORY.getParent());
        disk.syncDirectory(JournalRig.DIRECTORY.getParent().getParent());
        JournalRig first = new JournalRig(disk, TINY);
        first.put("a", "1");
        disk.faults().fail(Operation.Kind.JOURNAL_FORCE, "**", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
        first.journal.force();
        assertTrue(first.failure.get() instanceof IOException);
        first.close();
        SimStorage rebooted = CrashImage.draw(disk, 1, CrashImage.EVERYTHING);
        Recovered recovered = JournalRig.replay(rebooted, RecoveryMode.TORN_TAIL);
        assertEquals(first.appended, recovered.visited(), "the page cache still shows it");
        JournalRig second = JournalRig.after(recovered.result(), rebooted, JournalRig.DIRECTORY, TINY);
        second.put("b", "2");
        second.journal.declarePredecessorsDead(); // the recovered record is in a forced table now
        second.journal.force();
        second.close();
        SimStorage lost = CrashImage.draw(rebooted, 1, CrashImage.NOTHING);
        Recovered left = JournalRig.replay(lost, JournalRig.DIRECTORY, 2, RecoveryMode.TORN_TAIL);
        assertEquals(second.appended, left.visited());
        disk.close();
        rebooted.close();
        lost.close();
    }

    @Test
    void everyFaultOfAPreparationLeavesAJournalThatGoesOnOrIsPoisoned() throws IOException {
        for (FaultPlan.Cause cause : List.of(
                FaultPlan.Cause.EIO, FaultPlan.Cause.EIO_AFTERWARDS, FaultPlan.Cause.ENOSPC, FaultPlan.Cause.EMFILE)) {
            for (FaultPlan.Times times : FaultPlan.Times.values()) {
                for (int nth = 1; nth <= 8; nth++) {
                    failPreparation(cause, times, nth);
                }
            }
        }
    }

    private void failPreparation(FaultPlan.Cause cause, FaultPlan.Times times, int nth) throws IOException {
        SimStorage disk = new SimStorage();
        disk.createDirectory(JournalRig.DIRECTORY);
        disk.syncDirectory(JournalRig.DIRECTORY.getParent());
        disk.syncDirectory(JournalRig.DIRECTORY.getParent().getParent());
        JournalRig rig = new JournalRig(disk, TINY);
        rig.put("a", "1");
        rig.journal.force();
        disk.faults().failAny(nth, cause, times);
        boolean hasFailed = false;
        try {
            rig.journal.prepare(0);
        } catch (IOException e) {
            hasFailed = true;
        }
        disk.faults().heal();
        if (rig.failure.get() == null) {
            rig.journal.prepare(0);
            assertTrue(rig.journal.tryReserve(1000));
            rig.put("b", "2");
            rig.journal.force();
            assertEquals(rig.journal.endPosition(), rig.journal.forcedPosition());
        } else {
            assertTrue(hasFailed);
            long end = rig.put("b", "2");
            assertThrows(FirnException.class, () -> rig.journal.awaitForced(end));
        }
        rig.close();
        disk.assertNothingOpen();
        for (int image = 0; image < 10; image++) {
            SimStorage drawn = CrashImage.draw(disk, nth, image);
            List<String> visited = JournalRig.replay(drawn, RecoveryMode.TORN_TAIL).visited();
            int least = rig.failure.get() == null || image == CrashImage.EVERYTHING ? 2 : 1;
            assertTrue(least <= visited.size(), visited.toString());
            assertEquals(rig.appended.subList(0, visited.size()), visited);
            drawn.close();
        }
        disk.close();
    }
}
