package io.firn.entry;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.codec.Decompressors;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A block while it is read, wherever it lies: in memory that outlives the reading, pinned in a cache, or unpacked in
 * private memory of this holder, which others see read-only; and what it takes to verify and unpack one.
 *
 * <p>Invariants: (1) one block is held at a time; who holds another, or releases, gives back the pin of the former. (2)
 * In steady state it allocates nothing: checksum and decompressors keep views of the memory that stands here with them.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
public final class HeldBlock implements AutoCloseable {
    private final Scratch stored;
    private final Scratch unpacked;
    private MemorySegment viewed = MemorySegment.NULL;
    private MemorySegment view = MemorySegment.NULL;
    private final Crc32c crc = new Crc32c();
    private final Decompressors decompressors;

    private MemorySegment segment = MemorySegment.NULL;
    private long at;
    private int length;
    private @Nullable Pinner pinner;
    private long pin;
    private @Nullable ReadCounts counts;

    /** A holder that may be handed from thread to thread. */
    public HeldBlock(MemoryBudget budget) {
        this(new Scratch(budget), new Scratch(budget), budget);
    }

    private HeldBlock(Scratch stored, Scratch unpacked, MemoryBudget budget) {
        this.stored = stored;
        this.unpacked = unpacked;
        decompressors = new Decompressors(budget);
    }

    /** A holder of the calling thread alone, which also closes it. */
    public static HeldBlock confined(MemoryBudget budget) {
        return new HeldBlock(Scratch.confined(budget), Scratch.confined(budget), budget);
    }

    /** Where the block lies. */
    public MemorySegment segment() {
        return segment;
    }

    /** Where it begins in the segment. */
    public long at() {
        return at;
    }

    public int length() {
        return length;
    }

    /** Holds what stays where it is for as long as this may be asked: a mapping, memory of a table. */
    public void hold(MemorySegment newSegment, long newAt, int newLength) {
        release();
        set(newSegment, newAt, newLength);
    }

    /** Takes a pin over and holds what it pins. */
    public void holdPinned(Pinner newPinner, long newPin, MemorySegment newSegment, long newAt, int newLength) {
        release();
        pinner = newPinner;
        pin = newPin;
        set(newSegment, newAt, newLength);
    }

    /** Gives up what was held, for so many bytes to unpack another into, from 0 on; {@link #holdUnpacked} follows. */
    public MemorySegment beginUnpacking(int bytes) {
        release();
        MemorySegment memory = unpacked.atLeast(bytes);
        if (memory != viewed) {
            viewed = memory;
            view = memory.asReadOnly();
        }
        return memory;
    }

    /** Holds what was unpacked. */
    public void holdUnpacked(int bytes) {
        set(view, 0, bytes);
    }

    /** Gives back the pin, if there is one: what was held is not to be read any more. */
    public void release() {
        Pinner former = pinner;
        if (former != null) {
            pinner = null;
            former.unpin(pin);
        }
    }

    /** From now on blocks are counted there; until this is called nowhere. */
    public void countIn(ReadCounts newCounts) {
        counts = newCounts;
    }

    /** Counts a block of a type that is held where it lies. */
    public void countInPlace(int type) {
        ReadCounts counting = counts;
        if (counting != null) {
            counting.inPlace(type);
        }
    }

    /** Counts one that was found in the cache. */
    public void countCached(int type) {
        ReadCounts counting = counts;
        if (counting != null) {
            counting.cached(type);
        }
    }

    /** Counts one that was read from the file as a whole, so many bytes there. */
    public void countLoaded(int type, int bytes) {
        ReadCounts counting = counts;
        if (counting != null) {
            counting.loaded(type, bytes);
        }
    }

    /** Memory for bytes as they are stored, before they are verified. */
    public Scratch stored() {
        return stored;
    }

    public Crc32c crc() {
        return crc;
    }

    public Decompressors decompressors() {
        return decompressors;
    }

    private void set(MemorySegment newSegment, long newAt, int newLength) {
        // Mostly it is the same one, and a store of a reference costs a look at the collector's cards.
        if (segment != newSegment) {
            segment = newSegment;
        }
        at = newAt;
        length = newLength;
    }

    @Override
    public void close() {
        release();
        stored.close();
        unpacked.close();
        viewed = MemorySegment.NULL;
        view = MemorySegment.NULL;
        decompressors.close();
    }
}
