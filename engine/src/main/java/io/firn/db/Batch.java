package io.firn.db;

import io.firn.entry.EntryLimits;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.codec.Compressor;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.memory.Leases;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import io.firn.journal.JournalFormat;
import io.firn.keyspace.Tree;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.agrona.collections.Int2IntHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Writes that are committed together: one journal record under construction, in private memory.
 *
 * <p>Invariants: (1) a refused write leaves the batch as it was. (2) The record holds the entries in the order of their writing; a value
 * that is stored compressed also lies whole in {@code plain}, in the same order. (3) In steady state nothing is allocated on
 * the heap.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
public final class Batch implements Leases.Leased {
    /** Values from here on are compressed in the journal; what is smaller gains less than the codec costs. */
    private static final int COMPRESSED_VALUE_BYTES = 4096;

    /** What is larger is given back after its commit, so that one large write does not hold memory for ever. */
    private static final long KEPT_BYTES = 4 << 20;

    private static final int NO_TREE = -1;

    private final Scratch record;
    private final Scratch plain;
    private final Crc32c crc = new Crc32c();
    private final Codec codec;
    private final MemoryBudget budget;
    private @Nullable Compressor compressor;

    private long endOffset = JournalFormat.RECORD_HEADER_BYTES;
    private long plainEndOffset;
    private int count;
    private long keyBytes;

    private Tree[] trees = new Tree[4];
    private long[] bytesByTree = new long[4];
    private int[] entriesByTree = new int[4];
    private int treeCount;
    private int lastTreeIndex;
    private final Int2IntHashMap treeIndexById = new Int2IntHashMap(NO_TREE);

    private Batch(MemoryBudget budget, Codec codec, Scratch record, Scratch plain) {
        this.budget = budget;
        this.codec = codec;
        this.record = record;
        this.plain = plain;
    }

    /** A batch that may be handed from thread to thread. */
    static Batch shared(MemoryBudget budget, Codec codec) {
        return new Batch(budget, codec, new Scratch(budget), new Scratch(budget));
    }

    /** A batch of the calling thread alone, which also closes it: that stops no other thread. */
    static Batch confined(MemoryBudget budget, Codec codec) {
        return new Batch(budget, codec, Scratch.confined(budget), Scratch.confined(budget));
    }

    // ---- building

    public void put(Tree tree, byte[] key, byte[] value) {
        EntryLimits.checkKey(key.length);
        EntryLimits.checkValue(value.length);
        long at = begin(key.length, value.length);
        MemorySegment memory = record.bytes();
        MemorySegment.copy(key, 0, memory, Layouts.BYTE, at, key.length);
        MemorySegment.copy(value, 0, memory, Layouts.BYTE, at + key.length, value.length);
        end(tree, Trailer.VALUE, at, key.length, value.length);
    }

    public void put(Tree tree, MemorySegment key, MemorySegment value) {
        EntryLimits.checkKey(key.byteSize());
        EntryLimits.checkValue(value.byteSize());
        put(tree, key, 0, (int) key.byteSize(), value, 0, (int) value.byteSize());
    }

    /** The same for a key and a value that lie within larger memory. */
    public void put(
            Tree tree, MemorySegment key, long keyOffset, int keyLength, MemorySegment value, long valueOffset,
            int valueLength) {
        EntryLimits.checkKey(keyLength);
        EntryLimits.checkValue(valueLength);
        long at = begin(keyLength, valueLength);
        MemorySegment memory = record.bytes();
        MemorySegment.copy(key, keyOffset, memory, at, keyLength);
        MemorySegment.copy(value, valueOffset, memory, at + keyLength, valueLength);
        end(tree, Trailer.VALUE, at, keyLength, valueLength);
    }

    /** A tombstone of the given type. */
    public void remove(Tree tree, int type, byte[] key) {
        EntryLimits.checkKey(key.length);
        long at = begin(key.length, 0);
        MemorySegment.copy(key, 0, record.bytes(), Layouts.BYTE, at, key.length);
        end(tree, type, at, key.length, 0);
    }

    /** A tombstone of the given type. */
    public void remove(Tree tree, int type, MemorySegment key) {
        EntryLimits.checkKey(key.byteSize());
        int keyLength = (int) key.byteSize();
        long at = begin(keyLength, 0);
        MemorySegment.copy(key, 0, record.bytes(), at, keyLength);
        end(tree, type, at, keyLength, 0);
    }

    /** The same for a key that lies within larger memory. */
    public void remove(Tree tree, int type, MemorySegment key, long keyOffset, int keyLength) {
        EntryLimits.checkKey(keyLength);
        long at = begin(keyLength, 0);
        MemorySegment.copy(key, keyOffset, record.bytes(), at, keyLength);
        end(tree, type, at, keyLength, 0);
    }

    public int count() {
        return count;
    }

    public void clear() {
        if (record.bytes().byteSize() + plain.bytes().byteSize() > KEPT_BYTES) {
            record.close();
            plain.close();
        }
        endOffset = JournalFormat.RECORD_HEADER_BYTES;
        plainEndOffset = 0;
        count = 0;
        keyBytes = 0;
        Arrays.fill(trees, 0, treeCount, null);
        treeCount = 0;
        lastTreeIndex = 0;
        treeIndexById.clear();
    }

    /** Makes room; answers where the key goes. */
    private long begin(int keyLength, int valueLength) {
        long keyOffset = endOffset + JournalFormat.ENTRY_HEADER_BYTES;
        long newEnd = keyOffset + keyLength + valueLength;
        if (newEnd > JournalFormat.RECORD_BYTES_MAX) {
            throw new IllegalArgumentException("a batch of " + newEnd + " bytes; at most 2^31-1 with its headers");
        }
        record.atLeastKeeping(newEnd + Long.BYTES, endOffset);
        return keyOffset;
    }

