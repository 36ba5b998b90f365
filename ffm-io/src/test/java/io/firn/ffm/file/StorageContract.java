package io.firn.ffm.file;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What every storage promises; a test class of a storage implements it and inherits the tests. */
public interface StorageContract {
    Storage storage();

    /** An existing empty directory. */
    Path root();

    private Path at(String name) {
        return root().resolve(name);
    }

    private static byte[] random(int bytes) {
        byte[] content = new byte[bytes];
        new SplittableRandom(bytes).nextBytes(content);
        return content;
    }

    private static MemorySegment nativeCopy(Arena arena, byte[] content) {
        return arena.allocateFrom(ValueLayout.JAVA_BYTE, content);
    }

    private void write(Path path, byte[] content) throws IOException {
        try (Arena arena = Arena.ofConfined();
                AppendFile file = storage().create(path)) {
            file.append(nativeCopy(arena, content));
            file.force();
        }
    }

    private byte[] content(Path path) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(storage().sizeBytes(path));
            storage().read(path, 0, target);
            return target.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private static void assertNames(Path path, Class<? extends Exception> type, Executable executable) {
        Exception e = assertThrows(type, executable);
        assertTrue(e.getMessage() != null && e.getMessage().contains(path.getFileName().toString()), e.toString());
    }

    @Test
    default void readsBackWhatWasAppended() throws IOException {
        byte[] content = random(300_000);
        try (Arena arena = Arena.ofConfined();
                AppendFile file = storage().create(at("a"))) {
            MemorySegment source = nativeCopy(arena, content);
            assertEquals(0, file.positionBytes());
            for (int from = 0; from < content.length; from += 7_777) {
                file.append(source.asSlice(from, Math.min(7_777, content.length - from)));
            }
            assertEquals(content.length, file.positionBytes());
            assertEquals(0, file.forcedBytes());
            file.force();
            assertEquals(content.length, file.forcedBytes());
            file.append(source.asSlice(0, 0));
            file.append(source.asSlice(100, 1));
            assertEquals(content.length, file.forcedBytes());
        }
        byte[] expected = Arrays.copyOf(content, content.length + 1);
        expected[content.length] = content[100];
        assertArrayEquals(expected, content(at("a")));
    }

    @Test
    default void appendsFromOneBufferThatChanges() throws IOException {
        try (Arena arena = Arena.ofConfined();
                AppendFile file = storage().create(at("a"))) {
            MemorySegment buffer = arena.allocate(16);
            for (byte value = 0; value < 10; value++) {
                buffer.fill(value);
                file.append(value % 2 == 0 ? buffer : buffer.asSlice(value, 2));
            }
        }
        byte[] content = content(at("a"));
        assertEquals(5 * 16 + 5 * 2, content.length);
        assertEquals(8, content[content.length - 3]);
        assertEquals(9, content[content.length - 1]);
    }

