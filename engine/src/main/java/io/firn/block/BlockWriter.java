package io.firn.block;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_BE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;

/**
 * Gathers entries and encodes them as one block. The prefix that all keys share is known only with the last one, so
 * entries are kept as they come, and encoded at the end.
 *
 * <p>Invariants: (1) entries are added in entry order. (2) Restart offsets have 2 bytes if the last one fits, else 4
 * (R24). (3) Keys behind a restart point are stored relative to it, never to each other.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
public final class BlockWriter implements AutoCloseable {
    /** A gathered entry: keyLength u32, valueLength u32, trailer u64, key, value. */
    private static final int RAW_HEADER_BYTES = 16;

    /**
     * What an entry may take in a block beyond its raw form: lengths of 3 + 3 + 5 bytes, a trailer, a head, an offset,
     * less the raw header.
     */
    private static final int ENCODED_SURPLUS_BYTES = 16;

    private final int interval;
    private final double hashRatio;
    private final Scratch raw;
    private final Scratch restarts;

    private long rawBytes;
    private int entryCount;
    private long lastAt;
    private long trailerMin;
    private long trailerMax;

    public BlockWriter(int restartInterval, double hashRatio, MemoryBudget budget) {
        assert 1 <= restartInterval && restartInterval <= 255 : restartInterval;
        this.interval = restartInterval;
        this.hashRatio = hashRatio;
        raw = Scratch.confined(budget);
        restarts = Scratch.confined(budget);
    }

    public void add(
            MemorySegment key, long keyOffset, int keyLength, long trailer,
            MemorySegment value, long valueOffset, int valueLength) {
        long needed = rawBytes + RAW_HEADER_BYTES + keyLength + valueLength;
        MemorySegment memory = raw.atLeastKeeping(needed, rawBytes);
        memory.set(INT_LE, rawBytes, keyLength);
        memory.set(INT_LE, rawBytes + 4, valueLength);
        memory.set(LONG_LE, rawBytes + 8, trailer);
        Bytes.copy(key, keyOffset, memory, rawBytes + RAW_HEADER_BYTES, keyLength);
        Bytes.copy(value, valueOffset, memory, rawBytes + RAW_HEADER_BYTES + keyLength, valueLength);
        lastAt = rawBytes;
        rawBytes = needed;
        if (entryCount == 0) {
            trailerMin = trailer;
            trailerMax = trailer;
        } else if (Long.compareUnsigned(trailer, trailerMin) < 0) {
            trailerMin = trailer;
        } else if (Long.compareUnsigned(trailer, trailerMax) > 0) {
            trailerMax = trailer;
        }
        entryCount++;
    }

    public int entryCount() {
        return entryCount;
    }

    /**
     * About what the block takes before compression; lengths and trailers are guessed to need what a head and an offset
     * save.
     */
    public long estimatedBytes() {
        return rawBytes - (long) entryCount * (RAW_HEADER_BYTES / 2);
    }

    /** The memory that the gathered entries may take when encoded, with room around them. */
    private long boundBytes(int headroomBytes) {
        return headroomBytes + rawBytes + (long) ENCODED_SURPLUS_BYTES * entryCount + 65_535
                + bucketCount(entryCount) + BlockFormat.TAIL_BYTES + BlockFrame.CHECKSUM_BYTES;
    }

    /**
     * Encodes what was gathered as a payload behind {@code headroomBytes} of the target and starts anew; answers the
     * payload's length. There is room for a checksum behind it.
     */
    public int encode(Scratch target, int headroomBytes) {
        assert entryCount > 0 : "a block without entries";
        MemorySegment source = raw.bytes();
        MemorySegment block = target.atLeast(boundBytes(headroomBytes));
        int restartCount = (entryCount + interval - 1) / interval;
        MemorySegment points = restarts.atLeast(8L * restartCount);
        int prefix = Bytes.sharedPrefix(
                source, RAW_HEADER_BYTES, source.get(INT_LE, 0),
                source, lastAt + RAW_HEADER_BYTES, source.get(INT_LE, lastAt));
        int width = widthOf(trailerMax - trailerMin);

        long at = encodeEntries(source, block, headroomBytes, points, prefix, width);
        Bytes.copy(source, RAW_HEADER_BYTES, block, at, prefix);
        at += prefix;
        for (int i = 0; i < restartCount; i++) {
            block.set(INT_LE, at + 4L * i, points.get(INT_LE, 8L * i));
        }
        at += 4L * restartCount;
        boolean isWide = points.get(INT_LE, 8L * restartCount - 4) > BlockFormat.OFFSET_NARROW_MAX;
        for (int i = 0; i < restartCount; i++) {
            int offset = points.get(INT_LE, 8L * i + 4);
            if (isWide) {
                block.set(INT_LE, at + 4L * i, offset);
            } else {
                block.set(SHORT_LE, at + 2L * i, (short) offset);
            }
        }
        at += (isWide ? 4L : 2L) * restartCount;
        int buckets = restartCount <= BlockFormat.HASHED_RESTARTS_MAX ? bucketCount(entryCount) : 0;
        if (buckets != 0) {
            fillBuckets(source, block, at, buckets);
        }
        at += buckets;
        at = putTail(block, at, prefix, interval, width, isWide, entryCount, restartCount, buckets, trailerMin);
        int length = Math.toIntExact(at - headroomBytes);
        clear();
        return length;
    }

    /**
     * Encodes a block of one entry around its value, which stays where it is: the target holds, behind the headroom,
     * what comes before the value and, right after, what comes behind it.
     */
    public Surroundings encodeAround(
            MemorySegment key, long keyOffset, int keyLength, long trailer, int valueLength, Scratch target,
            int headroomBytes) {
        assert entryCount == 0 : "a large entry has a block of its own";
        MemorySegment block = target.atLeast(boundBytes(headroomBytes) + keyLength + bucketCount(1) + 64);
        long valueAt = BlockFormat.putVarint(block, headroomBytes, 0);
        valueAt = BlockFormat.putVarint(block, valueAt, valueLength);
        long at = valueAt;
        Bytes.copy(key, keyOffset, block, at, keyLength);
        at += keyLength;
        block.set(INT_LE, at, 0);
        block.set(SHORT_LE, at + 4, (short) 0);
        at += 6;
        int buckets = bucketCount(1);
        for (int i = 0; i < buckets; i++) {
            block.set(BYTE, at + i, (byte) BlockFormat.BUCKET_FREE);
        }
        if (buckets != 0) {
            block.set(BYTE, at + BlockFormat.bucketOf(Bytes.hash(key, keyOffset, keyLength), buckets), (byte) 0);
        }
        at = putTail(block, at + buckets, keyLength, interval, 0, false, 1, 1, buckets, trailer);
        return new Surroundings((int) (valueAt - headroomBytes), (int) (at - valueAt));
    }

    private long encodeEntries(
            MemorySegment source, MemorySegment block, int start, MemorySegment points, int prefix, int width) {
        long mask = BlockFormat.trailerMask(width);
        long rawAt = 0;
        long at = start;
        long restartKeyAt = 0;
        int restartKeyLength = 0;
        int untilRestart = 0;
        int restart = 0;
        for (int i = 0; i < entryCount; i++) {
            int keyLength = source.get(INT_LE, rawAt);
            int valueLength = source.get(INT_LE, rawAt + 4);
            long trailer = source.get(LONG_LE, rawAt + 8);
            long keyAt = rawAt + RAW_HEADER_BYTES;
            int stored = prefix;
            if (untilRestart == 0) {
                points.set(INT_LE, 8L * restart + 4, (int) (at - start));
                points.set(INT_BE, 8L * restart, Bytes.head4(source, keyAt + prefix, keyLength - prefix));
                restart++;
                restartKeyAt = keyAt;
                restartKeyLength = keyLength;
                untilRestart = interval;
            } else {
                stored = Bytes.sharedPrefix(source, restartKeyAt, restartKeyLength, source, keyAt, keyLength);
                at = BlockFormat.putVarint(block, at, stored - prefix);
            }
            untilRestart--;
            at = BlockFormat.putVarint(block, at, keyLength - stored);
            at = BlockFormat.putVarint(block, at, valueLength);
            // Eight bytes whatever the width: what is too much is overwritten by what follows, the tail at the latest.
            block.set(LONG_LE, at, trailer - trailerMin & mask);
            at += width;
            Bytes.copy(source, keyAt + stored, block, at, keyLength - stored);
            at += keyLength - stored;
            Bytes.copy(source, keyAt + keyLength, block, at, valueLength);
            at += valueLength;
            rawAt = keyAt + keyLength + valueLength;
        }
        return at;
    }

    private void fillBuckets(MemorySegment source, MemorySegment block, long bucketsAt, int buckets) {
        for (int i = 0; i < buckets; i++) {
            block.set(BYTE, bucketsAt + i, (byte) BlockFormat.BUCKET_FREE);
        }
        long rawAt = 0;
        for (int i = 0; i < entryCount; i++) {
            int keyLength = source.get(INT_LE, rawAt);
            int valueLength = source.get(INT_LE, rawAt + 4);
            long hash = Bytes.hash(source, rawAt + RAW_HEADER_BYTES, keyLength);
            long at = bucketsAt + BlockFormat.bucketOf(hash, buckets);
            int before = Byte.toUnsignedInt(block.get(BYTE, at));
            int restart = i / interval;
            if (before == BlockFormat.BUCKET_FREE) {
                block.set(BYTE, at, (byte) restart);
            } else if (before != restart) {
                // Two keys, or one whose versions span restart points.
                block.set(BYTE, at, (byte) BlockFormat.BUCKET_CONFLICT);
            }
            rawAt += RAW_HEADER_BYTES + keyLength + valueLength;
        }
    }

    private static long putTail(
            MemorySegment block, long at, int prefix, int interval, int width, boolean isWide, int entryCount,
            int restartCount, int buckets, long trailerMin) {
        int shape = width | (isWide ? BlockFormat.WIDE_OFFSETS : 0);
        block.set(LONG_LE, at + BlockFormat.TAIL_SHAPE,
                (long) entryCount << 32 | (long) shape << 24 | (long) interval << 16 | prefix);
        block.set(LONG_LE, at + BlockFormat.TAIL_COUNTS, (long) buckets << 32 | restartCount);
        block.set(LONG_LE, at + BlockFormat.TAIL_TRAILER, trailerMin);
        return at + BlockFormat.TAIL_BYTES;
    }

    private int bucketCount(int entries) {
        return hashRatio > 0 ? (int) Math.max(1, (long) (entries * hashRatio)) : 0;
    }

    /** How many bytes hold a number. */
    private static int widthOf(long number) {
        return (Long.SIZE - Long.numberOfLeadingZeros(number) + 7) / 8;
    }

    private void clear() {
        rawBytes = 0;
        entryCount = 0;
    }

    @Override
    public void close() {
        raw.close();
        restarts.close();
    }

    /** How many bytes of a block come before a large value and behind it. */
    public record Surroundings(int bytesBefore, int bytesBehind) {}
}
