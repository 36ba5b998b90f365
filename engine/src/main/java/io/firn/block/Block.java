package io.firn.block;

import static io.firn.block.BlockFormat.TAIL_BYTES;
import static io.firn.block.BlockFormat.TAIL_COUNTS;
import static io.firn.block.BlockFormat.TAIL_SHAPE;
import static io.firn.block.BlockFormat.TAIL_TRAILER;
import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_BE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.memory.Bytes;
import java.lang.foreign.MemorySegment;

/**
 * Looking entries up in a block. Static: a block is a payload (segment, offset, length) that {@link BlockCheck} has
 * accepted.
 *
 * <p>A lookup touches what lies at the block's end (tail, offsets, heads and prefix stand side by side) and then one
 * entry: the heads are searched without a branch, and only entries whose head ties are compared. Bytes are compared by
 * 8-byte loads alone, since the block may lie in a mapping (R23).
 *
 * <p>Invariants: (1) in a checked block no lookup leaves the block. (2) Every loop is bounded by a count of the tail.
 */
public final class Block {
    private static final int ABSENT = 0;
    private static final int ANSWERED = 1;
    private static final int BEYOND = 2;

    /** The heads of a cache line. */
    private static final int GROUP_HEADS = 16;

    private static final int GROUPED_HEADS_MAX = 256;

    private Block() {}

    /** The newest version of the probe's key at or below its seqno, if it is in this block. */
    public static boolean get(MemorySegment block, long at, int length, Probe probe) {
        long tailAt = at + length - TAIL_BYTES;
        long shape = block.get(LONG_LE, tailAt + TAIL_SHAPE);
        long counts = block.get(LONG_LE, tailAt + TAIL_COUNTS);
        int buckets = BlockFormat.bucketCount(counts);
        if (buckets != 0) {
            int bucket = BlockFormat.bucketOf(probe.hash(), buckets);
            int restart = Byte.toUnsignedInt(block.get(BYTE, tailAt - buckets + bucket));
            if (restart == BlockFormat.BUCKET_FREE) {
                return false;
            }
            if (restart != BlockFormat.BUCKET_CONFLICT) {
                return answerFrom(block, at, tailAt, restart, probe) == ANSWERED;
            }
        }
        long trailer = Trailer.of(probe.seqno(), Trailer.ANY_TYPE);
        int restart = lowerRestart(block, at, length, probe.key(), 0, probe.keyLength(), trailer);
        if (restart > 0 && BlockFormat.interval(shape) > 1) {
            int found = answerFrom(block, at, tailAt, restart - 1, probe);
            if (found != BEYOND) {
                return found == ANSWERED;
            }
        }
        return restart < BlockFormat.restartCount(counts)
                && answerAt(block, at, tailAt, restart, probe, trailer);
    }

    /** The number of entries of a block. */
    public static int entryCount(MemorySegment block, long at, int length) {
        return BlockFormat.entryCount(block.get(LONG_LE, at + length - TAIL_BYTES));
    }

    /** Every how many entries the block has a restart point. */
    public static int interval(MemorySegment block, long at, int length) {
        return BlockFormat.interval(block.get(LONG_LE, at + length - TAIL_BYTES));
    }

    /**
     * The first restart point at or after (key, trailer) in entry order; the number of restart points if there is none.
     * With interval 1, as in index blocks, restart points are entries.
     */
    public static int lowerRestart(
            MemorySegment block, long at, int length, MemorySegment key, long keyAt, int keyLength, long trailer) {
        long tailAt = at + length - TAIL_BYTES;
        long shape = block.get(LONG_LE, tailAt + TAIL_SHAPE);
        long counts = block.get(LONG_LE, tailAt + TAIL_COUNTS);
        int restarts = BlockFormat.restartCount(counts);
        int shift = BlockFormat.offsetShift(shape);
        long offsetsAt = tailAt - BlockFormat.bucketCount(counts) - ((long) restarts << shift);
        long headsAt = offsetsAt - (long) BlockFormat.HEAD_BYTES * restarts;
        int prefix = BlockFormat.prefixLength(shape);
        if (prefix != 0) {
            int order = Bytes.compare(key, keyAt, Math.min(prefix, keyLength), block, headsAt - prefix, prefix);
            if (order != 0) {
                return order < 0 ? 0 : restarts;
            }
        }
        long restAt = keyAt + prefix;
        int restLength = keyLength - prefix;
        long head = Integer.toUnsignedLong(Bytes.head4(key, restAt, restLength));
        int lower = headsBelow(block, headsAt, restarts, head);
        if (lower == restarts || headAt(block, headsAt, lower) != head) {
            return lower;
        }
        int width = BlockFormat.trailerWidth(shape);
        long smallest = block.get(LONG_LE, tailAt + TAIL_TRAILER);
        int upper = restarts;
        boolean isUpperKnown = false;
        while (lower < upper) {
            // Nearly always the first of the ties, or the only one, is the one.
            int middle = isUpperKnown ? lower + upper >>> 1 : lower;
            long entryAt = at + BlockFormat.restartOffset(block, offsetsAt, shift, middle);
            if (order(block, entryAt, width, smallest, key, restAt, restLength, trailer) < 0) {
                lower = middle + 1;
                if (!isUpperKnown) {
                    upper = head == 0xFFFFFFFFL ? restarts : headsBelow(block, headsAt, restarts, head + 1);
                    isUpperKnown = true;
                }
            } else if (!isUpperKnown) {
                return lower;
            } else {
                upper = middle;
            }
        }
        return lower;
    }

