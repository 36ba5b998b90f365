package io.firn.tx;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.agrona.collections.IntHashSet;

/**
 * What an optimistic transaction has read: single keys and ranges.
 *
 * <p>Of a single key 64 bits are kept, a hash of keyspace and key, in an open table on the heap: a key that was written and has the
 * hash of another that was read is a conflict too many, once in 2^64 pairs; none is missed. So a read costs 16 to 32 bytes, whatever the
 * length of its key. A whole range that is written at once, by a clear say, meets every keyspace of which a single key was read.
 *
 * <p>Invariants: (1) the hash 0 stands for no key; a key that has it counts as of hash 1. (2) From 2^20 single keys on, 16 MiB, further
 * ones make their keyspace one that is read as a whole. (3) In steady state nothing is allocated.
 *
 * <p>Threads: one at a time. Closed by: its holder.
 */
final class ReadSet implements AutoCloseable {
    static final int KEYS_MAX = 1 << 20;

    private static final int LEAST_SLOTS = 1 << 6;

    /** A larger table is not kept for the next transaction, which would have to clear it. */
    private static final int KEPT_SLOTS = 1 << 12;

    private static final long MIX = 0x9E37_79B9_7F4A_7C15L;

    private long[] hashes = new long[LEAST_SLOTS];
    private int count;
    private final IntHashSet keyspacesOfKeys = new IntHashSet();
    private int lastKeyspaceId = -1;
    private final ReadRanges ranges;

    ReadSet(MemoryBudget budget) {
        ranges = new ReadRanges(budget);
    }

    boolean isEmpty() {
        return count == 0 && ranges.isEmpty();
    }

    void clear() {
        if (hashes.length > KEPT_SLOTS) {
            hashes = new long[LEAST_SLOTS];
        } else if (count > 0) {
            Arrays.fill(hashes, 0);
        }
        count = 0;
        keyspacesOfKeys.clear();
        lastKeyspaceId = -1;
        ranges.clear();
    }

    /** A key of this hash was read, whether it was there or not. */
    void addKey(int keyspaceId, long keyHash) {
        if (count == KEYS_MAX) {
            ranges.addWhole(keyspaceId);
            return;
        }
        if (keyspaceId != lastKeyspaceId) {
            keyspacesOfKeys.add(keyspaceId);
            lastKeyspaceId = keyspaceId;
        }
        long hash = hash(keyspaceId, keyHash);
        int slot = slot(hash);
        if (hashes[slot] == 0) {
            hashes[slot] = hash;
            if (2 * ++count > hashes.length) {
                grow();
            }
        }
    }

    /** A walk has passed these keys. */
    void addSpan(int keyspaceId, Span span) {
        ranges.add(keyspaceId, span);
    }

    /** Whether a key was read. */
    boolean contains(int keyspaceId, MemorySegment key, long offset, int length) {
        return count > 0 && hashes[slot(hash(keyspaceId, Bytes.hash(key, offset, length)))] != 0
                || ranges.contains(keyspaceId, key, offset, length);
    }

    /** Whether any key of a range may have been read. */
    boolean overlaps(
            int keyspaceId, MemorySegment keys, long lower, int lowerLength, long upper, int upperLength) {
        return keyspacesOfKeys.contains(keyspaceId)
                || ranges.overlaps(keyspaceId, keys, lower, lowerLength, upper, upperLength);
    }

    private static long hash(int keyspaceId, long keyHash) {
        long hash = keyHash ^ keyspaceId * MIX;
        return hash == 0 ? 1 : hash;
    }

    /** Where the hash is, or where it would stand. */
    private int slot(long hash) {
        int mask = hashes.length - 1;
        int slot = (int) (hash >>> 32) & mask;
        while (hashes[slot] != 0 && hashes[slot] != hash) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private void grow() {
        long[] former = hashes;
        hashes = new long[2 * former.length];
        for (long hash : former) {
            if (hash != 0) {
                hashes[slot(hash)] = hash;
            }
        }
    }

    @Override
    public void close() {
        ranges.close();
    }
}
