package io.firn.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.RecoveryMode;
import io.firn.error.CorruptionException;
import io.firn.error.FormatVersionException;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.memory.Layouts;
import io.firn.journal.JournalRig.Recovered;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Damage is told from what a crash leaves: each changed, missing, surplus or misplaced byte is detected or harmless.
 */
@Timeout(600)
final class JournalDamageTest {
    private static final JournalSettings TINY = new JournalSettings(512, 1024, 1 << 20);

    private final MemoryStorage storage = new MemoryStorage();
    private List<String> appended = List.of();
    private List<Long> ends = List.of();

    /** Several files of forced records, closed cleanly or not. */
    private void build(int records, boolean isClosed) throws IOException {
        JournalRig rig = new JournalRig(storage, TINY).running();
        for (int index = 0; index < records; index++) {
            rig.forcedPut("key" + index, "v".repeat(index % 7));
        }
        appended = rig.appended;
        ends = rig.ends;
        if (isClosed) {
            rig.closeCleanly();
        } else {
            rig.close();
        }
    }

    @Test
    void everyFlippedBitOfAClosedJournalIsDetectedOrHarmless() throws IOException {
        build(30, true);
        int detected = 0;
        int harmless = 0;
        for (String name : storage.list(JournalRig.DIRECTORY)) {
            Path file = JournalRig.DIRECTORY.resolve(name);
            byte[] content = storage.content(file);
            for (int bit = 0; bit < content.length * 8; bit++) {
                content[bit / 8] ^= (byte) (1 << bit % 8);
                storage.put(file, content);
                content[bit / 8] ^= (byte) (1 << bit % 8);
                try {
                    assertEquals(appended, JournalRig.visited(storage), name + " bit " + bit);
                    harmless++;
                } catch (CorruptionException e) {
                    assertTrue(e.file().startsWith(JournalRig.DIRECTORY) && e.offset() <= bit / 8, e.getMessage());
                    detected++;
                }
            }
            storage.put(file, content);
        }
        System.out.println("flips of a closed journal: " + detected + " detected, " + harmless + " harmless");
        assertTrue(detected > 10_000);
    }

    @Test
    void aFlippedBitOfAJournalThatWasNotClosedCostsAtMostTheLastForcedGroup() throws IOException {
        build(25, false);
        int last = 0;
        for (String name : storage.list(JournalRig.DIRECTORY)) {
            Path file = JournalRig.DIRECTORY.resolve(name);
            byte[] content = storage.content(file);
            for (int bit = 0; bit < content.length * 8; bit++) {
                content[bit / 8] ^= (byte) (1 << bit % 8);
                storage.put(file, content);
                content[bit / 8] ^= (byte) (1 << bit % 8);
                try {
                    List<String> visited = JournalRig.visited(storage);
                    if (!visited.equals(appended)) {
                        assertEquals(appended.subList(0, appended.size() - 1), visited, name + " bit " + bit);
                        last++;
                    }
                } catch (CorruptionException e) {
                    assertTrue(e.offset() <= bit / 8, e.getMessage());
                }
            }
            storage.put(file, content);
        }
        int lastRecordBits = (int) (ends.getLast() - ends.get(ends.size() - 2)) * 8;
        assertTrue(last <= lastRecordBits, last + " silent of " + lastRecordBits);
    }