    /** Where the value of an entry begins, in a block with interval 1. */
    public static long valueAt(MemorySegment block, long at, int length, int entry) {
        long entryAt = entryAt(block, at, length, entry);
        long lengths = BlockFormat.lengths(block, entryAt);
        long shape = block.get(LONG_LE, at + length - TAIL_BYTES);
        return entryAt + BlockFormat.lengthsBytes(lengths) + BlockFormat.trailerWidth(shape)
                + BlockFormat.keyLength(lengths);
    }

    /** The length of an entry's value, in a block with interval 1. */
    public static int valueLength(MemorySegment block, long at, int length, int entry) {
        return BlockFormat.valueLength(BlockFormat.lengths(block, entryAt(block, at, length, entry)));
    }

    private static long entryAt(MemorySegment block, long at, int length, int entry) {
        long tailAt = at + length - TAIL_BYTES;
        long shape = block.get(LONG_LE, tailAt + TAIL_SHAPE);
        long counts = block.get(LONG_LE, tailAt + TAIL_COUNTS);
        int shift = BlockFormat.offsetShift(shape);
        long offsetsAt =
                tailAt - BlockFormat.bucketCount(counts) - ((long) BlockFormat.restartCount(counts) << shift);
        return at + BlockFormat.restartOffset(block, offsetsAt, shift, entry);
    }

    /**
     * How many heads are below. First the last head of each group of 16, which is a cache line, then the heads of the group that it
     * must be in: the misses of either overlap, where each step of a binary search waits for the one before. Nothing is branched on:
     * no branch predictor guesses a random key.
     */
    private static int headsBelow(MemorySegment block, long headsAt, int count, long head) {
        int base = 0;
        int length = count;
        while (length > GROUPED_HEADS_MAX) {
            int half = length >>> 1;
            long middle = headAt(block, headsAt, base + half - 1);
            base += (int) (middle - head >> 63) & half;
            length -= half;
        }
        int groups = 0;
        for (int last = GROUP_HEADS - 1; last < length; last += GROUP_HEADS) {
            groups += (int) (headAt(block, headsAt, base + last) - head >>> 63);
        }
        int below = groups * GROUP_HEADS;
        int end = Math.min(length, below + GROUP_HEADS);
        int first = below;
        for (int at = first; at < end; at++) {
            below += (int) (headAt(block, headsAt, base + at) - head >>> 63);
        }
        return base + below;
    }

    private static long headAt(MemorySegment block, long headsAt, int restart) {
        return Integer.toUnsignedLong(block.get(INT_BE, headsAt + 4L * restart));
    }

    /**
     * The order of a restart point's entry against the rest of a key behind the prefix, and a trailer: negative if the
     * entry comes before.
     */
    private static int order(
            MemorySegment block, long entryAt, int width, long smallest, MemorySegment key, long restAt, int restLength,
            long trailer) {
        long lengths = BlockFormat.lengths(block, entryAt);
        long trailerAt = entryAt + BlockFormat.lengthsBytes(lengths);
        int order = Bytes.compare(
                block, trailerAt + width, BlockFormat.keyLength(lengths), key, restAt, restLength);
        if (order != 0) {
            return order;
        }
        long found = smallest + (block.get(LONG_LE, trailerAt) & BlockFormat.trailerMask(width));
        return Long.compareUnsigned(trailer, found);
    }

