package io.firn.cache;

import java.lang.foreign.MemorySegment;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A part of the cache with a lock of its own.
 *
 * <p>The next large slab is made in the background while one is written: its first touch may cost milliseconds. A reader who needs one
 * before it is there makes one himself, as he does with small ones.
 *
 * <p>Invariants: whatever changes the ring, the lookup table or the set of handles holds this object's monitor. No
 * native memory is allocated or closed for a slab while it is held.
 *
 * <p>Threads: any; {@link #pin}, {@link #unpin} and what reads a pinned block without the monitor. Closed by: its
 * cache.
 */
final class Shard {
    static final int NONE = Directory.NONE;

    /** A slab is a sixteenth of the shard, within these. A block that does not fit into one is not cached. */
    private static final int SLABS_PLANNED = 16;
    private static final long SLAB_BYTES_MIN = 16 * 1024;
    private static final long SLAB_BYTES_MAX = 1 << 20;

    /** How many handles a purge looks at before it lets others in. */
    private static final int PURGED_AT_ONCE = 4096;

    /** Slabs from here on are made in the background. */
    private static final long PREPARED_BYTES_MIN = 512 << 10;

    private final CacheMemory memory;
    private final Predicate<Runnable> background;
    private final Runnable preparation = this::prepareSpare;
    private final Directory directory = new Directory();
    private final LookupTable lookup = new LookupTable();
    private final Ring ring = new Ring(directory, lookup);

    private long capacityBytes;
    private long directoryBytes;
    private long inserts;
    private CacheMemory.@Nullable Piece spare;
    private long comingBytes;
    private boolean isPreparing;
    private boolean isGrowing;
    private boolean isClosed;

    /** {@code background} runs a task soon, or answers that it will not. */
    Shard(long capacityBytes, CacheMemory memory, Predicate<Runnable> background) {
        this.capacityBytes = capacityBytes;
        this.memory = memory;
        this.background = background;
    }

    /** Finds and pins a block; NONE if it is not here, or is being moved at this moment. */
    int pin(int tag, long fileId, long offset) {
        MemorySegment table = lookup.segment();
        long mask = LookupTable.mask(table);
        long index = Integer.toUnsignedLong(tag) & mask;
        for (long probe = 0; probe <= mask; probe++) {
            long entry = LookupTable.entry(table, index);
            if (entry == 0) {
                return NONE;
            }
            if (LookupTable.tagOf(entry) == tag) {
                int handle = LookupTable.handleOf(entry);
                MemorySegment chunk = directory.chunk(handle);
                long at = Directory.at(handle);
                if (HandleFormat.pin(chunk, at)) {
                    if (HandleFormat.hasKey(chunk, at, fileId, offset)) {
                        return handle;
                    }
                    HandleFormat.unpin(chunk, at);
                }
            }
            index = index + 1 & mask;
        }
        return NONE;
    }

    void unpin(int handle) {
        HandleFormat.unpin(directory.chunk(handle), Directory.at(handle));
    }

    MemorySegment segment(int handle) {
        return ring.segment(HandleFormat.slabOf(place(handle)));
    }

    long payloadAt(int handle) {
        return HandleFormat.payloadAt(place(handle));
    }

    int length(int handle) {
        return HandleFormat.lengthOf(place(handle));
    }

    private long place(int handle) {
        return HandleFormat.place(directory.chunk(handle), Directory.at(handle));
    }

    /** Copies a block into the ring, unless somebody else was faster, and pins it; NONE if there is no room. */
    int insert(int tag, long fileId, long offset, MemorySegment source, long sourceOffset, int length) {
        long bytes = Ring.slotBytes(length);
        boolean mayGrow = true;
        while (true) {
            synchronized (this) {
                checkOpen();
                if (bytes > newSlabBytes()) {
                    return NONE;
                }
                if (isPresent(tag, fileId, offset)) {
                    return pin(tag, fileId, offset);
                }
                growDirectoryIfFull();
                switch (ring.makeRoom(bytes, mayGrow && (spare != null || mayGrow()))) {
                    case READY -> {
                        int handle = place(tag, fileId, offset, source, sourceOffset, length);
                        if (ring.isGrowing()) {
                            requestSpare();
                        }
                        return handle;
                    }
                    case NONE -> {
                        return NONE;
                    }
                    case NEEDS_SLAB -> {
                        CacheMemory.Piece slab = takeSpare();
                        if (slab != null) {
                            ring.add(slab);
                            continue;
                        }
                    }
                }
            }
            grow();
            mayGrow = false;
        }
    }

    private int place(int tag, long fileId, long offset, MemorySegment source, long sourceOffset, int length) {
        int handle = directory.take();
        MemorySegment chunk = directory.chunk(handle);
        HandleFormat.setKey(chunk, Directory.at(handle), fileId, offset);
        ring.place(handle, source, sourceOffset, length);
        HandleFormat.publish(chunk, Directory.at(handle), 1);
        lookup.add(tag, handle);
        inserts++;
        return handle;
    }

    /** Exact, while the monitor is held: nothing moves, and a block with all the pins there can be counts as well. */
    private boolean isPresent(int tag, long fileId, long offset) {
        MemorySegment table = lookup.segment();
        long mask = LookupTable.mask(table);
        long index = Integer.toUnsignedLong(tag) & mask;
        long entry = LookupTable.entry(table, index);
        for (long probe = 0; probe <= mask && entry != 0; probe++) {
            int handle = LookupTable.handleOf(entry);
            if (LookupTable.tagOf(entry) == tag
                    && HandleFormat.hasKey(directory.chunk(handle), Directory.at(handle), fileId, offset)) {
                return true;
            }
            index = index + 1 & mask;
            entry = LookupTable.entry(table, index);
        }
        return false;
    }

    // ---- memory

    private long newSlabBytes() {
        long planned = Long.highestOneBit(Math.max(1, capacityBytes / SLABS_PLANNED));
        return Math.max(SLAB_BYTES_MIN, Math.min(SLAB_BYTES_MAX, planned));
    }

    private long heldBytes() {
        return directoryBytes + ring.slabBytes() + (spare == null ? 0 : spare.sizeBytes());
    }

    private long nextDirectoryBytes() {
        return directory.nextChunkBytes() + LookupTable.bytesFor(directory.nextCount());
    }

    private boolean mayGrow() {
        long wanted = newSlabBytes() + nextDirectoryBytes();
        return !isGrowing && ring.slabCount() < Ring.SLABS_MAX && isGiven(wanted);
    }

    private boolean isGiven(long bytes) {
        return bytes <= capacityBytes - heldBytes() - comingBytes && bytes <= memory.leftBytes();
    }

    /** Has a spare slab made, if there may be one. Monitor held. */
    private void requestSpare() {
        if (newSlabBytes() >= PREPARED_BYTES_MIN && spare == null && !isPreparing && mayGrow()) {
            isPreparing = background.test(preparation);
        }
    }

    private void prepareSpare() {
        long bytes;
        synchronized (this) {
            bytes = isGiven(newSlabBytes() + nextDirectoryBytes()) ? newSlabBytes() : 0;
            comingBytes += bytes;
        }
        CacheMemory.Piece slab = null;
        try {
            slab = bytes == 0 ? null : memory.tryAllocate(bytes);
        } finally {
            synchronized (this) {
                isPreparing = false;
                comingBytes -= bytes;
                spare = slab;
            }
        }
    }

    private void grow() {
        long bytes;
        synchronized (this) {
            if (!mayGrow()) {
                return;
            }
            isGrowing = true;
            bytes = newSlabBytes();
            comingBytes += bytes;
        }
        CacheMemory.Piece slab = null;
        try {
            slab = memory.tryAllocate(bytes);
        } finally {
            synchronized (this) {
                isGrowing = false;
                comingBytes -= bytes;
                if (slab != null) {
                    ring.add(slab);
                    growDirectoryIfFull();
                }
            }
        }
    }

    private void growDirectoryIfFull() {
        if (directory.hasFree() || ring.slabCount() == 0 || !isGiven(nextDirectoryBytes())) {
            return;
        }
        long before = LookupTable.bytesFor(directory.nextCount());
        long chunkBytes = directory.nextChunkBytes();
        if (lookup.grow(memory, directory.nextCount()) && directory.grow(memory)) {
            directoryBytes += before + chunkBytes;
        }
    }

    synchronized void setCapacity(long bytes) {
        capacityBytes = bytes;
    }

    /** Gives back slabs until the shard is within its capacity, as far as no pin holds them. */
    void trim() {
        giveBackSpare();
        CacheMemory.Piece slab;
        do {
            synchronized (this) {
                slab = heldBytes() <= capacityBytes ? null : ring.removeOldest();
            }
            free(slab);
        } while (slab != null);
    }

    private synchronized CacheMemory.@Nullable Piece takeSpare() {
        CacheMemory.Piece slab = spare;
        spare = null;
        return slab;
    }

    /** Gives the spare slab back; answers its size, 0 if there is none. */
    long giveBackSpare() {
        return free(takeSpare());
    }

    /** Gives one slab back; answers its size, 0 if pins hold them all. */
    long giveBackSlab() {
        CacheMemory.Piece slab;
        synchronized (this) {
            slab = ring.removeOldest();
        }
        return free(slab);
    }

    private long free(CacheMemory.@Nullable Piece slab) {
        if (slab == null) {
            return 0;
        }
        memory.free(slab);
        return slab.sizeBytes();
    }

    // ---- blocks that nobody will ask for

    void purge(long fileId) {
        int from = Directory.firstHandle();
        while (from != NONE) {
            from = purge(fileId, from);
        }
    }

    /** Looks at some handles; answers where to go on, NONE at the end. */
    private synchronized int purge(long fileId, int from) {
        int end = directory.endOfTaken();
        int stop = Math.min(end, from + PURGED_AT_ONCE);
        for (int handle = from; handle < stop; handle++) {
            MemorySegment chunk = directory.chunk(handle);
            long at = Directory.at(handle);
            long word = HandleFormat.word(chunk, at);
            if (HandleFormat.isDoomed(word) || HandleFormat.isLive(word) && HandleFormat.fileId(chunk, at) == fileId) {
                ring.purge(handle, word);
            }
        }
        return stop == end ? NONE : stop;
    }

    // ---- figures

    synchronized long inserts() {
        return inserts;
    }

    synchronized long evictions() {
        return ring.evictions();
    }

    synchronized long usedBytes() {
        return heldBytes();
    }

    synchronized long blockBytes() {
        return ring.blockBytes();
    }

    synchronized long blockCount() {
        return ring.blockCount();
    }

    synchronized void close() {
        isClosed = true;
    }

    private void checkOpen() {
        if (isClosed) {
            throw new IllegalStateException("the block cache is closed");
        }
    }
}
