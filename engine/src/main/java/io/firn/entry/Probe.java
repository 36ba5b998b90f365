package io.firn.entry;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One point lookup in progress: the key that is asked for, the answer, and the private memory that finding it takes.
 *
 * <p>Invariants: (1) the key lies in the probe's own memory and its hash is taken once. (2) The answer is
 * (segment, offset, length): memory of a memtable, of a mapping, of a cache, or of this probe. It is valid until the
 * probe asks again or is released, and while the super version that it came from is pinned.
 *
 * <p>Threads: one at a time; leased from a pool for a whole call including its callback (R20).
 */
public final class Probe implements AutoCloseable {
    private final Scratch keyMemory;
    private final HeldBlock index;
    private final HeldBlock block;
    private final HeldBlock separated;

    private MemorySegment key = MemorySegment.NULL;
    private int keyLength;
    private long hash;
    private long seqno;

    private MemorySegment segment = MemorySegment.NULL;
    private long offset;
    private int length;
    private long trailer;

    private @Nullable ReadCounts counts;

    public Probe(MemoryBudget budget) {
        keyMemory = new Scratch(budget);
        index = new HeldBlock(budget);
        block = new HeldBlock(budget);
        separated = new HeldBlock(budget);
    }

    /** Asks for the newest version of a key at or below a seqno. */
    public void ask(MemorySegment source, long sourceOffset, int sourceLength, long atSeqno) {
        release();
        key = keyMemory.atLeast(sourceLength);
        // Not Bytes.copy: a caller's segments of every kind would spoil the type profile of its access sites.
        MemorySegment.copy(source, sourceOffset, key, 0, sourceLength);
        keyLength = sourceLength;
        hash = Bytes.hash(key, 0, sourceLength);
        seqno = atSeqno;
    }

    /** Asks for the newest version of a key at or below a seqno. */
    public void ask(byte[] source, long atSeqno) {
        release();
        key = keyMemory.atLeast(source.length);
        MemorySegment.copy(source, 0, key, Layouts.BYTE, 0, source.length);
        keyLength = source.length;
        hash = Bytes.hash(key, 0, source.length);
        seqno = atSeqno;
    }

    /** Moves the question to another seqno, the key as it was. */
    public void at(long atSeqno) {
        seqno = atSeqno;
    }

    /** The key, from offset 0 on. */
    public MemorySegment key() {
        return key;
    }

    public int keyLength() {
        return keyLength;
    }

    public long hash() {
        return hash;
    }

    public long seqno() {
        return seqno;
    }

    /** Called by the source that found the entry. */
    public void answer(MemorySegment valueSegment, long valueOffset, int valueLength, long entryTrailer) {
        segment = valueSegment;
        offset = valueOffset;
        length = valueLength;
        trailer = entryTrailer;
    }

    /** Called by a source that shows its entries at a later seqno than they were written with. */
    public void raiseTrailer(long byTrailer) {
        trailer += byTrailer;
    }

    public MemorySegment segment() {
        return segment;
    }

    public long offset() {
        return offset;
    }

    public int length() {
        return length;
    }

    public long trailer() {
        return trailer;
    }

    /** From now on filters and blocks are counted there; until this is called nowhere. */
    public void countIn(ReadCounts newCounts) {
        if (counts != newCounts) {
            counts = newCounts;
            index.countIn(newCounts);
            block.countIn(newCounts);
            separated.countIn(newCounts);
        }
    }

    /** A filter was asked where it lies. */
    public void countFilterInPlace() {
        ReadCounts counting = counts;
        if (counting != null) {
            counting.inPlace(ReadCounts.FILTER);
        }
    }

    /** A filter was read from the file, so many bytes. */
    public void countFilterLoaded(int bytes) {
        ReadCounts counting = counts;
        if (counting != null) {
            counting.loaded(ReadCounts.FILTER, bytes);
        }
    }

    /** A filter told that a table has not the key. */
    public void countFilterSkip() {
        ReadCounts counting = counts;
        if (counting != null) {
            counting.filterSkip();
        }
    }

    /** A filter let the key pass, and the table has not got it. */
    public void countFilterPass() {
        ReadCounts counting = counts;
        if (counting != null) {
            counting.filterPass();
        }
    }

    /** The block that tells where the key would stand; nobody needs it when that is known. */
    public HeldBlock index() {
        return index;
    }

    /** The block in which the key was looked for last; an answer may lie in it. */
    public HeldBlock block() {
        return block;
    }

    /** How large the answered value is, wherever it stands. */
    public int valueLength() {
        return BlobHandle.valueLength(trailer, segment, offset, length);
    }

    /** What the value is held by that the answer is a handle of; it becomes the answer by {@link #answerSeparated}. */
    public HeldBlock separated() {
        return separated;
    }

    public void answerSeparated() {
        answer(separated.segment(), separated.at(), separated.length(), Trailer.of(Trailer.seqno(trailer), Trailer.VALUE));
    }

    /** Lets go of what the answer lies in; it is no longer valid. */
    public void release() {
        index.release();
        block.release();
        separated.release();
    }

    @Override
    public void close() {
        keyMemory.close();
        index.close();
        block.close();
        separated.close();
    }
}