    /** Answers with a restart point's entry if it has the probe's key. It is known to be at or after (key, trailer). */
    private static boolean answerAt(
            MemorySegment block, long at, long tailAt, int restart, Probe probe, long trailer) {
        long shape = block.get(LONG_LE, tailAt + TAIL_SHAPE);
        long counts = block.get(LONG_LE, tailAt + TAIL_COUNTS);
        int restarts = BlockFormat.restartCount(counts);
        int shift = BlockFormat.offsetShift(shape);
        long offsetsAt = tailAt - BlockFormat.bucketCount(counts) - ((long) restarts << shift);
        int prefix = BlockFormat.prefixLength(shape);
        long prefixAt = offsetsAt - (long) BlockFormat.HEAD_BYTES * restarts - prefix;
        long entryAt = at + BlockFormat.restartOffset(block, offsetsAt, shift, restart);
        long lengths = BlockFormat.lengths(block, entryAt);
        int restLength = BlockFormat.keyLength(lengths);
        int width = BlockFormat.trailerWidth(shape);
        long trailerAt = entryAt + BlockFormat.lengthsBytes(lengths);
        long restAt = trailerAt + width;
        MemorySegment key = probe.key();
        if (probe.keyLength() != prefix + restLength
                || Bytes.compare(key, prefix, restLength, block, restAt, restLength) != 0
                || Bytes.compare(key, 0, prefix, block, prefixAt, prefix) != 0) {
            return false;
        }
        long found = block.get(LONG_LE, tailAt + TAIL_TRAILER)
                + (block.get(LONG_LE, trailerAt) & BlockFormat.trailerMask(width));
        probe.answer(block, restAt + restLength, BlockFormat.valueLength(lengths), found);
        return true;
    }

    /**
     * Walks the entries of one restart point up to the first at or after the probe's (key, seqno). Keys are stored
     * relative to the restart point: one that shares more with it than the probe's key does stands where the restart
     * point stands.
     */
    private static int answerFrom(MemorySegment block, long at, long tailAt, int restart, Probe probe) {
        long shape = block.get(LONG_LE, tailAt + TAIL_SHAPE);
        long counts = block.get(LONG_LE, tailAt + TAIL_COUNTS);
        int restarts = BlockFormat.restartCount(counts);
        int shift = BlockFormat.offsetShift(shape);
        long offsetsAt = tailAt - BlockFormat.bucketCount(counts) - ((long) restarts << shift);
        int prefix = BlockFormat.prefixLength(shape);
        long prefixAt = offsetsAt - (long) BlockFormat.HEAD_BYTES * restarts - prefix;
        MemorySegment key = probe.key();
        if (probe.keyLength() < prefix || Bytes.compare(key, 0, prefix, block, prefixAt, prefix) != 0) {
            return ABSENT;
        }
        int interval = BlockFormat.interval(shape);
        int width = BlockFormat.trailerWidth(shape);
        long mask = BlockFormat.trailerMask(width);
        long smallest = block.get(LONG_LE, tailAt + TAIL_TRAILER);
        long trailer = Trailer.of(probe.seqno(), Trailer.ANY_TYPE);
        int keyRest = probe.keyLength() - prefix;

        long entryAt = at + BlockFormat.restartOffset(block, offsetsAt, shift, restart);
        int left = Math.min(interval, BlockFormat.entryCount(shape) - restart * interval);
        int shared = 0;
        int common = 0;
        for (int i = 0; i < left; i++) {
            if (i > 0) {
                long part = BlockFormat.sharedLength(block, entryAt);
                shared = (int) BlockFormat.varintValue(part);
                entryAt += BlockFormat.varintBytes(part);
            }
            long lengths = BlockFormat.lengths(block, entryAt);
            int restLength = BlockFormat.keyLength(lengths);
            long trailerAt = entryAt + BlockFormat.lengthsBytes(lengths);
            long restAt = trailerAt + width;
            if (i == 0) {
                common = Bytes.sharedPrefix(key, prefix, keyRest, block, restAt, restLength);
            }
            if (shared <= common) {
                int order = Bytes.compare(
                        block, restAt, restLength, key, prefix + shared, keyRest - shared);
                long found = smallest + (block.get(LONG_LE, trailerAt) & mask);
                if (order == 0 && Long.compareUnsigned(found, trailer) <= 0) {
                    probe.answer(block, restAt + restLength, BlockFormat.valueLength(lengths), found);
                    return ANSWERED;
                }
                if (order > 0) {
                    return ABSENT;
                }
            }
            entryAt = restAt + restLength + BlockFormat.valueLength(lengths);
        }
        return BEYOND;
    }
}
