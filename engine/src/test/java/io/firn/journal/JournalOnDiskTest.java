package io.firn.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.RecoveryMode;
import io.firn.ffm.file.Storage;
import io.firn.ffm.file.SystemStorage;
import io.firn.journal.JournalRig.Recovered;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The journal on real files: lives of durable and buffered commits, and nothing of it left open. */
@Timeout(600)
final class JournalOnDiskTest {
    private static final JournalSettings SETTINGS = new JournalSettings(64 << 10, 256 << 10, 16 << 10);

    @TempDir
    Path directory;

    private final Storage storage = new SystemStorage();

    @Test
    void livesOfRandomBatchesComeBack() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("JournalOnDiskTest.lives -Dseed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        List<String> all = new ArrayList<>();
        JournalRig rig = new JournalRig(storage, directory, SETTINGS, 1, 0, 1).running();
        long firstLiveId = 1;
        for (int life = 0; life < 8; life++) {
            for (int index = 0; index < 300; index++) {
                if (rig.journal.needsPreparation()) {
                    rig.journal.prepare(0);
                }
                JournalTest.appendRandomBatch(rig, random);
                if (random.nextInt(20) == 0) {
                    rig.journal.awaitForced(rig.journal.endPosition());
                }
                if (random.nextInt(100) == 0) {
                    firstLiveId = rig.journal.currentFileId();
                    rig.journal.retire(firstLiveId);
                }
            }
            all.addAll(rig.appended);
            boolean isClean = random.nextBoolean();
            if (isClean) {
                rig.closeCleanly();
            } else {
                rig.close();
            }
            assertNull(rig.failure.get());
            assertNothingMapped();
            RecoveryMode mode = isClean ? RecoveryMode.EXACT : RecoveryMode.TORN_TAIL;
            Recovered recovered = JournalRig.replay(storage, directory, firstLiveId, mode);
            int visited = recovered.visited().size();
            assertEquals(all.subList(all.size() - visited, all.size()), recovered.visited(), "seed " + seed);
            rig = JournalRig.after(recovered.result(), storage, directory, SETTINGS).running();
            firstLiveId = rig.journal.currentFileId();
            rig.journal.declarePredecessorsDead(); // as if all that was recovered were in tables now
            JournalReplay.sweep(storage, directory, firstLiveId);
            assertEquals(List.of(JournalFormat.nameOf(firstLiveId)), storage.list(directory));
            all.clear();
        }
        rig.close();
        assertNothingMapped();
    }

    private void assertNothingMapped() throws IOException {
        Path maps = Path.of("/proc/self/maps");
        if (Files.exists(maps)) {
            List<String> ours =
                    Files.readAllLines(maps).stream().filter(line -> line.contains(directory.toString())).toList();
            assertTrue(ours.isEmpty(), ours.toString());
        }
    }

    @Test
    void manyThreadsOfDurableCommitsShareForces() throws Exception {
        JournalSettings settings = new JournalSettings(1 << 20, 4 << 20, 1 << 20);
        JournalRig rig = new JournalRig(storage, directory, settings, 1, 0, 1).running();
        List<Thread> threads = new ArrayList<>();
        List<Throwable> wrong = new ArrayList<>();
        for (int index = 0; index < 8; index++) {
            Thread thread = new Thread(() -> {
                try {
                    for (int commit = 0; commit < 200; commit++) {
                        long end;
                        synchronized (rig) {
                            end = rig.put("k" + commit, "v".repeat(100));
                        }
                        rig.journal.awaitForced(end);
                    }
                } catch (Throwable t) {
                    synchronized (wrong) {
                        wrong.add(t);
                    }
                }
            });
            threads.add(thread);
            thread.start();
        }
        threads.forEach(JournalRig::join);
        assertEquals(List.of(), wrong);
        rig.close();
        assertEquals(rig.appended, JournalRig.replay(storage, directory, 1, RecoveryMode.TORN_TAIL).visited());
    }
}
