package io.firn.version;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.error.CorruptionException;
import io.firn.ffm.file.Storage;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.LazyStorage;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Goal: whatever a crash or an I/O error leaves, the manifest says every acknowledged edit, none in part, and at most
 * the one that was in progress besides. Method: a story of creating, appending, rewriting and reopening is stopped at
 * each operation of the door; of each stop images are drawn and recovered, and go on to live a second story that is
 * stopped as well.
 */
final class ManifestCrashTest {
    private static final Path ROOT = Path.of("/");
    private static final Path DB = Path.of("/db");
    private static final long REWRITE_BYTES = 600;
    private static final int IMAGES = 8;
    private static final int IMAGES_NESTED = 3;
    private static final int STORIES = 12;
    private static final int STORIES_MAX_OF_A_MUTANT = 60;

    private final long seed = Long.getLong("seed", System.nanoTime());
    private long points;
    private long images;

    /** A wrong recovery. */
    private static final class Violation extends RuntimeException {
        private static final long serialVersionUID = 1;

        Violation(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** What a manifest was told, and what it acknowledged. */
    private static final class Witness {
        final List<ManifestState> states = new ArrayList<>();
        int acknowledged = -1;
        @Nullable ManifestPosition position;

        /** A witness of nothing so far. */
        Witness() {}

        /**
         * A witness of what comes after a crash: until then, all that could be found after the first crash may be
         * found.
         */
        Witness(Witness firstLife) {
            states.addAll(firstLife.states);
            acknowledged = firstLife.acknowledged;
            position = firstLife.position;
        }

        void begin(ManifestState state) {
            states.add(state);
        }

        void acknowledge(ManifestPosition forced) {
            acknowledged = states.size() - 1;
            position = forced;
        }

        /** Recovers, and answers what was recovered: nothing where creation was not yet acknowledged. */
        @Nullable RecoveredManifest check(Storage storage) throws IOException {
            if (!Manifest.exists(storage, DB)) {
                if (acknowledged >= 0) {
                    throw new Violation("no CURRENT, after state " + acknowledged + " was acknowledged", null);
                }
                return null;
            }
            try {
                RecoveredManifest recovered = Manifest.recover(storage, DB);
                if (position != null) {
                    recovered.check(DB, position.manifestId(), position.forcedBytes());
                }
                if (!states.subList(Math.max(0, acknowledged), states.size()).contains(recovered.state())) {
                    throw new Violation("state " + states.lastIndexOf(recovered.state()) + " of "
                            + (states.size() - 1) + ", acknowledged " + acknowledged, null);
                }
                return recovered;
            } catch (CorruptionException e) {
                throw new Violation("corruption after a crash", e);
            }
        }
    }

    @Test
    void everyAcknowledgedEditSurvivesACrashAtEveryOperationAndACrashAfterThat() throws IOException {
        System.out.println("-Dseed=" + seed);
        for (int story = 0; story < STORIES; story++) {
            crashAtEachOperation(seed + story, disk -> disk);
        }
        System.out.println(points + " crash points, " + images + " images");
        assertTrue(points > 1000 && images > 10_000, points + " points, " + images + " images");
    }

    @Test
    void eachForceAndDirectorySyncOfTheManifestIsNeeded() throws IOException {
        System.out.println("-Dseed=" + seed);
        needed("the manifest is not forced", lazy -> lazy.skipping(Operation.Kind.FORCE, "manifest-*"));
        needed("the manifest's first force is skipped",
                lazy -> lazy.skippingNth(Operation.Kind.FORCE, "manifest-*", 1));
        needed("an edit is not forced", lazy -> lazy.skippingNth(Operation.Kind.FORCE, "manifest-*", 2));
        needed("CURRENT is not forced", lazy -> lazy.skipping(Operation.Kind.FORCE, "CURRENT.tmp"));
        needed("the directory is never synced", lazy -> lazy.skipping(Operation.Kind.SYNC_DIRECTORY, "db"));
        needed("the name of the manifest is not synced before CURRENT names it",
                lazy -> lazy.skippingNth(Operation.Kind.SYNC_DIRECTORY, "db", 3));
        needed("the rename of CURRENT is not synced", lazy -> lazy.skippingNth(Operation.Kind.SYNC_DIRECTORY, "db", 4));
        needed("the manifest is forced after the rename",
                lazy -> lazy.postponing(Operation.Kind.FORCE, "manifest-*", Operation.Kind.RENAME, "*"));
        needed("a force says yes and drops", lazy -> lazy.dropping(Operation.Kind.FORCE, "manifest-*"));
    }

    @Test
    void everyFailureOfTheDoorIsFinalAndLosesNothing() throws IOException {
        System.out.println("-Dseed=" + seed);
        int failures = 0;
        for (FaultPlan.Cause cause : List.of(FaultPlan.Cause.EIO, FaultPlan.Cause.EIO_AFTERWARDS,
                FaultPlan.Cause.ENOSPC, FaultPlan.Cause.EMFILE)) {
            for (FaultPlan.Times times : FaultPlan.Times.values()) {
                for (long nth = 1; failAt(nth, cause, times); nth++) {
                    failures++;
                }
            }
        }
        System.out.println(failures + " failures");
        assertTrue(failures > 400, failures + " failures");
    }

    @Test
    void aShortWriteIsADamagedTailAndEndsTheManifest() throws IOException {
        SimStorage disk = newDisk();
        RandomEdits edits = new RandomEdits(seed);
        try (Manifest manifest = Manifest.create(disk, DB, 1, edits.state(), Long.MAX_VALUE)) {
            manifest.append(edits.next());
            ManifestState before = edits.state();
            disk.faults().fail(
                    Operation.Kind.APPEND, "manifest-*", 1, FaultPlan.Cause.SHORT_WRITE, FaultPlan.Times.ONCE);
            VersionEdit torn = edits.next();
            IOException first = assertThrows(IOException.class, () -> manifest.append(torn));
            assertSame(first, assertThrows(IOException.class, () -> manifest.append(torn)));
            assertEquals(before, manifest.state());
            RecoveredManifest recovered = Manifest.recover(disk, DB);
            assertTrue(recovered.isTailDamaged());
            assertEquals(before, recovered.state());
            recovered.check(DB, 1, manifest.forcedBytes());
        }
        disk.assertNothingOpen();
    }

    @Test
    void whatAFailedForceLeftInTheCacheIsForcedByTheNextLifeBeforeItCounts() throws IOException {
        SimStorage disk = newDisk();
        RandomEdits edits = new RandomEdits(seed);
        Manifest manifest = Manifest.create(disk, DB, 1, edits.state(), Long.MAX_VALUE);
        disk.faults().fail(Operation.Kind.FORCE, "manifest-*", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
        VersionEdit edit = edits.next();
        assertThrows(IOException.class, () -> manifest.append(edit));
        manifest.close();
        RecoveredManifest recovered = Manifest.recover(disk, DB);
        assertEquals(edits.state(), recovered.state(), "the page cache still shows it");
        Manifest.create(disk, DB, recovered.manifestId() + 1, recovered.state(), Long.MAX_VALUE).close();
        for (int image = 0; image < 20; image++) {
            assertEquals(edits.state(), Manifest.recover(CrashImage.draw(disk, seed, image), DB).state());
        }
    }

    @Test
    void aBitThatIsReadWronglyIsFoundOrLeavesAManifestShorterThanItsWitness() throws IOException {
        SimStorage disk = newDisk();
        Witness witness = new Witness();
        live(disk, new RandomEdits(seed), witness);
        ManifestPosition forced = witness.position;
        assertNotNull(forced);
        for (int look = 0; look < 200; look++) {
            disk.faults().fail(Operation.Kind.READ, "*", 1 + look % 2, FaultPlan.Cause.BIT_FLIP, FaultPlan.Times.ONCE);
            assertThrows(CorruptionException.class,
                    () -> Manifest.recover(disk, DB).check(DB, forced.manifestId(), forced.forcedBytes()));
            disk.faults().heal();
        }
        witness.check(disk);
    }

    /**
     * One story on a disk of its own, which a hook stops at each operation; the door may be one that makes mistakes.
     */
    private void crashAtEachOperation(long storySeed, Function<SimStorage, Storage> door) throws IOException {
        SimStorage disk = newDisk();
        Witness witness = new Witness();
        disk.onOperation(operation -> {
            points++;
            for (int image = 0; image < IMAGES; image++) {
                crash(disk, witness, storySeed, image, operation);
            }
        });
        live(door.apply(disk), new RandomEdits(storySeed), witness);
        disk.assertNothingOpen();
    }

    private void crash(SimStorage disk, Witness witness, long storySeed, int image, Operation operation) {
        images++;
        try {
            SimStorage left = CrashImage.draw(disk, storySeed, image);
            RecoveredManifest recovered = witness.check(left);
            if ((storySeed + operation.number() + image) % 5 == 0) {
                crashInTheSecondLife(left, witness, recovered, storySeed);
            }
        } catch (IOException | RuntimeException e) {
            throw new Violation("-Dseed=" + storySeed + ", " + operation + ", image " + image + ": "
                    + e.getMessage(), e);
        }
    }

    private void crashInTheSecondLife(
            SimStorage disk, Witness first, @Nullable RecoveredManifest recovered, long storySeed) throws IOException {
        Witness second = new Witness(first);
        disk.onOperation(operation -> {
            points++;
            for (int image = 0; image < IMAGES_NESTED; image++) {
                images++;
                try {
                    second.check(CrashImage.draw(disk, storySeed, image == 2 ? 4 : image));
                } catch (IOException e) {
                    throw new Violation("in the second life, " + operation + ", image " + image, e);
                }
            }
        });
        ManifestState state = recovered == null ? ManifestState.EMPTY : recovered.state();
        long id = recovered == null ? 1 : recovered.manifestId() + 1;
        second.begin(state);
        try (Manifest manifest = Manifest.create(disk, DB, id, state, REWRITE_BYTES)) {
            second.acknowledge(manifest.position());
            ManifestState next = new ManifestState(state.keyspaces(), state.nextSeqno() + 7, state.nextFileId() + 1,
                    state.nextKeyspaceId(), state.firstJournalId() + 1);
            second.begin(next);
            manifest.append(RandomEdits.counters(next, new Change.JournalsLive(next.firstJournalId())));
            second.acknowledge(manifest.position());
        }
    }

    /** Creation, edits with rewrites among them, reopening, more edits. */
    private static void live(Storage storage, RandomEdits edits, Witness witness) throws IOException {
        long id = 1;
        ManifestState start = edits.state();
        for (int life = 0; life < 2; life++) {
            witness.begin(start);
            try (Manifest manifest = Manifest.create(storage, DB, id, start, REWRITE_BYTES)) {
                witness.acknowledge(manifest.position());
                for (int i = 0; i < 12; i++) {
                    VersionEdit edit = edits.next();
                    witness.begin(edits.state());
                    manifest.append(edit);
                    assertEquals(edits.state(), manifest.state());
                    witness.acknowledge(manifest.position());
                }
            }
            RecoveredManifest recovered = Manifest.recover(storage, DB);
            start = recovered.state();
            id = recovered.manifestId() + 1;
        }
    }

    /** Plants a mistake and sees that crashes find it. */
    private void needed(String mistake, Function<LazyStorage, LazyStorage> planting) throws IOException {
        long before = images;
        for (int story = 0; story < STORIES_MAX_OF_A_MUTANT; story++) {
            List<LazyStorage> planted = new ArrayList<>();
            try {
                crashAtEachOperation(seed + story, disk -> {
                    planted.add(planting.apply(new LazyStorage(disk)));
                    return planted.getFirst();
                });
            } catch (Violation found) {
                System.out.println(mistake + ": found after " + (images - before) + " images");
                return;
            }
            assertTrue(planted.getFirst().mistakes() > 0, mistake + ": was not made");
        }
        throw new AssertionError(mistake + ": not found in " + (images - before) + " images, -Dseed=" + seed);
    }

    /** Lets the nth operation fail; false when the story has no so many. */
    private boolean failAt(long nth, FaultPlan.Cause cause, FaultPlan.Times times) throws IOException {
        SimStorage disk = newDisk();
        Witness witness = new Witness();
        disk.faults().failAny(nth, cause, times);
        try {
            liveUntilFailure(disk, new RandomEdits(seed), witness);
        } catch (IOException e) {
            assertTrue(!disk.faults().injected().isEmpty(), () -> "an error of nobody: " + e);
        }
        if (disk.faults().injected().isEmpty()) {
            return false;
        }
        disk.assertNothingOpen();
        disk.faults().heal();
        String where = cause + " " + times + " at " + disk.faults().injected().getFirst() + ", -Dseed=" + seed;
        try {
            for (int image = 0; image < IMAGES; image++) {
                witness.check(CrashImage.draw(disk, seed, image));
            }
            RecoveredManifest recovered = witness.check(disk);
            crashInTheSecondLife(disk, witness, recovered, seed);
        } catch (Violation e) {
            throw new AssertionError(where, e);
        }
        return true;
    }

    private static void liveUntilFailure(Storage storage, RandomEdits edits, Witness witness) throws IOException {
        ManifestState start = edits.state();
        witness.begin(start);
        try (Manifest manifest = Manifest.create(storage, DB, 1, start, REWRITE_BYTES)) {
            witness.acknowledge(manifest.position());
            for (int i = 0; i < 16; i++) {
                ManifestState before = edits.state();
                VersionEdit edit = edits.next();
                witness.begin(edits.state());
                try {
                    manifest.append(edit);
                } catch (IOException first) {
                    assertEquals(before, manifest.state());
                    assertSame(first, assertThrows(IOException.class, () -> manifest.append(edit)));
                    assertSame(first, assertThrows(IOException.class, () -> manifest.append(edit)));
                    throw first;
                }
                witness.acknowledge(manifest.position());
            }
        }
        Manifest.recover(storage, DB);
    }

    private static SimStorage newDisk() throws IOException {
        SimStorage disk = new SimStorage();
        disk.createDirectory(DB);
        disk.syncDirectory(ROOT);
        return disk;
    }
}
