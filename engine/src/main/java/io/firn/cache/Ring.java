package io.firn.cache;

import static io.firn.ffm.memory.Layouts.INT_LE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The slabs of one shard as a ring of slots, and the place where it is written: behind {@code head} the bytes up to
 * {@code gapEnd} are free, and what comes then is the oldest there is.
 *
 * <p>Invariants: (1) a slab is tiled by slots but for the gap, which has no header. (2) A slot never crosses the end of
 * its slab. (3) The bytes of a slot are overwritten only when its handle is dead.
 *
 * <p>Threads: {@link #segment} any that has pinned a block in that slab; the others the holder of the shard's lock.
 */
final class Ring {
    static final int SLOT_HEADER_BYTES = 8;
    static final int SLABS_MAX = 1 << 16;

    /**
     * How many used blocks one insert spares, and how many slots it looks at: a reader is never held up for long (R21).
     */
    private static final int CHANCES_MAX = 64;
    private static final int STEPS_MAX = 1024;

    private static final int NO_SLAB = -1;

    private final Directory directory;
    private final LookupTable lookup;

    private CacheMemory.@Nullable Piece[] slabs = new CacheMemory.Piece[8];
    /** What readers see of them, read-only. */
    private MemorySegment[] segments = new MemorySegment[8];
    private int[] next = new int[8];
    private int slabCount;
    private int current = NO_SLAB;
    private long head;
    private long gapEnd;

    private long slabBytes;
    private long blockBytes;
    private long blockCount;
    private long evictions;

    /** Whether there is room, or what would be needed. */
    enum Room {
        READY,
        NEEDS_SLAB,
        NONE
    }

    Ring(Directory directory, LookupTable lookup) {
        this.directory = directory;
        this.lookup = lookup;
        Arrays.fill(segments, MemorySegment.NULL);
    }

    static long slotBytes(int length) {
        return SLOT_HEADER_BYTES + (long) length + 7 & ~7L;
    }

    MemorySegment segment(int slab) {
        return segments[slab];
    }

    /**
     * Makes a gap of so many bytes and a handle free. {@code NEEDS_SLAB} is answered, if the caller can do something
     * about it, where the ring would otherwise go on into its oldest slab; but not where half of the ring is empty, as it
     * is when blocks of tables were purged that a compaction has replaced.
     */
    Room makeRoom(long bytes, boolean mayGrow) {
        int chances = CHANCES_MAX;
        for (int step = 0; step < STEPS_MAX; step++) {
            if (gapEnd - head >= bytes && directory.hasFree()) {
                return Room.READY;
            }
            if (current == NO_SLAB || gapEnd == segments[current].byteSize()) {
                if (mayGrow && slabBytes < 2 * blockBytes + 2 * bytes) {
                    return Room.NEEDS_SLAB;
                }
                if (current == NO_SLAB) {
                    return Room.NONE;
                }
                closeGap();
                enter(next[current]);
            } else if (advance(chances > 0)) {
                chances--;
            }
        }
        return Room.NONE;
    }

    /** Whether, at the end of this slab, the ring would rather have another than go on into its oldest. */
    boolean isGrowing() {
        return slabBytes < 2 * blockBytes + segments[current].byteSize();
    }

    /** Copies a block to the head, where there is room, and says so in its handle, which is still dead. */
    void place(int handle, MemorySegment source, long sourceOffset, int length) {
        long bytes = slotBytes(length);
        assert bytes <= gapEnd - head : "no room";
        MemorySegment slab = bytes(current);
        putHeader(slab, head, handle, bytes);
        MemorySegment.copy(source, sourceOffset, slab, head + SLOT_HEADER_BYTES, length);
        HandleFormat.setPlace(directory.chunk(handle), Directory.at(handle),
                HandleFormat.placeOf(current, head + SLOT_HEADER_BYTES, length));
        head += bytes;
        blockBytes += bytes;
        blockCount++;
    }

    /** Goes past the oldest slot, which becomes part of the gap if it can. Answers whether it was spared. */
    private boolean advance(boolean isSparing) {
        MemorySegment slab = segments[current];
        int handle = slab.get(INT_LE, gapEnd);
        long bytes = slab.get(INT_LE, gapEnd + Integer.BYTES);
        if (handle == Directory.NONE) {
            gapEnd += bytes;
            return false;
        }
        MemorySegment chunk = directory.chunk(handle);
        long at = Directory.at(handle);
        long word = HandleFormat.word(chunk, at);
        boolean isSpared = isSparing && HandleFormat.isLive(word) && HandleFormat.isVisited(word);
        if (isSpared && head == gapEnd) {
            HandleFormat.clearVisited(chunk, at, word);
            stepOver(bytes);
        } else if (!HandleFormat.kill(chunk, at, word)) {
            stepOver(bytes);
        } else if (isSpared) {
            move(handle, bytes);
        } else {
            forget(handle, word, bytes);
            evictions++;
            gapEnd += bytes;
        }
        return isSpared;
    }

    /** What stands at the gap's end stays there. */
    private void stepOver(long bytes) {
        closeGap();
        gapEnd += bytes;
        head = gapEnd;
    }

    /** The gap changes places with the dead block behind it, which lives again. */
    private void move(int handle, long bytes) {
        MemorySegment slab = bytes(current);
        MemorySegment chunk = directory.chunk(handle);
        long at = Directory.at(handle);
        int length = HandleFormat.lengthOf(HandleFormat.place(chunk, at));
        putHeader(slab, head, handle, bytes);
        MemorySegment.copy(slab, gapEnd + SLOT_HEADER_BYTES, slab, head + SLOT_HEADER_BYTES, length);
        HandleFormat.setPlace(chunk, at, HandleFormat.placeOf(current, head + SLOT_HEADER_BYTES, length));
        HandleFormat.publish(chunk, at, 0);
        head += bytes;
        gapEnd += bytes;
    }

    /** Forgets a block whose handle is dead; its word as it was before. */
    private void forget(int handle, long word, long bytes) {
        MemorySegment chunk = directory.chunk(handle);
        long at = Directory.at(handle);
        if (HandleFormat.isLive(word)) {
            lookup.remove(BlockCache.tagOf(chunk, at), handle);
        }
        directory.giveBack(handle);
        blockBytes -= bytes;
        blockCount--;
    }

    /** Drops a block if it is not pinned; else it is not found any more and goes when it is met without pins. */
    void purge(int handle, long word) {
        MemorySegment chunk = directory.chunk(handle);
        long at = Directory.at(handle);
        if (HandleFormat.kill(chunk, at, word)) {
            long place = HandleFormat.place(chunk, at);
            long bytes = slotBytes(HandleFormat.lengthOf(place));
            putHeader(bytes(HandleFormat.slabOf(place)), HandleFormat.payloadAt(place) - SLOT_HEADER_BYTES,
                    Directory.NONE, bytes);
            forget(handle, word, bytes);
        } else if (HandleFormat.isLive(word)) {
            lookup.remove(BlockCache.tagOf(chunk, at), handle);
            HandleFormat.doom(chunk, at);
        }
    }

    private MemorySegment bytes(int slab) {
        return Objects.requireNonNull(slabs[slab]).bytes();
    }

    /** Takes a new slab into the ring behind the current one, and goes on in it. */
    void add(CacheMemory.Piece slab) {
        int id = freeId();
        slabs[id] = slab;
        segments[id] = slab.bytes().asReadOnly();
        putHeader(slab.bytes(), 0, Directory.NONE, slab.sizeBytes());
        if (current == NO_SLAB) {
            next[id] = id;
        } else {
            closeGap();
            next[id] = next[current];
            next[current] = id;
        }
        enter(id);
        slabCount++;
        slabBytes += slab.sizeBytes();
    }

    /** Empties the oldest slab in which nothing is pinned, and takes it out of the ring; null if there is none. */
    CacheMemory.@Nullable Piece removeOldest() {
        int previous = current;
        for (int tried = 0; tried < slabCount; tried++) {
            int id = next[previous];
            if (evictAll(id)) {
                return unlink(previous, id);
            }
            previous = id;
        }
        return null;
    }

    private CacheMemory.@Nullable Piece unlink(int previous, int id) {
        next[previous] = next[id];
        if (slabCount == 1) {
            current = NO_SLAB;
            head = 0;
            gapEnd = 0;
        } else if (id == current) {
            enter(next[id]);
        }
        CacheMemory.Piece slab = slabs[id];
        slabBytes -= segments[id].byteSize();
        slabs[id] = null;
        segments[id] = MemorySegment.NULL;
        slabCount--;
        return slab;
    }

    /** Whether nothing is left in the slab; a pinned block ends the attempt. */
    private boolean evictAll(int id) {
        if (id == current) {
            closeGap();
            gapEnd = head;
        }
        MemorySegment slab = bytes(id);
        long at = 0;
        while (at < slab.byteSize()) {
            int handle = slab.get(INT_LE, at);
            long bytes = slab.get(INT_LE, at + Integer.BYTES);
            if (handle != Directory.NONE) {
                MemorySegment chunk = directory.chunk(handle);
                long word = HandleFormat.word(chunk, Directory.at(handle));
                if (!HandleFormat.kill(chunk, Directory.at(handle), word)) {
                    return false;
                }
                putHeader(slab, at, Directory.NONE, bytes);
                forget(handle, word, bytes);
                evictions++;
            }
            at += bytes;
        }
        return true;
    }

    /** What is left of the gap is nobody's until the ring comes by again. */
    private void closeGap() {
        if (head < gapEnd) {
            putHeader(bytes(current), head, Directory.NONE, gapEnd - head);
        }
    }

    private void enter(int slab) {
        current = slab;
        head = 0;
        gapEnd = 0;
    }

    private int freeId() {
        int id = 0;
        while (id < slabs.length && slabs[id] != null) {
            id++;
        }
        if (id == slabs.length) {
            // Readers may still use the former array: what they have pinned stands in both.
            slabs = Arrays.copyOf(slabs, 2 * id);
            next = Arrays.copyOf(next, 2 * id);
            MemorySegment[] more = Arrays.copyOf(segments, 2 * id);
            Arrays.fill(more, id, more.length, MemorySegment.NULL);
            segments = more;
        }
        return id;
    }

    private static void putHeader(MemorySegment slab, long at, int handle, long bytes) {
        slab.set(INT_LE, at, handle);
        slab.set(INT_LE, at + Integer.BYTES, (int) bytes);
    }

    int slabCount() {
        return slabCount;
    }

    long slabBytes() {
        return slabBytes;
    }

    /** Bytes of slots with a block. */
    long blockBytes() {
        return blockBytes;
    }

    long blockCount() {
        return blockCount;
    }

    long evictions() {
        return evictions;
    }
}
