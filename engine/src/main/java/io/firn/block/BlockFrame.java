package io.firn.block;

import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.entry.HeldBlock;
import io.firn.error.CorruptionException;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.MappedFile;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * The frame that every block has: header, payload, checksum. Static: a frame is (file, offset, sizes).
 *
 * <p>Invariants: (1) the checksum covers header and stored payload and is seeded with the file's identity and the
 * frame's offset. (2) Mapped bytes are copied to private memory, and only there summed or decompressed (R23). (3)
 * Payloads above {@link #COMPRESSED_PLAIN_BYTES_MAX} are stored as they are, so that private memory stays bounded; a
 * frame that says otherwise is refused before anything is allocated. (4) A payload is stored compressed exactly if that
 * is smaller.
 */
public final class BlockFrame {
    public static final int HEADER_BYTES = 12;
    public static final int CHECKSUM_BYTES = 4;
    public static final int OVERHEAD_BYTES = HEADER_BYTES + CHECKSUM_BYTES;
    public static final int COMPRESSED_PLAIN_BYTES_MAX = 1 << 20;

    private static final int CHUNK_BYTES = 64 * 1024;
    private static final int PLAIN_BYTES = 8;

    private BlockFrame() {}

    /** Completes a frame whose stored payload already lies behind the room for the header; answers the frame's size. */
    public static int seal(
            MemorySegment frame, long at, BlockType type, Codec codec, int storedBytes, int plainBytes,
            long identity, long fileOffset, Crc32c crc) {
        putHeader(frame, at, type, codec, storedBytes, plainBytes);
        long checksumAt = at + HEADER_BYTES + storedBytes;
        frame.set(INT_LE, checksumAt, crc.of(identity, fileOffset, frame, at, HEADER_BYTES + storedBytes));
        return OVERHEAD_BYTES + storedBytes;
    }

    /** The header alone, for a frame that is written in pieces. */
    public static void putHeader(
            MemorySegment frame, long at, BlockType type, Codec codec, int storedBytes, int plainBytes) {
        frame.set(LONG_LE, at, word(type.id(), codec.id(), storedBytes));
        frame.set(INT_LE, at + PLAIN_BYTES, plainBytes);
    }

    /**
     * Verifies a frame of a mapped file, whose place was checked to be inside the file: piece by piece in private
     * memory. Then its bytes may be read in place.
     *
     * <p>In compiled code the InternalError of a lost page may arrive statements after the copy, so that a reused copy
     * of the same block would pass. Therefore the checksum of the former copy is spoiled, and the error is delivered
     * before the bytes are believed (R23).
     */
    public static void verify(
            Path path, long identity, MemorySegment file, long offset, BlockType type, Codec codec, int storedBytes,
            int plainBytes, Scratch memory, Crc32c crc) {
        long left = OVERHEAD_BYTES + (long) storedBytes;
        long at = offset;
        MemorySegment copy = memory.atLeast(Math.min(left, CHUNK_BYTES + CHECKSUM_BYTES));
        long word = 0;
        int plain = 0;
        crc.start();
        while (true) {
            boolean isLast = left <= CHUNK_BYTES + CHECKSUM_BYTES;
            int length = isLast ? (int) left : CHUNK_BYTES;
            spoil(copy, length - CHECKSUM_BYTES);
            MemorySegment.copy(file, at, copy, 0, length);
            MappedFile.deliverFault();
            if (at == offset) {
                word = copy.get(LONG_LE, 0);
                plain = copy.get(INT_LE, PLAIN_BYTES);
            }
            if (isLast) {
                crc.update(copy, 0, length - CHECKSUM_BYTES);
                break;
            }
            crc.update(copy, 0, length);
            at += length;
            left -= length;
        }
        check(path, offset, crc.finish(identity, offset), copy.get(INT_LE, left - CHECKSUM_BYTES));
        checkHeader(path, offset, word, plain, type, codec, storedBytes, plainBytes);
    }

    /**
     * Copies, verifies and decompresses a frame of a mapped file, with the means of the holder; the payload goes to the
     * target. What was summed is what is decompressed, so no error need be delivered: a copy that stopped at a lost page
     * does not pass, or is the whole block.
     */
    public static void unpack(
            Path path, long identity, MemorySegment file, long offset, BlockType type, Codec codec, int storedBytes,
            int plainBytes, HeldBlock holder, MemorySegment target, long targetAt) {
        MemorySegment copy = holder.stored().atLeast(OVERHEAD_BYTES + storedBytes);
        copyVerified(path, identity, file, offset, type, codec, storedBytes, plainBytes, copy, 0, holder.crc());
        if (!holder.decompressors().of(codec)
                .decompress(copy, HEADER_BYTES, storedBytes, target, targetAt, plainBytes)) {
            throw new CorruptionException(
                    path, offset, plainBytes + " bytes compressed by " + codec, "bytes that do not decompress to that");
        }
    }

    /** Copies a whole frame of a mapped file to private memory and verifies it there. */
    public static void copyVerified(
            Path path, long identity, MemorySegment file, long offset, BlockType type, Codec codec, int storedBytes,
            int plainBytes, MemorySegment copy, long at, Crc32c crc) {
        int frameBytes = OVERHEAD_BYTES + storedBytes;
        long checksumAt = at + frameBytes - CHECKSUM_BYTES;
        spoil(copy, checksumAt);
        MemorySegment.copy(file, offset, copy, at, frameBytes);
        check(path, offset, crc.of(identity, offset, copy, at, frameBytes - CHECKSUM_BYTES),
                copy.get(INT_LE, checksumAt));
        checkHeader(path, offset, copy.get(LONG_LE, at), copy.get(INT_LE, at + PLAIN_BYTES), type, codec, storedBytes,
                plainBytes);
    }

    /** Whether a frame of these sizes may lie at that offset of a file whose blocks end at {@code limit}. */
    public static boolean isPlaceable(
            long offset, long storedBytes, long plainBytes, boolean isCompressible, long limit) {
        return 0 <= offset
                && 0 < storedBytes && storedBytes <= Integer.MAX_VALUE - OVERHEAD_BYTES
                && offset <= limit - OVERHEAD_BYTES - storedBytes
                && (storedBytes == plainBytes
                        || isCompressible && storedBytes < plainBytes && plainBytes <= COMPRESSED_PLAIN_BYTES_MAX);
    }

    /** The type of a frame, from private memory; -1 when there is no such type. */
    public static int typeId(MemorySegment header, long at) {
        int id = (int) header.get(LONG_LE, at) & 0xFF;
        return BlockType.isId(id) ? id : -1;
    }

    public static int codecId(MemorySegment header, long at) {
        return (int) (header.get(LONG_LE, at) >>> 8) & 0xFF;
    }

    public static long storedBytes(MemorySegment header, long at) {
        return header.get(LONG_LE, at) >>> 32;
    }

    public static long plainBytes(MemorySegment header, long at) {
        return Integer.toUnsignedLong(header.get(INT_LE, at + PLAIN_BYTES));
    }

    private static long word(int typeId, int codecId, int storedBytes) {
        return (long) storedBytes << 32 | codecId << 8 | typeId;
    }

    private static void spoil(MemorySegment copy, long checksumAt) {
        copy.set(INT_LE, checksumAt, ~copy.get(INT_LE, checksumAt));
    }

    private static void check(Path path, long offset, int expected, int found) {
        if (expected != found) {
            throw new CorruptionException(
                    path, offset, String.format("checksum 0x%08x", expected), String.format("0x%08x", found));
        }
    }

    private static void checkHeader(
            Path path, long offset, long word, int plain, BlockType type, Codec codec, int storedBytes,
            int plainBytes) {
        if (word != word(type.id(), codec.id(), storedBytes) || plain != plainBytes) {
            throw new CorruptionException(path, offset,
                    describe(type.id(), codec.id(), storedBytes, plainBytes),
                    describe((int) word & 0xFF, (int) (word >>> 8) & 0xFF, word >>> 32, Integer.toUnsignedLong(plain)));
        }
    }

    private static String describe(int typeId, int codecId, long storedBytes, long plainBytes) {
        return "block of type " + typeId + ", codec " + codecId + ", " + storedBytes + " bytes stored, " + plainBytes
                + " plain";
    }
}
