package io.firn.tool;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.SystemStorage;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lines of files: where they begin and end, whatever the chunks are in which they are read. */
class LineReaderTest {
    private static final int CHUNK_BYTES = 1 << 20;

    @TempDir
    Path directory;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);

    @Test
    void givesEveryLineWithItsNumberAndNothingElse() throws IOException {
        check("", List.of());
        check("a", List.of("a"));
        check("a\n", List.of("a"));
        check("a\nb", List.of("a", "b"));
        check("\n", List.of(""));
        check("\n\n", List.of("", ""));
        check("a\r\n\tb\nc\t\t\n", List.of("a\r", "\tb", "c\t\t"));
    }

    @Test
    void givesLinesThatReachOverTheEndOfAChunk() throws IOException {
        for (int around = -9; around <= 9; around++) {
            String first = "x".repeat(CHUNK_BYTES + around);
            check(first + "\nsecond\nthird", List.of(first, "second", "third"));
            check("0\n" + first + "\n\nend\n", List.of("0", first, "", "end"));
        }
    }

    @Test
    void givesLinesThatAreLongerThanManyChunks() throws IOException {
        String large = "y".repeat(5 * CHUNK_BYTES + 3);
        check("a\n" + large + "\nb\n" + large, List.of("a", large, "b", large));
    }

    @Test
    void agreesWithAModelOnRandomFiles() throws IOException {
        long seed = Long.getLong("seed", new Random().nextLong());
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 8; round++) {
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            int longest = 1 << 1 + random.nextInt(18);
            while (content.size() < 3 * CHUNK_BYTES) {
                byte[] line = new byte[random.nextInt(longest)];
                random.nextBytes(line);
                content.writeBytes(line);
                content.write('\n');
            }
            checkBytes(content.toByteArray());
        }
    }

    @Test
    void readsNothingThatIsAppendedMeanwhileAndRefusesAFileThatShrinks() throws IOException {
        Path file = directory.resolve("file");
        Files.writeString(file, "a\nb");
        try (LineReader lines = new LineReader(new SystemStorage(), file, budget)) {
            Files.writeString(file, "a\nbc\nd\n");
            assertTrue(lines.next());
            assertTrue(lines.next());
            assertEquals(1, lines.length());
            assertFalse(lines.next());
        }
        try (LineReader lines = new LineReader(new SystemStorage(), file, budget)) {
            Files.writeString(file, "a");
            assertThrows(EOFException.class, lines::next);
        }
    }

    @Test
    void findsTheFirstOfAByteWhateverStandsAroundIt() {
        byte[] bytes = new byte[40];
        for (byte filling : new byte[] {0, '\n' - 1, '\n' + 1, (byte) 0x8A, (byte) 0xFF}) {
            for (int at = 0; at < bytes.length; at++) {
                Arrays.fill(bytes, filling);
                bytes[at] = '\n';
                bytes[bytes.length - 1] = '\n';
                MemorySegment segment = MemorySegment.ofArray(bytes);
                assertEquals(at, LineReader.indexOf(segment, 0, bytes.length, '\n'));
                assertEquals(at, LineReader.indexOf(segment, at, bytes.length, '\n'));
                assertEquals(-1, LineReader.indexOf(segment, 0, at, '\n'));
            }
        }
    }

    private void check(String content, List<String> lines) throws IOException {
        assertEquals(lines, checkBytes(content.getBytes(StandardCharsets.ISO_8859_1)).stream()
                .map(line -> new String(line, StandardCharsets.ISO_8859_1)).toList());
    }

    /** Compares what the reader gives with the bytes between newlines, and answers that. */
    private List<byte[]> checkBytes(byte[] content) throws IOException {
        Path file = directory.resolve("file");
        Files.write(file, content);
        List<byte[]> found = new ArrayList<>();
        try (LineReader lines = new LineReader(new SystemStorage(), file, budget)) {
            assertEquals(content.length, lines.fileBytes());
            int start = 0;
            while (lines.next()) {
                byte[] line = lines.memory().asSlice(lines.offset(), lines.length()).toArray(JAVA_BYTE);
                assertArrayEquals(Arrays.copyOfRange(content, start, start + line.length), line);
                start += line.length;
                assertTrue(start == content.length || content[start] == '\n');
                start = Math.min(start + 1, content.length);
                assertEquals(start, lines.positionBytes());
                found.add(line);
                assertEquals(found.size(), lines.lineNumber());
            }
            assertEquals(content.length, start);
        }
        assertEquals(0, budget.usedBytes());
        return found;
    }
}
