package io.firn.keyspace;

import java.util.Arrays;
import java.util.function.Supplier;

/**
 * The seqnos that open snapshots read at. Flush and compaction keep what these see.
 *
 * <p>Invariants: (1) a snapshot reads the published seqno and is registered in one step, and so are both captured: no
 * snapshot that is missing from a capture reads below its published seqno (R11). (2) Seqnos are registered in ascending
 * order, since the published one only grows.
 *
 * <p>Threads: any.
 */
public final class Snapshots {
    private final PublishedSeqno published;
    private long[] seqnos = new long[8];
    private int[] holders = new int[8];
    private int count;

    public Snapshots(PublishedSeqno published) {
        this.published = published;
    }

    /**
     * What a flush or compaction must keep: of each key, for every live snapshot the newest version at or below its seqno, and
     * the newest of all. {@code seqnos} ascend; snapshots that are opened later read at {@code published} or above.
     */
    public record Captured(long[] seqnos, long published) {}

    /** Registers one snapshot more at the published seqno, which is answered. */
    public synchronized long open() {
        long seqno = published.get();
        if (count > 0 && seqnos[count - 1] == seqno) {
            holders[count - 1]++;
            return seqno;
        }
        assert count == 0 || seqnos[count - 1] < seqno : "seqno " + seqno + " after " + seqnos[count - 1];
        if (count == seqnos.length) {
            seqnos = Arrays.copyOf(seqnos, 2 * count);
            holders = Arrays.copyOf(holders, 2 * count);
        }
        seqnos[count] = seqno;
        holders[count] = 1;
        count++;
        return seqno;
    }

    /** Registers one snapshot less at the seqno. */
    public synchronized void close(long seqno) {
        int index = Arrays.binarySearch(seqnos, 0, count, seqno);
        assert index >= 0 : "no snapshot at seqno " + seqno;
        if (--holders[index] == 0) {
            count--;
            System.arraycopy(seqnos, index + 1, seqnos, index, count - index);
            System.arraycopy(holders, index + 1, holders, index, count - index);
        }
    }

    /** How many are registered. */
    public synchronized int openCount() {
        int open = 0;
        for (int i = 0; i < count; i++) {
            open += holders[i];
        }
        return open;
    }

    /** The seqno of the newest live snapshot; -1 if there is none. */
    public synchronized long newest() {
        return count == 0 ? -1 : seqnos[count - 1];
    }

    /** Runs what makes readers miss entries from the seqno on, unless a live snapshot may see one; none is opened meanwhile (R12). */
    public synchronized boolean runUnlessSeen(long seqno, Runnable action) {
        if (count > 0 && seqnos[count - 1] >= seqno) {
            return false;
        }
        action.run();
        return true;
    }

    /** Whether a snapshot reads at one of these seqnos, both included. */
    public synchronized boolean isAnyWithin(long first, long last) {
        int index = Arrays.binarySearch(seqnos, 0, count, first);
        int next = index < 0 ? -index - 1 : index;
        return next < count && seqnos[next] <= last;
    }

    public synchronized boolean isAny() {
        return count > 0;
    }

    /** Runs a step during which no snapshot is opened or closed. */
    public synchronized <T> T run(Supplier<T> step) {
        return step.get();
    }

    /** For a flush or compaction, which has fixed its inputs before (R11). */
    public synchronized Captured capture() {
        return new Captured(Arrays.copyOf(seqnos, count), published.get());
    }
}
