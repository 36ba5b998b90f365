package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.firn.ffm.file.Storage;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.LazyStorage;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import io.firn.journal.ForgedChecksums;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The crash test finds what it is there for: each classic mistake of a protocol, planted at the door, and each force and sync
 * of a directory that is left out.
 */
@Tag("proof")
class PlantedMistakesTest {
    private static final long IMAGES_MAX = 20_000;
    /** Those that find most. */
    private static final int[] IMAGES = {0, 3, 4, 5};

    /** What makes something durable at the door. */
    private static final Set<String> DURABLE = Set.of(
            "io/firn/ffm/file/AppendFile.force", "io/firn/ffm/file/JournalMapping.force", "io/firn/ffm/file/Storage.syncDirectory");

    /** What makes the outputs of maintenance durable, and the edits that name them. */
    private static final List<String> STEPS_OF_MAINTENANCE = List.of(
            "TableWriter.finish", "Compactions.carryOut", "Compactions.install", "Compactions.forget", "Intake.run",
            "RangeDrop.write", "OrderedEdits.makeDurable");

    private static final int STEPS = 40;
    private static final long SEED = Long.getLong("seed", 1);

    @Test
    void findsAcknowledgementBeforeForce() {
        findsLazy("acknowledgement before force", disk -> new LazyStorage(disk).skipping(Operation.Kind.JOURNAL_FORCE, "*.journal"));
    }

    @Test
    void findsNoDirectorySyncAfterJournalCreation() {
        findsLazy("no directory sync after journal creation",
                disk -> new LazyStorage(disk).skipping(Operation.Kind.SYNC_DIRECTORY, "journal"));
    }

    @Test
    void findsTableNotForced() {
        findsLazy("table not forced", disk -> new LazyStorage(disk).skipping(Operation.Kind.FORCE, "*.table"));
    }

    @Test
    void findsAForceOfATableThatSucceedsAndDrops() {
        findsLazy("force that drops", disk -> new LazyStorage(disk).dropping(Operation.Kind.FORCE, "*.table"));
    }

    @Test
    void findsManifestNotForcedBeforeRename() {
        findsLazy("manifest not forced before rename", disk -> new LazyStorage(disk)
                .postponing(Operation.Kind.FORCE, "manifest-*", Operation.Kind.RENAME, "CURRENT.tmp"));
    }

    @Test
    void findsCurrentNotForcedBeforeRename() {
        findsLazy("CURRENT not forced before rename", disk -> new LazyStorage(disk)
                .postponing(Operation.Kind.FORCE, "CURRENT.tmp", Operation.Kind.RENAME, "CURRENT.tmp"));
    }

    @Test
    void findsJournalDeletedBeforeTheRenameIsDurable() {
        findsLazy("journal deleted before the rename of CURRENT is durable", disk -> new LazyStorage(disk)
                .postponing(Operation.Kind.SYNC_DIRECTORY, "db", Operation.Kind.DELETE, "*.journal"));
    }

    @Test
    void findsJournalDeletedBeforeTheEditIsForced() {
        findsLazy("journal deleted before the edit is forced", disk -> new LazyStorage(disk)
                .postponing(Operation.Kind.FORCE, "manifest-*", Operation.Kind.DELETE, "*.journal"));
    }

    @Test
    void findsTheRetryOfAFailedForce() {
        findsLazy("retry of a failed force", disk -> {
            for (int nth = 3; nth < 200; nth += 4) {
                disk.faults().fail(
                        Operation.Kind.JOURNAL_FORCE, "*.journal", nth, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
            }
            return new LazyStorage(disk).retrying(Operation.Kind.JOURNAL_FORCE, "*.journal");
        });
    }

    /** Torn records of the images are given right checksums: so they look to a reader that checks none. */
    @Test
    void findsNoChecksum() {
        AtomicLong forged = new AtomicLong();
        finds("no checksum", disk -> disk, forged::get, (before, crashed) ->
                forged.addAndGet(ForgedChecksums.forge(before, crashed, TinyDatabase.DIRECTORY.resolve("journal"))));
    }

    /** Each call of the engine's that makes something durable is come past, by way of each step, and is missed when left out. */
    @Test
    void everyForceAndEverySyncOfADirectoryIsNeeded() throws Exception {
        CallSites all = new CallSites(null);
        ShortLives lives = new ShortLives(SEED, all::before);
        lives.first();
        lives.maintained();
        List<ShortLives.Killed> killed = lives.firstKilled();
        killed.forEach(lives::second);
        Set<String> unseen = House.of(Database.class).linesThatCall(DURABLE);
        unseen.removeAll(all.linesSeen());
        assertEquals(Set.of(), unseen, "no life comes past these");
        for (String step : STEPS_OF_MAINTENANCE) {
            assertTrue(all.seen().stream().anyMatch(site -> site.contains(step)), "no life comes past " + step);
        }
        List<String> useless = new ArrayList<>();
        for (String site : all.seen()) {
            if (!isMissed(site, killed)) {
                useless.add(site);
            }
        }
        System.out.printf("-Dseed=%d: %d calls, each left out in turn; %d of them not missed%n",
                SEED, all.seen().size(), useless.size());
        assertEquals(List.of(), useless, "nothing shows that these are left out");
    }

    private static boolean isMissed(String site, List<ShortLives.Killed> killed) {
        CallSites sites = new CallSites(site);
        ShortLives lives = new ShortLives(SEED, sites::before);
        long start = System.nanoTime();
        String found = "nothing";
        try {
            lives.first();
            lives.maintained();
            killed.forEach(lives::second);
        } catch (CrashCheck.Violation e) {
            found = e.getMessage();
        }
        System.out.printf("%s: left out %d times in %d lives, %d images, %.1f s: %s%n",
                site, sites.leftOutCount(), lives.lives(), lives.images(), (System.nanoTime() - start) / 1e9, found);
        return !found.equals("nothing");
    }

    private static void findsLazy(String mistake, Function<SimStorage, LazyStorage> door) {
        List<LazyStorage> doors = new ArrayList<>();
        finds(mistake, disk -> {
            LazyStorage lazy = door.apply(disk);
            doors.add(lazy);
            return lazy;
        }, () -> doors.stream().mapToLong(LazyStorage::mistakes).sum(), (before, crashed) -> {});
    }

    private static void finds(
            String mistake, Function<SimStorage, Storage> door, LongSupplier mistakes,
            BiConsumer<SimStorage, SimStorage> spoiling) {
        long images = 0;
        for (int number = 0; images < IMAGES_MAX; number++) {
            CrashStory story = new CrashStory(SEED + number, IMAGES, 1, door, spoiling);
            try {
                story.tell(STEPS);
            } catch (CrashCheck.Violation found) {
                images += story.images();
                assertTrue(mistakes.getAsLong() > 0, "no mistake was made, and yet: " + found.getMessage());
                System.out.printf("%s: made %d times, shown by image %d: %s%n", mistake, mistakes.getAsLong(), images,
                        found.getMessage());
                return;
            }
            images += story.images();
        }
        fail(mistake + ": made " + mistakes.getAsLong() + " times, and no image of " + images + " shows it");
    }
}
