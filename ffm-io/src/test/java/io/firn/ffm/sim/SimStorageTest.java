package io.firn.ffm.sim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.JournalMapping;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.OutOfSpaceException;
import io.firn.ffm.file.Storage;
import io.firn.ffm.file.StorageContract;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The simulated disk keeps the contract of the real one, and loses exactly what a real one may lose. */
public final class SimStorageTest implements StorageContract {
    private static final long SEED = Long.getLong("seed", 4711);
    private static final Path DB = Path.of("/db");
    private static final Path FILE = DB.resolve("file");
    private static final Path JOURNAL = DB.resolve("journal");
    private static final int JOURNAL_BYTES = 4 * SimFile.PAGE_BYTES;

    private final SimStorage disk = new SimStorage();

    @BeforeEach
    void createsTheDirectory() throws IOException {
        disk.createDirectory(DB);
        disk.syncDirectory(DB.getParent());
    }

    @AfterEach
    void leavesNothingOpen() {
        disk.assertNothingOpen();
    }

    @Override
    public Storage storage() {
        return disk;
    }

    @Override
    public Path root() {
        return DB;
    }

    @Override
    public void breakNextWrite() {
        disk.faults().fail(Operation.Kind.APPEND, "*", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
    }

    @Override
    public void breakNextForce() {
        disk.faults().fail(Operation.Kind.JOURNAL_FORCE, "*", 1, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
    }

    @Override
    public void repair() {
        disk.faults().heal();
    }

    private static MemorySegment filled(int bytes, int value) {
        MemorySegment segment = Arena.ofAuto().allocate(bytes);
        segment.fill((byte) value);
        return segment;
    }

    /** Names and contents of a disk's directory, contents as the text of their bytes. */
    private static TreeMap<String, String> look(SimStorage disk) throws IOException {
        TreeMap<String, String> found = new TreeMap<>();
        for (String name : disk.list(DB)) {
            found.put(name, Arrays.toString(disk.contentOf(DB.resolve(name))));
        }
        return found;
    }

    private List<SimStorage> images(int count) {
        List<SimStorage> images = new ArrayList<>();
        for (int image = 0; image < count; image++) {
            images.add(CrashImage.draw(disk, SEED, image));
        }
        return images;
    }

    @Test
    void losesWhatWasNotForced() throws IOException {
        try (AppendFile file = disk.create(FILE)) {
            disk.syncDirectory(DB);
            file.append(filled(100, 1));
            file.force();
            file.append(filled(50, 2));
        }
        assertEquals(100, CrashImage.draw(disk, SEED, CrashImage.NOTHING).sizeBytes(FILE));
        assertEquals(150, CrashImage.draw(disk, SEED, CrashImage.EVERYTHING).sizeBytes(FILE));
        Set<Long> lengths = new HashSet<>();
        for (SimStorage image : images(200)) {
            byte[] content = image.contentOf(FILE);
            lengths.add((long) content.length);
            for (int at = 0; at < 100; at++) {
                assertEquals(1, content[at], "a forced byte");
            }
        }
        assertTrue(lengths.contains(100L) && lengths.contains(150L) && lengths.size() > 20, lengths.toString());
    }

    @Test
    void aForcedFileWithoutADirectorySyncMayHaveNoName() throws IOException {
        try (AppendFile file = disk.create(FILE)) {
            file.append(filled(100, 1));
            file.force();
        }
        assertFalse(CrashImage.draw(disk, SEED, CrashImage.NOTHING).exists(FILE));
        assertTrue(CrashImage.draw(disk, SEED, CrashImage.EVERYTHING).exists(FILE));
        int named = 0;
        for (SimStorage image : images(100)) {
            if (image.exists(FILE)) {
                named++;
                assertEquals(100, image.sizeBytes(FILE));
            }
        }
        assertTrue(20 < named && named < 80, named + " of 100");
        disk.syncDirectory(DB);
        assertTrue(CrashImage.draw(disk, SEED, CrashImage.NOTHING).exists(FILE));
    }

    @Test
    void aSyncedNameWithoutAForceMayHaveNoContent() throws IOException {
        try (AppendFile file = disk.create(FILE)) {
            file.append(filled(100, 1));
        }
        disk.syncDirectory(DB);
        assertEquals(0, CrashImage.draw(disk, SEED, CrashImage.NOTHING).sizeBytes(FILE));
    }

    @Test
    void aDirectoryMayBeLostWithAllThatIsSyncedInIt() throws IOException {
        Path inner = DB.resolve("inner");
        disk.createDirectory(inner);
        disk.create(inner.resolve("file")).close();
        disk.syncDirectory(inner);
        assertFalse(CrashImage.draw(disk, SEED, CrashImage.NOTHING).exists(inner));
        disk.syncDirectory(DB);
        assertTrue(CrashImage.draw(disk, SEED, CrashImage.NOTHING).exists(inner.resolve("file")));
    }

    @Test
    void aDirectoryThatIsDurablyGoneDoesNotComeBackWithWhatWasDeletedInIt() throws IOException {
        Path inner = DB.resolve("inner");
        disk.createDirectory(inner);
        disk.create(inner.resolve("file")).close();
        disk.syncDirectory(inner);
        disk.syncDirectory(DB);
        disk.delete(inner.resolve("file"));
        disk.delete(inner);
        disk.syncDirectory(DB);
        for (SimStorage image : images(20)) {
            assertFalse(image.exists(inner));
        }
    }

    @Test
    void aRenameWithoutADirectorySyncIsFoundDoneAndNotDoneButNeverInPart() throws IOException {
        create("CURRENT", 1);
        create("CURRENT.tmp", 2);
        disk.syncDirectory(DB);
        disk.rename(DB.resolve("CURRENT.tmp"), DB.resolve("CURRENT"));
        Set<TreeMap<String, String>> seen = new HashSet<>();
        for (SimStorage image : images(100)) {
            seen.add(look(image));
        }
        TreeMap<String, String> done = new TreeMap<>();
        done.put("CURRENT", "[2]");
        TreeMap<String, String> notDone = new TreeMap<>();
        notDone.put("CURRENT", "[1]");
        notDone.put("CURRENT.tmp", "[2]");
        assertEquals(Set.of(done, notDone), seen);
        disk.syncDirectory(DB);
        assertEquals(done, look(CrashImage.draw(disk, SEED, CrashImage.NOTHING)));
    }

    @Test
    void aJournalThatIsRenamedTwiceHasOneOfItsThreeNames() throws IOException {
        disk.journal(DB.resolve("1"), 1, null).close();
        disk.syncDirectory(DB);
        disk.rename(DB.resolve("1"), DB.resolve("tmp"));
        disk.rename(DB.resolve("tmp"), DB.resolve("2"));
        Set<List<String>> seen = new HashSet<>();
        for (SimStorage image : images(200)) {
            seen.add(image.list(DB));
        }
        assertEquals(Set.of(List.of("1"), List.of("tmp"), List.of("2")), seen);
    }

    @Test
    void theLastOperationsSurviveAlone() throws IOException {
        create("a", 1);
        create("b", 1);
        create("c", 1);
        disk.rename(DB.resolve("c"), DB.resolve("CURRENT"));
        Set<List<String>> seen = new HashSet<>();
        for (long seed = 0; seed < 50; seed++) {
            seen.add(CrashImage.draw(disk, seed, 3).list(DB));
        }
        assertEquals(Set.of(List.of("CURRENT"), List.of("CURRENT", "b")), seen);
    }

    @Test
    void renamesAndDeletesReorder() throws IOException {
        create("CURRENT", 1);
        create("manifest-1", 1);
        create("CURRENT.tmp", 2);
        create("manifest-2", 2);
        disk.syncDirectory(DB);
        disk.rename(DB.resolve("CURRENT.tmp"), DB.resolve("CURRENT"));
        disk.delete(DB.resolve("manifest-1"));
        boolean isOldWithoutManifest = false;
        for (SimStorage image : images(50)) {
            isOldWithoutManifest |= image.contentOf(DB.resolve("CURRENT"))[0] == 1
                    && !image.exists(DB.resolve("manifest-1"));
        }
        assertTrue(isOldWithoutManifest);
    }

    @Test
    void aMoveIntoAnotherDirectoryIsFoundInOneOfThem() throws IOException {
        Path inner = DB.resolve("inner");
        disk.createDirectory(inner);
        create("file", 1);
        disk.syncDirectory(DB);
        disk.rename(FILE, inner.resolve("file"));
        for (SimStorage image : images(50)) {
            assertTrue(image.exists(FILE) != image.exists(inner.resolve("file")));
        }
        disk.syncDirectory(inner);
        SimStorage image = CrashImage.draw(disk, SEED, CrashImage.NOTHING);
        assertFalse(image.exists(FILE));
        assertTrue(image.exists(inner.resolve("file")));
    }

    private void create(String name, int value) throws IOException {
        try (AppendFile file = disk.create(DB.resolve(name))) {
            file.append(filled(1, value));
            file.force();
        }
    }

    @Test
    void aJournalLosesPagesAndSectorsThatWereNotForced() throws IOException {
        boolean isTorn = false;
        boolean isTrashed = false;
        try (JournalMapping journal = disk.journal(JOURNAL, JOURNAL_BYTES, null)) {
            disk.syncDirectory(DB);
            journal.bytes().asSlice(0, 700).fill((byte) 1);
            journal.force();
            journal.bytes().asSlice(700, 9000).fill((byte) 2);
            byte[] forced = new byte[JOURNAL_BYTES];
            Arrays.fill(forced, 0, 700, (byte) 1);
            for (long seed = 0; seed < 20; seed++) {
                assertArrayEquals(
                        forced,
                        CrashImage.draw(disk, seed, CrashImage.NOTHING).contentOf(JOURNAL));
            }
            for (SimStorage image : images(200)) {
                byte[] content = image.contentOf(JOURNAL);
                assertEquals(JOURNAL_BYTES, content.length);
                for (int at = 0; at < JOURNAL_BYTES; at++) {
                    boolean isInside = 700 <= at && at < 9700;
                    assertTrue(at >= 700 || content[at] == 1, "a forced byte");
                    assertTrue(at < 9700 || content[at] == 0, "a byte that nobody wrote");
                    isTrashed |= isInside && content[at] != 0 && content[at] != 2;
                }
                for (int sector = 1024; sector < 4096; sector += 512) {
                    isTorn |= content[sector] != content[sector - 512];
                }
            }
        }
        assertTrue(isTorn, "no torn page");
        assertTrue(isTrashed, "no trashed sector");
    }

    private static int prefixOf(SimStorage image, int value) throws IOException {
        byte[] content = image.contentOf(JOURNAL);
        int at = 0;
        while (at < content.length && content[at] == value) {
            at++;
        }
        return at;
    }

    @Test
    void whatAFailedForceDroppedIsVisibleAndNeverDurable() throws IOException {
        disk.faults().fail(Operation.Kind.JOURNAL_FORCE, "journal", 3, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
        try (JournalMapping journal = disk.journal(JOURNAL, JOURNAL_BYTES, null)) {
            disk.syncDirectory(DB);
            journal.bytes().asSlice(0, 100).fill((byte) 1);
            journal.force();
            journal.bytes().asSlice(100, 100).fill((byte) 1);
            assertThrows(IOException.class, journal::force);
            assertEquals(200, prefixOf(disk, 1));
        }
        // A second life in the same boot sees it, and a force of a page that it does not touch does not help.
        try (JournalMapping journal = disk.journal(JOURNAL.resolveSibling("2"), JOURNAL_BYTES, JOURNAL)) {
            disk.rename(JOURNAL.resolveSibling("2"), JOURNAL);
            assertEquals(200, prefixOf(disk, 1));
            journal.force();
            for (SimStorage image : images(50)) {
                if (image.exists(JOURNAL)) {
                    int prefix = prefixOf(image, 1);
                    assertTrue(prefix == 100 || prefix == 200 && isProcessDeath(image), "" + prefix);
                }
            }
            // The page is dirty again once it is stored into, and is then written as a whole.
            journal.bytes().set(ValueLayout.JAVA_BYTE, 200, (byte) 1);
            journal.force();
            disk.syncDirectory(DB);
            assertEquals(201, prefixOf(CrashImage.draw(disk, SEED, CrashImage.NOTHING), 1));
        }
    }

    /** In image 1 the page cache lives on, and the disk still lacks what was dropped. */
    private static boolean isProcessDeath(SimStorage image) throws IOException {
        SimStorage after = CrashImage.draw(image, SEED, CrashImage.NOTHING);
        return !after.exists(JOURNAL) || prefixOf(after, 1) == 100;
    }

    @Test
    void whatAFailedForceOfAnAppendFileDroppedIsAHoleForEver() throws IOException {
        disk.faults().fail(Operation.Kind.FORCE, "file", 2, FaultPlan.Cause.EIO, FaultPlan.Times.ONCE);
        LazyStorage retrying = new LazyStorage(disk).retrying(Operation.Kind.FORCE, "file");
        try (AppendFile file = retrying.create(FILE)) {
            disk.syncDirectory(DB);
            file.append(filled(100, 1));
            file.force();
            file.append(filled(10_000, 2));
            file.force();
            assertEquals(1, retrying.mistakes());
            file.append(filled(10_000, 3));
            file.force();
        }
        byte[] seen = disk.contentOf(FILE);
        byte[] durable = CrashImage.draw(disk, SEED, CrashImage.NOTHING).contentOf(FILE);
        assertEquals(seen.length, durable.length);
        // Page 2 was dirty again, since the later append began in it.
        for (int at = 0; at < seen.length; at++) {
            boolean isDropped = 100 <= at && at < 2 * SimFile.PAGE_BYTES;
            assertEquals(isDropped ? 0 : seen[at], durable[at], "byte " + at);
        }
    }

    @Test
    void aProcessThatDiesLeavesThePageCacheUnforced() throws IOException {
        try (JournalMapping journal = disk.journal(JOURNAL, JOURNAL_BYTES, null)) {
            disk.syncDirectory(DB);
            journal.bytes().asSlice(0, 10).fill((byte) 1);
            create("file", 1);
            SimStorage after = CrashImage.draw(disk, SEED, CrashImage.EVERYTHING);
            assertEquals(10, prefixOf(after, 1));
            assertTrue(after.exists(FILE));
            SimStorage afterPowerLoss = CrashImage.draw(after, SEED, CrashImage.NOTHING);
            assertEquals(0, prefixOf(afterPowerLoss, 1));
            assertFalse(afterPowerLoss.exists(FILE));
            after.syncDirectory(DB);
            assertTrue(CrashImage.draw(after, SEED, CrashImage.NOTHING).exists(FILE));
            assertFalse(CrashImage.draw(disk, SEED, CrashImage.NOTHING).exists(FILE));
        }
    }

    @Test
    void losesOnlyWhatASyncThatIsLeftOutWasFor() throws IOException {
        LazyStorage lazy = new LazyStorage(disk).skippingNth(Operation.Kind.SYNC_DIRECTORY, "db", 1);
        create("a", 1);
        create("b", 2);
        lazy.syncDirectory(DB);
        create("c", 3);
        disk.rename(DB.resolve("b"), DB.resolve("d"));
        assertTrue(disk.hasForgotten());
        assertEquals(Set.of("c", "d"), look(CrashImage.draw(disk, SEED, CrashImage.FORGOTTEN)).keySet());
        SimStorage killed = CrashImage.draw(disk, SEED, CrashImage.EVERYTHING);
        assertEquals(Set.of("c", "d"), look(CrashImage.draw(killed, SEED, CrashImage.FORGOTTEN)).keySet());
        lazy.syncDirectory(DB);
        assertFalse(disk.hasForgotten());
        create("e", 5);
        assertEquals(Set.of("a", "c", "d", "e"), look(CrashImage.draw(disk, SEED, CrashImage.FORGOTTEN)).keySet());
    }

    @Test
    void losesOnlyWhatAForceThatIsLeftOutWasFor() throws IOException {
        LazyStorage lazy = new LazyStorage(disk)
                .skippingNth(Operation.Kind.FORCE, "file", 2)
                .skippingNth(Operation.Kind.JOURNAL_FORCE, "journal", 1);
        try (JournalMapping journal = lazy.journal(JOURNAL, JOURNAL_BYTES, null); AppendFile file = lazy.create(FILE)) {
            file.append(filled(100, 1));
            file.force();
            file.append(filled(100, 2));
            file.force();
            file.append(filled(100, 3));
            int later = SimFile.SECTOR_BYTES;
            journal.bytes().set(ValueLayout.JAVA_BYTE, 0, (byte) 4);
            journal.force();
            journal.bytes().set(ValueLayout.JAVA_BYTE, 1, (byte) 5);
            journal.bytes().set(ValueLayout.JAVA_BYTE, later, (byte) 6);
            SimStorage image = CrashImage.draw(disk, SEED, CrashImage.FORGOTTEN);
            assertEquals(100, image.contentOf(FILE).length);
            byte[] left = image.contentOf(JOURNAL);
            assertEquals(List.of(0, 0, 6), List.of((int) left[0], (int) left[1], (int) left[later]));
            assertTrue(disk.hasForgotten());
            file.force();
            journal.force();
            assertFalse(disk.hasForgotten());
            image = CrashImage.draw(disk, SEED, CrashImage.FORGOTTEN);
            assertEquals(300, image.contentOf(FILE).length);
            assertEquals(4, image.contentOf(JOURNAL)[0]);
        }
    }

    @Test
    void prefixImagesKeepTheOrder() throws IOException {
        try (AppendFile file = disk.create(FILE)) {
            disk.syncDirectory(DB);
            for (int step = 1; step <= 20; step++) {
                file.append(filled(10, step));
                create("step" + step, step);
            }
            Set<Integer> cuts = new HashSet<>();
            for (long seed = 0; seed < 100; seed++) {
                SimStorage image = CrashImage.draw(disk, seed, 2);
                int appended = image.contentOf(FILE).length;
                int steps = image.list(DB).size() - 1;
                assertTrue(steps == appended / 10 || steps == appended / 10 - 1, steps + " after " + appended);
                cuts.add(appended);
            }
            assertTrue(cuts.size() > 15, cuts.toString());
        }
    }

    @Test
    void cutsTheAppendInFlight() throws IOException {
        Set<Integer> lengths = new HashSet<>();
        try (AppendFile file = disk.create(FILE)) {
            disk.syncDirectory(DB);
            file.append(filled(4_000, 1));
            file.force();
            disk.onOperation(operation -> {
                for (SimStorage image : images(100)) {
                    try {
                        byte[] content = image.contentOf(FILE);
                        lengths.add(content.length);
                        assertEquals(1, content[3_999]);
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                }
            });
            file.append(filled(1_000, 2));
            disk.onOperation(operation -> {});
        }
        assertTrue(lengths.size() > 10 && lengths.contains(4_000), lengths.toString());
        assertEquals(5_000, disk.sizeBytes(FILE));
    }

    @Test
    void drawsTheSameImageFromTheSameSeed() throws IOException {
        try (JournalMapping journal = disk.journal(JOURNAL, JOURNAL_BYTES, null);
                AppendFile file = disk.create(FILE)) {
            disk.syncDirectory(DB);
            journal.bytes().fill((byte) 1);
            file.append(filled(30_000, 2));
            create("a", 1);
            disk.rename(DB.resolve("a"), DB.resolve("b"));
            Set<TreeMap<String, String>> different = new HashSet<>();
            for (int image = 0; image < 30; image++) {
                List<String> trace = new ArrayList<>();
                TreeMap<String, String> first = look(CrashImage.draw(disk, SEED, image, trace));
                assertEquals(first, look(CrashImage.draw(disk, SEED, image)));
                assertTrue(image < 4 || !trace.isEmpty());
                different.add(first);
            }
            assertTrue(different.size() > 20, different.size() + " different images");
            assertNotEquals(look(CrashImage.draw(disk, SEED, 7)), look(CrashImage.draw(disk, SEED + 1, 7)));
        }
    }

    @Test
    void anImageDoesNotChangeWhenTheDiskGoesOn() throws IOException {
        try (JournalMapping journal = disk.journal(JOURNAL, JOURNAL_BYTES, null);
                AppendFile file = disk.create(FILE)) {
            disk.syncDirectory(DB);
            file.append(filled(5_000, 1));
            journal.bytes().asSlice(0, 5_000).fill((byte) 1);
            journal.force();
            file.force();
            List<SimStorage> images = images(20);
            List<TreeMap<String, String>> before = new ArrayList<>();
            for (SimStorage image : images) {
                before.add(look(image));
            }
            file.append(filled(50_000, 2));
            file.force();
            journal.bytes().fill((byte) 2);
            journal.force();
            disk.delete(FILE);
            disk.syncDirectory(DB);
            for (int image = 0; image < images.size(); image++) {
                assertEquals(before.get(image), look(images.get(image)));
                changeJournalOf(images.get(image));
            }
            assertEquals(2, disk.contentOf(JOURNAL)[0]);
        }
    }

    private static void changeJournalOf(SimStorage image) throws IOException {
        try (JournalMapping journal = image.journal(DB.resolve("other"), JOURNAL_BYTES, JOURNAL)) {
            journal.bytes().fill((byte) 9);
            journal.force();
        }
    }

    @Test
    void knowsWhatIsOpenAndWhereItWasOpened() throws IOException {
        create("file", 1);
        MappedFile mapped = disk.map(FILE, 1);
        JournalMapping journal = disk.journal(JOURNAL, JOURNAL_BYTES, null);
        AssertionError error = assertThrows(AssertionError.class, disk::assertNothingOpen);
        assertTrue(error.getMessage().contains("mapped file /db/file"), error.getMessage());
        assertTrue(error.getMessage().contains("journal /db/journal"), error.getMessage());
        assertEquals(2, disk.openCount());
        assertTrue(Arrays.stream(error.getSuppressed()[0].getStackTrace())
                .anyMatch(frame -> frame.getMethodName().equals("knowsWhatIsOpenAndWhereItWasOpened")));
        mapped.close();
        journal.close();
    }

    @Test
    void endsEverythingThatIsOpenWithTheProcess() throws IOException {
        create("file", 1);
        MappedFile mapped = disk.map(FILE, 1);
        JournalMapping journal = disk.journal(JOURNAL, JOURNAL_BYTES, null);
        journal.bytes().fill((byte) 3);
        disk.lock(DB);
        disk.close();
        assertEquals(0, disk.openCount());
        assertThrows(IllegalStateException.class, () -> mapped.bytes().get(ValueLayout.JAVA_BYTE, 0));
        assertThrows(IllegalStateException.class, () -> journal.bytes().get(ValueLayout.JAVA_BYTE, 0));
        assertEquals(3, disk.contentOf(JOURNAL)[0]);
        disk.lock(DB).close();
    }

    @Test
    void tellsTheHookOfEveryChangeInOrder() throws IOException {
        List<String> told = new ArrayList<>();
        long before = disk.operations();
        disk.onOperation(operation -> told.add(operation.number() - before + " " + operation.kind() + " "
                + operation.path().getFileName()));
        create("a", 1);
        disk.syncDirectory(DB);
        disk.rename(DB.resolve("a"), DB.resolve("b"));
        disk.list(DB);
        disk.journal(JOURNAL, JOURNAL_BYTES, null).close();
        disk.journal(DB.resolve("j"), JOURNAL_BYTES, JOURNAL).close();
        disk.delete(DB.resolve("b"));
        disk.createDirectory(DB.resolve("d"));
        assertEquals(
                List.of(
                        "1 CREATE a",
                        "2 APPEND a",
                        "3 FORCE a",
                        "4 SYNC_DIRECTORY db",
                        "5 RENAME a",
                        "6 JOURNAL_CREATE journal",
                        "7 JOURNAL_FORCE journal",
                        "8 JOURNAL_RECYCLE j",
                        "9 DELETE b",
                        "10 CREATE_DIRECTORY d"),
                told);
        assertEquals(10, disk.operations() - before);
    }

    /** Else there would be no moment between a rename and the force that it should have come after. */
    @Test
    void aForceThatIsPostponedIsAnOperationLikeOthers() throws IOException {
        LazyStorage lazy = new LazyStorage(disk)
                .postponing(Operation.Kind.FORCE, "a", Operation.Kind.RENAME, "a")
                .postponing(Operation.Kind.JOURNAL_FORCE, "journal", Operation.Kind.RENAME, "a");
        List<String> seen = new ArrayList<>();
        try (JournalMapping journal = lazy.journal(JOURNAL, JOURNAL_BYTES, null);
                AppendFile file = lazy.create(DB.resolve("a"))) {
            disk.syncDirectory(DB);
            journal.bytes().fill((byte) 5);
            journal.force();
            file.append(filled(100, 1));
            file.force();
            disk.onOperation(operation -> seen.add(operation.kind() + " " + operation.path().getFileName()));
            lazy.rename(DB.resolve("a"), DB.resolve("b"));
        }
        assertEquals(List.of("RENAME a", "JOURNAL_FORCE journal", "FORCE b"), seen);
        SimStorage image = CrashImage.draw(disk, SEED, CrashImage.NOTHING);
        assertEquals(5, image.contentOf(JOURNAL)[0]);
        assertEquals(100, image.contentOf(DB.resolve("a")).length);
    }

    @Test
    void failsTheNthOnceOrForEver() throws IOException {
        disk.faults().fail(Operation.Kind.CREATE, "*.table", 2, FaultPlan.Cause.EMFILE, FaultPlan.Times.ONCE);
        disk.create(DB.resolve("1.table")).close();
        disk.create(DB.resolve("1.other")).close();
        IOException e = assertThrows(IOException.class, () -> disk.create(DB.resolve("2.table")));
        assertTrue(e.getMessage().contains("2.table") && e.getMessage().contains("Too many open files"));
        disk.create(DB.resolve("2.table")).close();
        disk.faults().fail(Operation.Kind.DELETE, "/db/*", 1, FaultPlan.Cause.EIO, FaultPlan.Times.FOR_EVER);
        assertThrows(IOException.class, () -> disk.delete(DB.resolve("2.table")));
        assertThrows(IOException.class, () -> disk.delete(DB.resolve("2.table")));
        disk.faults().heal();
        disk.delete(DB.resolve("2.table"));
        List<FaultPlan.Injected> injected = disk.faults().injected();
        assertEquals(3, injected.size());
        assertEquals(FaultPlan.Cause.EMFILE, injected.getFirst().cause());
        assertTrue(Arrays.stream(injected.getFirst().stack().getStackTrace())
                .anyMatch(frame -> frame.getClassName().equals(SimStorageTest.class.getName())));
    }

    @Test
    void anErrorAfterwardsIsOneOfAnOperationThatWasDone() throws IOException {
        create("a", 1);
        disk.faults().failAny(1, FaultPlan.Cause.EIO_AFTERWARDS, FaultPlan.Times.ONCE);
        assertThrows(IOException.class, () -> disk.rename(DB.resolve("a"), DB.resolve("b")));
        assertEquals(List.of("b"), disk.list(DB));
    }

    @Test
    void aShortWriteLeavesItsFirstHalf() throws IOException {
        disk.faults().fail(Operation.Kind.APPEND, "file", 1, FaultPlan.Cause.SHORT_WRITE, FaultPlan.Times.ONCE);
        try (AppendFile file = disk.create(FILE)) {
            assertThrows(IOException.class, () -> file.append(filled(100, 1)));
        }
        assertEquals(50, disk.sizeBytes(FILE));
    }

    @Test
    void aFullDiskTakesWhatFitsAndDeletesMakeRoom() throws IOException {
        disk.limitBytes(10_000);
        try (AppendFile file = disk.create(FILE)) {
            file.append(filled(6_000, 1));
            OutOfSpaceException e = assertThrows(OutOfSpaceException.class, () -> file.append(filled(6_000, 2)));
            assertTrue(e.getMessage().contains("/db/file"), e.getMessage());
        }
        assertEquals(10_000, disk.usedBytes());
        assertEquals(10_000, disk.sizeBytes(FILE));
        assertThrows(OutOfSpaceException.class, () -> disk.journal(JOURNAL, 4096, null));
        assertFalse(disk.exists(JOURNAL));
        disk.delete(FILE);
        assertEquals(0, disk.usedBytes());
        disk.journal(JOURNAL, 4096, null).close();
        create("a", 1);
        create("b", 1);
        disk.rename(DB.resolve("a"), DB.resolve("b"));
        assertEquals(4097, disk.usedBytes());
        assertEquals(4097, CrashImage.draw(disk, SEED, CrashImage.EVERYTHING).usedBytes());
    }

    @Test
    void flipsABitOfWhatIsReadAndNotOfWhatIsThere() throws IOException {
        try (AppendFile file = disk.create(FILE)) {
            file.append(filled(1_000, 0));
        }
        disk.faults().fail(Operation.Kind.READ, "file", 1, FaultPlan.Cause.BIT_FLIP, FaultPlan.Times.ONCE);
        disk.faults().fail(Operation.Kind.MAP, "file", 1, FaultPlan.Cause.BIT_FLIP, FaultPlan.Times.ONCE);
        MemorySegment target = filled(1_000, 9);
        disk.read(FILE, 0, target);
        assertEquals(1, bitCount(target));
        disk.read(FILE, 0, target);
        assertEquals(0, bitCount(target));
        try (MappedFile mapped = disk.map(FILE, 1_000)) {
            assertEquals(1, bitCount(mapped.bytes()));
        }
        assertThrows(
                IllegalArgumentException.class,
                () -> disk.faults().fail(
                        Operation.Kind.FORCE, "*", 1, FaultPlan.Cause.BIT_FLIP, FaultPlan.Times.ONCE));
    }

    private static int bitCount(MemorySegment segment) {
        int count = 0;
        for (byte value : segment.toArray(ValueLayout.JAVA_BYTE)) {
            count += Integer.bitCount(value & 0xFF);
        }
        return count;
    }

    @Test
    void anOutOfSpaceFaultIsTypedAndDropsAtAForce() throws IOException {
        disk.faults().fail(Operation.Kind.FORCE, "file", 1, FaultPlan.Cause.EDQUOT, FaultPlan.Times.ONCE);
        try (AppendFile file = disk.create(FILE)) {
            disk.syncDirectory(DB);
            file.append(filled(100, 1));
            assertInstanceOf(OutOfSpaceException.class, assertThrows(IOException.class, file::force));
        }
        assertArrayEquals(new byte[0], CrashImage.draw(disk, SEED, CrashImage.NOTHING).contentOf(FILE));
        assertEquals(100, disk.sizeBytes(FILE));
    }

    @Test
    void overwritesForTestsThatDamage() throws IOException {
        create("file", 1);
        disk.syncDirectory(DB);
        disk.overwrite(FILE, new byte[] {4, 5, 6});
        assertArrayEquals(new byte[] {4, 5, 6}, disk.contentOf(FILE));
        assertArrayEquals(
                new byte[] {4, 5, 6},
                CrashImage.draw(disk, SEED, CrashImage.NOTHING).contentOf(FILE));
        assertEquals(3, disk.usedBytes());
    }

    @Test
    void refusesToRecycleAJournalThatIsMapped() throws IOException {
        try (JournalMapping journal = disk.journal(JOURNAL, JOURNAL_BYTES, null)) {
            long bytes = journal.bytes().byteSize();
            assertThrows(IllegalStateException.class, () -> disk.journal(DB.resolve("j"), bytes, JOURNAL));
        }
    }
}
