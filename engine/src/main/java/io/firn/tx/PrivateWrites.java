package io.firn.tx;

import io.firn.config.KeyRange;
import io.firn.db.Batch;
import io.firn.entry.EntryLimits;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.error.ClosedException;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Slab;
import io.firn.ffm.memory.SlabPool;
import io.firn.keyspace.Overlay;
import io.firn.keyspace.Scan;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeReader;
import io.firn.keyspace.Walk;
import io.firn.memtable.Memtable;
import io.firn.memtable.Prefix;
import io.firn.merge.VisibleCursor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What a transaction has written to one keyspace: a memtable of its own, from slabs that begin small. A memtable, not an index over a
 * batch, since it keeps the order, the versions that an open cursor sees, and its entries where they are; the batch is made once, at
 * the commit, of what counts.
 *
 * <p>Invariants: (1) the writes count 1, 2, 3 and so on; that number is the seqno of an entry, and who reads at a moment sees those up to
 * it. (2) A removal has a type that no tree has, so that a cursor shows it, for what lies beneath to be hidden by it. (3) A refused
 * write leaves no trace.
 *
 * <p>Threads: one at a time. Closed by: the attempt, which frees it.
 */
public final class PrivateWrites implements Overlay {
    private static final long BYTES_MAX = 1L << 31;
    private static final long FIRST_SLAB_BYTES = 16 << 10;

    /** Set in the type of a removal. */
    private static final int REMOVAL = 0x10;

    private final Attempt attempt;
    private final Tree tree;
    private final Supplies supplies;
    private final TreeReader reader;
    private @Nullable Memtable memtable;
    private long moment;

    PrivateWrites(Attempt attempt, Tree tree, Supplies supplies) {
        this.attempt = attempt;
        this.tree = tree;
        this.supplies = supplies;
        reader = tree.reader().under(this);
    }

    static boolean isRemoval(long trailer) {
        return (Trailer.type(trailer) & REMOVAL) != 0;
    }

    Tree tree() {
        return tree;
    }

    /** Reads the keyspace with these writes over it, at the snapshot's seqno. */
    public TreeReader reader() {
        return reader;
    }

    // ---- writing

    public void put(byte[] key, byte[] value) {
        EntryLimits.checkKey(key.length);
        EntryLimits.checkValue(value.length);
        attempt.enter();
        try {
            MemorySegment entry = attempt.entry((long) key.length + value.length);
            MemorySegment.copy(key, 0, entry, Layouts.BYTE, 0, key.length);
            MemorySegment.copy(value, 0, entry, Layouts.BYTE, key.length, value.length);
            insert(entry, Trailer.VALUE, key.length, value.length);
        } finally {
            attempt.exit();
        }
    }

    public void put(MemorySegment key, MemorySegment value) {
        EntryLimits.checkKey(key.byteSize());
        EntryLimits.checkValue(value.byteSize());
        attempt.enter();
        try {
            int keyLength = (int) key.byteSize();
            int valueLength = (int) value.byteSize();
            MemorySegment entry = attempt.entry((long) keyLength + valueLength);
            MemorySegment.copy(key, 0, entry, 0, keyLength);
            MemorySegment.copy(value, 0, entry, keyLength, valueLength);
            insert(entry, Trailer.VALUE, keyLength, valueLength);
        } finally {
            attempt.exit();
        }
    }

    /** A tombstone of the given type. */
    public void remove(int type, byte[] key) {
        EntryLimits.checkKey(key.length);
        attempt.enter();
        try {
            MemorySegment entry = attempt.entry(key.length);
            MemorySegment.copy(key, 0, entry, Layouts.BYTE, 0, key.length);
            insert(entry, type | REMOVAL, key.length, 0);
        } finally {
            attempt.exit();
        }
    }

