package io.firn.memtable;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.error.PoisonedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Room in a memtable: what a reservation promises, when a memtable is full, and which slabs it asks for. */
class MemtableRoomTest {
    private static final int EACH_ENTRY_ROOM = EntryFormat.HEADER_BYTES + EntryFormat.ALIGNMENT_BYTES - 1;

    /** R8: nothing under the commit lock can fail for want of memory. */
    @Test
    void r8_insertsIntoReservedRoomNeverFailWhateverTheSizes() {
        Random random = new Random(MemtableFixture.seed("r8_insertsIntoReservedRoom"));
        long filled = 0;
        for (long limitBytes : new long[] {
            1, 1_000, 2_048, 4_096, 5_000, 8_192, 10_000, 16_384, 40_000, 65_536, 300_000
        }) {
            for (int valueBytes = 0; valueBytes < 400; valueBytes += 1 + random.nextInt(9)) {
                for (int pattern = 0; pattern < 4; pattern++) {
                    filled += fill(random, limitBytes, valueBytes, pattern);
                }
            }
        }
        assertTrue(filled > 100_000, "only " + filled + " entries were inserted");
    }

    private static long fill(Random random, long limitBytes, int valueBytes, int pattern) {
        try (MemtableFixture fixture = new MemtableFixture(limitBytes)) {
            int seqno = 0;
            int batchMax = 1 + random.nextInt(80);
            while (true) {
                int batch = 1 + random.nextInt(batchMax);
                int[] lengths = random.ints(batch, 0, valueBytes + 1).toArray();
                long bytes = 0;
                for (int length : lengths) {
                    bytes += 8 + length;
                }
                if (!fixture.reserve(bytes, batch)) {
                    assertFalse(fixture.memtable.isEmpty(), "an empty memtable refused a batch");
                    break;
                }
                for (int length : lengths) {
                    fixture.insert(key(random, pattern, seqno), seqno, Trailer.VALUE, new byte[length]);
                    seqno++;
                }
            }
            assertTrue(fixture.memtable.usedBytes() <= fixture.memtable.slabBytes());
            assertEquals(seqno, countOf(fixture));
            return seqno;
        }
    }

    private static byte[] key(Random random, int pattern, int index) {
        long number = switch (pattern) {
            case 0 -> index;
            case 1 -> Long.MAX_VALUE - index;
            case 2 -> random.nextLong();
            default -> (long) (index / 17 * 7919 % 13) << 32 | index;
        };
        return ByteBuffer.allocate(8).putLong(number).array();
    }

    private static long countOf(MemtableFixture fixture) {
        EntryCursor cursor = fixture.memtable.cursor();
        long count = 0;
        while (cursor.next()) {
            count++;
        }
        return count;
    }

    /** R8: the room for splits that is reserved is never less than what they take. */
    @Test
    void r8_splitsNeverTakeMoreThanTheReservedWorstCase() {
        Random random = new Random(MemtableFixture.seed("r8_splitsNeverTakeMore"));
        for (int round = 0; round < 60; round++) {
            try (SlabPool pool = new SlabPool(MemoryBudget.ofMebibytes(64), 0)) {
                SlabChain chain = new SlabChain(pool, 1 << 25, SlabChain.FIRST_BYTES_MAX);
                chain.provide(acquire(pool, 1 << 25));
                SkipList list = new SkipList(chain, Prefix.NONE);
                int pattern = random.nextInt(6);
                for (int batches = 0, index = 0; batches < 40; batches++) {
                    int batch = random.nextInt(3) == 0 ? 1 + random.nextInt(3) : 1 + random.nextInt(400);
                    long promisedBytes = list.nodeBytesAtWorst(batch) + batch * (long) EACH_ENTRY_ROOM;
                    long usedBytes = chain.usedBytes();
                    for (int entries = 0; entries < batch; entries++, index++) {
                        list.insert(entry(chain, splittingKey(random, pattern, index), index));
                    }
                    long tookBytes = chain.usedBytes() - usedBytes - 8L * batch;
                    assertTrue(tookBytes <= promisedBytes,
                            "pattern " + pattern + ": " + batch + " inserts took " + tookBytes + " of "
                                    + promisedBytes);
                }
            }
        }
    }

