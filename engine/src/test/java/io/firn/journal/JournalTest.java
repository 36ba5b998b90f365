package io.firn.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.RecoveryMode;
import io.firn.entry.Trailer;
import io.firn.error.PoisonedException;
import io.firn.ffm.codec.Codec;
import io.firn.journal.JournalRig.Recovered;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is appended comes back: over rotation, recycling, large records, and from one life to the next. */
@Timeout(600)
final class JournalTest {
    private final MemoryStorage storage = new MemoryStorage();

    @Test
    void replaysWhatWasAppended() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            rig.put("a", "1");
            rig.encoder.start().put(1, "b", "2".getBytes()).remove(2, "c").put(7, "d", new byte[0]);
            rig.append(List.of("1:0:b=2", "2:1:c=", "7:0:d="));
            Recovered recovered = JournalRig.replay(storage, RecoveryMode.TORN_TAIL);
            assertEquals(rig.appended, recovered.visited());
            assertEquals(rig.seqno - 1, recovered.result().seqnoMax());
            assertEquals(rig.journal.endPosition(), recovered.result().endPosition());
            assertEquals(List.of(), recovered.result().discarded());
            assertFalse(recovered.result().isSealed());
        }
    }

    @Test
    void anEditStandsWhereItWasAppended() throws IOException {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL);
        for (int index = 0; index < 40; index++) {
            rig.put("key" + index, "value");
            rig.edit(new byte[1 + 3 * index]);
            rig.witness(1, index);
        }
        rig.edit(new byte[5000]); // larger than a file
        rig.closeCleanly();
        for (RecoveryMode mode : RecoveryMode.values()) {
            Recovered recovered = JournalRig.replay(storage, mode);
            assertEquals(rig.appended, recovered.visited());
            assertEquals(rig.seqno - 1, recovered.result().seqnoMax());
            assertEquals(39, recovered.result().witnessForcedBytes());
        }
    }

    @Test
    void pagesThatAreMadeReadyAreAsTheyWere() throws Exception {
        JournalRig rig = new JournalRig(storage, new JournalSettings(64 << 10, 256 << 10, 1 << 20));
        AtomicBoolean isOver = new AtomicBoolean();
        AtomicLong rounds = new AtomicLong();
        Thread worker = Thread.ofPlatform().start(() -> {
            while (!isOver.get()) {
                rig.journal.prepareRunway();
                rounds.incrementAndGet();
            }
        });
        for (int index = 0; index < 20_000 || rounds.get() < 100; index++) {
            rig.put("key" + index, "value".repeat(1 + index % 40));
        }
        isOver.set(true);
        worker.join();
        Recovered recovered = JournalRig.replay(storage, RecoveryMode.TORN_TAIL);
        assertEquals(rig.appended, recovered.visited());
        rig.closeCleanly();
    }

    @Test
    void theRunwayIsWantedAgainWhereHalfOfItIsUsedAndNotBesideDurableCommits() throws Exception {
        JournalRig rig = new JournalRig(storage, new JournalSettings(1 << 20, 1 << 20, 1 << 20)).running();
        int wanted = 0;
        for (int index = 0; index < 6000; index++) {
            rig.put("key" + index, "value".repeat(20));
            if (rig.journal.needsRunway()) {
                wanted++;
                rig.journal.prepareRunway();
                assertFalse(rig.journal.needsRunway());
            }
        }
        assertTrue(10 < wanted && wanted < 60, wanted + " times");
        rig.journal.awaitDurable(rig.journal.endPosition());
        for (int index = 0; index < 1000; index++) {
            rig.put("key" + index, "value".repeat(20));
            assertFalse(rig.journal.needsRunway());
        }
        rig.closeCleanly();
    }

    @Test
    void aCleanCloseSealsForEveryMode() throws IOException {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL);
        for (int index = 0; index < 100; index++) {
            rig.put("key" + index, "value" + index);
        }
        rig.closeCleanly();
        for (RecoveryMode mode : RecoveryMode.values()) {
            Recovered recovered = JournalRig.replay(storage, mode);
            assertEquals(rig.appended, recovered.visited());
            assertTrue(recovered.result().isSealed());
            assertEquals(List.of(), recovered.result().discarded());
        }
        assertEquals(0, storage.openMappings.get());
        assertNull(rig.failure.get());
    }

    @Test
    void anEmptyJournalReplaysAsNothing() throws IOException {
        new JournalRig(storage, JournalRig.SMALL).close();
        Recovered recovered = JournalRig.replay(storage, RecoveryMode.TORN_TAIL);
        assertEquals(List.of(), recovered.visited());
        assertEquals(0, recovered.result().seqnoMax());
        assertEquals(1, recovered.result().highestFileId());
    }

    @Test
    void filesDoubleUpToTheLargest() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            for (int index = 0; index < 500; index++) {
                rig.put("key" + index, "value" + index);
            }
            assertEquals(1024, storage.sizeBytes(path(1)));
            assertEquals(2048, storage.sizeBytes(path(2)));
            assertEquals(4096, storage.sizeBytes(path(3)));
            assertEquals(4096, storage.sizeBytes(path(4)));
            long sizes = 0;
            for (long id = 1; id <= rig.journal.currentFileId(); id++) {
                sizes += storage.sizeBytes(path(id));
            }
            assertEquals(sizes, rig.journal.liveBytes());
            assertEquals(rig.appended, JournalRig.visited(storage));
        }
    }

    @Test
    void asksForTheNextFileInTimeAndRotatesWithoutIt() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            assertFalse(rig.journal.needsPreparation());
            while (!rig.journal.needsPreparation()) {
                rig.put("k", "v");
            }
            assertTrue(JournalFormat.offsetOf(rig.journal.endPosition()) < 512);
            rig.journal.prepare(0);
            assertFalse(rig.journal.needsPreparation());
            assertTrue(storage.exists(path(2)));
            assertEquals(1024, rig.journal.liveBytes());
            while (rig.journal.currentFileId() == 1) {
                rig.put("k", "v");
            }
            assertEquals(3072, rig.journal.liveBytes());
            assertEquals(rig.appended, JournalRig.visited(storage));
        }
    }

    @Test
    void refusesToReserveWithoutANextFileAndLeavesNoTrace() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            rig.put("a", "1");
            byte[] before = storage.content(path(1));
            assertFalse(rig.journal.tryReserve(2000));
            assertArrayEquals(before, storage.content(path(1)));
            rig.journal.prepare(0);
            assertFalse(rig.journal.tryReserve(2000), "the next file has 2048 bytes");
            rig.journal.prepare(2000);
            assertTrue(rig.journal.tryReserve(2000));
            assertEquals(2, rig.journal.currentFileId());
        }
    }

    @Test
    void aRecordLargerThanAFileGetsAFileOfItsSize() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            rig.put("a", "1");
            for (int size : new int[] {5000, 100_000, 1_000_000, 0, 4096}) {
                rig.put("large" + size, "x".repeat(size));
                rig.put("small", "1");
            }
            for (long id = rig.journal.currentFileId(); id == rig.journal.currentFileId(); ) {
                rig.put("small", "2");
            }
            assertEquals(rig.appended, JournalRig.visited(storage));
            assertTrue(storage.sizeBytes(path(rig.journal.currentFileId())) <= 4096, "back to the ordinary size");
        }
    }

    @Test
    void aRecordMayFillItsFileToTheLastByteBeforeTheSeal() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            int room = 1024 - JournalFormat.FILE_HEADER_BYTES - JournalFormat.SEAL_BYTES;
            int value = room - JournalFormat.RECORD_HEADER_BYTES - JournalFormat.ENTRY_HEADER_BYTES - 1;
            rig.put("k", "x".repeat(value));
            assertEquals(JournalFormat.position(1, 1024 - JournalFormat.SEAL_BYTES), rig.journal.endPosition());
            rig.put("k", "y");
            assertEquals(2, rig.journal.currentFileId());
            assertEquals(rig.appended, JournalRig.visited(storage));
            rig.closeCleanly();
            assertEquals(rig.appended, JournalRig.replay(storage, RecoveryMode.EXACT).visited());
        }
    }

    @Test
    void randomBatchesComeBackOverRotationsAndLives() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("JournalTest.randomBatches -Dseed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 40; round++) {
            MemoryStorage disk = new MemoryStorage();
            List<String> all = new ArrayList<>();
            JournalRig rig = new JournalRig(disk, JournalRig.SMALL);
            int lives = random.nextInt(1, 5);
            for (int life = 0; life < lives; life++) {
                for (int index = random.nextInt(60); index > 0; index--) {
                    appendRandomBatch(rig, random);
                }
                all.addAll(rig.appended);
                boolean isClean = random.nextBoolean();
                if (isClean) {
                    rig.closeCleanly();
                } else {
                    rig.close();
                }
                Recovered recovered = JournalRig.replay(disk, isClean ? RecoveryMode.EXACT : RecoveryMode.TORN_TAIL);
                assertEquals(all, recovered.visited(), "seed " + seed);
                assertEquals(List.of(), recovered.result().discarded(), "seed " + seed);
                rig = JournalRig.after(recovered.result(), disk, JournalRig.DIRECTORY, JournalRig.SMALL);
            }
            rig.close();
            assertEquals(0, disk.openMappings.get());
        }
    }

    static void appendRandomBatch(JournalRig rig, SplittableRandom random) throws IOException {
        rig.encoder.start();
        List<String> told = new ArrayList<>();
        for (int count = random.nextInt(1, 6); count > 0; count--) {
            int keyspaceId = random.nextInt(1, 4);
            byte[] key = new byte[random.nextInt(20) == 0 ? random.nextInt(1, 3000) : random.nextInt(1, 20)];
            byte[] value = new byte[random.nextInt(20) == 0 ? random.nextInt(6000) : random.nextInt(40)];
            for (int at = 0; at < key.length; at++) {
                key[at] = (byte) random.nextInt('a', 'z');
            }
            for (int at = 0; at < value.length; at++) {
                value[at] = (byte) random.nextInt('a', 'z');
            }
            int type = random.nextInt(3);
            byte[] stored = type == Trailer.VALUE ? value : new byte[0];
            rig.encoder.entry(keyspaceId, type, key, stored, Codec.NONE, stored.length);
            told.add(JournalRig.tell(keyspaceId, type, key, stored));
        }
        rig.append(told);
    }

    @Test
    void theLastWitnessIsTold() throws IOException {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL);
        assertEquals(0, JournalRig.replay(storage, RecoveryMode.TORN_TAIL).result().witnessManifestId());
        rig.put("a", "1");
        rig.witness(3, 1000);
        rig.put("b", "2");
        rig.witness(4, 2000);
        rig.witness(4, 3000);
        rig.put("c", "3");
        rig.closeCleanly();
        Recovered recovered = JournalRig.replay(storage, RecoveryMode.EXACT);
        assertEquals(rig.appended, recovered.visited());
        assertEquals(4, recovered.result().witnessManifestId());
        assertEquals(3000, recovered.result().witnessForcedBytes());
    }

    @Test
    void recyclesFilesThatFitAndDeletesTheOthers() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            int recycled = 0;
            for (int index = 0; index < 2000; index++) {
                rig.put("key" + index, "value" + index);
                if (index % 50 == 49) {
                    rig.journal.retire(rig.journal.currentFileId());
                }
            }
            for (String line : storage.log) {
                recycled += line.startsWith("recycle") ? 1 : 0;
            }
            assertTrue(recycled > 10, storage.log.toString());
            assertTrue(storage.list(JournalRig.DIRECTORY).size() <= 5, storage.list(JournalRig.DIRECTORY).toString());
            assertTrue(rig.journal.liveBytes() <= 3 * 4096, "live " + rig.journal.liveBytes());
            long firstLive = rig.journal.currentFileId();
            List<String> visited =
                    JournalRig.replay(storage, JournalRig.DIRECTORY, firstLive, RecoveryMode.TORN_TAIL).visited();
            assertFalse(visited.isEmpty());
            assertEquals(rig.appended.subList(rig.appended.size() - visited.size(), rig.appended.size()), visited);
        }
        assertEquals(0, storage.openMappings.get());
    }

    @Test
    void sweepsDeadFilesAndUnfinishedOnes() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            while (rig.journal.currentFileId() < 4) {
                rig.put("k", "v");
            }
            storage.put(path(1).resolveSibling("000005.journal.next"), new byte[100]);
            assertEquals(
                    List.of("000001.journal", "000002.journal", "000005.journal.next"),
                    JournalReplay.sweep(storage, JournalRig.DIRECTORY, 3));
            assertEquals(List.of("000003.journal", "000004.journal"), storage.list(JournalRig.DIRECTORY));
        }
    }

    @Test
    void namesAreWhatOneIdIsWrittenAs() {
        assertEquals("000001.journal", JournalFormat.nameOf(1));
        assertEquals("1234567.journal", JournalFormat.nameOf(1_234_567));
        TreeSet<Long> ids = new TreeSet<>();
        for (String name : List.of(
                "000001.journal", "1234567.journal", "0000001.journal", "000000.journal", "00001.journal", ".journal",
                "00000a.journal", "000001.journal.next", "-00001.journal", "99999999999999999999999.journal")) {
            ids.add(JournalFormat.idOf(name));
        }
        assertEquals(new TreeSet<>(List.of(-1L, 1L, 1_234_567L)), ids);
        assertTrue(JournalFormat.isUnfinished("000001.journal.next"));
    }

    @Test
    void aFullDiskStopsThePreparationOnlyUntilThereIsRoom() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            storage.onJournal = new IOException("no space");
            assertThrows(IOException.class, () -> rig.journal.prepare(0));
            assertFalse(rig.journal.tryReserve(1000));
            assertNull(rig.failure.get());
            storage.onJournal = null;
            storage.onForce = path -> {
                throw new IOException("no space in the end");
            };
            assertThrows(IOException.class, () -> rig.journal.prepare(0));
            assertEquals(List.of("000001.journal"), storage.list(JournalRig.DIRECTORY), "what was unfinished is gone");
            assertNull(rig.failure.get());
            storage.onForce = path -> {};
            rig.journal.prepare(0);
            assertTrue(rig.journal.tryReserve(1000));
            assertEquals(2, storage.openMappings.get());
        }
    }

    @Test
    void aFailedSyncOfTheDirectoryIsFinal() throws IOException {
        try (JournalRig rig = new JournalRig(storage, JournalRig.SMALL)) {
            storage.onSyncDirectory = new IOException("lost");
            assertThrows(IOException.class, () -> rig.journal.prepare(0));
            assertEquals("lost", rig.failure.get().getMessage());
            long end = rig.put("a", "1");
            assertThrows(PoisonedException.class, () -> rig.journal.awaitForced(end));
        }
    }

    @Test
    void closesTwiceAndAppendsNothingBehindTheSeal() throws IOException {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL);
        rig.put("a", "1");
        rig.stop();
        rig.journal.seal();
        rig.journal.seal();
        assertThrows(IllegalStateException.class, () -> rig.journal.tryReserve(40));
        rig.close();
        rig.journal.close();
        rig.journal.prepare(0);
        assertEquals(rig.appended, JournalRig.replay(storage, RecoveryMode.EXACT).visited());
    }

    private static Path path(long id) {
        return JournalRig.DIRECTORY.resolve(JournalFormat.nameOf(id));
    }
}
