package io.firn.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.RecoveryMode;
import io.firn.error.CodecMissingException;
import io.firn.error.CorruptionException;
import io.firn.error.FormatVersionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.codec.Compressor;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.memory.Layouts;
import io.firn.journal.JournalRig.Recovered;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Files whose checksums are right and whose structure is not: the format's fields are set to what breaks parsers, and
 * every checksum is taken again, so that nothing hides behind it.
 */
@Timeout(600)
@Tag("native")
final class JournalHostileTest {
    private static final Path FILE = JournalRig.DIRECTORY.resolve("000001.journal");
    private static final int CASES = 120_000;
    private static final long[] ODD_NUMBERS = {
        0, 1, 7, 8, 15, 16, 17, 31, 32, 255, 256, 65_535, 65_536, Integer.MAX_VALUE - 7, Integer.MAX_VALUE, 1L << 31,
        0xFFFF_FFF0L, 0xFFFF_FFFFL, 1L << 40, Long.MAX_VALUE, Long.MIN_VALUE, -1, -8
    };

    private final MemoryStorage storage = new MemoryStorage();
    private final Crc32c crc = new Crc32c();
    private final MemorySegment memory = Arena.ofAuto().allocate(1024, 64);
    private byte[] original = {};
    private long randomId;
    private long[] records = {};
    private List<String> appended = List.of();

