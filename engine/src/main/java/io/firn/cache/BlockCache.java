package io.firn.cache;

import io.firn.entry.HeldBlock;
import io.firn.entry.Pinner;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.budget.Reclaimer;
import io.firn.ffm.file.MappedFile;
import java.lang.foreign.MemorySegment;
import java.util.function.Predicate;

/**
 * Decompressed blocks of one database's files, shared by all readers.
 *
 * <p>A reader pins a block and reads its bytes in place, or inserts what it has unpacked itself and gets that pinned. A
 * pin is a number: shard and handle.
 *
 * <p>Threads: any. Closed by: the database, after its readers; a late access throws IllegalStateException, a late unpin
 * does nothing.
 */
public final class BlockCache implements Pinner, Reclaimer, AutoCloseable {
    /** No pin. */
    public static final long NONE = 0;

    private static final int SHARDS_MAX = 64;
    private static final long SHARD_BYTES_MIN = 1 << 20;

    private static final long MIX_1 = 0xA0761D6478BD642FL;
    private static final long MIX_2 = 0xE7037ED1A0B428DBL;

    private final CacheMemory memory;
    private final Shard[] shards;
    private final HitCounters counters = new HitCounters();
    private volatile long capacityBytes;

    /** An empty cache: memory is taken as blocks come. One of 0 bytes stays empty. */
    public BlockCache(long capacityBytes, MemoryBudget budget) {
        this(capacityBytes, budget, task -> false);
    }

    /** The same, where memory that will be needed is made in the background, by tasks that are run soon or refused. */
    public BlockCache(long capacityBytes, MemoryBudget budget, Predicate<Runnable> background) {
        this(capacityBytes, Runtime.getRuntime().availableProcessors(), new CacheMemory(budget), background);
    }

    BlockCache(long capacityBytes, CacheMemory memory) {
        this(capacityBytes, Runtime.getRuntime().availableProcessors(), memory, task -> false);
    }

    BlockCache(long capacityBytes, int processors, CacheMemory memory, Predicate<Runnable> background) {
        this.capacityBytes = capacityBytes;
        this.memory = memory;
        shards = new Shard[shardCount(capacityBytes, processors)];
        for (int i = 0; i < shards.length; i++) {
            shards[i] = new Shard(capacityBytes / shards.length, memory, background);
        }
    }

    /** Twice the processors, as long as each shard has a mebibyte. */
    private static int shardCount(long capacityBytes, int processors) {
        int wanted = Math.min(SHARDS_MAX, Integer.highestOneBit(4 * processors - 1));
        long affordable = Math.max(1, Long.highestOneBit(capacityBytes / SHARD_BYTES_MIN));
        return (int) Math.min(wanted, affordable);
    }

    /** Pins a block of a file; NONE if it is not here. The offset is that of its frame. */
    public long pin(CachedType type, long fileId, long offset) {
        long place = placeOf(type, offset);
        long hash = hash(fileId, place);
        int shard = shardOf(hash);
        int handle = shards[shard].pin((int) hash, fileId, place);
        if (handle == Shard.NONE) {
            counters.miss(type);
            return NONE;
        }
        counters.hit(type);
        return pinOf(shard, handle);
    }

    /**
     * Copies a block that was unpacked in private memory into the cache and pins it; if another was faster, pins that
     * one. NONE if there is no room: then the reader goes on with its copy.
     */
    public long insert(
            CachedType type, long fileId, long offset, MemorySegment source, long sourceOffset, int length) {
        long place = placeOf(type, offset);
        long hash = hash(fileId, place);
        int shard = shardOf(hash);
        int handle = shards[shard].insert((int) hash, fileId, place, source, sourceOffset, length);
        return handle == Shard.NONE ? NONE : pinOf(shard, handle);
    }

    /** Holds a block, if it is here. What names another size for it lies: that is found where it is unpacked. */
    public boolean hold(CachedType type, long fileId, long offset, int plainBytes, HeldBlock holder) {
        long pin = pin(type, fileId, offset);
        if (pin == NONE) {
            return false;
        }
        if (length(pin) != plainBytes) {
            unpin(pin);
            return false;
        }
        holder.holdPinned(this, pin, segment(pin), offset(pin), plainBytes);
        return true;
    }

