package io.firn.ffm.codec;

import static io.firn.ffm.codec.Lz4Format.DISTANCE_MAX;
import static io.firn.ffm.codec.Lz4Format.LAST_LITERALS_BYTES;
import static io.firn.ffm.codec.Lz4Format.LAST_MATCH_START_BYTES;
import static io.firn.ffm.codec.Lz4Format.LENGTH_GOES_ON;
import static io.firn.ffm.codec.Lz4Format.MATCH_BYTES_MIN;
import static io.firn.ffm.codec.Lz4Format.STRIDE_BYTES;
import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Compresses LZ4 blocks without native code: one pass with a hash table of the places where four bytes were last seen.
 *
 * <p>Invariants: (1) the table is native memory that every call uses again. A place stands in it as
 * {@code epoch + offset in the source}, and the epoch passes the whole source after each call, so that a place of an
 * earlier call is below it and the table need not be cleared. (2) A candidate is a match only after its bytes were
 * compared; a place below the epoch counts as the source's first, which is as good a guess and no branch to mispredict.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
final class Lz4Compressor implements Compressor {
    private static final int TABLE_LOG = 12;
    private static final long TABLE_BYTES = Integer.BYTES << TABLE_LOG;

    /** After so many misses at one step (as a power of two) the step grows by one byte. */
    private static final int MISSES_PER_STEP_LOG = 6;

    private final Scratch memory;
    private final MemorySegment table;
    private int epoch = Integer.MAX_VALUE;

    Lz4Compressor(MemoryBudget budget) {
        memory = new Scratch(budget);
        table = memory.atLeast(TABLE_BYTES);
    }

    @Override
    public long boundBytes(int sourceLength) {
        return Lz4Format.boundBytes(sourceLength);
    }

    @Override
    public int compress(
            MemorySegment source, long sourceOffset, int sourceLength,
            MemorySegment target, long targetOffset, int targetLength) {
        Objects.checkFromIndexSize(sourceOffset, sourceLength, source.byteSize());
        Objects.checkFromIndexSize(targetOffset, targetLength, target.byteSize());
        if (epoch > Integer.MAX_VALUE - sourceLength) {
            table.fill((byte) 0xFF);
            epoch = 0;
        }
        long end = encode(
                source, sourceOffset, sourceOffset + sourceLength,
                target, targetOffset, targetOffset + targetLength, table, epoch);
        epoch += sourceLength;
        return end < 0 ? -1 : (int) (end - targetOffset);
    }

    @Override
    public void close() {
        memory.close();
    }

    /** Answers where the block ends in the target, or -1 when it does not fit. */
    private static long encode(
            MemorySegment source, long sourceStart, long sourceEnd,
            MemorySegment target, long targetStart, long targetEnd,
            MemorySegment table, int epoch) {
        long base = sourceStart - epoch;
        long lastMatchStart = sourceEnd - LAST_MATCH_START_BYTES;
        long matchEnd = sourceEnd - LAST_LITERALS_BYTES;
        long anchor = sourceStart;
        long at = sourceStart + 1;
        long to = targetStart;
        while (true) {
            long found = findMatch(source, sourceStart, at, lastMatchStart, table, base);
            if (found < 0) {
                break;
            }
            at = sourceStart + (found >>> Short.SIZE);
            long candidate = at - (found & DISTANCE_MAX);
            while (at > anchor && candidate > sourceStart
                    && source.get(BYTE, at - 1) == source.get(BYTE, candidate - 1)) {
                at--;
                candidate--;
            }
            long end = endOfMatch(source, candidate + MATCH_BYTES_MIN, at + MATCH_BYTES_MIN, matchEnd);

            to = putSequence(source, anchor, at, sourceEnd, target, to, targetEnd, at - candidate, end - at);
            if (to < 0) {
                return -1;
            }
            anchor = end;
            at = end;
            table.set(INT_LE, slotOf(source.get(INT_LE, at - 2)), (int) (at - 2 - base));
        }
        return putLastLiterals(source, anchor, sourceEnd, target, to, targetEnd);
    }

