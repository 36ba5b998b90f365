package io.firn.memtable;

import io.firn.entry.EntryCursor;
import io.firn.entry.EntryLimits;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The newest entries of one keyspace, sorted: one writer inserts while any number of readers read.
 *
 * <p>Invariants: (1) the writer reserves before it inserts, and an insert into reserved room cannot fail (R8); the
 * slabs that a reservation needs are acquired by its caller, outside the commit lock (R9). (2) An entry is found by
 * everybody who was told its seqno after its insert. (3) Entries stay where they are until {@link #free}; answers
 * point to them.
 *
 * <p>Threads: {@link #tryReserve}, {@link #slabBytesWanted}, {@link #provide}, {@link #insert} and {@link
 * #nextPrefix} with the commit lock held; all else any.
 *
 * <p>Closed by: the maintenance thread calls {@link #free} after the last super version has left. A late access is an
 * IllegalStateException: from here after {@code free}, from the slab's segment after the pool was closed (R22).
 */
public final class Memtable {
    /** Answers to {@link #tryReserve}. */
    public enum Room {
        /** The inserts cannot fail. */
        READY,
        /** They would pass the limit: seal this memtable. */
        FULL,
        /** Provide a slab of {@link #slabBytesWanted} and ask again. */
        NEEDS_SLAB
    }

    /** What an entry takes beside key and value at most. */
    private static final long ENTRY_ROOM_BYTES = EntryFormat.HEADER_BYTES + EntryFormat.ALIGNMENT_BYTES - 1;

    private static final int FREED = -1;

    private static final VarHandle COUNT;
    private static final VarHandle SEQNO_MAX;
    private static final VarHandle USED_BYTES;
    private static final VarHandle SLAB_BYTES;
    private static final VarHandle PINS;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            COUNT = lookup.findVarHandle(Memtable.class, "count", long.class);
            SEQNO_MAX = lookup.findVarHandle(Memtable.class, "seqnoMax", long.class);
            USED_BYTES = lookup.findVarHandle(Memtable.class, "usedBytes", long.class);
            SLAB_BYTES = lookup.findVarHandle(Memtable.class, "slabBytes", long.class);
            PINS = lookup.findVarHandle(Memtable.class, "pins", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final long limitBytes;
    private final SlabChain chain;
    private final SkipList list;

    private long wantedBytes;

    private long count;
    private long seqnoMax;
    private long usedBytes;
    private long slabBytes;

    /** Super versions that reach this memtable. */
    private int pins;

    /** The prefix is a guess from the memtable before this one; it only makes things faster. */
    public Memtable(SlabPool pool, long limitBytes, Prefix guess) {
        this(pool, limitBytes, SlabChain.FIRST_BYTES_MAX, guess);
    }

    /** The same with a first slab of at most so many bytes: a power of two, of which many memtables with few entries each take little. */
    public Memtable(SlabPool pool, long limitBytes, long firstBytesMax, Prefix guess) {
        this.limitBytes = limitBytes;
        chain = new SlabChain(pool, limitBytes, firstBytesMax);
        list = new SkipList(chain, guess);
    }

    /**
     * Makes sure of room for so many entries whose keys and values sum to so many bytes, whatever splits they cause.
     */
    public Room tryReserve(long entryBytes, int entries) {
        if (count > 0 && limitBytes < chain.usedBytes() + entryBytes) {
            return Room.FULL;
        }
        long needBytes = entryBytes + entries * ENTRY_ROOM_BYTES + list.nodeBytesAtWorst(entries);
        if (chain.holds(needBytes)) {
            return Room.READY;
        }
        wantedBytes = chain.nextSlabBytes(needBytes, count == 0);
        return wantedBytes == 0 ? Room.FULL : Room.NEEDS_SLAB;
    }

    /**
     * The size of the slab that a reservation waits for; or, once the last slab is half used, of the one that will be
     * needed next. 0: none. A memtable that nothing was ever reserved in wants none, so that idle keyspaces cost
     * nothing.
     */
    public long slabBytesWanted() {
        if (wantedBytes == 0 && chain.isLastHalfUsed()) {
            return chain.nextSlabBytes(0, false);
        }
        return wantedBytes;
    }

    /** Takes a slab, to be given back to the pool by {@link #free}. */
    public void provide(Slab slab) {
        chain.provide(slab);
        wantedBytes = 0;
        // opaque: pairs with the reads of statistics only
        SLAB_BYTES.setOpaque(this, chain.slabBytes());
    }

    /** Inserts into reserved room. Of equal (key, seqno) the later insert comes first. */
    public void insert(
            MemorySegment key, long keyOffset, int keyLength, long trailer, MemorySegment value, long valueOffset,
            int valueLength) {
        assert EntryLimits.KEY_BYTES_MIN <= keyLength && keyLength <= EntryLimits.KEY_BYTES_MAX : keyLength;
        try {
            int entry = chain.allocate(
                    (long) EntryFormat.HEADER_BYTES + keyLength + valueLength, EntryFormat.ALIGNMENT_BYTES);
            EntryFormat.write(SlabChain.segment(chain.segments(), entry), SlabChain.offset(entry),
                    key, keyOffset, keyLength, trailer, value, valueOffset, valueLength);
            list.insert(entry);
        } catch (Throwable t) {
            // Throwable: no stack, or a page of the journal that was lost just before. Readers must not wait for the rest.
            list.failure = t;
            throw t;
        }
        // opaque: pairs with the reads of statistics only; entries are published by their nodes
        COUNT.setOpaque(this, count + 1);
        SEQNO_MAX.setOpaque(this, Math.max(seqnoMax, Trailer.seqno(trailer)));
        USED_BYTES.setOpaque(this, chain.usedBytes());
    }

    /** Answers the probe with the newest version of its key at or below its seqno, be it a tombstone. */
    public boolean get(Probe probe) {
        MemorySegment key = probe.key();
        int keyLength = probe.keyLength();
        int entry = list.find(key, 0, keyLength, probe.seqno());
        if (entry == SkipList.NONE) {
            checkNotFreed();
            return false;
        }
        MemorySegment segment = SlabChain.segment(list.segments(), entry);
        long offset = SlabChain.offset(entry);
        long entryKeyOffset = offset + EntryFormat.HEADER_BYTES;
        if (!Bytes.equal(segment, entryKeyOffset, EntryFormat.keyLength(segment, offset), key, 0, keyLength)) {
            return false;
        }
        probe.answer(SlabChain.segment(list.views(), entry), entryKeyOffset + keyLength, EntryFormat.valueLength(segment, offset),
                EntryFormat.trailer(segment, offset));
        return true;
    }

    /** All versions, both ways, while the writer goes on. */
    public EntryCursor cursor() {
        MemtableCursor cursor = new MemtableCursor();
        cursor.open(this);
        return cursor;
    }

    SkipList list() {
        return list;
    }

    /** Bytes of slabs that entries and nodes have taken. */
    public long usedBytes() {
        // opaque: pairs with the write in insert()
        return (long) USED_BYTES.getOpaque(this);
    }

    public long slabBytes() {
        // opaque: pairs with the write in provide()
        return (long) SLAB_BYTES.getOpaque(this);
    }

    public long count() {
        // opaque: pairs with the write in insert()
        return (long) COUNT.getOpaque(this);
    }

    public boolean isEmpty() {
        return count() == 0;
    }

    /** The largest seqno inserted; 0 if there is none. */
    public long seqnoMax() {
        // opaque: pairs with the write in insert()
        return (long) SEQNO_MAX.getOpaque(this);
    }

    /** A guess for the memtable that comes after this one. */
    public Prefix nextPrefix() {
        return list.nextPrefix();
    }

    /** One more super version reaches this memtable. */
    public void retain() {
        // volatile: pairs with release() and free()
        int before = (int) PINS.getAndAdd(this, 1);
        assert 0 <= before : "a memtable was pinned after it was freed";
    }

    /** One less; true if it was the last. */
    public boolean release() {
        // volatile: what the leaving super version's readers did is before what follows the last release
        int before = (int) PINS.getAndAdd(this, -1);
        assert 0 < before : "a memtable was released more often than retained";
        return before == 1;
    }

    /** How many super versions reach this memtable now. */
    public int userCount() {
        // volatile: pairs with retain() and release()
        return (int) PINS.getVolatile(this);
    }

    /** Its memory no longer counts against limits: only readers of the past hold it. False if it was so before. */
    public boolean exempt() {
        return chain.exempt();
    }

    /** Gives the slabs back to their pool. Idempotent; nobody may pin or read this memtable any more. */
    public void free() {
        // volatile: pairs with retain(), which finds a pin after this a bug
        int before = (int) PINS.getAndSet(this, FREED);
        assert before <= 0 : "a memtable was freed with " + before + " pins";
        if (before != FREED) {
            list.cutOff();
            chain.free();
        }
    }

    void checkNotFreed() {
        // volatile: pairs with free()
        if ((int) PINS.getVolatile(this) == FREED) {
            throw new IllegalStateException("the memtable was freed");
        }
    }

    @Override
    public String toString() {
        return "memtable of " + count() + " entries, " + usedBytes() + " of " + slabBytes() + " bytes used";
    }
}
