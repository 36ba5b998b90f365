package io.firn.table;

import io.firn.block.BlockFrame;
import io.firn.block.BlockType;
import io.firn.cache.BlockCache;
import io.firn.config.FilterPolicy;
import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.error.CorruptionException;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.file.SystemStorage;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import java.util.zip.CRC32C;

/**
 * Reads tables that are cut short under it, round after round; prints what came of it. It may die: that too is an
 * answer to sabotage. Arguments: directory, codec, rounds, seed.
 */
final class LostPagesProgram {
    private static final int KEYS = 4000;
    private static final int PAGE_BYTES = 4096;

    private final SystemStorage storage = new SystemStorage();
    private final TableFixture fixture = new TableFixture();
    private final Scratch memory = new Scratch(fixture.budget);
    private final MemorySegment key = memory.atLeast(4096);
    private int right;
    private int told;
    private int late;
    private int wrong;
    private int believed;
    private int twin;
    private int delivered;
    private boolean isVerified;
    private final CRC32C sum = new CRC32C();
    private long sumBefore;

    public static void main(String[] arguments) throws IOException {
        LostPagesProgram program = new LostPagesProgram();
        Random random = new Random(Long.parseLong(arguments[3]));
        int rounds = Integer.parseInt(arguments[2]);
        for (int round = 0; round < rounds; round++) {
            program.round(Path.of(arguments[0]), Codec.valueOf(arguments[1]), random);
        }
        program.verifyLost(Path.of(arguments[0]));
        System.out.println("right " + program.right + " told " + program.told + " late " + program.late
                + " twin " + program.twin + " delivered " + program.delivered + " believed " + program.believed + " wrong "
                + program.wrong);
        System.exit(program.wrong == 0 && program.believed == 0 && program.delivered == 0 ? 0 : 3);
    }

    private void round(Path directory, Codec codec, Random random) throws IOException {
        Path path = directory.resolve("lost.table");
        Files.deleteIfExists(path);
        boolean isPartitioned = random.nextBoolean();
        TableSettings settings = new TableSettings(
                4096, 1, 0, codec, codec, new FilterPolicy.BitsPerKey(10), isPartitioned, isPartitioned);
        long fileBytes;
        try (TableWriter writer = new TableWriter(
                storage.create(path), path, TableFixture.ID, settings, fixture.budget)) {
            for (int i = 0; i < KEYS; i++) {
                fill(i);
                writer.add(key, 0, 16, Trailer.of(i, Trailer.VALUE), key, 16, 100);
            }
            fileBytes = writer.finish().fileBytes();
        }
        fixture.access(new TableAccess(
                random.nextBoolean() ? null : new BlockCache(random.nextInt(200_000), fixture.budget), fixture.budget,
                fixture.budget, random.nextBoolean(), random.nextBoolean()));
        Table table = fixture.open(storage, path, fileBytes);
        // Some blocks were touched before, others will be touched first when their pages are gone.
        for (int i = 0; i < KEYS / 2; i++) {
            get(table, random.nextInt(KEYS / 2));
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            // Whole pages: what is cut from a page that stays reads as zeros, without a fault that anybody could
            // notice.
            channel.truncate((long) (random.nextDouble() * fileBytes) / PAGE_BYTES * PAGE_BYTES);
        }
        for (int i = 0; i < KEYS; i++) {
            try {
                get(table, random.nextInt(KEYS));
            } catch (InternalError | CorruptionException e) {
                told++;
            }
        }
        for (int i = 0; i < 20; i++) {
            try {
                scan(table, random.nextInt(KEYS));
            } catch (InternalError | CorruptionException e) {
                told++;
            }
        }
        table.close();
    }

