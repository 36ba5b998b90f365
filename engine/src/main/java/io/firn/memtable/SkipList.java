package io.firn.memtable;

import static io.firn.ffm.memory.Layouts.INT_LE;

import io.firn.entry.Trailer;
import io.firn.error.PoisonedException;
import io.firn.ffm.memory.Bytes;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The order of a memtable's entries: a skip list of fat nodes, as drawn in the package's description.
 *
 * <p>A place is asked for as (key, seqno, reference): the reference, compared downwards, tells entries of equal (key,
 * seqno) apart. {@link #BEFORE_EQUALS} stands before all of them, {@link #BEHIND_EQUALS} behind.
 *
 * <p>Going down, the child before the first slot that is not before the place is taken, so everything before the
 * place that lies in the node's range lies at or left of that child's range. A child that has been split since is
 * left to the right by its upper bound. The first slot of an inner node is never compared: whatever comes down to the
 * node belongs at or behind it.
 *
 * <p>Invariants: R18, and those of the package. The bytes of a node that is being changed are read as anything; an
 * exception from them counts only if the node's version is unchanged. After an insert that failed nothing is inserted any
 * more, and a node that it left in the middle of a change is not read.
 *
 * <p>Threads: {@link #insert}, {@link #nodeBytesAtWorst}, {@link #nextPrefix} one writer; all else any.
 */
final class SkipList {
    static final int NONE = 0;
    static final int BEFORE_EQUALS = -1;
    static final int BEHIND_EQUALS = 0;

    /** With 32 slots a node or more but for the last of each level, references end before the levels do. */
    static final int LEVELS_MAX = 16;

    /** What a node and the padding before it take at most. */
    private static final long LEAF_ROOM_BYTES = NodeFormat.LEAF_BYTES + NodeFormat.ALIGNMENT_BYTES - 1;

    private static final long INNER_ROOM_BYTES = NodeFormat.INNER_BYTES + NodeFormat.ALIGNMENT_BYTES - 1;
    private static final long PREFIX_ROOM_BYTES = 4 + Prefix.BYTES_MAX + EntryFormat.ALIGNMENT_BYTES - 1;

    /** So many inserts, each beside the one before, make a split leave a full node behind instead of two halves. */
    private static final int RUN_LENGTH = 16;

    /**
     * How far the first keys of a rising run may be from the rest: 4 bytes of the head are left for them to rise in.
     */
    private static final int RISING_SLACK_BYTES = 4;

    private static final int HALF = NodeFormat.SLOTS / 2;

    private static final VarHandle ROOT;

    static {
        try {
            ROOT = MethodHandles.lookup().findVarHandle(SkipList.class, "root", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final SlabChain chain;
    private final MemorySegment[] segments;
    private final Prefix guess;

    /**
     * The references of the prefix (high) and of the root node (low), in one word since heads mean nothing without
     * their prefix.
     */
    private long root;

    /** What ended an insert in the middle. Set without a call, as there may be no stack left for one (R8). */
    volatile @Nullable Throwable failure;

    // The writer's own.
    private boolean isPrefixSettled;
    private int height;
    private long count;
    private final int[] nodeCounts = new int[LEVELS_MAX];
    private final int[] pathNodes = new int[LEVELS_MAX];
    private final int[] pathSlots = new int[LEVELS_MAX];
    private int lastEntry;
    private int lastLeaf;
    private int lastSlot;
    private int risingLength;
    private int fallingLength;

    SkipList(SlabChain chain, Prefix guess) {
        this.chain = chain;
        this.guess = guess;
        segments = chain.segments();
    }

    MemorySegment[] segments() {
        return segments;
    }

    MemorySegment[] views() {
        return chain.views();
    }

    // Writing.

    /**
     * The bytes that nodes take for so many inserts at worst. A leaf is split evenly when 65 entries are in it, and
     * 31 inserts must follow before a half is split again, so there is at most one split for each leaf and each 31
     * inserts; and an uneven one takes a run of 16. Inner nodes split in the same way, unevenly only the last of a
     * level when its 64 slots are full.
     */
    long nodeBytesAtWorst(long inserts) {
        long bytes = 0;
        if (height == 0) {
            bytes += LEAF_ROOM_BYTES + PREFIX_ROOM_BYTES;
        }
        if (height <= 1 && count + inserts <= NodeFormat.SLOTS) {
            return bytes;
        }
        if (!isPrefixSettled) {
            bytes += LEAF_ROOM_BYTES + PREFIX_ROOM_BYTES;
        }
        long splits = Math.min(inserts, Math.max(1, nodeCounts[0]) + 2 + inserts / RUN_LENGTH + inserts / (HALF - 1));
        bytes += splits * LEAF_ROOM_BYTES;
        for (int level = 1; splits > 0; level++) {
            if (height <= level) {
                bytes += INNER_ROOM_BYTES;
                if (splits < NodeFormat.SLOTS - 1) {
                    break;
                }
            }
            splits = Math.min(
                    splits, nodeCounts[level] + 2 + splits / (HALF - 1) + splits / (NodeFormat.SLOTS - 1));
            bytes += splits * INNER_ROOM_BYTES;
        }
        return bytes;
    }

    /** Links an entry that is complete. Its reference is the largest so far. */
    void insert(int entry) {
        MemorySegment segment = SlabChain.segment(segments, entry);
        long offset = SlabChain.offset(entry);
        long keyOffset = offset + EntryFormat.HEADER_BYTES;
        int keyLength = EntryFormat.keyLength(segment, offset);
        long seqno = Trailer.seqno(EntryFormat.trailer(segment, offset));
        if (height == 0) {
            plantRoot();
        }
        long head = head((int) (root >>> 32), segment, keyOffset, keyLength);
        if (!continuesRisingRun(head, segment, keyOffset, keyLength, seqno, entry)) {
            insertBySearch(head, segment, keyOffset, keyLength, seqno, entry);
        }
        lastEntry = entry;
        count++;
    }

    private void plantRoot() {
        int prefix = writePrefix(guess);
        int leaf = newNode(0);
        height = 1;
        isPrefixSettled = false;
        publishRoot(prefix, leaf);
    }

    private int writePrefix(Prefix prefix) {
        int reference = chain.allocate(4 + prefix.length(), EntryFormat.ALIGNMENT_BYTES);
        MemorySegment segment = SlabChain.segment(segments, reference);
        long offset = SlabChain.offset(reference);
        segment.set(INT_LE, offset, prefix.length());
        prefix.copyTo(segment, offset + 4);
        return reference;
    }

    private int newNode(int level) {
        int reference = chain.allocate(NodeFormat.bytes(level), NodeFormat.ALIGNMENT_BYTES);
        NodeFormat.write(SlabChain.segment(segments, reference), SlabChain.offset(reference), level);
        nodeCounts[level]++;
        return reference;
    }

    private void publishRoot(int prefix, int node) {
        // release: pairs with the acquire in root()
        ROOT.setRelease(this, (long) prefix << 32 | Integer.toUnsignedLong(node));
    }

    /** Sequential loads put every entry behind the one before: no search, one look at the neighbours. */
    private boolean continuesRisingRun(
            long head, MemorySegment key, long keyOffset, int keyLength, long seqno, int entry) {
        if (risingLength < 2) {
            return false;
        }
        MemorySegment leaf = SlabChain.segment(segments, lastLeaf);
        long base = SlabChain.offset(lastLeaf);
        int slots = NodeFormat.count(leaf, base);
        int at = lastSlot + 1;
        if (slots == NodeFormat.SLOTS
                || !isBefore(NodeFormat.head(leaf, base, lastSlot), lastEntry,
                        head, key, keyOffset, keyLength, seqno, entry)) {
            return false;
        }
        boolean isBeforeNext;
        if (at < slots) {
            isBeforeNext = !isBefore(NodeFormat.head(leaf, base, at), NodeFormat.entry(leaf, base, at),
                    head, key, keyOffset, keyLength, seqno, entry);
        } else {
            int upper = NodeFormat.upperEntry(leaf, base);
            isBeforeNext = upper == NONE || !isBefore(
                    NodeFormat.upperHead(leaf, base), upper, head, key, keyOffset, keyLength, seqno, entry);
        }
        if (!isBeforeNext) {
            return false;
        }
        addToNode(lastLeaf, 0, at, slots, head, entry, NONE);
        lastSlot = at;
        risingLength++;
        return true;
    }

    private void insertBySearch(
            long head, MemorySegment key, long keyOffset, int keyLength, long seqno, int entry) {
        int node = (int) root;
        for (int level = height - 1; level > 0; level--) {
            MemorySegment segment = SlabChain.segment(segments, node);
            long base = SlabChain.offset(node);
            int at = lowerBound(segments, segment, base, 1, NodeFormat.count(segment, base), head,
                    key, keyOffset, keyLength, seqno, entry) - 1;
            pathNodes[level] = node;
            pathSlots[level] = at;
            node = NodeFormat.child(segment, base, at);
        }
        MemorySegment segment = SlabChain.segment(segments, node);
        long base = SlabChain.offset(node);
        int slots = NodeFormat.count(segment, base);
        int at = lowerBound(segments, segment, base, 0, slots, head, key, keyOffset, keyLength, seqno, entry);
        noteRun(segment, base, at, slots);
        if (slots < NodeFormat.SLOTS) {
            addToNode(node, 0, at, slots, head, entry, NONE);
            lastLeaf = node;
            lastSlot = at;
        } else if (!isPrefixSettled) {
            settlePrefix(node, key, keyOffset, keyLength);
            long newHead = head((int) (root >>> 32), key, keyOffset, keyLength);
            insertBySearch(newHead, key, keyOffset, keyLength, seqno, entry);
        } else {
            splitLeaf(node, segment, base, at, head, entry);
        }
    }

    private void noteRun(MemorySegment leaf, long base, int at, int slots) {
        if (at > 0 && NodeFormat.entry(leaf, base, at - 1) == lastEntry) {
            risingLength++;
            fallingLength = 0;
        } else if (lastEntry != NONE
                && (at < slots ? NodeFormat.entry(leaf, base, at) : NodeFormat.upperEntry(leaf, base)) == lastEntry) {
            fallingLength++;
            risingLength = 0;
        } else {
            risingLength = 0;
            fallingLength = 0;
        }
    }

    private void addToNode(int node, int level, int at, int slots, long head, int entry, int child) {
        MemorySegment segment = SlabChain.segment(segments, node);
        long base = SlabChain.offset(node);
        NodeFormat.beginChange(segment, base);
        if (at < slots) {
            NodeFormat.copySlots(segment, base, at, segment, base, at + 1, slots - at, level);
        }
        NodeFormat.setSlot(segment, base, at, head, entry);
        if (level > 0) {
            NodeFormat.setChild(segment, base, at, child);
        }
        NodeFormat.setCount(segment, base, slots + 1);
        NodeFormat.endChange(segment, base);
    }

    /**
     * The first leaf is full: now 64 keys tell what keys have in common. Unless the guess fits them, their leaf is
     * written anew with other heads, and root and prefix are exchanged together. Who still reads the old leaf reads
     * what was true when it fetched the root.
     */
    private void settlePrefix(int leaf, MemorySegment key, long keyOffset, int keyLength) {
        isPrefixSettled = true;
        MemorySegment old = SlabChain.segment(segments, leaf);
        long oldBase = SlabChain.offset(leaf);
        int first = NodeFormat.entry(old, oldBase, 0);
        int last = NodeFormat.entry(old, oldBase, NodeFormat.SLOTS - 1);
        boolean isGuessRight = !guess.isEmpty() && isPrefixOfEntry(guess, first) && isPrefixOfEntry(guess, last)
                && guess.isPrefixOf(key, keyOffset, keyLength);
        if (isGuessRight) {
            return;
        }
        Prefix prefix = sharedByEntries(first, last, risingLength >= RUN_LENGTH ? RISING_SLACK_BYTES : 0)
                .sharedWith(key, keyOffset, keyLength);
        if (prefix.isEmpty() && guess.isEmpty()) {
            return;
        }
        int prefixReference = writePrefix(prefix);
        nodeCounts[0] = 0;
        int newLeaf = newNode(0);
        MemorySegment segment = SlabChain.segment(segments, newLeaf);
        long base = SlabChain.offset(newLeaf);
        for (int at = 0; at < NodeFormat.SLOTS; at++) {
            int entry = NodeFormat.entry(old, oldBase, at);
            MemorySegment entrySegment = SlabChain.segment(segments, entry);
            long entryOffset = SlabChain.offset(entry);
            long head = head(prefixReference, entrySegment, entryOffset + EntryFormat.HEADER_BYTES,
                    EntryFormat.keyLength(entrySegment, entryOffset));
            NodeFormat.setSlot(segment, base, at, head, entry);
        }
        NodeFormat.setCount(segment, base, NodeFormat.SLOTS);
        publishRoot(prefixReference, newLeaf);
    }

    private void splitLeaf(int node, MemorySegment segment, long base, int at, long head, int entry) {
        int cut = HALF;
        if (risingLength >= RUN_LENGTH) {
            cut = at;
            risingLength = 0;
        } else if (fallingLength >= RUN_LENGTH && at <= HALF) {
            cut = at;
            fallingLength = 0;
        }
        int right = split(node, segment, base, 0, cut, head, entry, NONE);
        MemorySegment rightSegment = SlabChain.segment(segments, right);
        long rightBase = SlabChain.offset(right);
        promote(NodeFormat.head(rightSegment, rightBase, 0), NodeFormat.entry(rightSegment, rightBase, 0), right);
        if (cut == NodeFormat.SLOTS) {
            lastLeaf = right;
            lastSlot = 0;
        } else if (at <= cut) {
            addToNode(node, 0, at, cut, head, entry, NONE);
            lastLeaf = node;
            lastSlot = at;
        } else {
            addToNode(right, 0, at - cut, NodeFormat.SLOTS - cut, head, entry, NONE);
            lastLeaf = right;
            lastSlot = at - cut;
        }
    }

    /**
     * Leaves the slots before the cut in a full node, moves the others to a new right neighbour, or, without others,
     * the new slot.
     */
    private int split(
            int node, MemorySegment segment, long base, int level, int cut, long head, int entry, int child) {
        int right = newNode(level);
        MemorySegment rightSegment = SlabChain.segment(segments, right);
        long rightBase = SlabChain.offset(right);
        if (cut == NodeFormat.SLOTS) {
            NodeFormat.setSlot(rightSegment, rightBase, 0, head, entry);
            if (level > 0) {
                NodeFormat.setChild(rightSegment, rightBase, 0, child);
            }
            NodeFormat.setCount(rightSegment, rightBase, 1);
        } else {
            NodeFormat.copySlots(segment, base, cut, rightSegment, rightBase, 0, NodeFormat.SLOTS - cut, level);
            NodeFormat.setCount(rightSegment, rightBase, NodeFormat.SLOTS - cut);
        }
        NodeFormat.setNext(rightSegment, rightBase, NodeFormat.next(segment, base),
                NodeFormat.upperEntry(segment, base), NodeFormat.upperHead(segment, base));
        // The right node is complete: from the end of this change on it can be reached.
        NodeFormat.beginChange(segment, base);
        NodeFormat.setNext(segment, base, right,
                NodeFormat.entry(rightSegment, rightBase, 0), NodeFormat.head(rightSegment, rightBase, 0));
        NodeFormat.setCount(segment, base, cut);
        NodeFormat.clearHeads(segment, base, cut, NodeFormat.SLOTS);
        NodeFormat.endChange(segment, base);
        return right;
    }

    /** Puts a new leaf, which its left neighbour already leads to, into the levels above. */
    private void promote(long newHead, int newEntry, int newChild) {
        long head = newHead;
        int entry = newEntry;
        int child = newChild;
        for (int level = 1; level < height; level++) {
            int node = pathNodes[level];
            MemorySegment segment = SlabChain.segment(segments, node);
            long base = SlabChain.offset(node);
            int at = pathSlots[level] + 1;
            int slots = NodeFormat.count(segment, base);
            if (slots < NodeFormat.SLOTS) {
                addToNode(node, level, at, slots, head, entry, child);
                return;
            }
            int cut = at == NodeFormat.SLOTS && NodeFormat.next(segment, base) == NONE ? NodeFormat.SLOTS : HALF;
            int right = split(node, segment, base, level, cut, head, entry, child);
            if (cut < NodeFormat.SLOTS) {
                if (at <= cut) {
                    addToNode(node, level, at, cut, head, entry, child);
                } else {
                    addToNode(right, level, at - cut, NodeFormat.SLOTS - cut, head, entry, child);
                }
            }
            head = NodeFormat.head(SlabChain.segment(segments, right), SlabChain.offset(right), 0);
            entry = NodeFormat.entry(SlabChain.segment(segments, right), SlabChain.offset(right), 0);
            child = right;
        }
        growRoot(head, entry, child);
    }

    private void growRoot(long head, int entry, int child) {
        int node = newNode(height);
        MemorySegment segment = SlabChain.segment(segments, node);
        long base = SlabChain.offset(node);
        NodeFormat.setSlot(segment, base, 0, NodeFormat.HEAD_MIN, NONE);
        NodeFormat.setChild(segment, base, 0, (int) root);
        NodeFormat.setSlot(segment, base, 1, head, entry);
        NodeFormat.setChild(segment, base, 1, child);
        NodeFormat.setCount(segment, base, 2);
        height++;
        publishRoot((int) (root >>> 32), node);
    }

    /** What the next memtable's keys probably begin with; in a rising sequence one byte less, for its next carry. */
    Prefix nextPrefix() {
        if (count < NodeFormat.SLOTS) {
            return guess;
        }
        // Without the first and the last leaf, so that a few keys apart from all others do not count.
        int leftmost = (int) root;
        int rightmost = (int) root;
        for (int level = height - 1; level > 0; level--) {
            leftmost = NodeFormat.child(SlabChain.segment(segments, leftmost), SlabChain.offset(leftmost), 0);
            MemorySegment segment = SlabChain.segment(segments, rightmost);
            long base = SlabChain.offset(rightmost);
            rightmost = NodeFormat.child(segment, base, NodeFormat.count(segment, base) - 1);
        }
        MemorySegment leftSegment = SlabChain.segment(segments, leftmost);
        MemorySegment rightSegment = SlabChain.segment(segments, rightmost);
        long rightBase = SlabChain.offset(rightmost);
        int lastOfAll = NodeFormat.entry(rightSegment, rightBase, NodeFormat.count(rightSegment, rightBase) - 1);
        boolean isSingleLeaf = leftmost == rightmost;
        int first = isSingleLeaf
                ? NodeFormat.entry(leftSegment, SlabChain.offset(leftmost), 0)
                : NodeFormat.upperEntry(leftSegment, SlabChain.offset(leftmost));
        int last = isSingleLeaf ? lastOfAll : NodeFormat.entry(rightSegment, rightBase, 0);
        return sharedByEntries(first, last, lastOfAll == lastEntry ? 1 : 0);
    }

    private Prefix sharedByEntries(int a, int b, int slackBytes) {
        MemorySegment aSegment = SlabChain.segment(segments, a);
        MemorySegment bSegment = SlabChain.segment(segments, b);
        long aOffset = SlabChain.offset(a);
        long bOffset = SlabChain.offset(b);
        return Prefix.shared(
                aSegment, aOffset + EntryFormat.HEADER_BYTES, EntryFormat.keyLength(aSegment, aOffset),
                bSegment, bOffset + EntryFormat.HEADER_BYTES, EntryFormat.keyLength(bSegment, bOffset), slackBytes);
    }

    private boolean isPrefixOfEntry(Prefix prefix, int entry) {
        MemorySegment segment = SlabChain.segment(segments, entry);
        long offset = SlabChain.offset(entry);
        return prefix.isPrefixOf(segment, offset + EntryFormat.HEADER_BYTES, EntryFormat.keyLength(segment, offset));
    }

    // Reading.

    /** References of prefix and root, as {@link #leafFor} wants them; 0 if there is no entry yet. */
    long root() {
        // acquire: pairs with the release in publishRoot()
        return (long) ROOT.getAcquire(this);
    }

    /** Who meets a node that stays in the middle of a change is told why. */
    void checkWhole() {
        Throwable cause = failure;
        if (cause != null) {
            throw new PoisonedException(cause);
        }
    }

    /** Leaves nothing to be found. */
    void cutOff() {
        // release: pairs with the acquire in root()
        ROOT.setRelease(this, 0L);
    }

    /** The head of a key under the prefix that belongs to a root. */
    long headUnder(long rootWord, MemorySegment key, long keyOffset, int keyLength) {
        return head((int) (rootWord >>> 32), key, keyOffset, keyLength);
    }

    /**
     * The first entry at or behind the place (key, seqno, before equals) if it can have that key, else {@link #NONE}.
     * That its head is equal is certain; the key is still to be compared.
     */
    int find(MemorySegment key, long keyOffset, int keyLength, long seqno) {
        long rootWord = root();
        if (rootWord == 0) {
            return NONE;
        }
        long head = headUnder(rootWord, key, keyOffset, keyLength);
        int leaf = leafFor(rootWord, head, key, keyOffset, keyLength, seqno, BEFORE_EQUALS);
        while (true) {
            MemorySegment segment = SlabChain.segment(segments, leaf);
            long base = SlabChain.offset(leaf);
            long version = NodeFormat.enter(segment, base, this);
            int found = NONE;
            int next = NONE;
            try {
                int upper = NodeFormat.upperEntry(segment, base);
                long upperHead = NodeFormat.upperHead(segment, base);
                if (upper != NONE
                        && isBefore(upperHead, upper, head, key, keyOffset, keyLength, seqno, BEFORE_EQUALS)) {
                    next = NodeFormat.next(segment, base);
                } else {
                    int slots = NodeFormat.count(segment, base);
                    int at = lowerBound(
                            segments, segment, base, 0, slots, head, key, keyOffset, keyLength, seqno, BEFORE_EQUALS);
                    if (at < slots) {
                        found = NodeFormat.head(segment, base, at) == head ? NodeFormat.entry(segment, base, at) : NONE;
                    } else {
                        found = upperHead == head ? upper : NONE;
                    }
                }
            } catch (RuntimeException e) {
                if (NodeFormat.isUnchanged(segment, base, version)) {
                    throw e;
                }
                continue;
            }
            if (NodeFormat.isUnchanged(segment, base, version)) {
                if (next == NONE) {
                    return found;
                }
                leaf = next;
            }
        }
    }

    /** The leaf that holds the place, or, if it was split meanwhile, one to the left of it. */
    int leafFor(
            long rootWord, long head, MemorySegment key, long keyOffset, int keyLength, long seqno, int reference) {
        int node = (int) rootWord;
        int level = NodeFormat.level(SlabChain.segment(segments, node), SlabChain.offset(node));
        while (level > 0) {
            MemorySegment segment = SlabChain.segment(segments, node);
            long base = SlabChain.offset(node);
            long version = NodeFormat.enter(segment, base, this);
            int step;
            int stepLevel;
            try {
                int upper = NodeFormat.upperEntry(segment, base);
                if (upper != NONE && isBefore(NodeFormat.upperHead(segment, base), upper,
                        head, key, keyOffset, keyLength, seqno, reference)) {
                    step = NodeFormat.next(segment, base);
                    stepLevel = level;
                } else {
                    int at = lowerBound(segments, segment, base, 1, NodeFormat.count(segment, base), head,
                            key, keyOffset, keyLength, seqno, reference);
                    step = NodeFormat.child(segment, base, at - 1);
                    stepLevel = level - 1;
                }
            } catch (RuntimeException e) {
                if (NodeFormat.isUnchanged(segment, base, version)) {
                    throw e;
                }
                continue;
            }
            if (NodeFormat.isUnchanged(segment, base, version)) {
                node = step;
                level = stepLevel;
            }
        }
        return node;
    }

    /** Whether the slot (slotHead, slotEntry) stands before the place. */
    boolean isBefore(
            long slotHead, int slotEntry, long head, MemorySegment key, long keyOffset, int keyLength, long seqno,
            int reference) {
        return slotHead < head
                || slotHead == head && isBefore(segments, slotEntry, key, keyOffset, keyLength, seqno, reference);
    }

    /** The first slot from {@code from} on that is not before the place; {@code slots} if all are. */
    static int lowerBound(
            MemorySegment[] segments, MemorySegment segment, long base, int from, int slots, long head,
            MemorySegment key, long keyOffset, int keyLength, long seqno, int reference) {
        int at = Math.max(from, NodeFormat.countBelow(segment, base, head));
        if (slots <= at || NodeFormat.head(segment, base, at) != head
                || !isBefore(segments, NodeFormat.entry(segment, base, at),
                        key, keyOffset, keyLength, seqno, reference)) {
            return at;
        }
        return lowerBoundOfTied(
                segments, segment, base, at + 1, slots, head, key, keyOffset, keyLength, seqno, reference);
    }

    private static int lowerBoundOfTied(
            MemorySegment[] segments, MemorySegment segment, long base, int from, int slots, long head,
            MemorySegment key, long keyOffset, int keyLength, long seqno, int reference) {
        int low = from;
        int high = slots;
        while (low < high) {
            int middle = low + high >>> 1;
            if (NodeFormat.head(segment, base, middle) == head && isBefore(segments,
                    NodeFormat.entry(segment, base, middle), key, keyOffset, keyLength, seqno, reference)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Whether an entry stands before the place, by its whole key. */
    private static boolean isBefore(
            MemorySegment[] segments, int entry, MemorySegment key, long keyOffset, int keyLength, long seqno,
            int reference) {
        MemorySegment segment = SlabChain.segment(segments, entry);
        long offset = SlabChain.offset(entry);
        int order = Bytes.compare(segment, offset + EntryFormat.HEADER_BYTES, EntryFormat.keyLength(segment, offset),
                key, keyOffset, keyLength);
        if (order != 0) {
            return order < 0;
        }
        long entrySeqno = Trailer.seqno(EntryFormat.trailer(segment, offset));
        if (entrySeqno != seqno) {
            return seqno < entrySeqno;
        }
        return Integer.compareUnsigned(reference, entry) < 0;
    }

    /** The head of a key: an order-preserving map, whatever the prefix is. */
    private long head(int prefix, MemorySegment key, long keyOffset, int keyLength) {
        MemorySegment segment = SlabChain.segment(segments, prefix);
        long offset = SlabChain.offset(prefix);
        int prefixLength = segment.get(INT_LE, offset);
        if (prefixLength > 0) {
            int order = Bytes.compare(
                    key, keyOffset, Math.min(keyLength, prefixLength), segment, offset + 4, prefixLength);
            if (order != 0) {
                return order < 0 ? NodeFormat.HEAD_MIN : NodeFormat.HEAD_MAX;
            }
        }
        return Bytes.head(key, keyOffset + prefixLength, keyLength - prefixLength) >>> 1;
    }

    @Override
    public String toString() {
        return "height " + height + ", nodes " + Arrays.toString(Arrays.copyOf(nodeCounts, height));
    }
}
