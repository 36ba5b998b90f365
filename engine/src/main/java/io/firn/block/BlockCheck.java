package io.firn.block;

import static io.firn.block.BlockFormat.TAIL_BYTES;
import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.entry.BlobHandle;
import io.firn.entry.EntryLimits;
import io.firn.entry.Trailer;
import io.firn.error.CorruptionException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * Accepts or refuses the structure of a block of entries, once, before the first lookup: a checksum says that the bytes
 * are those that were written, not that they were written by us.
 *
 * <p>What it accepts can be searched and walked without leaving the block, and without a loop that does not end. The
 * order of the keys is not looked at: a wrong one gives wrong answers, no harm.
 */
public final class BlockCheck {
    private BlockCheck() {}

    /** Checks the payload of a data block; {@code place} is where the block's frame begins in the file, for the message. */
    public static void check(Path path, long place, MemorySegment block, long at, int length) {
        check(path, place, block, at, length, true);
    }

    /** The same of a block of handles of others, whose trailers are those of entries, its values not. */
    public static void checkHandles(Path path, long place, MemorySegment block, long at, int length) {
        check(path, place, block, at, length, false);
    }

    private static void check(Path path, long place, MemorySegment block, long at, int length, boolean isData) {
        if (length < TAIL_BYTES) {
            throw refused(path, place, "a tail of " + TAIL_BYTES + " bytes", length + " bytes");
        }
        long tailAt = at + length - TAIL_BYTES;
        long shape = block.get(LONG_LE, tailAt + BlockFormat.TAIL_SHAPE);
        long counts = block.get(LONG_LE, tailAt + BlockFormat.TAIL_COUNTS);
        int width = BlockFormat.trailerWidth(shape);
        int interval = BlockFormat.interval(shape);
        if (width > 8 || interval == 0 || (shape >>> 24 & 0xE0) != 0) {
            throw refused(path, place, "a known shape", String.format("shape 0x%08x", (int) shape));
        }
        long entries = shape >>> 32;
        long restarts = counts & 0xFFFF_FFFFL;
        long buckets = counts >>> 32;
        int prefix = BlockFormat.prefixLength(shape);
        int shift = BlockFormat.offsetShift(shape);
        if (entries == 0 || restarts != (entries + interval - 1) / interval) {
            throw refused(path, place,
                    "a restart point for every " + interval + " entries", restarts + " for " + entries + " entries");
        }
        long entriesEnd = length - TAIL_BYTES - buckets - (restarts << shift)
                - BlockFormat.HEAD_BYTES * restarts - prefix;
        if (entriesEnd < 2 * entries) {
            throw refused(path, place, entries + " entries, " + restarts + " restart points, " + buckets
                    + " buckets and a prefix of " + prefix, length + " bytes");
        }
        if (buckets != 0) {
            checkBuckets(path, place, block, tailAt - buckets, (int) buckets, (int) restarts);
        }
        long offsetsAt = tailAt - buckets - (restarts << shift);
        long smallest = block.get(LONG_LE, tailAt + BlockFormat.TAIL_TRAILER);
        long mask = BlockFormat.trailerMask(width);
        long end = at + entriesEnd;
        long entryAt = at;
        int untilRestart = 0;
        int restart = 0;
        int restartRest = 0;
        for (long i = 0; i < entries; i++) {
            if (entryAt >= end) {
                throw refused(path, place, entries + " entries", "only " + i);
            }
            long shared = 0;
            if (untilRestart == 0) {
                // An offset of four bytes may be negative as an int: it equals no place in the block either.
                int offset = BlockFormat.restartOffset(block, offsetsAt, shift, restart);
                if (offset != entryAt - at) {
                    throw refused(path, place, "restart point " + restart + " at " + (entryAt - at), "at " + offset);
                }
                restart++;
                untilRestart = interval;
            } else {
                long part = BlockFormat.sharedLength(block, entryAt);
                shared = BlockFormat.varintValue(part);
                entryAt += BlockFormat.varintBytes(part);
            }
            long keyPart = BlockFormat.varint(block, entryAt, 3);
            entryAt += BlockFormat.varintBytes(keyPart);
            if (entryAt > end) {
                throw refused(path, place, "entry " + i + " inside the entries", "one that passes their end");
            }
            long valuePart = BlockFormat.varint(block, entryAt, 5);
            entryAt += BlockFormat.varintBytes(valuePart);
            long rest = BlockFormat.varintValue(keyPart);
            long valueLength = BlockFormat.varintValue(valuePart);
            long keyLength = prefix + shared + rest;
            if (shared > restartRest
                    || keyLength < EntryLimits.KEY_BYTES_MIN || keyLength > EntryLimits.KEY_BYTES_MAX) {
                throw refused(path, place, "entry " + i + " with a key of 1 to 65535 bytes that shares at most "
                        + restartRest, shared + " shared and " + rest + " more");
            }
            if (end - entryAt < width + rest + valueLength) {
                throw refused(path, place, "entry " + i + " inside the entries",
                        "a key of " + rest + " and a value of " + valueLength + " bytes");
            }
            long trailer = smallest + (block.get(LONG_LE, entryAt) & mask);
            if (!Trailer.isStoredType(Trailer.type(trailer))) {
                throw refused(path, place, "entry " + i + " of a known type", "type " + Trailer.type(trailer));
            }
            if (isData && Trailer.isSeparated(trailer) && valueLength != BlobHandle.BYTES) {
                throw refused(path, place, "a handle of " + BlobHandle.BYTES + " bytes in entry " + i, valueLength + " bytes");
            }
            if (untilRestart == interval) {
                restartRest = (int) rest;
            }
            untilRestart--;
            entryAt += width + rest + valueLength;
        }
        if (entryAt != end) {
            throw refused(path, place, "entries up to " + entriesEnd, "up to " + (entryAt - at));
        }
    }

    private static void checkBuckets(
            Path path, long place, MemorySegment block, long bucketsAt, int buckets, int restarts) {
        if (restarts > BlockFormat.HASHED_RESTARTS_MAX) {
            throw refused(path, place, "no hash index over " + restarts + " restart points", buckets + " buckets");
        }
        for (int i = 0; i < buckets; i++) {
            int restart = Byte.toUnsignedInt(block.get(BYTE, bucketsAt + i));
            if (restart >= restarts && restart < BlockFormat.BUCKET_FREE) {
                throw refused(path, place, "one of " + restarts + " restart points in bucket " + i, "" + restart);
            }
        }
    }

    private static CorruptionException refused(Path path, long place, String expected, String found) {
        return new CorruptionException(path, place, expected, found);
    }
}
