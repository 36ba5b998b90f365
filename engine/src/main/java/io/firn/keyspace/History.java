package io.firn.keyspace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Former super versions of one tree that live snapshots still read: each was replaced by an edit that forgets what they see
 * (R12). They hold no entries in memory, only files.
 *
 * <p>Invariants: (1) a former one is added before what replaces it is current, and while no snapshot can be opened; it serves the
 * snapshots up to the edit and above the former one before it. (2) What {@code acquire} gave is not freed before it is unpinned:
 * who has pinned it looks again whether it is still here, as with {@link Current}.
 *
 * <p>Threads: acquired by any; changed under this object's monitor, which comes after that of the snapshots.
 */
final class History {
    private static final Former[] NONE = {};

    private final Snapshots snapshots;
    private final Retirement retirement;

    /** In the order of the edits. Volatile get and set: pairs with the pins of readers, who look before and after. */
    private volatile Former[] formers = NONE;

    /** What snapshots above {@code seqnoBefore}, up to {@code seqno}, see. */
    private record Former(long seqnoBefore, long seqno, SuperVersion superVersion) {}

    History(Snapshots snapshots, Retirement retirement) {
        this.snapshots = snapshots;
        this.retirement = retirement;
    }

    /** Keeps a super version for the snapshots up to a seqno. */
    synchronized void add(SuperVersion former, long seqno) {
        Former[] before = formers;
        Former[] longer = Arrays.copyOf(before, before.length + 1);
        longer[before.length] = new Former(before.length == 0 ? -1 : before[before.length - 1].seqno, seqno, former);
        formers = longer;
        retirement.watch(this);
    }

    /** Pins what a snapshot at the seqno sees; null if that is what is current. */
    @Nullable SuperVersion acquire(int stripe, long seqno) {
        while (true) {
            Former[] seen = formers;
            SuperVersion found = find(seen, seqno);
            if (found == null) {
                return null;
            }
            found.pin(stripe);
            if (formers == seen) {
                return found;
            }
            // The maintenance thread may have met this pin and be waiting for its end.
            if (found.unpin(stripe)) {
                retirement.wake();
            }
        }
    }

    private static @Nullable SuperVersion find(Former[] formers, long seqno) {
        for (Former each : formers) {
            if (seqno <= each.seqno) {
                return each.superVersion;
            }
        }
        return null;
    }

    /** Retires what no live snapshot reads any more. */
    void forget() {
        // First these, then the snapshots: those that are opened later read above each of these.
        List<Former> seen = List.of(formers);
        List<Former> forgotten = new ArrayList<>();
        for (Former each : seen) {
            if (!snapshots.isAnyWithin(each.seqnoBefore + 1, each.seqno)) {
                forgotten.add(each);
            }
        }
        forget(forgotten);
    }

    boolean isEmpty() {
        return formers.length == 0;
    }

    /** Retires everything: the database is being closed. */
    synchronized void close() {
        forget(List.of(formers));
    }

    /** Of the forgotten ones, what is still here: a close may have come between the look and this. */
    private synchronized void forget(List<Former> forgotten) {
        List<Former> left = new ArrayList<>();
        List<Former> gone = new ArrayList<>();
        for (Former each : formers) {
            (forgotten.contains(each) ? gone : left).add(each);
        }
        formers = left.toArray(NONE);
        gone.forEach(each -> retirement.retire(each.superVersion));
    }
}