    /** R8: an error in the middle of a change of a node ends the writer, and must not leave the readers waiting for it. */
    @Test
    void r8_aReaderDoesNotWaitForAnInsertThatHasFailed() {
        try (SlabPool pool = new SlabPool(MemoryBudget.ofMebibytes(1), 0); Arena arena = Arena.ofShared()) {
            SlabChain chain = new SlabChain(pool, 1 << 18, SlabChain.FIRST_BYTES_MAX);
            chain.provide(acquire(pool, 1 << 18));
            SkipList list = new SkipList(chain, Prefix.NONE);
            list.insert(entry(chain, 7, 1));
            MemorySegment key = arena.allocateFrom(ValueLayout.JAVA_BYTE, ByteBuffer.allocate(8).putLong(7).array());
            assertNotEquals(SkipList.NONE, list.find(key, 0, 8, 1));
            int leaf = (int) list.root();
            NodeFormat.beginChange(SlabChain.segment(chain.segments(), leaf), SlabChain.offset(leaf));
            list.failure = new StackOverflowError();
            assertTimeoutPreemptively(Duration.ofMinutes(5), () -> {
                PoisonedException e = assertThrows(PoisonedException.class, () -> list.find(key, 0, 8, 1));
                assertEquals(list.failure, e.getCause());
            });
        }
    }

    @Test
    void r8_whatWasThereIsReadAfterAnInsertThatFailed() {
        try (MemtableFixture fixture = new MemtableFixture(1 << 18); Arena arena = Arena.ofConfined()) {
            assertTrue(fixture.put(new byte[8], 1, Trailer.VALUE, new byte[8]));
            assertTrue(fixture.reserve(16, 1));
            MemorySegment tooShort = arena.allocate(8);
            assertThrows(IndexOutOfBoundsException.class,
                    () -> fixture.memtable.insert(tooShort, 0, 8, Trailer.of(2, Trailer.VALUE), tooShort, 4, 8));
            // No node was being changed: what was there is read.
            assertArrayEquals(new byte[8], fixture.get(new byte[8], 2));
        }
    }

