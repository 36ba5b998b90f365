package io.firn.ffm.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Crc32cTest {
    private final Crc32c crc = new Crc32c();

    /** The values are part of every format: the check value of CRC32C and our seeds. */
    @Test
    void hasItsGoldenValues() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment digits = arena.allocateFrom("123456789", StandardCharsets.US_ASCII);
            assertEquals(0xE3069283, crc.of(0, 0, digits, 0, 9) ^ crc.of(0, 0, digits, 0, 0));
            assertEquals("3261b99f", Integer.toHexString(crc.of(0, 0, digits, 0, 9)));
            assertEquals("c2a87f15", Integer.toHexString(crc.of(1, 2, digits, 0, 9)));
            assertEquals("f9829a86", Integer.toHexString(crc.of(0x0123456789ABCDEFL, 1L << 40, digits, 0, 9)));
        }
    }

    @Test
    void isTheCrcOfTheBytesWhateverTheSegment() {
        Random random = new Random(Samples.seed());
        try (Arena arena = Arena.ofShared()) {
            MemorySegment[] segments = {arena.allocate(5000), arena.allocate(70_000), arena.allocate(1 << 20)};
            for (int turn = 0; turn < 3000; turn++) {
                MemorySegment segment = segments[random.nextInt(segments.length)];
                int length = random.nextInt(4000);
                long offset = random.nextLong(segment.byteSize() - length + 1);
                byte[] bytes = Samples.noise(random, length);
                MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, offset, length);
                long identity = random.nextLong();
                long place = random.nextLong();
                CRC32C expected = new CRC32C();
                expected.update(bytes);
                int seed = crc.of(identity, place, segment, 0, 0);
                assertEquals((int) expected.getValue() ^ seed, crc.of(identity, place, segment, offset, length));

                int cut = random.nextInt(length + 1);
                crc.start();
                crc.update(segment, offset, cut);
                crc.update(segment, offset + cut, length - cut);
                assertEquals((int) expected.getValue() ^ seed, crc.finish(identity, place));
            }
        }
    }

    @Test
    void tellsPlacesAndIdentitiesApart() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(100);
            Set<Integer> found = new HashSet<>();
            for (long identity = 0; identity < 100; identity++) {
                for (long place = 0; place < 100; place++) {
                    found.add(crc.of(identity, place * 4096, bytes, 0, 100));
                }
            }
            // Of 10,000 random 32-bit words about 0.01 pairs are equal; an additive seed would give far fewer words.
            assertEquals(10_000, found.size(), 2);
            assertNotEquals(crc.of(1, 2, bytes, 0, 100), crc.of(2, 1, bytes, 0, 100));
        }
    }

    @Test
    void readsBehindTwoGibibytes(@TempDir Path directory) throws IOException {
        long size = (1L << 31) + (1 << 20);
        Path sparse = directory.resolve("sparse");
        try (FileChannel channel = FileChannel.open(
                        sparse, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment large = channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
            MemorySegment small = arena.allocate(1000);
            byte[] bytes = Samples.noise(new Random(1), 1000);
            MemorySegment.copy(bytes, 0, small, ValueLayout.JAVA_BYTE, 0, 1000);
            for (long offset : new long[] {0, Integer.MAX_VALUE - 1000L, Integer.MAX_VALUE - 500L, size - 1000, 7}) {
                MemorySegment.copy(bytes, 0, large, ValueLayout.JAVA_BYTE, offset, 1000);
                assertEquals(crc.of(3, 4, small, 0, 1000), crc.of(3, 4, large, offset, 1000));
            }
        }
        Files.delete(sparse);
    }

    @Test
    void refusesRunsOutsideTheSegmentAndClosedSegments() {
        Arena arena = Arena.ofShared();
        MemorySegment bytes = arena.allocate(100);
        crc.of(0, 0, bytes, 0, 100);
        assertThrows(IndexOutOfBoundsException.class, () -> crc.of(0, 0, bytes, 1, 100));
        arena.close();
        assertThrows(IllegalStateException.class, () -> crc.of(0, 0, bytes, 0, 100));
    }

    @Test
    void hasNoHeapGarbage() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment bytes = arena.allocate(8192);
            long fewest = Long.MAX_VALUE;
            for (int round = 0; round < 20; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int turn = 0; turn < 2000; turn++) {
                    crc.of(turn, round, bytes, turn & 1023, 4096);
                }
                fewest = Math.min(fewest, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, fewest);
        }
    }
}
