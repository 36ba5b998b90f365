package io.firn.table;

import io.firn.block.Block;
import io.firn.block.BlockCursor;
import io.firn.cache.BlockCache;
import io.firn.entry.EntryCursor;
import io.firn.entry.HeldBlock;
import io.firn.entry.ReadCounts;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A position in a table: one in the index, and one in the data block that it names. Keys lie in the cursor's own
 * memory, values in the mapping or, of a compressed block, in the cache or the cursor's private memory. It may be
 * opened over one table after the other, with the same memory.
 *
 * <p>Invariants: the data block it stands on and the partition that names it are held; in the cache that is a pin.
 *
 * <p>Threads: one at a time. Closed by: its opener; the table outlives it.
 */
public final class TableCursor implements EntryCursor {
    private static final int NONE = -1;

    private enum State {
        UNMOVED,
        BEFORE_START,
        POSITIONED,
        PAST_END
    }

    private Caching caching;
    private final BlockCursor entries;
    private final HeldBlock handles;
    private final HeldBlock data;

    private @Nullable Table table;
    private @Nullable BlockCache cache;
    private boolean isFilling;
    private State state = State.UNMOVED;
    private long shiftTrailer;
    private int partitionCount;
    private int partition = NONE;
    private int blockCount;
    private int block = NONE;

    /** A cursor over nothing, until it is opened; it may be handed from thread to thread. */
    public TableCursor(MemoryBudget budget, Caching caching) {
        this(caching, new Scratch(budget), new HeldBlock(budget), new HeldBlock(budget));
    }

    private TableCursor(Caching caching, Scratch keyMemory, HeldBlock handles, HeldBlock data) {
        this.caching = caching;
        entries = new BlockCursor(keyMemory);
        this.handles = handles;
        this.data = data;
    }

    /** The same of the calling thread alone, which also closes it; it leaves the cache alone. */
    public static TableCursor confined(MemoryBudget budget) {
        return new TableCursor(
                Caching.BYPASS, Scratch.confined(budget), HeldBlock.confined(budget), HeldBlock.confined(budget));
    }

    /** Uses the cache in another way from the next move on. REQUIRES: neither way is to bypass it. */
    public void use(Caching newCaching) {
        assert caching != Caching.BYPASS && newCaching != Caching.BYPASS : caching + " to " + newCaching;
        caching = newCaching;
        isFilling = newCaching == Caching.ALL;
    }

    /** From now on blocks are counted there; until this is called nowhere. */
    public void countIn(ReadCounts counts) {
        handles.countIn(counts);
        data.countIn(counts);
    }

    /** Begins anew over a table, before any move. */
    public void open(Table newTable) {
        leave();
        table = newTable;
        cache = caching == Caching.BYPASS ? null : newTable.cache();
        shiftTrailer = newTable.shiftTrailer();
        partitionCount = newTable.index().partitionCount();
    }

    /** Lets go of the table. */
    public void leave() {
        state = State.UNMOVED;
        table = null;
        cache = null;
        partition = NONE;
        block = NONE;
        handles.release();
        data.release();
        entries.leave();
    }

    @Override
    public boolean first() {
        state = State.UNMOVED;
        isFilling = caching == Caching.ALL;
        toPartition(0);
        toBlock(0);
        entries.first();
        return positioned();
    }

    @Override
    public boolean last() {
        isFilling = caching == Caching.ALL;
        return toLast();
    }

    private boolean toLast() {
        state = State.UNMOVED;
        toPartition(partitionCount - 1);
        toBlock(blockCount - 1);
        entries.last();
        return positioned();
    }

    @Override
    public boolean next() {
        return switch (state) {
            case POSITIONED -> entries.next() || nextBlock();
            case UNMOVED, BEFORE_START -> first();
            case PAST_END -> false;
        };
    }

    @Override
    public boolean previous() {
        return switch (state) {
            case POSITIONED -> entries.previous() || previousBlock();
            case UNMOVED, PAST_END -> last();
            case BEFORE_START -> false;
        };
    }