    private static int entry(SlabChain chain, long key, int seqno) {
        int entry = chain.allocate(EntryFormat.HEADER_BYTES + 8, EntryFormat.ALIGNMENT_BYTES);
        MemorySegment segment = SlabChain.segment(chain.segments(), entry);
        byte[] bytes = ByteBuffer.allocate(8).putLong(key).array();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            EntryFormat.write(segment, SlabChain.offset(entry), memory, 0, 8, Trailer.of(seqno, 0), memory, 0, 0);
        }
        return entry;
    }

    /** Orders of keys that fill nodes and then hit many full ones. */
    private static long splittingKey(Random random, int pattern, int index) {
        return switch (pattern) {
            case 0 -> (long) index << 20;
            case 1 -> Long.MAX_VALUE - ((long) index << 20);
            case 2 -> random.nextLong() >>> 1;
            // Ascending first, so that every leaf is full; then into all of them.
            case 3 -> index < 3_000 ? (long) index << 20 : random.nextInt(3_000) * (1L << 20) + random.nextInt(1 << 20);
            case 4 -> index < 3_000 ? (long) index << 26 : ((long) (index % 3_000) << 26) + index;
            // Runs of 17, each just long enough to split unevenly.
            default -> ((long) (index / 17 * 7919 % 211) << 40) + (random.nextBoolean() ? index : -index + (1 << 30));
        };
    }

    @Test
    void takesAnEntryOfAnySizeWhenEmptyAndNothingMoreThanItsLimitAfterThat() {
        for (int valueBytes : new int[] {0, 100, 4_000, 4_096, 10_000, 100_000, 3_000_000}) {
            try (MemtableFixture fixture = new MemtableFixture(4_096)) {
                byte[] value = MemtableFixture.randomBytes(new Random(valueBytes), valueBytes);
                assertTrue(fixture.put(new byte[] {1}, 1, value));
                assertArrayEquals(value, fixture.get(new byte[] {1}, 1));
                if (valueBytes >= 4_096) {
                    assertEquals(Memtable.Room.FULL, fixture.memtable.tryReserve(1, 1));
                }
            }
        }
    }

    @Test
    void givesAnEntryThatDoesNotFitTheNextSlabASlabOfItsSize() {
        try (MemtableFixture fixture = new MemtableFixture(1 << 22)) {
            assertTrue(fixture.put(new byte[] {5}, 1, new byte[10]));
            assertEquals(256 * 1024, fixture.memtable.slabBytes());
            byte[] large = MemtableFixture.randomBytes(new Random(1), 1_500_000);
            assertTrue(fixture.put(new byte[] {3}, 2, large));
            assertEquals(256 * 1024 + (2 << 20), fixture.memtable.slabBytes());
            assertTrue(fixture.put(new byte[] {4}, 3, new byte[10]));
            assertArrayEquals(large, fixture.get(new byte[] {3}, 3));
            assertNotNull(fixture.get(new byte[] {4}, 3));
            assertNotNull(fixture.get(new byte[] {5}, 3));
        }
    }

    @Test
    void staysWithinItsLimitAndUsesMostOfItWhereEntriesAreSmall() {
        for (long limitBytes : new long[] {256 * 1024, 1 << 20, 3_000_000, 1 << 22}) {
            try (MemtableFixture fixture = new MemtableFixture(limitBytes)) {
                Random random = new Random(3);
                int seqno = 0;
                while (fixture.put(MemtableFixture.randomBytes(random, 16), seqno++, new byte[100])) {
                    assertTrue(fixture.memtable.slabBytes() <= limitBytes);
                }
                assertTrue(fixture.memtable.usedBytes() > limitBytes * 0.85,
                        fixture.memtable + " with a limit of " + limitBytes);
            }
        }
    }

    @Test
    void wantsNoSlabWhileIdleAndTheNextOneEarlyOnceHalfUsed() {
        try (MemtableFixture fixture = new MemtableFixture(1 << 20)) {
            assertEquals(0, fixture.memtable.slabBytesWanted());
            assertEquals(Memtable.Room.NEEDS_SLAB, fixture.memtable.tryReserve(10, 1));
            assertEquals(256 * 1024, fixture.memtable.slabBytesWanted());
            fixture.memtable.provide(acquire(fixture.pool, 256 * 1024));
            assertEquals(0, fixture.memtable.slabBytesWanted());
            int seqno = 0;
            while (fixture.memtable.usedBytes() <= 128 * 1024) {
                assertEquals(0, fixture.memtable.slabBytesWanted());
                assertEquals(Memtable.Room.READY, fixture.memtable.tryReserve(1_008, 1));
                fixture.insert(ByteBuffer.allocate(8).putLong(seqno).array(), seqno++, Trailer.VALUE, new byte[1_000]);
            }
            assertEquals(512 * 1024, fixture.memtable.slabBytesWanted());
            fixture.memtable.provide(acquire(fixture.pool, 512 * 1024));
            assertEquals(0, fixture.memtable.slabBytesWanted());
            // With the next slab ready the writer never waits in this one.
            while (fixture.memtable.usedBytes() <= 300 * 1024) {
                assertEquals(Memtable.Room.READY, fixture.memtable.tryReserve(1_008, 1));
                fixture.insert(ByteBuffer.allocate(8).putLong(seqno).array(), seqno++, Trailer.VALUE, new byte[1_000]);
            }
        }
    }

    @Test
    void insertingWithoutAReservationIsRefusedAndNotWrittenSomewhere() {
        try (MemtableFixture fixture = new MemtableFixture(4_096)) {
            assertThrows(IllegalStateException.class,
                    () -> fixture.insert(new byte[] {1}, 1, Trailer.VALUE, new byte[1]));
        }
    }

    @Test
    void laterAllocationsHaveLargerReferencesInEverySlab() {
        try (SlabPool pool = new SlabPool(MemoryBudget.ofMebibytes(64), 0)) {
            SlabChain chain = new SlabChain(pool, 1 << 24, SlabChain.FIRST_BYTES_MAX);
            Random random = new Random(5);
            long before = 0;
            for (int allocations = 0; allocations < 20_000; allocations++) {
                int bytes = 1 + random.nextInt(3_000);
                int alignmentBytes = random.nextBoolean() ? 8 : 64;
                if (!chain.holds(bytes + alignmentBytes)) {
                    long slabBytes = chain.nextSlabBytes(bytes + alignmentBytes, false);
                    if (slabBytes == 0) {
                        break;
                    }
                    chain.provide(acquire(pool, slabBytes));
                }
                int reference = chain.allocate(bytes, alignmentBytes);
                assertTrue(before < Integer.toUnsignedLong(reference));
                assertEquals(0, SlabChain.offset(reference) % alignmentBytes);
                assertTrue(SlabChain.offset(reference) + bytes
                        <= SlabChain.segment(chain.segments(), reference).byteSize());
                before = Integer.toUnsignedLong(reference) + (bytes - 1) / 8;
            }
            assertTrue(chain.slabBytes() > 8 << 20, "only " + chain.slabBytes());
            chain.free();
        }
    }

    private static Slab acquire(SlabPool pool, long bytes) {
        Slab slab = pool.tryAcquire(bytes);
        if (slab == null) {
            throw new AssertionError("no slab of " + bytes + " bytes");
        }
        return slab;
    }
}