    /**
     * Verifies one block again and again after its pages are gone, in memory that still holds a copy of it: in compiled
     * code the copy's error is late, and without the protocol the old copy would pass. Of the protocol's two parts each is
     * enough here, where the pages that are lost reach to the end of the block: the spoiled checksum lies on them. So the delivery is
     * shown by a twin that has nothing else.
     */
    private void verifyLost(Path directory) throws IOException {
        Path path = directory.resolve("lost.block");
        Files.deleteIfExists(path);
        int payloadBytes = 2 * PAGE_BYTES;
        try (Scratch frame = new Scratch(fixture.budget); AppendFile file = storage.create(path)) {
            MemorySegment bytes = frame.atLeast(payloadBytes + BlockFrame.OVERHEAD_BYTES);
            int frameBytes = BlockFrame.seal(
                    bytes, 0, BlockType.DATA, Codec.NONE, payloadBytes, payloadBytes, TableFixture.ID, 0, new Crc32c());
            file.append(bytes.asSlice(0, frameBytes));
        }
        // Opened and used before the loop: a class that is loaded later would throw the compiled code away.
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE);
                MappedFile mapping = storage.map(path, payloadBytes + BlockFrame.OVERHEAD_BYTES);
                Scratch copy = new Scratch(fixture.budget)) {
            channel.truncate(channel.size());
            Crc32c crc = new Crc32c();
            ByteBuffer view = copy.atLeast(payloadBytes).asByteBuffer();
            verifyWithoutProtocol(mapping.bytes(), copy.bytes(), view, payloadBytes);
            sumBefore = sum.getValue();
            verifyByDeliveryAlone(mapping.bytes(), copy.bytes(), view, payloadBytes);
            for (int i = 0; i < 20_000; i++) {
                verify(path, mapping.bytes(), payloadBytes, copy, crc);
                right += isVerified ? 1 : 0;
                verifyWithoutProtocol(mapping.bytes(), copy.bytes(), view, payloadBytes);
                verifyByDeliveryAlone(mapping.bytes(), copy.bytes(), view, payloadBytes);
            }

            channel.truncate(0);
            for (int i = 0; i < 2000; i++) {
                isVerified = false;
                try {
                    verify(path, mapping.bytes(), payloadBytes, copy, crc);
                } catch (InternalError | CorruptionException e) {
                    told++;
                }
                // Set before the error came: another thread would have read the block in place.
                believed += isVerified ? 1 : 0;
                isVerified = false;
                try {
                    verifyWithoutProtocol(mapping.bytes(), copy.bytes(), view, payloadBytes);
                } catch (InternalError e) {
                    told++;
                }
                twin += isVerified ? 1 : 0;
                isVerified = false;
                try {
                    verifyByDeliveryAlone(mapping.bytes(), copy.bytes(), view, payloadBytes);
                } catch (InternalError e) {
                    told++;
                }
                delivered += isVerified ? 1 : 0;
            }
        }
    }

    /** As a table does it: verify, then set the bit, in one compiled method. */
    private void verify(Path path, MemorySegment file, int payloadBytes, Scratch copy, Crc32c crc) {
        BlockFrame.verify(path, TableFixture.ID, file, 0, BlockType.DATA, Codec.NONE, payloadBytes, payloadBytes, copy,
                crc);
        isVerified = true;
    }

    /**
     * The twin that must fail: no former checksum is spoiled, nothing delivers the error before the sum is compared.
     */
    private void verifyWithoutProtocol(MemorySegment file, MemorySegment copy, ByteBuffer view, int bytes) {
        MemorySegment.copy(file, 0, copy, 0, bytes);
        sum.reset();
        view.limit(bytes).position(0);
        sum.update(view);
        isVerified = sum.getValue() == sumBefore;
    }

    /** The twin whose old copy would pass, but for the delivery of the error before the sum is compared. */
    private void verifyByDeliveryAlone(MemorySegment file, MemorySegment copy, ByteBuffer view, int bytes) {
        MemorySegment.copy(file, 0, copy, 0, bytes);
        MappedFile.deliverFault();
        sum.reset();
        view.limit(bytes).position(0);
        sum.update(view);
        isVerified = sum.getValue() == sumBefore;
    }

    private void get(Table table, int i) {
        fill(i);
        fixture.probe.ask(key, 0, 16, Trailer.SEQNO_MAX);
        boolean isFound = table.get(fixture.probe);
        if (isFound) {
            MemorySegment.copy(fixture.probe.segment(), fixture.probe.offset(), key, 1024, fixture.probe.length());
        }
        judge(isFound && fixture.probe.length() == 100 && isFilled());
    }

    private void scan(Table table, int from) {
        fill(from);
        try (EntryCursor cursor = table.cursor(fixture.budget, Caching.ALL)) {
            boolean isThere = cursor.seek(key, 0, 16, Trailer.SEQNO_MAX);
            judge(isThere);
            for (int i = from; i < from + 100 && isThere; i++) {
                fill(i);
                MemorySegment.copy(cursor.valueSegment(), cursor.valueOffset(), key, 1024, cursor.valueLength());
                judge(cursor.valueLength() == 100 && isFilled());
                isThere = cursor.next();
            }
        }
    }

    /**
     * The error of a lost page comes at the next safepoint at the latest: where an answer seems wrong, it has to come
     * now.
     */
    private void judge(boolean isRight) {
        if (isRight) {
            right++;
            return;
        }
        late++;
        MappedFile.deliverFault();
        wrong++;
    }

    private void fill(int i) {
        key.set(Layouts.LONG_BE, 0, i);
        key.set(Layouts.LONG_LE, 8, 0x3030303030303030L);
        for (int at = 0; at < 100; at += 4) {
            key.set(Layouts.INT_LE, 16 + at, i * 31 + at);
        }
    }

    private boolean isFilled() {
        for (int at = 0; at < 100; at += 4) {
            if (key.get(Layouts.INT_LE, 16 + at) != key.get(Layouts.INT_LE, 1024 + at)) {
                return false;
            }
        }
        return true;
    }
}
