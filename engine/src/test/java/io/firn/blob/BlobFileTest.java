package io.firn.blob;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.cache.BlockCache;
import io.firn.entry.BlobHandle;
import io.firn.entry.HeldBlock;
import io.firn.error.CorruptionException;
import io.firn.error.FirnException;
import io.firn.error.FormatVersionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.sim.SimStorage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class BlobFileTest {
    private static final Path PATH = Path.of("/1.blob");
    private static final long ID = 77;
    private static final int VALUE_BYTES_MIN = 100;

    private final long seed = Long.getLong("seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(16);
    private final Arena arena = Arena.ofConfined();
    private final List<byte[]> values = new ArrayList<>();
    private final MemorySegment handles = arena.allocate(BlobHandle.BYTES * 1000L, 8);
    private long fileBytes;

    @AfterEach
    void nothingIsLeft() {
        arena.close();
        assertEquals(0, budget.usedBytes());
        disk.assertNothingOpen();
        disk.close();
    }

    private void write(Codec codec, int count, int lengthMax) throws IOException {
        System.out.println("-Dseed=" + seed);
        try (BlobWriter writer = new BlobWriter(disk.create(PATH), ID, VALUE_BYTES_MIN, codec, budget)) {
            for (int i = 0; i < count; i++) {
                byte[] value = new byte[VALUE_BYTES_MIN + random.nextInt(lengthMax)];
                random.nextBytes(value);
                if (i % 2 == 0) {
                    Arrays.fill(value, value.length / 4, value.length, (byte) i);
                }
                values.add(value);
                MemorySegment bytes = arena.allocate(value.length).copyFrom(MemorySegment.ofArray(value));
                long offset = writer.add(bytes, 0, value.length);
                assertEquals(0, offset % 64);
                BlobHandle.put(handles, (long) i * BlobHandle.BYTES, ID, offset, writer.lastStoredBytes(), value.length);
            }
            assertEquals(count, writer.valueCount());
            writer.finish();
            fileBytes = writer.fileBytes();
        }
    }

    private BlobFile open(@Nullable BlockCache cache) throws IOException {
        BlobFile file = BlobFile.open(disk, PATH, ID, fileBytes, cache, budget);
        file.retain();
        return file;
    }

    @Test
    void whatWasWrittenIsRead() throws IOException {
        for (Codec codec : List.of(Codec.NONE, Codec.LZ4)) {
            values.clear();
            write(codec, 200, 5000);
            try (BlockCache cache = new BlockCache(4 << 20, budget); HeldBlock held = HeldBlock.confined(budget)) {
                BlobFile file = open(cache);
                assertEquals(200, file.verify(budget));
                for (int round = 0; round < 3; round++) {
                    for (int i = 0; i < values.size(); i++) {
                        if (round == 2) {
                            file.holdOnce(handles, (long) i * BlobHandle.BYTES, held);
                        } else {
                            file.hold(handles, (long) i * BlobHandle.BYTES, held);
                        }
                        assertArrayEquals(values.get(i), held.segment().asSlice(held.at(), held.length())
                                .toArray(Layouts.BYTE));
                        held.release();
                    }
                }
                assertEquals(codec == Codec.NONE ? 0 : 100, cache.statistics().blobHits(), "in the second round");
                file.release();
            }
            disk.delete(PATH);
        }
    }

    /** A value above what is ever compressed, and one that lies over many pieces of the output. */
    @Test
    void largeValuesAreStoredAsTheyAre() throws IOException {
        write(Codec.LZ4, 3, 3 << 20);
        try (HeldBlock held = HeldBlock.confined(budget)) {
            BlobFile file = open(null);
            for (int i = 0; i < 3; i++) {
                file.hold(handles, (long) i * BlobHandle.BYTES, held);
                assertArrayEquals(values.get(i), held.segment().asSlice(held.at(), held.length()).toArray(Layouts.BYTE));
            }
            file.release();
        }
    }

    /** Every byte flipped: no value comes out wrong, and who reads all finds it. */
    @Test
    void everyFlipIsFound() throws IOException {
        for (Codec codec : List.of(Codec.NONE, Codec.LZ4)) {
            values.clear();
            write(codec, 12, 300);
            byte[] whole = disk.contentOf(PATH);
            for (int at = 0; at < whole.length; at++) {
                byte[] damaged = whole.clone();
                damaged[at] ^= (byte) (1 << random.nextInt(8));
                disk.overwrite(PATH, damaged);
                assertTrue(readAll(), "byte " + at + " of -Dseed=" + seed);
            }
            disk.delete(PATH);
        }
    }

    /** Whether something was found; a wrong value is a failure. */
    private boolean readAll() throws IOException {
        BlobFile file;
        try {
            file = open(null);
        } catch (CorruptionException | FormatVersionException e) {
            return true;
        }
        boolean isFound = false;
        try (HeldBlock held = HeldBlock.confined(budget)) {
            for (int i = 0; i < values.size(); i++) {
                try {
                    file.hold(handles, (long) i * BlobHandle.BYTES, held);
                    assertArrayEquals(values.get(i),
                            held.segment().asSlice(held.at(), held.length()).toArray(Layouts.BYTE));
                } catch (CorruptionException e) {
                    assertEquals(PATH, e.file());
                    isFound = true;
                }
            }
            try {
                isFound |= file.verify(budget) != values.size();
            } catch (CorruptionException e) {
                isFound = true;
            }
        }
        file.release();
        return isFound;
    }

    /** Whatever a handle says, it is a value of the file or a corruption. */
    @Test
    void aHandleThatLiesIsRefused() throws IOException {
        write(Codec.LZ4, 50, 400);
        BlobFile file = open(null);
        MemorySegment handle = arena.allocate(BlobHandle.BYTES, 8);
        int refused = 0;
        try (HeldBlock held = HeldBlock.confined(budget)) {
            for (int round = 0; round < 20_000; round++) {
                long from = (long) random.nextInt(50) * BlobHandle.BYTES;
                MemorySegment.copy(handles, from, handle, 0, BlobHandle.BYTES);
                int at = 8 + random.nextInt(BlobHandle.BYTES - 8);
                handle.set(Layouts.BYTE, at, (byte) random.nextInt(256));
                try {
                    file.hold(handle, 0, held);
                } catch (FirnException e) {
                    refused++;
                }
            }
        }
        file.release();
        assertTrue(refused > 15_000, refused + " refused");
    }

    @Test
    void anotherFileIsRefused() throws IOException {
        write(Codec.NONE, 3, 100);
        assertThrows(CorruptionException.class, () -> BlobFile.open(disk, PATH, ID + 1, fileBytes, null, budget));
        assertThrows(CorruptionException.class, () -> BlobFile.open(disk, PATH, ID, fileBytes + 64, null, budget));
        assertThrows(CorruptionException.class, () -> BlobFile.open(disk, PATH, ID, 65, null, budget));
        assertThrows(CorruptionException.class, () -> BlobFile.open(disk, Path.of("/2.blob"), ID, fileBytes, null, budget));
        byte[] newer = disk.contentOf(PATH);
        MemorySegment header = arena.allocate(64).copyFrom(MemorySegment.ofArray(newer).asSlice(0, 64));
        header.set(Layouts.INT_LE, 4, 2);
        header.set(Layouts.INT_LE, 60, new Crc32c().of(0, 0, header, 0, 60));
        MemorySegment.copy(header, Layouts.BYTE, 0, newer, 0, 64);
        disk.overwrite(PATH, newer);
        assertThrows(FormatVersionException.class, () -> BlobFile.open(disk, PATH, ID, fileBytes, null, budget));
    }
}
