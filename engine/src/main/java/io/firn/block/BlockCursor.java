package io.firn.block;

import static io.firn.block.BlockFormat.TAIL_BYTES;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;

/**
 * A position in one block of entries, which moves both ways; the block is changed by {@link #reset}. Keys are assembled
 * in memory of its own, since a block stores them in up to three parts.
 *
 * <p>Invariants: (1) the block was accepted by {@link BlockCheck}. (2) A move that answers false leaves no position:
 * only {@code first}, {@code last}, a seek or {@code reset} may follow. (3) A step back inside a restart interval costs
 * no walk but the first: the offsets of that interval are remembered.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
public final class BlockCursor implements AutoCloseable {
    private static final int INTERVAL_MAX = 255;

    private final Scratch keyMemory;
    private final int[] entryOffsets = new int[INTERVAL_MAX];

    private MemorySegment block = MemorySegment.NULL;
    private long at;
    private int length;
    private int interval;
    private int entries;
    private int restarts;
    private int offsetShift;
    private long offsetsAt;
    private int prefix;
    private int width;
    private long mask;
    private long smallest;
    private int rememberedRestart;

    private int entry;
    private int untilRestart;
    private long restartRestAt;
    private int fromRestart;
    private MemorySegment key = MemorySegment.NULL;
    private int keyLength;
    private long trailer;
    private long valueAt;
    private int valueLength;

    /** @param keyMemory for the current key; closed with the cursor */
    public BlockCursor(Scratch keyMemory) {
        this.keyMemory = keyMemory;
    }

    /** To another block, at no entry. */
    public void reset(MemorySegment newBlock, long newAt, int newLength) {
        block = newBlock;
        at = newAt;
        length = newLength;
        long tailAt = newAt + newLength - TAIL_BYTES;
        long shape = newBlock.get(LONG_LE, tailAt + BlockFormat.TAIL_SHAPE);
        long counts = newBlock.get(LONG_LE, tailAt + BlockFormat.TAIL_COUNTS);
        interval = BlockFormat.interval(shape);
        entries = BlockFormat.entryCount(shape);
        restarts = BlockFormat.restartCount(counts);
        offsetShift = BlockFormat.offsetShift(shape);
        offsetsAt = tailAt - BlockFormat.bucketCount(counts) - ((long) restarts << offsetShift);
        prefix = BlockFormat.prefixLength(shape);
        width = BlockFormat.trailerWidth(shape);
        mask = BlockFormat.trailerMask(width);
        smallest = newBlock.get(LONG_LE, tailAt + BlockFormat.TAIL_TRAILER);
        rememberedRestart = -1;
        key = keyMemory.atLeast(prefix);
        Bytes.copy(newBlock, offsetsAt - (long) BlockFormat.HEAD_BYTES * restarts - prefix, key, 0, prefix);
        fromRestart = 0;
    }

    /** Lets go of the block; only {@code reset} may follow. */
    public void leave() {
        block = MemorySegment.NULL;
    }

    public boolean first() {
        toRestart(0);
        return true;
    }

    public boolean last() {
        toEntry(entries - 1);
        return true;
    }

    public boolean next() {
        if (entry + 1 == entries) {
            return false;
        }
        entry++;
        long entryAt = valueAt + valueLength;
        if (untilRestart == 0) {
            untilRestart = interval - 1;
            readRestart(entryAt);
        } else {
            untilRestart--;
            readBehindRestart(entryAt);
        }
        return true;
    }

    public boolean previous() {
        if (entry == 0) {
            return false;
        }
        toEntry(entry - 1);
        return true;
    }

    /** To the first entry at or after (key, trailer); false when the block has none. */
    public boolean seek(MemorySegment target, long targetOffset, int targetLength, long targetTrailer) {
        int restart = Block.lowerRestart(block, at, length, target, targetOffset, targetLength, targetTrailer);
        if (interval == 1 || restart == 0) {
            if (restart == restarts) {
                return false;
            }
            toRestart(restart);
            return true;
        }
        toRestart(restart - 1);
        // At most one interval and one entry: the restart point behind is known to be at or after the target.
        while (isBefore(target, targetOffset, targetLength, targetTrailer)) {
            if (!next()) {
                return false;
            }
        }
        return true;
    }

    /** To the last entry at or before (key, trailer); false when the block has none. */
    public boolean seekForPrevious(MemorySegment target, long targetOffset, int targetLength, long targetTrailer) {
        if (!seek(target, targetOffset, targetLength, targetTrailer)) {
            return last();
        }
        if (trailer == targetTrailer && Bytes.equal(key, 0, keyLength, target, targetOffset, targetLength)) {
            return true;
        }
        return previous();
    }

    /** Whether a step back leaves the block. */
    public boolean isFirst() {
        return entry == 0;
    }

    /** The key lies in memory of the cursor's own from offset 0 on. */
    public MemorySegment key() {
        return key;
    }

    public int keyLength() {
        return keyLength;
    }

    public long trailer() {
        return trailer;
    }

    /** The value lies in the block. */
    public long valueAt() {
        return valueAt;
    }

    public int valueLength() {
        return valueLength;
    }

    @Override
    public void close() {
        keyMemory.close();
    }

    private boolean isBefore(MemorySegment target, long targetOffset, int targetLength, long targetTrailer) {
        int order = Bytes.compare(key, 0, keyLength, target, targetOffset, targetLength);
        return order < 0 || order == 0 && Long.compareUnsigned(trailer, targetTrailer) > 0;
    }

    private void toRestart(int restart) {
        entry = restart * interval;
        untilRestart = interval - 1;
        readRestart(at + BlockFormat.restartOffset(block, offsetsAt, offsetShift, restart));
    }

    private void toEntry(int target) {
        if (interval == 1) {
            toRestart(target);
            return;
        }
        int restart = target / interval;
        int behind = target - restart * interval;
        if (rememberedRestart != restart) {
            remember(restart);
            rememberedRestart = restart;
        }
        toRestart(restart);
        if (behind != 0) {
            entry = target;
            untilRestart = interval - 1 - behind;
            readBehindRestart(at + entryOffsets[behind]);
        }
    }

    private void remember(int restart) {
        int count = Math.min(interval, entries - restart * interval);
        long entryAt = at + BlockFormat.restartOffset(block, offsetsAt, offsetShift, restart);
        for (int i = 0; i < count; i++) {
            entryOffsets[i] = (int) (entryAt - at);
            if (i > 0) {
                entryAt += BlockFormat.varintBytes(BlockFormat.sharedLength(block, entryAt));
            }
            long lengths = BlockFormat.lengths(block, entryAt);
            entryAt += BlockFormat.lengthsBytes(lengths) + width + BlockFormat.keyLength(lengths)
                    + BlockFormat.valueLength(lengths);
        }
    }

    private void readRestart(long entryAt) {
        long lengths = BlockFormat.lengths(block, entryAt);
        restartRestAt = entryAt + BlockFormat.lengthsBytes(lengths) + width;
        read(entryAt, lengths, 0);
        fromRestart = keyLength - prefix;
    }

    private void readBehindRestart(long entryAt) {
        long part = BlockFormat.sharedLength(block, entryAt);
        int shared = (int) BlockFormat.varintValue(part);
        if (shared > fromRestart) {
            Bytes.copy(block, restartRestAt + fromRestart, key, prefix + fromRestart, shared - fromRestart);
        }
        long lengthsAt = entryAt + BlockFormat.varintBytes(part);
        read(lengthsAt, BlockFormat.lengths(block, lengthsAt), shared);
        fromRestart = shared;
    }

    /** Takes the entry's key behind what it shares, which is in the key memory already, and the places of the rest. */
    private void read(long lengthsAt, long lengths, int shared) {
        int rest = BlockFormat.keyLength(lengths);
        long trailerAt = lengthsAt + BlockFormat.lengthsBytes(lengths);
        int before = prefix + shared;
        keyLength = before + rest;
        if (keyLength > key.byteSize()) {
            key = keyMemory.atLeastKeeping(keyLength, before);
        }
        Bytes.copy(block, trailerAt + width, key, before, rest);
        trailer = smallest + (block.get(LONG_LE, trailerAt) & mask);
        valueAt = trailerAt + width + rest;
        valueLength = BlockFormat.valueLength(lengths);
    }
}