    /** Takes what the holder has unpacked, and holds it here; where there is no room, the holder goes on with its own. */
    public void keep(CachedType type, long fileId, long offset, int plainBytes, HeldBlock holder) {
        // A late error of a lost page must not arrive in the middle of a change of what others read (R23).
        MappedFile.deliverFault();
        long pin = insert(type, fileId, offset, holder.segment(), 0, plainBytes);
        if (pin != NONE) {
            holder.holdPinned(this, pin, segment(pin), offset(pin), plainBytes);
        }
    }

    /** The memory that holds the pinned block. */
    public MemorySegment segment(long pin) {
        return shard(pin).segment(handle(pin));
    }

    /** Where the pinned block begins in its memory. */
    public long offset(long pin) {
        return shard(pin).payloadAt(handle(pin));
    }

    public int length(long pin) {
        return shard(pin).length(handle(pin));
    }

    @Override
    public void unpin(long pin) {
        try {
            shard(pin).unpin(handle(pin));
        } catch (IllegalStateException e) {
            // The cache is closed: its memory has gone whatever is pinned.
        }
    }

    /** Drops the blocks of a file that is deleted; pinned ones are not found any more, and go later. */
    public void purge(long fileId) {
        for (Shard shard : shards) {
            shard.purge(fileId);
        }
    }

    /**
     * Changes the capacity; what is over it is given back, but for slabs in which a block is pinned: they stay until
     * {@code resize} or {@code giveBack} is called again. Closing slabs stops other threads for some tens of
     * microseconds each.
     */
    public void resize(long newCapacityBytes) {
        capacityBytes = newCapacityBytes;
        for (Shard shard : shards) {
            shard.setCapacity(newCapacityBytes / shards.length);
            shard.trim();
        }
    }

    /**
     * Gives so many bytes, or a little more, back to the budget, as far as pins allow, and answers how many. The
     * capacity stays: what the budget can spare later is taken again.
     */
    @Override
    public long giveBack(long bytes) {
        long given = 0;
        for (int i = 0; i < shards.length && given < bytes; i++) {
            given += shards[i].giveBackSpare();
        }
        boolean isSome = true;
        while (given < bytes && isSome) {
            isSome = false;
            for (int i = 0; i < shards.length && given < bytes; i++) {
                long slabBytes = shards[i].giveBackSlab();
                given += slabBytes;
                isSome |= slabBytes > 0;
            }
        }
        return given;
    }

    public CacheStatistics statistics() {
        long inserts = 0;
        long evictions = 0;
        long blocks = 0;
        long blockBytes = 0;
        for (Shard shard : shards) {
            inserts += shard.inserts();
            evictions += shard.evictions();
            blocks += shard.blockCount();
            blockBytes += shard.blockBytes();
        }
        return new CacheStatistics(
                counters.hits(CachedType.DATA), counters.misses(CachedType.DATA),
                counters.hits(CachedType.INDEX), counters.misses(CachedType.INDEX),
                counters.hits(CachedType.BLOB), counters.misses(CachedType.BLOB),
                inserts, evictions, blocks, blockBytes, usedBytes(), capacityBytes);
    }

    /** All memory of the cache, as charged to the budget. */
    public long usedBytes() {
        long used = 0;
        for (Shard shard : shards) {
            used += shard.usedBytes();
        }
        return used;
    }

    @Override
    public void close() {
        for (Shard shard : shards) {
            shard.close();
        }
        memory.close();
    }

    /** The tag of the key that a handle has. */
    static int tagOf(MemorySegment chunk, long at) {
        return tagOf(HandleFormat.fileId(chunk, at), HandleFormat.offset(chunk, at));
    }

    static int tagOf(long fileId, long place) {
        return (int) hash(fileId, place);
    }

    /** What was accepted as one type is never found as another, whatever a file says. */
    private static long placeOf(CachedType type, long offset) {
        return offset << 2 | type.ordinal();
    }

    private static long hash(long fileId, long offset) {
        long a = fileId ^ MIX_1;
        long b = offset ^ MIX_2;
        long folded = a * b ^ Math.multiplyHigh(a, b);
        return folded * MIX_1 ^ folded >>> 32;
    }

    private int shardOf(long hash) {
        return (int) (hash >>> 32) & shards.length - 1;
    }

    private static long pinOf(int shard, int handle) {
        return (long) shard << 32 | handle;
    }

    private Shard shard(long pin) {
        return shards[(int) (pin >>> 32)];
    }

    private static int handle(long pin) {
        return (int) pin;
    }
}
