package io.firn.memtable;

import static io.firn.ffm.memory.Layouts.INT_LE;

import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A position in a memtable that is being written.
 *
 * <p>A leaf is read once, as a whole, into this cursor; steps within it touch nothing that changes, since entries do
 * not. Its right neighbour is the one it had then: a later split moves nothing there that this cursor has not seen.
 * To the left no node leads: {@code previous} at a leaf's start descends again to what stands before the current entry.
 *
 * <p>Invariants: every entry that was published before the cursor was positioned is shown, once and in order; later
 * ones may be.
 *
 * <p>Threads: one at a time. Closed by: its opener; it owns nothing.
 */
public final class MemtableCursor implements EntryCursor {
    private enum Place { NOWHERE, BEFORE_START, ON_ENTRY, PAST_END }

    private static final MemorySegment[] NO_SEGMENTS = {};

    private @Nullable Memtable memtable;
    private @Nullable SkipList list;
    private MemorySegment[] segments = NO_SEGMENTS;
    private MemorySegment[] views = NO_SEGMENTS;
    private final int[] entries = new int[NodeFormat.SLOTS];

    private Place place = Place.NOWHERE;
    private int slots;
    private int nextLeaf;
    private int at;

    private int entry;
    private MemorySegment segment = MemorySegment.NULL;
    private long offset;

    /** Kept so that the loop that computes it is. */
    private long touched;

    /** Begins anew over a memtable, before any move. */
    public void open(Memtable newMemtable) {
        memtable = newMemtable;
        list = newMemtable.list();
        segments = list.segments();
        views = list.views();
        place = Place.NOWHERE;
        segment = MemorySegment.NULL;
    }

    /** Lets go of the memtable. */
    public void leave() {
        memtable = null;
        list = null;
        segments = NO_SEGMENTS;
        views = NO_SEGMENTS;
        place = Place.NOWHERE;
        segment = MemorySegment.NULL;
    }

    @Override
    public boolean first() {
        long root = root();
        return root != 0 && loadFirst(root) ? stand(0) : leave(Place.PAST_END);
    }

    @Override
    public boolean last() {
        long root = root();
        return root != 0 && loadLast(root) ? stand(slots - 1) : leave(Place.BEFORE_START);
    }

    @Override
    public boolean next() {
        if (place != Place.ON_ENTRY) {
            return place != Place.PAST_END && first();
        }
        if (at + 1 < slots) {
            return stand(at + 1);
        }
        return standOnNextLeaf();
    }

    @Override
    public boolean previous() {
        if (place != Place.ON_ENTRY) {
            return place != Place.BEFORE_START && last();
        }
        if (at > 0) {
            return stand(at - 1);
        }
        load(segment, keyOffset(), keyLength(), Trailer.seqno(trailer()), entry);
        touchEntries();
        return at > 0 ? stand(at - 1) : leave(Place.BEFORE_START);
    }