    @Test
    default void appendsFromBuffersOfSeveralArenas() throws IOException {
        try (AppendFile file = storage().create(at("a"))) {
            for (byte value = 1; value <= 20; value++) {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment buffer = arena.allocate(8);
                    buffer.fill(value);
                    file.append(buffer);
                }
            }
        }
        byte[] content = content(at("a"));
        for (int index = 0; index < content.length; index++) {
            assertEquals(index / 8 + 1, content[index]);
        }
    }

    @Test
    default void appendsFromNativeMemoryOnly() throws IOException {
        try (AppendFile file = storage().create(at("a"))) {
            assertNames(
                    at("a"), IllegalArgumentException.class, () -> file.append(MemorySegment.ofArray(new byte[10])));
            assertEquals(0, file.positionBytes());
            file.force();
        }
    }

    @Test
    default void createsNoFileThatExists() throws IOException {
        write(at("a"), random(10));
        assertNames(at("a"), FileAlreadyExistsException.class, () -> storage().create(at("a")));
        assertArrayEquals(random(10), content(at("a")));
    }

    @Test
    default void createsNoFileInADirectoryThatIsMissing() {
        assertNames(at("b"), NoSuchFileException.class, () -> storage().create(at("missing").resolve("b")));
    }

    @Test
    default void refusesToUseAnAppendFileThatIsClosed() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            AppendFile file = storage().create(at("a"));
            file.close();
            file.close();
            assertNames(at("a"), IOException.class, () -> file.append(arena.allocate(1)));
            assertNames(at("a"), IOException.class, file::force);
            assertEquals(0, storage().sizeBytes(at("a")));
        }
    }

    @Test
    default void mapsAWholeFileForReadingOnly() throws IOException {
        byte[] content = random(10_000);
        write(at("a"), content);
        try (MappedFile mapped = storage().map(at("a"), content.length)) {
            assertArrayEquals(content, mapped.bytes().toArray(ValueLayout.JAVA_BYTE));
            assertTrue(mapped.bytes().isNative());
            assertTrue(mapped.bytes().isReadOnly());
            assertThrows(RuntimeException.class, () -> mapped.bytes().set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
        }
    }

    @Test
    default void mapsAnEmptyFile() throws IOException {
        storage().create(at("a")).close();
        try (MappedFile mapped = storage().map(at("a"), 0)) {
            assertEquals(0, mapped.bytes().byteSize());
        }
    }

    @Test
    default void mapsNoFileOfAnotherSizeAndLeavesItAlone() throws IOException {
        write(at("a"), random(100));
        for (long expected : new long[] {0, 99, 101, 1 << 20}) {
            FileSizeException e =
                    assertThrows(FileSizeException.class, () -> storage().map(at("a"), expected));
            assertEquals(expected, e.expectedBytes());
            assertEquals(100, e.foundBytes());
            assertTrue(e.getMessage().contains(at("a").toString()));
        }
        assertEquals(100, storage().sizeBytes(at("a")));
        assertNames(at("b"), NoSuchFileException.class, () -> storage().map(at("b"), 0));
    }

    @Test
    default void throwsForAnAccessAfterTheMappingIsClosed() throws IOException {
        write(at("a"), random(100));
        MappedFile mapped = storage().map(at("a"), 100);
        MemorySegment bytes = mapped.bytes();
        mapped.close();
        mapped.close();
        assertThrows(IllegalStateException.class, () -> bytes.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    default void keepsAMappingOfAFileThatIsRenamedAndDeleted() throws IOException {
        byte[] content = random(5_000);
        write(at("a"), content);
        try (MappedFile mapped = storage().map(at("a"), content.length)) {
            storage().rename(at("a"), at("b"));
            assertArrayEquals(content, mapped.bytes().toArray(ValueLayout.JAVA_BYTE));
            storage().delete(at("b"));
            assertArrayEquals(content, mapped.bytes().toArray(ValueLayout.JAVA_BYTE));
        }
        assertEquals(List.of(), storage().list(root()));
    }

    @Test
    default void makesAJournalOfZerosThatIsWrittenAsMemory() throws IOException {
        long bytes = 150_000;
        try (JournalMapping journal = storage().journal(at("j"), bytes, null)) {
            assertEquals(bytes, journal.bytes().byteSize());
            assertArrayEquals(new byte[(int) bytes], journal.bytes().toArray(ValueLayout.JAVA_BYTE));
            journal.bytes().set(ValueLayout.JAVA_BYTE, bytes - 1, (byte) 7);
            assertEquals(7, content(at("j"))[(int) bytes - 1]);
            journal.force();
            journal.force();
            journal.bytes().set(ValueLayout.JAVA_BYTE, 0, (byte) 8);
        }
        assertEquals(bytes, storage().sizeBytes(at("j")));
        assertEquals(8, content(at("j"))[0]);
    }

    @Test
    default void makesNoJournalInPlaceOfAFile() throws IOException {
        write(at("j"), random(10));
        assertNames(at("j"), FileAlreadyExistsException.class, () -> storage().journal(at("j"), 4096, null));
        assertArrayEquals(random(10), content(at("j")));
    }

    @Test
    default void recyclesAJournalWithItsContent() throws IOException {
        try (JournalMapping journal = storage().journal(at("j1"), 8192, null)) {
            journal.bytes().fill((byte) 5);
            journal.force();
        }
        try (JournalMapping journal = storage().journal(at("j2"), 8192, at("j1"))) {
            assertEquals(List.of("j2"), storage().list(root()));
            assertEquals(5, journal.bytes().get(ValueLayout.JAVA_BYTE, 8191));
            journal.bytes().set(ValueLayout.JAVA_BYTE, 0, (byte) 6);
            journal.force();
        }
        assertEquals(6, content(at("j2"))[0]);
        assertEquals(5, content(at("j2"))[1]);
    }

    @Test
    default void recyclesNoJournalOfAnotherSize() throws IOException {
        storage().journal(at("j1"), 8192, null).close();
        for (long bytes : new long[] {4096, 16384}) {
            assertNames(at("j1"), FileSizeException.class, () -> storage().journal(at("j2"), bytes, at("j1")));
        }
        assertNames(at("j0"), NoSuchFileException.class, () -> storage().journal(at("j2"), 8192, at("j0")));
        assertEquals(List.of("j1"), storage().list(root()));
        assertEquals(8192, storage().sizeBytes(at("j1")));
    }

    @Test
    default void refusesToUseAJournalThatIsClosed() throws IOException {
        JournalMapping journal = storage().journal(at("j"), 4096, null);
        MemorySegment bytes = journal.bytes();
        journal.close();
        journal.close();
        assertThrows(IllegalStateException.class, () -> bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
        assertNames(at("j"), IOException.class, journal::force);
        assertNames(at("j"), IOException.class, journal::unmap);
    }

    @Test
    default void forcesAJournalThatIsNotMappedAnyMore() throws IOException {
        try (JournalMapping journal = storage().journal(at("j"), 8192, null)) {
            MemorySegment bytes = journal.bytes();
            bytes.set(ValueLayout.JAVA_BYTE, 5000, (byte) 7);
            journal.unmap();
            journal.unmap();
            assertThrows(IllegalStateException.class, () -> bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
            journal.force();
            assertEquals(7, content(at("j"))[5000]);
        }
        try (JournalMapping journal = storage().journal(at("k"), 8192, at("j"))) {
            assertEquals(7, journal.bytes().get(ValueLayout.JAVA_BYTE, 5000));
        }
    }

    @Test
    default void keepsAJournalInUseThroughItsRename() throws IOException {
        try (JournalMapping journal = storage().journal(at("j.tmp"), 4096, null)) {
            journal.bytes().set(ValueLayout.JAVA_BYTE, 1, (byte) 1);
            storage().rename(at("j.tmp"), at("j"));
            journal.bytes().set(ValueLayout.JAVA_BYTE, 2, (byte) 2);
            journal.force();
            assertEquals(1, content(at("j"))[1]);
            assertEquals(2, content(at("j"))[2]);
        }
    }

    @Test
    default void readsAPartOfAFile() throws IOException {
        byte[] content = random(20_000);
        write(at("a"), content);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(5_000);
            storage().read(at("a"), 4_090, target);
            assertArrayEquals(
                    Arrays.copyOfRange(content, 4_090, 9_090), target.toArray(ValueLayout.JAVA_BYTE));
            storage().read(at("a"), 15_000, target);
            storage().read(at("a"), 20_000, target.asSlice(0, 0));
            assertNames(at("a"), EOFException.class, () -> storage().read(at("a"), 15_001, target));
            assertNames(at("a"), EOFException.class, () -> storage().read(at("a"), 30_000, target));
            assertNames(at("b"), NoSuchFileException.class, () -> storage().read(at("b"), 0, target));
        }
    }

    @Test
    default void knowsSizesAndNames() throws IOException {
        assertFalse(storage().exists(at("a")));
        assertNames(at("a"), NoSuchFileException.class, () -> storage().sizeBytes(at("a")));
        for (String name : List.of("c", "a", "b10", "b9")) {
            write(at(name), random(name.length()));
        }
        storage().createDirectory(at("aa"));
        assertEquals(List.of("a", "aa", "b10", "b9", "c"), storage().list(root()));
        assertTrue(storage().exists(at("a")));
        assertTrue(storage().exists(at("aa")));
        assertEquals(3, storage().sizeBytes(at("b10")));
        assertNames(at("d"), NoSuchFileException.class, () -> storage().list(at("d")));
        assertNames(at("c"), NotDirectoryException.class, () -> storage().list(at("c")));
    }

    @Test
    default void createsDirectoriesWithThoseAboveThem() throws IOException {
        Path inner = at("x").resolve("y").resolve("z");
        storage().createDirectory(inner);
        storage().createDirectory(inner);
        assertEquals(List.of("y"), storage().list(at("x")));
        write(inner.resolve("file"), random(1));
        assertNames(at("file"), FileAlreadyExistsException.class, () -> storage()
                .createDirectory(inner.resolve("file")));
    }

    @Test
    default void renamesAndReplaces() throws IOException {
        write(at("a"), random(10));
        write(at("b"), random(20));
        storage().rename(at("a"), at("b"));
        assertEquals(List.of("b"), storage().list(root()));
        assertArrayEquals(random(10), content(at("b")));
        storage().createDirectory(at("d"));
        storage().rename(at("b"), at("d").resolve("c"));
        assertEquals(List.of("d"), storage().list(root()));
        assertNames(at("a"), NoSuchFileException.class, () -> storage().rename(at("a"), at("b")));
    }

    @Test
    default void deletesFilesAndEmptyDirectoriesAndWhatIsNotThere() throws IOException {
        storage().createDirectory(at("d"));
        write(at("d").resolve("a"), random(1));
        assertNames(at("d"), DirectoryNotEmptyException.class, () -> storage().delete(at("d")));
        storage().delete(at("d").resolve("a"));
        storage().delete(at("d").resolve("a"));
        storage().delete(at("d"));
        storage().delete(at("d"));
        assertEquals(List.of(), storage().list(root()));
    }

    @Test
    default void syncsDirectoriesThatExist() throws IOException {
        write(at("a"), random(1));
        storage().syncDirectory(root());
        assertNames(at("d"), NoSuchFileException.class, () -> storage().syncDirectory(at("d")));
    }

    @Test
    default void locksADirectoryOnce() throws IOException {
        DirectoryLock lock = storage().lock(root());
        assertNames(root(), DirectoryLockedException.class, () -> storage().lock(root()));
        Path again = at("..").resolve(root().getFileName());
        DirectoryLockedException e = assertThrows(DirectoryLockedException.class, () -> storage().lock(again));
        assertTrue(e.getMessage().contains("this process"), e.getMessage());
        assertEquals(List.of("LOCK"), storage().list(root()));
        lock.close();
        DirectoryLock second = storage().lock(root());
        // The first one's close is spent.
        lock.close();
        assertThrows(DirectoryLockedException.class, () -> storage().lock(root()));
        second.close();
        storage().lock(root()).close();
        assertNames(at("d"), NoSuchFileException.class, () -> storage().lock(at("d")));
    }

    @Test
    default void throwsTheFirstFailureForEver() throws IOException {
        try (Arena arena = Arena.ofConfined();
                AppendFile file = storage().create(at("a"))) {
            MemorySegment source = arena.allocate(10);
            file.append(source);
            breakNextWrite();
            IOException first = assertThrows(IOException.class, () -> file.append(source));
            repair();
            assertTrue(first.getMessage().contains(at("a").toString()), first.getMessage());
            assertSame(first, assertThrows(IOException.class, () -> file.append(source)));
            assertSame(first, assertThrows(IOException.class, file::force));
            assertSame(first, assertThrows(IOException.class, file::force));
        }
        assertEquals(10, storage().sizeBytes(at("a")));
    }

    @Test
    default void throwsTheFirstFailureOfAJournalForEver() throws IOException {
        try (JournalMapping journal = storage().journal(at("j"), 4096, null)) {
            journal.bytes().fill((byte) 3);
            breakNextForce();
            IOException first = assertThrows(IOException.class, journal::force);
            repair();
            assertTrue(first.getMessage().contains(at("j").toString()), first.getMessage());
            assertSame(first, assertThrows(IOException.class, journal::force));
            // What was stored stays readable, and the memory writable.
            assertEquals(3, content(at("j"))[4095]);
            journal.bytes().fill((byte) 4);
        }
        assertEquals(4, content(at("j"))[4095]);
    }

    /** Makes the next append fail with nothing written. */
    void breakNextWrite();

    /** Makes the next force of a journal fail. */
    void breakNextForce();

    /** Ends what made it fail. */
    void repair();
}