    private void end(Tree tree, int type, long keyOffset, int keyLength, int valueLength) {
        int storedLength = valueLength;
        Codec storedAs = Codec.NONE;
        if (codec != Codec.NONE && valueLength >= COMPRESSED_VALUE_BYTES) {
            int compressed = compress(keyOffset + keyLength, valueLength);
            if (compressed >= 0) {
                storedLength = compressed;
                storedAs = codec;
            }
        }
        note(tree, keyLength + (long) valueLength);
        JournalFormat.putEntryHeader(
                record.bytes(), endOffset, tree.id(), type, storedAs.id(), keyLength, valueLength, storedLength);
        endOffset = keyOffset + keyLength + storedLength;
        count++;
        keyBytes += keyLength;
    }

    /** Moves the value to the plain memory and compresses it back; -1, and nothing moved, if it does not become smaller. */
    private int compress(long valueOffset, int valueLength) {
        Compressor open = compressor;
        if (open == null) {
            open = Codecs.compressor(codec, budget);
            compressor = open;
        }
        MemorySegment whole = plain.atLeastKeeping(plainEndOffset + valueLength, plainEndOffset);
        MemorySegment.copy(record.bytes(), valueOffset, whole, plainEndOffset, valueLength);
        int compressed = open.compress(
                whole, plainEndOffset, valueLength, record.bytes(), valueOffset, valueLength - 1);
        if (compressed < 0) {
            MemorySegment.copy(whole, plainEndOffset, record.bytes(), valueOffset, valueLength);
            return -1;
        }
        plainEndOffset += valueLength;
        return compressed;
    }

    private void note(Tree tree, long bytes) {
        if (treeCount == 0 || trees[lastTreeIndex] != tree) {
            lastTreeIndex = indexOf(tree);
        }
        bytesByTree[lastTreeIndex] += bytes;
        entriesByTree[lastTreeIndex]++;
    }

    private int indexOf(Tree tree) {
        int index = treeIndexById.get(tree.id());
        if (index != NO_TREE) {
            return index;
        }
        if (treeCount == trees.length) {
            trees = Arrays.copyOf(trees, 2 * treeCount);
            bytesByTree = Arrays.copyOf(bytesByTree, 2 * treeCount);
            entriesByTree = Arrays.copyOf(entriesByTree, 2 * treeCount);
        }
        trees[treeCount] = tree;
        bytesByTree[treeCount] = 0;
        entriesByTree[treeCount] = 0;
        treeIndexById.put(tree.id(), treeCount);
        return treeCount++;
    }

    // ---- committing

    /** Completes all of the record that needs no lock; answers its size. */
    long complete() {
        return JournalFormat.finishRecord(record.bytes(), endOffset, count, crc);
    }

    MemorySegment record() {
        return record.bytes();
    }

    int treeCount() {
        return treeCount;
    }

    Tree tree(int index) {
        return trees[index];
    }

    /** Keys and values. */
    long entryBytes() {
        long bytes = 0;
        for (int i = 0; i < treeCount; i++) {
            bytes += bytesByTree[i];
        }
        return bytes;
    }

    long bytesOfTree(int index) {
        return bytesByTree[index];
    }

    int entriesOfTree(int index) {
        return entriesByTree[index];
    }

    long keyBytes() {
        return keyBytes;
    }

    /** Tells the gate of every key. Commit lock. */
    void tell(Gate gate) {
        MemorySegment memory = record.bytes();
        long offset = JournalFormat.RECORD_HEADER_BYTES;
        for (int i = 0; i < count; i++) {
            int keyLength = JournalFormat.keyLength(memory, offset);
            long keyOffset = offset + JournalFormat.ENTRY_HEADER_BYTES;
            gate.note(JournalFormat.keyspaceId(memory, offset), memory, keyOffset, keyLength);
            offset = keyOffset + keyLength + JournalFormat.storedLength(memory, offset);
        }
    }

    /** Inserts every entry into its tree. Commit lock, after every tree has reserved. */
    void insertAll(long seqno, long journalFileId) {
        MemorySegment memory = record.bytes();
        long offset = JournalFormat.RECORD_HEADER_BYTES;
        long plainOffset = 0;
        Tree tree = trees[0];
        for (int i = 0; i < count; i++) {
            int keyspaceId = JournalFormat.keyspaceId(memory, offset);
            if (tree.id() != keyspaceId) {
                tree = trees[treeIndexById.get(keyspaceId)];
            }
            long trailer = Trailer.of(seqno, JournalFormat.type(memory, offset));
            int keyLength = JournalFormat.keyLength(memory, offset);
            int valueLength = JournalFormat.valueLength(memory, offset);
            int storedLength = JournalFormat.storedLength(memory, offset);
            long keyOffset = offset + JournalFormat.ENTRY_HEADER_BYTES;
            if (JournalFormat.codecId(memory, offset) == Codec.NONE.id()) {
                tree.insert(journalFileId, memory, keyOffset, keyLength, trailer,
                        memory, keyOffset + keyLength, valueLength);
            } else {
                tree.insert(journalFileId, memory, keyOffset, keyLength, trailer,
                        plain.bytes(), plainOffset, valueLength);
                plainOffset += valueLength;
            }
            offset = keyOffset + keyLength + storedLength;
        }
    }

    @Override
    public void close() {
        clear();
        record.close();
        plain.close();
        Compressor open = compressor;
        if (open != null) {
            open.close();
            compressor = null;
        }
    }
}