    @Override
    public boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        if (!load(key, keyOffset, keyLength, Trailer.seqno(trailer), SkipList.BEFORE_EQUALS)) {
            return leave(Place.PAST_END);
        }
        return at < slots ? stand(at) : standOnNextLeaf();
    }

    @Override
    public boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer) {
        int reference =
                Trailer.type(trailer) == Trailer.ANY_TYPE ? SkipList.BEFORE_EQUALS : SkipList.BEHIND_EQUALS;
        if (!load(key, keyOffset, keyLength, Trailer.seqno(trailer), reference)) {
            return leave(Place.BEFORE_START);
        }
        return at > 0 ? stand(at - 1) : leave(Place.BEFORE_START);
    }

    @Override
    public boolean isPositioned() {
        return place == Place.ON_ENTRY;
    }

    @Override
    public MemorySegment keySegment() {
        assert isPositioned() : "a key without an entry";
        return segment;
    }

    @Override
    public long keyOffset() {
        return offset + EntryFormat.HEADER_BYTES;
    }

    @Override
    public int keyLength() {
        return EntryFormat.keyLength(segment, offset);
    }

    @Override
    public long trailer() {
        return EntryFormat.trailer(segment, offset);
    }

    @Override
    public MemorySegment valueSegment() {
        assert isPositioned() : "a value without an entry";
        return SlabChain.segment(views, entry);
    }

    @Override
    public long valueOffset() {
        return offset + EntryFormat.HEADER_BYTES + EntryFormat.keyLength(segment, offset);
    }

    @Override
    public int valueLength() {
        return EntryFormat.valueLength(segment, offset);
    }

    /** Entries stay where they are. */
    @Override
    public boolean isValueSteady() {
        return true;
    }

    @Override
    public void close() {
        place = Place.NOWHERE;
        segment = MemorySegment.NULL;
    }

    private long root() {
        long root = list.root();
        if (root == 0) {
            memtable.checkNotFreed();
        }
        return root;
    }

    private boolean stand(int slot) {
        at = slot;
        entry = entries[slot];
        segment = SlabChain.segment(segments, entry);
        offset = SlabChain.offset(entry);
        place = Place.ON_ENTRY;
        return true;
    }

    private boolean leave(Place to) {
        place = to;
        segment = MemorySegment.NULL;
        return false;
    }

    private boolean standOnNextLeaf() {
        if (nextLeaf == SkipList.NONE || !loadWhole(nextLeaf)) {
            return leave(Place.PAST_END);
        }
        touchEntries();
        return stand(0);
    }

    /**
     * Reads a word of each entry of the leaf. A walk that has come to its second leaf will probably need them all,
     * and in so small a loop their cache misses overlap, which in the steps they do not.
     */
    private void touchEntries() {
        long sum = 0;
        for (int slot = 0; slot < slots; slot++) {
            int reference = entries[slot];
            sum += EntryFormat.trailer(SlabChain.segment(segments, reference), SlabChain.offset(reference));
        }
        touched = sum;
    }

    /** Reads the leaf that holds a place; {@code at} is then the first slot that is not before it. */
    private boolean load(MemorySegment key, long keyOffset, int keyLength, long seqno, int reference) {
        long root = root();
        if (root == 0) {
            return false;
        }
        long head = list.headUnder(root, key, keyOffset, keyLength);
        int leaf = list.leafFor(root, head, key, keyOffset, keyLength, seqno, reference);
        while (true) {
            MemorySegment node = SlabChain.segment(segments, leaf);
            long base = SlabChain.offset(leaf);
            long version = NodeFormat.enter(node, base, list);
            boolean isBehind = false;
            try {
                int upper = NodeFormat.upperEntry(node, base);
                if (upper != SkipList.NONE && list.isBefore(
                        NodeFormat.upperHead(node, base), upper, head, key, keyOffset, keyLength, seqno, reference)) {
                    isBehind = true;
                    nextLeaf = NodeFormat.next(node, base);
                } else {
                    read(node, base);
                    at = SkipList.lowerBound(
                            segments, node, base, 0, slots, head, key, keyOffset, keyLength, seqno, reference);
                }
            } catch (RuntimeException e) {
                if (NodeFormat.isUnchanged(node, base, version)) {
                    throw e;
                }
                continue;
            }
            if (NodeFormat.isUnchanged(node, base, version)) {
                if (!isBehind) {
                    return true;
                }
                leaf = nextLeaf;
            }
        }
    }

    /** Reads a leaf; false if it is empty, which only the very first can be. */
    private boolean loadWhole(int leaf) {
        MemorySegment node = SlabChain.segment(segments, leaf);
        long base = SlabChain.offset(leaf);
        long version;
        do {
            version = NodeFormat.enter(node, base, list);
            read(node, base);
        } while (!NodeFormat.isUnchanged(node, base, version));
        return slots > 0;
    }

    /** Within the validated part of a read. None of these reads can fail, whatever is written meanwhile. */
    private void read(MemorySegment node, long base) {
        slots = NodeFormat.count(node, base);
        nextLeaf = NodeFormat.next(node, base);
        MemorySegment.copy(node, INT_LE, base + NodeFormat.ENTRIES, entries, 0, slots);
    }

    private boolean loadFirst(long root) {
        int node = (int) root;
        for (int level = levelOf(node); level > 0; level--) {
            // The first child of the first node of a level never changes.
            node = NodeFormat.child(SlabChain.segment(segments, node), SlabChain.offset(node), 0);
        }
        if (loadWhole(node)) {
            return true;
        }
        return nextLeaf != SkipList.NONE && loadWhole(nextLeaf);
    }

    private boolean loadLast(long root) {
        int node = (int) root;
        int level = levelOf(node);
        while (true) {
            MemorySegment nodeSegment = SlabChain.segment(segments, node);
            long base = SlabChain.offset(node);
            long version = NodeFormat.enter(nodeSegment, base, list);
            int count = NodeFormat.count(nodeSegment, base);
            int next = NodeFormat.next(nodeSegment, base);
            boolean isDown = next == SkipList.NONE && level > 0;
            int step = isDown ? NodeFormat.child(nodeSegment, base, count - 1) : next;
            if (step == SkipList.NONE) {
                read(nodeSegment, base);
            }
            if (NodeFormat.isUnchanged(nodeSegment, base, version)) {
                if (step == SkipList.NONE) {
                    return slots > 0;
                }
                node = step;
                level -= isDown ? 1 : 0;
            }
        }
    }

    private int levelOf(int node) {
        return NodeFormat.level(SlabChain.segment(segments, node), SlabChain.offset(node));
    }
}