    @Override
    public boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        if (Long.compareUnsigned(trailer, shiftTrailer) >= 0) {
            return seekOwn(key, keyOffset, keyLength, trailer - shiftTrailer);
        }
        // The one entry of this key stands before its older versions.
        boolean isThere = seekOwn(key, keyOffset, keyLength, 0);
        boolean isKey = isThere && Bytes.equal(entries.key(), 0, entries.keyLength(), key, keyOffset, keyLength);
        return isKey ? next() : isThere;
    }

    /** With a trailer as it stands in the file. */
    private boolean seekOwn(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        state = State.UNMOVED;
        isFilling = true;
        if (!toBlockOf(key, keyOffset, keyLength, trailer)) {
            state = State.PAST_END;
            return false;
        }
        // The block's index entry may be behind its last entry: then the next block begins behind the target.
        return entries.seek(key, keyOffset, keyLength, trailer) ? positioned() : nextBlock();
    }

    @Override
    public boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        state = State.UNMOVED;
        isFilling = true;
        long own = Long.compareUnsigned(trailer, shiftTrailer) >= 0 ? trailer - shiftTrailer : 0;
        if (!toBlockOf(key, keyOffset, keyLength, own)) {
            return toLast();
        }
        return entries.seekForPrevious(key, keyOffset, keyLength, own) ? positioned() : previousBlock();
    }

    @Override
    public boolean isPositioned() {
        return state == State.POSITIONED;
    }

    @Override
    public MemorySegment keySegment() {
        assert isPositioned() : "no entry";
        return entries.key();
    }

    @Override
    public long keyOffset() {
        return 0;
    }

    @Override
    public int keyLength() {
        return entries.keyLength();
    }

    @Override
    public long trailer() {
        return entries.trailer() + shiftTrailer;
    }

    @Override
    public MemorySegment valueSegment() {
        assert isPositioned() : "no entry";
        return data.segment();
    }

    @Override
    public long valueOffset() {
        return entries.valueAt();
    }

    @Override
    public int valueLength() {
        return entries.valueLength();
    }

    /** What is mapped stays; of a decompressed block until another is loaded. */
    @Override
    public boolean isValueSteady() {
        return table != null && data.segment() == table.file() || !entries.isFirst();
    }

    @Override
    public void close() {
        leave();
        entries.close();
        handles.close();
        data.close();
    }

    private boolean positioned() {
        state = State.POSITIONED;
        return true;
    }

    private boolean nextBlock() {
        state = State.UNMOVED;
        if (block + 1 == blockCount) {
            if (partition + 1 == partitionCount) {
                state = State.PAST_END;
                return false;
            }
            toPartition(partition + 1);
            toBlock(0);
        } else {
            toBlock(block + 1);
        }
        isFilling = caching == Caching.ALL;
        entries.first();
        return positioned();
    }

    private boolean previousBlock() {
        state = State.UNMOVED;
        if (block == 0) {
            if (partition == 0) {
                state = State.BEFORE_START;
                return false;
            }
            toPartition(partition - 1);
            toBlock(blockCount - 1);
        } else {
            toBlock(block - 1);
        }
        isFilling = caching == Caching.ALL;
        entries.last();
        return positioned();
    }

    /** To the one block that may hold the first entry at or after (key, trailer). */
    private boolean toBlockOf(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        int target = table.index().partitionOf(key, keyOffset, keyLength, trailer);
        if (target == partitionCount) {
            return false;
        }
        toPartition(target);
        int found = Block.lowerRestart(
                handles.segment(), handles.at(), handles.length(), key, keyOffset, keyLength, trailer);
        if (found == blockCount) {
            return false;
        }
        toBlock(found);
        return true;
    }

    private void toPartition(int target) {
        if (partition == target) {
            return;
        }
        partition = NONE;
        block = NONE;
        table.index().hold(target, handles, cache, isFilling);
        blockCount = Block.entryCount(handles.segment(), handles.at(), handles.length());
        partition = target;
    }

    private void toBlock(int target) {
        if (block == target) {
            return;
        }
        block = NONE;
        long handleAt = Block.valueAt(handles.segment(), handles.at(), handles.length(), target);
        table.blocks().holdData(handles.segment(), handleAt, data, cache, isFilling);
        entries.reset(data.segment(), data.at(), data.length());
        block = target;
    }
}