    /** The next place whose four bytes were seen before: {@code offset in the source << 16 | distance}, or -1. */
    private static long findMatch(
            MemorySegment source, long sourceStart, long at, long last, MemorySegment table, long base) {
        int misses = 1 << MISSES_PER_STEP_LOG;
        while (at <= last) {
            int word = source.get(INT_LE, at);
            long slot = slotOf(word);
            long candidate = Math.max(sourceStart, base + table.get(INT_LE, slot));
            table.set(INT_LE, slot, (int) (at - base));
            if (source.get(INT_LE, candidate) == word && at - candidate <= DISTANCE_MAX) {
                return at - sourceStart << Short.SIZE | at - candidate;
            }
            at += misses++ >>> MISSES_PER_STEP_LOG;
        }
        return -1;
    }

    private static long slotOf(int word) {
        return (long) (word * 0x9E3779B1 >>> 32 - TABLE_LOG) << 2;
    }

    /** Where the bytes at {@code at} cease to be those at {@code candidate}, at most {@code limit}. */
    private static long endOfMatch(MemorySegment source, long candidate, long at, long limit) {
        long distance = at - candidate;
        for (; at + 8 <= limit; at += 8) {
            long difference = source.get(LONG_LE, at) ^ source.get(LONG_LE, at - distance);
            if (difference != 0) {
                return at + (Long.numberOfTrailingZeros(difference) >>> 3);
            }
        }
        while (at < limit && source.get(BYTE, at) == source.get(BYTE, at - distance)) {
            at++;
        }
        return at;
    }

    private static long putSequence(
            MemorySegment source, long literalsStart, long literalsEnd, long sourceEnd,
            MemorySegment target, long to, long targetEnd, long distance, long match) {
        long literals = literalsEnd - literalsStart;
        long coded = match - MATCH_BYTES_MIN;
        if (1 + literals / 255 + 1 + literals + 2 + coded / 255 + 1 > targetEnd - to) {
            return -1;
        }
        long token = to++;
        int high = (int) Math.min(literals, LENGTH_GOES_ON);
        if (high == LENGTH_GOES_ON) {
            to = putLength(target, to, literals - LENGTH_GOES_ON);
        }
        if (literals <= STRIDE_BYTES && STRIDE_BYTES <= sourceEnd - literalsStart && STRIDE_BYTES <= targetEnd - to) {
            Lz4Format.copyStride(source, literalsStart, target, to);
        } else {
            MemorySegment.copy(source, literalsStart, target, to, literals);
        }
        to += literals;
        target.set(SHORT_LE, to, (short) distance);
        to += 2;
        int low = (int) Math.min(coded, LENGTH_GOES_ON);
        target.set(BYTE, token, (byte) (high << 4 | low));
        return low == LENGTH_GOES_ON ? putLength(target, to, coded - LENGTH_GOES_ON) : to;
    }

    private static long putLastLiterals(
            MemorySegment source, long start, long end, MemorySegment target, long to, long targetEnd) {
        long literals = end - start;
        if (1 + literals + (literals + 255 - LENGTH_GOES_ON) / 255 > targetEnd - to) {
            return -1;
        }
        long token = to++;
        int high = (int) Math.min(literals, LENGTH_GOES_ON);
        target.set(BYTE, token, (byte) (high << 4));
        if (high == LENGTH_GOES_ON) {
            to = putLength(target, to, literals - LENGTH_GOES_ON);
        }
        MemorySegment.copy(source, start, target, to, literals);
        return to + literals;
    }

    private static long putLength(MemorySegment target, long to, long rest) {
        for (; rest >= 255; rest -= 255) {
            target.set(BYTE, to++, (byte) 255);
        }
        target.set(BYTE, to, (byte) rest);
        return to + 1;
    }
}