    @BeforeEach
    void build() throws IOException {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL);
        for (int index = 0; index < 6; index++) {
            rig.encoder.start().put(1, "key" + index, "value".getBytes()).put(2, "k", new byte[index * 3]);
            rig.append(List.of(JournalRig.tell(1, 0, ("key" + index).getBytes(), "value".getBytes()),
                    JournalRig.tell(2, 0, "k".getBytes(), new byte[index * 3])));
        }
        rig.edit(new byte[] {1, 2, 3, 4, 5, 6, 7});
        rig.witness(1, 100);
        rig.closeCleanly();
        appended = rig.appended;
        original = storage.content(FILE);
        MemorySegment.copy(MemorySegment.ofArray(original), 0, memory, 0, original.length);
        randomId = memory.get(Layouts.LONG_LE, JournalFormat.FILE_RANDOM_ID);
        records = new long[rig.ends.size()];
        for (int index = 0; index < records.length; index++) {
            records[index] =
                    index == 0 ? JournalFormat.FILE_HEADER_BYTES : JournalFormat.offsetOf(rig.ends.get(index - 1));
        }
    }

    private void checksumFile() {
        memory.set(Layouts.INT_LE, JournalFormat.FILE_CRC, JournalFile.headerCrc(memory, 0, 1, crc));
    }

    private void checksumRecord(long at) {
        long length = Integer.toUnsignedLong(memory.get(Layouts.INT_LE, at + JournalFormat.RECORD_LENGTH));
        long payload = at + JournalFormat.RECORD_HEADER_BYTES;
        if (length <= memory.byteSize() - payload) {
            memory.set(Layouts.INT_LE, at + JournalFormat.RECORD_PAYLOAD_CRC, crc.of(0, 0, memory, payload, length));
        }
        checksumRecordHeader(at);
    }

    private void checksumRecordHeader(long at) {
        int headerCrc = crc.of(randomId, JournalFormat.position(1, at), memory, at + JournalFormat.RECORD_COVERED,
                JournalFormat.RECORD_HEADER_BYTES - JournalFormat.RECORD_COVERED);
        memory.set(Layouts.INT_LE, at + JournalFormat.RECORD_CRC, headerCrc);
    }

    private void store() {
        storage.put(FILE, memory.asSlice(0, original.length).toArray(Layouts.BYTE));
    }

    private void reset() {
        MemorySegment.copy(MemorySegment.ofArray(original), 0, memory, 0, original.length);
    }

    @Test
    void structuresThatNoJournalWritesAreRefusedWithoutHarm() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("JournalHostileTest.structures -Dseed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        int refused = 0;
        for (int index = 0; index < CASES; index++) {
            reset();
            mutate(random);
            store();
            try {
                // An equal number may be written again, and what changes a key or a value is no structure.
                JournalRig.replay(storage, RecoveryMode.TORN_TAIL);
            } catch (CorruptionException | FormatVersionException e) {
                refused++;
            } catch (CodecMissingException e) {
                // A changed bit may name a codec that this VM may not run.
                assertFalse(Codecs.isAvailable(Codec.ZSTD));
                refused++;
            }
            Recovered salvaged = salvage();
            boolean isBounded = salvaged == null || salvaged.visited().size() <= records.length + 1;
            assertTrue(isBounded, "seed " + seed + " case " + index);
        }
        System.out.println(refused + " of " + CASES + " hostile journals refused");
        assertTrue(refused > CASES / 2);
    }

    private Recovered salvage() throws IOException {
        try {
            return JournalRig.replay(storage, RecoveryMode.SALVAGE);
        } catch (FormatVersionException e) {
            return null;
        } catch (CodecMissingException e) {
            assertFalse(Codecs.isAvailable(Codec.ZSTD));
            return null;
        }
    }

    private void mutate(SplittableRandom random) {
        long at = records[random.nextInt(records.length)];
        switch (random.nextInt(8)) {
            case 0 -> {
                setOdd(random, random.nextInt(JournalFormat.FILE_HEADER_BYTES - 8), 8);
                checksumFile();
            }
            case 1 -> {
                setOdd(random, at + JournalFormat.RECORD_LENGTH, 4);
                checksumRecord(at);
            }
            case 2 -> {
                setOdd(random, at + JournalFormat.RECORD_COUNT, 4);
                checksumRecord(at);
            }
            case 3 -> {
                setOdd(random, at + JournalFormat.RECORD_SEQNO + 8 * random.nextInt(2), 8);
                checksumRecord(at);
            }
            case 4 -> {
                int[] fields = {0, 4, 5, 6, 8, 12};
                int[] sizes = {4, 1, 1, 2, 4, 4};
                int field = random.nextInt(fields.length);
                setOdd(random, at + JournalFormat.RECORD_HEADER_BYTES + fields[field], sizes[field]);
                checksumRecord(at);
            }
            case 5 -> {
                setOdd(random, at + random.nextInt(4, 90), 1 << random.nextInt(4));
                checksumRecord(at);
            }
            case 6 -> {
                for (int count = random.nextInt(1, 5); count > 0; count--) {
                    setOdd(random, at + random.nextInt(4, 60), 1 << random.nextInt(4));
                }
                checksumRecord(at);
            }
            default -> {
                memory.set(Layouts.INT_LE, at + JournalFormat.RECORD_PAYLOAD_CRC, random.nextInt(3));
                long lengthAndCount = random.nextInt(3) * (random.nextLong(2) << 32 | 1);
                memory.set(Layouts.LONG_LE, at + JournalFormat.RECORD_LENGTH, lengthAndCount);
                checksumRecordHeader(at);
            }
        }
    }

    private void setOdd(SplittableRandom random, long at, int size) {
        long number = ODD_NUMBERS[random.nextInt(ODD_NUMBERS.length)] + random.nextInt(-1, 2);
        for (int index = 0; index < size; index++) {
            memory.set(Layouts.BYTE, at + index, (byte) (number >>> 8 * index));
        }
    }

    private void refused(String part) {
        store();
        CorruptionException e = assertThrows(CorruptionException.class, () -> JournalRig.visited(storage));
        assertTrue(e.getMessage().contains(part), e.getMessage());
        reset();
    }

    @Test
    void eachBrokenFieldIsNamed() {
        long at = records[2];
        long entry = at + JournalFormat.RECORD_HEADER_BYTES;
        memory.set(Layouts.INT_LE, at + JournalFormat.RECORD_COUNT, 3);
        checksumRecord(at);
        refused("entry 2 of 3");
        memory.set(Layouts.INT_LE, at + JournalFormat.RECORD_COUNT, 1);
        checksumRecord(at);
        refused("1 entries of ");
        memory.set(Layouts.INT_LE, at + JournalFormat.RECORD_LENGTH, 5000);
        checksumRecordHeader(at);
        refused("2 entries in 5000 bytes");
        memory.set(Layouts.LONG_LE, at + JournalFormat.RECORD_SEQNO, 1);
        checksumRecord(at);
        refused("seqno 1 behind seqno 2");
        memory.set(Layouts.LONG_LE, at + JournalFormat.RECORD_FORCED, JournalFormat.position(1, at + 8));
        checksumRecord(at);
        refused("forced up to");
        memory.set(Layouts.BYTE, entry + JournalFormat.ENTRY_TYPE, (byte) 3);
        checksumRecord(at);
        refused("entry 0 of 2");
        memory.set(Layouts.BYTE, entry + JournalFormat.ENTRY_TYPE, (byte) 1);
        checksumRecord(at);
        refused("entry 0 of 2"); // a tombstone with a value
        memory.set(Layouts.BYTE, entry + JournalFormat.ENTRY_COMPRESSION, (byte) 9);
        checksumRecord(at);
        refused("entry 0 of 2");
        memory.set(Layouts.INT_LE, entry + JournalFormat.ENTRY_KEYSPACE, -5);
        checksumRecord(at);
        refused("entry 0 of 2");
        memory.set(Layouts.SHORT_LE, entry + JournalFormat.ENTRY_KEY_LENGTH, (short) 0);
        checksumRecord(at);
        refused("entry 0 of 2");
        memory.set(Layouts.BYTE, entry + JournalFormat.ENTRY_TYPE, (byte) JournalFormat.TYPE_EDIT);
        memory.set(Layouts.INT_LE, entry + JournalFormat.ENTRY_KEYSPACE, JournalFormat.CONTROL_KEYSPACE);
        memory.set(Layouts.SHORT_LE, entry + JournalFormat.ENTRY_KEY_LENGTH, (short) 0);
        checksumRecord(at);
        refused("entry 0 of 2"); // an edit beside another entry
        long edit = records[6];
        memory.set(Layouts.LONG_LE, edit + JournalFormat.RECORD_SEQNO, 6);
        checksumRecord(edit);
        refused("seqno 6 behind seqno 6");
        memory.set(Layouts.BYTE, edit + JournalFormat.RECORD_HEADER_BYTES + JournalFormat.ENTRY_TYPE, (byte) 34);
        checksumRecord(edit);
        refused("entry 0 of 1");
        memory.set(Layouts.BYTE, edit + JournalFormat.RECORD_HEADER_BYTES + JournalFormat.ENTRY_COMPRESSION, (byte) 1);
        checksumRecord(edit);
        refused("entry 0 of 1");
        memory.set(Layouts.INT_LE, edit + JournalFormat.RECORD_HEADER_BYTES + JournalFormat.ENTRY_VALUE_LENGTH, 6);
        checksumRecord(edit);
        refused("entry 0 of 1");
        memory.set(Layouts.INT_LE, records[0] + JournalFormat.RECORD_COUNT, 0);
        memory.set(Layouts.INT_LE, records[0] + JournalFormat.RECORD_LENGTH, 0);
        memory.set(Layouts.INT_LE, records[0] + JournalFormat.RECORD_PAYLOAD_CRC, 2);
        checksumRecordHeader(records[0]);
        refused("0 entries in 0 bytes");
    }

    @Test
    void aBatchWhoseSecondValueIsBrokenIsNotVisitedInPart() throws IOException {
        MemoryStorage disk = new MemoryStorage();
        try (JournalRig rig = new JournalRig(disk, new JournalSettings(1 << 16, 1 << 16, 1 << 20))) {
            rig.put("a", "1");
            byte[] value = "abcdefgh".repeat(1000).getBytes();
            byte[] stored = compress(value);
            rig.encoder.start()
                    .entry(1, 0, "b".getBytes(), stored, Codec.LZ4, value.length)
                    .entry(1, 0, "c".getBytes(), stored, Codec.LZ4, value.length);
            rig.append(List.of(
                    JournalRig.tell(1, 0, "b".getBytes(), value), JournalRig.tell(1, 0, "c".getBytes(), value)));
            assertEquals(rig.appended, JournalRig.replay(disk, RecoveryMode.TORN_TAIL).visited());
            byte[] broken = stored.clone();
            Arrays.fill(broken, stored.length / 2, stored.length, (byte) 0x0F);
            rig.encoder.start()
                    .entry(1, 0, "b".getBytes(), stored, Codec.LZ4, value.length)
                    .entry(1, 0, "c".getBytes(), broken, Codec.LZ4, value.length);
            rig.append(List.of("broken"));
            CorruptionException e =
                    assertThrows(CorruptionException.class, () -> JournalRig.replay(disk, RecoveryMode.TORN_TAIL));
            assertTrue(e.getMessage().contains("entry 1"), e.getMessage());
            assertEquals(rig.appended.subList(0, 2), JournalRig.replay(disk, RecoveryMode.SALVAGE).visited());
        }
    }

    @Test
    void aValueThatClaimsToBeHugeIsRefusedBeforeMemoryIsTaken() throws IOException {
        for (Codec codec : List.of(Codec.LZ4, Codec.ZSTD)) {
            MemoryStorage disk = new MemoryStorage();
            try (JournalRig rig = new JournalRig(disk, JournalRig.SMALL)) {
                rig.encoder.start().entry(1, 0, "b".getBytes(), new byte[40], codec, 2_000_000_000);
                rig.append(List.of("bomb"));
                CorruptionException e =
                        assertThrows(CorruptionException.class, () -> JournalRig.replay(disk, RecoveryMode.TORN_TAIL));
                assertTrue(e.getMessage().contains("entry 0 of 1"), e.getMessage());
            }
        }
    }

    private static byte[] compress(byte[] value) {
        try (Compressor compressor = Codecs.compressor(Codec.LZ4, MemoryBudget.ofMebibytes(16))) {
            MemorySegment source = Arena.ofAuto().allocate(value.length);
            MemorySegment target = Arena.ofAuto().allocate(compressor.boundBytes(value.length));
            MemorySegment.copy(MemorySegment.ofArray(value), 0, source, 0, value.length);
            int length = compressor.compress(source, 0, value.length, target, 0, (int) target.byteSize());
            return target.asSlice(0, length).toArray(Layouts.BYTE);
        }
    }
}