    /** A tombstone of the given type. */
    public void remove(int type, MemorySegment key) {
        EntryLimits.checkKey(key.byteSize());
        attempt.enter();
        try {
            MemorySegment entry = attempt.entry(key.byteSize());
            MemorySegment.copy(key, 0, entry, 0, key.byteSize());
            insert(entry, type | REMOVAL, (int) key.byteSize(), 0);
        } finally {
            attempt.exit();
        }
    }

    private void insert(MemorySegment entry, int type, int keyLength, int valueLength) {
        tree.checkOpen();
        Memtable target = reserved((long) keyLength + valueLength);
        target.insert(entry, 0, keyLength, Trailer.of(moment + 1, type), entry, keyLength, valueLength);
        moment++;
    }

    private Memtable reserved(long entryBytes) {
        Memtable target = memtable;
        if (target == null) {
            target = new Memtable(supplies.slabs, BYTES_MAX, FIRST_SLAB_BYTES, Prefix.NONE);
            memtable = target;
        }
        while (true) {
            switch (target.tryReserve(entryBytes, 1)) {
                case READY -> {
                    return target;
                }
                case NEEDS_SLAB -> target.provide(slab(target.slabBytesWanted()));
                case FULL -> throw new IllegalArgumentException("a transaction holds at most 2 GiB for a keyspace");
            }
        }
    }

    /** Beyond the limit if nothing comes free, as the memory of a batch: nobody waits for a transaction to end. */
    private Slab slab(long bytes) {
        SlabPool slabs = supplies.slabs;
        Slab slab;
        try {
            slab = slabs.tryAcquireBeyondLimit(bytes);
        } catch (IllegalStateException e) {
            throw new ClosedException("the database is closed");
        }
        if (slab == null) {
            throw new OutOfMemoryError("no native memory for " + bytes + " bytes of private writes");
        }
        return slab;
    }

    // ---- reading

    @Override
    public boolean get(Probe probe) {
        attempt.enter();
        try {
            attempt.noteRead(tree, probe.hash());
            Memtable written = memtable;
            if (written == null) {
                return false;
            }
            long seqno = probe.seqno();
            probe.at(moment);
            boolean isWritten = written.get(probe);
            probe.at(seqno);
            if (isWritten && isRemoval(probe.trailer())) {
                probe.answer(probe.segment(), probe.offset(), 0, Trailer.of(0, Trailer.TOMBSTONE));
            }
            return isWritten;
        } finally {
            attempt.exit();
        }
    }

    @Override
    public Walk begin(Scan scan, @Nullable KeyRange range) {
        attempt.enter();
        try {
            OverlaidWalk walk = supplies.leaseWalk();
            walk.open(attempt, this, scan, range);
            attempt.add(walk);
            return walk;
        } finally {
            attempt.exit();
        }
    }

    @Override
    public Scan end(Walk walk) {
        return ((OverlaidWalk) walk).end();
    }

    /** The newest write of each key as of now. */
    VisibleCursor open(PrivateCursor cursor, @Nullable KeyRange range) {
        return cursor.open(memtable, moment, range);
    }

    boolean isEmpty() {
        return moment == 0;
    }

    /** Adds of each key the newest write. */
    void addTo(Batch batch, PrivateCursor cursor) {
        VisibleCursor newest = open(cursor, null);
        try {
            for (boolean isThere = newest.first(); isThere; isThere = newest.next()) {
                if (isRemoval(newest.trailer())) {
                    batch.remove(tree, Trailer.type(newest.trailer()) & ~REMOVAL,
                            newest.keySegment(), newest.keyOffset(), newest.keyLength());
                } else {
                    batch.put(tree, newest.keySegment(), newest.keyOffset(), newest.keyLength(),
                            newest.valueSegment(), newest.valueOffset(), newest.valueLength());
                }
            }
        } finally {
            cursor.leave();
        }
    }

    void free() {
        Memtable written = memtable;
        if (written != null) {
            memtable = null;
            written.free();
        }
    }
}