    @Test
    void everyTruncationAndEveryExtensionOfAFileIsDetected() throws IOException {
        build(30, true);
        for (String name : storage.list(JournalRig.DIRECTORY)) {
            Path file = JournalRig.DIRECTORY.resolve(name);
            byte[] content = storage.content(file);
            for (int length = 0; length < content.length + 20; length++) {
                if (length != content.length) {
                    storage.put(file, Arrays.copyOf(content, length));
                    for (RecoveryMode mode : List.of(RecoveryMode.TORN_TAIL, RecoveryMode.EXACT)) {
                        CorruptionException e =
                                assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, mode));
                        assertEquals(file, e.file());
                    }
                }
            }
            storage.put(file, content);
        }
    }

    @Test
    void everyRunOfZerosOrTrashInAClosedJournalIsDetectedOrHarmless() throws IOException {
        build(30, true);
        SplittableRandom random = new SplittableRandom(7);
        int silent = 0;
        for (String name : storage.list(JournalRig.DIRECTORY)) {
            Path file = JournalRig.DIRECTORY.resolve(name);
            byte[] content = storage.content(file);
            for (int size : new int[] {8, 64, 256}) {
                for (int start = 0; start < content.length; start += 8) {
                    byte[] damaged = content.clone();
                    Arrays.fill(damaged, start, Math.min(content.length, start + size), (byte) 0);
                    storage.put(file, damaged);
                    silent += isSilentLoss() ? 1 : 0;
                    for (int at = start; at < Math.min(content.length, start + size); at++) {
                        damaged[at] = (byte) random.nextInt();
                    }
                    storage.put(file, damaged);
                    silent += isSilentLoss() ? 1 : 0;
                }
            }
            storage.put(file, content);
        }
        assertEquals(0, silent);
    }

    @Test
    void theSealOfACleanCloseTestifiesForRecordsThatNobodyHadForced() throws IOException {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL);
        for (int index = 0; index < 8; index++) {
            rig.put("key" + index, "v");
        }
        rig.closeCleanly();
        for (int index = 0; index < 8; index++) {
            byte[] before = storage.content(JournalRig.DIRECTORY.resolve("000001.journal"));
            zeroRecord(rig, index);
            assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, RecoveryMode.TORN_TAIL));
            storage.put(JournalRig.DIRECTORY.resolve("000001.journal"), before);
        }
    }

    /** A closed journal testifies for every record, so nothing may be missing without a word. */
    private boolean isSilentLoss() throws IOException {
        try {
            return !JournalRig.visited(storage).equals(appended);
        } catch (CorruptionException e) {
            return false;
        }
    }

    @Test
    void aMissingFileIsDetected() throws IOException {
        build(60, true);
        List<String> names = storage.list(JournalRig.DIRECTORY);
        assertTrue(names.size() >= 4, names.toString());
        for (String name : names) {
            Path file = JournalRig.DIRECTORY.resolve(name);
            byte[] content = storage.content(file);
            storage.delete(file);
            CorruptionException e =
                    assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, RecoveryMode.TORN_TAIL));
            assertEquals(file, e.file());
            List<String> salvaged = JournalRig.replay(storage, RecoveryMode.SALVAGE).visited();
            assertTrue(appended.containsAll(salvaged) && salvaged.size() < appended.size());
            storage.put(file, content);
        }
    }

    @Test
    void exchangedFilesAreDetected() throws IOException {
        build(60, true);
        Path third = JournalRig.DIRECTORY.resolve("000003.journal");
        Path fourth = JournalRig.DIRECTORY.resolve("000004.journal");
        byte[] content = storage.content(third);
        storage.put(third, storage.content(fourth));
        assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, RecoveryMode.TORN_TAIL));
        storage.put(fourth, content);
        assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, RecoveryMode.TORN_TAIL));
    }

    @Test
    void aNewerFormatIsNamedAsSuch() throws IOException {
        build(3, true);
        Path file = JournalRig.DIRECTORY.resolve("000001.journal");
        byte[] content = storage.content(file);
        MemorySegment memory = Arena.ofAuto().allocate(64, 64);
        MemorySegment.copy(MemorySegment.ofArray(content), 0, memory, 0, 64);
        memory.set(Layouts.INT_LE, JournalFormat.FILE_FORMAT, 2);
        memory.set(Layouts.INT_LE, JournalFormat.FILE_CRC, JournalFile.headerCrc(memory, 0, 1, new Crc32c()));
        MemorySegment.copy(memory, 0, MemorySegment.ofArray(content), 0, 64);
        storage.put(file, content);
        assertThrows(FormatVersionException.class, () -> JournalRig.replay(storage, RecoveryMode.TORN_TAIL));
    }

    @Test
    void aTornTailEndsTheJournalAtEveryByte() throws IOException {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL).running();
        rig.forcedPut("a", "1");
        rig.forcedPut("b", "2");
        Path file = JournalRig.DIRECTORY.resolve("000001.journal");
        byte[] before = storage.content(file);
        long start = rig.journal.endPosition();
        rig.put("c", "x".repeat(100));
        byte[] after = storage.content(file);
        int from = (int) JournalFormat.offsetOf(start);
        int to = (int) JournalFormat.offsetOf(rig.journal.endPosition());
        SplittableRandom random = new SplittableRandom(3);
        for (int cut = from; cut < to; cut++) {
            byte[] torn = before.clone();
            System.arraycopy(after, from, torn, from, cut - from);
            checkTorn(file, torn, rig, Arrays.equals(torn, after) ? 3 : 2);
            System.arraycopy(before, from, torn, from, to - from);
            System.arraycopy(after, cut, torn, cut, to - cut);
            checkTorn(file, torn, rig, cut == from ? 3 : 2);
            for (int at = from; at < to; at++) {
                torn[at] = at < cut ? after[at] : (byte) random.nextInt();
            }
            checkTorn(file, torn, rig, Arrays.equals(torn, after) ? 3 : 2);
        }
        rig.close();
    }

    private void checkTorn(Path file, byte[] torn, JournalRig rig, int records) throws IOException {
        storage.put(file, torn);
        Recovered recovered = JournalRig.replay(storage, RecoveryMode.TORN_TAIL);
        assertEquals(rig.appended.subList(0, records), recovered.visited());
        assertEquals((long) rig.ends.get(records - 1), recovered.result().endPosition());
        assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, RecoveryMode.EXACT));
    }

    @Test
    void aHoleInTheUnforcedTailDropsWhatFollowsIt() throws IOException {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL).running();
        rig.forcedPut("a", "1");
        rig.put("b", "2");
        rig.put("c", "3");
        rig.close();
        zeroRecord(rig, 1);
        Recovered recovered = JournalRig.replay(storage, RecoveryMode.TORN_TAIL);
        assertEquals(rig.appended.subList(0, 1), recovered.visited());
        assertEquals(1, recovered.result().discarded().size(), recovered.result().discarded().toString());
        List<String> whole = List.of(rig.appended.get(0), rig.appended.get(2));
        assertEquals(whole, JournalRig.replay(storage, RecoveryMode.SALVAGE).visited());
    }

    private void zeroRecord(JournalRig rig, int index) throws IOException {
        long fileId = JournalFormat.fileIdOf(rig.ends.get(index));
        Path file = JournalRig.DIRECTORY.resolve(JournalFormat.nameOf(fileId));
        byte[] content = storage.content(file);
        int start = index == 0 || JournalFormat.fileIdOf(rig.ends.get(index - 1)) != fileId
                ? JournalFormat.FILE_HEADER_BYTES
                : (int) JournalFormat.offsetOf(rig.ends.get(index - 1));
        Arrays.fill(content, start, (int) JournalFormat.offsetOf(rig.ends.get(index)), (byte) 0);
        storage.put(file, content);
    }

    @Test
    void salvageKeepsEveryWholeRecordBehindDamage() throws IOException {
        JournalRig rig = new JournalRig(storage, TINY).running();
        for (int index = 0; index < 40; index++) {
            rig.forcedPut("key" + index, "v");
        }
        rig.closeCleanly();
        List<String> expected = new ArrayList<>(rig.appended);
        for (int index : new int[] {3, 4, 17, 30}) {
            zeroRecord(rig, index);
            expected.remove(rig.appended.get(index));
        }
        CorruptionException e =
                assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, RecoveryMode.TORN_TAIL));
        assertEquals(JournalFormat.offsetOf(rig.ends.get(2)), e.offset());
        Recovered recovered = JournalRig.replay(storage, RecoveryMode.SALVAGE);
        assertEquals(expected, recovered.visited());
        assertFalse(recovered.result().discarded().isEmpty());
        assertEquals(rig.seqno - 1, recovered.result().seqnoMax());
    }

    /** R3: journals are one chain. */
    @Nested
    final class R3JournalsAreOneChain {
        @Test
        void whatAFileHeldInItsFormerLifeIsNoRecord() throws IOException {
            try (JournalRig rig = new JournalRig(storage, new JournalSettings(1024, 1024, 1 << 20))) {
                while (storage.log.stream().noneMatch(line -> line.startsWith("recycle"))) {
                    rig.put("key", "value"); // all of one size: the old records stand where new ones will
                    rig.journal.retire(rig.journal.currentFileId());
                }
                long recycledId = rig.journal.currentFileId();
                byte[] content = storage.content(JournalRig.DIRECTORY.resolve(JournalFormat.nameOf(recycledId)));
                int before = rig.appended.size() - 1;
                for (RecoveryMode mode : List.of(RecoveryMode.TORN_TAIL, RecoveryMode.SALVAGE)) {
                    Recovered recovered = JournalRig.replay(storage, JournalRig.DIRECTORY, recycledId, mode);
                    assertEquals(rig.appended.subList(before, before + 1), recovered.visited());
                }
                int oldBytes = 0;
                for (int at = (int) JournalFormat.offsetOf(rig.journal.endPosition()); at < content.length; at++) {
                    oldBytes += content[at] == 0 ? 0 : 1;
                }
                assertTrue(oldBytes > 200, "the former life is still there: " + oldBytes);
            }
        }

        @Test
        void aRecordCopiedIntoAValueIsNoRecord() throws IOException {
            JournalRig rig = new JournalRig(storage, JournalRig.SMALL);
            rig.put("a", "1");
            Path file = JournalRig.DIRECTORY.resolve("000001.journal");
            int start = JournalFormat.FILE_HEADER_BYTES;
            int end = (int) JournalFormat.offsetOf(rig.ends.get(0));
            byte[] record = Arrays.copyOfRange(storage.content(file), start, end);
            byte[] value = new byte[7 + 3 * record.length]; // the key has 1 byte: the copies lie at multiples of 8
            for (int copy = 0; copy < 3; copy++) {
                System.arraycopy(record, 0, value, 7 + copy * record.length, record.length);
            }
            rig.encoder.start().put(1, "b", value);
            rig.append(List.of(JournalRig.tell(1, 0, "b".getBytes(), value)));
            rig.close();
            for (RecoveryMode mode : List.of(RecoveryMode.TORN_TAIL, RecoveryMode.SALVAGE)) {
                assertEquals(rig.appended, JournalRig.replay(storage, mode).visited());
            }
            byte[] content = storage.content(file);
            Arrays.fill(content, end, end + JournalFormat.RECORD_HEADER_BYTES, (byte) 0);
            storage.put(file, content);
            for (RecoveryMode mode : List.of(RecoveryMode.TORN_TAIL, RecoveryMode.SALVAGE)) {
                assertEquals(rig.appended.subList(0, 1), JournalRig.replay(storage, mode).visited());
            }
        }

        @Test
        void recoveryEndsAtAGapAndDropsWhatFollows() throws IOException {
            JournalRig rig = threeFilesOfUnforcedRecords();
            int lastOfFirst = lastIndexIn(rig, 1);
            zeroRecord(rig, lastOfFirst);
            Recovered recovered = JournalRig.replay(storage, RecoveryMode.TORN_TAIL);
            assertEquals(rig.appended.subList(0, lastOfFirst), recovered.visited());
            assertEquals(3, recovered.result().discarded().size(), recovered.result().discarded().toString());
            assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, RecoveryMode.EXACT));
            List<String> whole = new ArrayList<>(rig.appended);
            whole.remove(lastOfFirst);
            assertEquals(whole, JournalRig.replay(storage, RecoveryMode.SALVAGE).visited());
        }

        @Test
        void aLostSealIsAGapToo() throws IOException {
            JournalRig rig = threeFilesOfUnforcedRecords();
            int lastOfFirst = lastIndexIn(rig, 1);
            Path file = JournalRig.DIRECTORY.resolve("000001.journal");
            byte[] content = storage.content(file);
            int seal = (int) JournalFormat.offsetOf(rig.ends.get(lastOfFirst));
            Arrays.fill(content, seal, seal + 32, (byte) 0);
            storage.put(file, content);
            assertEquals(
                    rig.appended.subList(0, lastOfFirst + 1), JournalRig.visited(storage));
        }

        private JournalRig threeFilesOfUnforcedRecords() throws IOException {
            JournalRig rig = new JournalRig(storage, TINY); // nobody runs: nothing is forced
            while (rig.journal.currentFileId() < 3) {
                rig.put("k", "v");
            }
            rig.close();
            return rig;
        }

        private int lastIndexIn(JournalRig rig, long fileId) {
            int index = 0;
            while (JournalFormat.fileIdOf(rig.ends.get(index + 1)) == fileId) {
                index++;
            }
            return index;
        }

        @Test
        void aGapBeforeForcedBytesIsCorruption() throws IOException {
            JournalRig rig = new JournalRig(storage, TINY).running();
            while (rig.journal.currentFileId() < 3) {
                rig.put("k", "v");
            }
            rig.forcedPut("l", "forces all before");
            rig.put("m", "knows it");
            rig.close();
            int lastOfFirst = lastIndexIn(rig, 1);
            zeroRecord(rig, lastOfFirst);
            CorruptionException e =
                    assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, RecoveryMode.TORN_TAIL));
            assertEquals(JournalRig.DIRECTORY.resolve("000001.journal"), e.file());
            assertEquals(JournalFormat.offsetOf(rig.ends.get(lastOfFirst - 1)), e.offset());
        }

        @Test
        void aNextLifeGoesOnWhereRecoveryEnded() throws IOException {
            List<String> all = new ArrayList<>();
            JournalRig rig = new JournalRig(storage, TINY);
            for (int life = 0; life < 6; life++) {
                for (int index = 0; index < 5 + 10 * (life % 2); index++) {
                    rig.put("life" + life, "v" + index);
                }
                if (life == 3) {
                    rig.journal.prepare(0); // an unused next file may stay behind
                }
                rig.close(); // killed before the old journals were declared dead
                all.addAll(rig.appended);
                Recovered recovered = JournalRig.replay(storage, RecoveryMode.TORN_TAIL);
                assertEquals(all, recovered.visited());
                rig = JournalRig.after(recovered.result(), storage, JournalRig.DIRECTORY, TINY);
            }
            rig.close();
        }

        @Test
        void aNextLifeIsDroppedIfItsPredecessorLostItsEnd() throws IOException {
            JournalRig first = new JournalRig(storage, JournalRig.SMALL);
            first.put("a", "1");
            first.put("b", "2");
            first.close();
            JournalReplay.Replayed result = JournalRig.replay(storage, RecoveryMode.TORN_TAIL).result();
            JournalRig second = JournalRig.after(result, storage, JournalRig.DIRECTORY, TINY).running();
            while (second.journal.currentFileId() < 4) {
                second.put("c", "3"); // rotations ask for forces, which must not count yet
            }
            second.close();
            zeroRecord(first, 1); // the power was lost, and the page cache that recovery had read with it
            Recovered recovered = JournalRig.replay(storage, RecoveryMode.TORN_TAIL);
            assertEquals(first.appended.subList(0, 1), recovered.visited());
            JournalRig third = JournalRig.after(recovered.result(), storage, JournalRig.DIRECTORY, TINY);
            third.put("d", "4");
            third.close();
            List<String> expected = List.of(first.appended.get(0), third.appended.get(0));
            assertEquals(expected, JournalRig.visited(storage), "the dropped life stays dropped");
        }

        @Test
        void anInvalidHeaderOfANamedFileIsCorruption() throws IOException {
            JournalRig rig = new JournalRig(storage, TINY);
            rig.put("a", "1");
            rig.journal.prepare(0);
            rig.close();
            Path next = JournalRig.DIRECTORY.resolve("000002.journal");
            assertEquals(rig.appended, JournalRig.visited(storage));
            byte[] content = storage.content(next);
            content[60] = 1;
            storage.put(next, content);
            CorruptionException e =
                    assertThrows(CorruptionException.class, () -> JournalRig.replay(storage, RecoveryMode.TORN_TAIL));
            assertEquals(next, e.file());
        }

        @Test
        void deadFilesAreNotLookedAt() throws IOException {
            JournalRig rig = threeFilesOfUnforcedRecords();
            storage.put(JournalRig.DIRECTORY.resolve("000001.journal"), new byte[3]);
            storage.delete(JournalRig.DIRECTORY.resolve("000002.journal"));
            List<String> visited =
                    JournalRig.replay(storage, JournalRig.DIRECTORY, 3, RecoveryMode.TORN_TAIL).visited();
            assertEquals(rig.appended.subList(rig.appended.size() - visited.size(), rig.appended.size()), visited);
            assertThrows(
                    CorruptionException.class,
                    () -> JournalRig.replay(storage, JournalRig.DIRECTORY, 4, RecoveryMode.TORN_TAIL));
        }
    }
}
