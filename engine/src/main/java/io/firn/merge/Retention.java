package io.firn.merge;

import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Scratch;
import java.lang.foreign.MemorySegment;

/**
 * Which versions of each key are written on when sources become tables: those that a reader may still ask for, and what keeps
 * older ones from coming back. It goes through a cursor once, an entry a step.
 *
 * <p>Boundaries are the seqnos of the live snapshots and, the highest, the published seqno, all captured after the sources were
 * fixed (R11). A stripe reaches from one boundary, exclusive, to the next: of the versions of a key in one stripe nobody
 * sees another than the newest.
 *
 * <p>Invariants: (1) at every boundary, and at every seqno above the highest, a reader sees the same before and after, now and
 * whatever is written and merged later. (2) What is newer than the highest boundary is kept as it is. (3) Where something older may
 * lie below, tombstones outlive what hides them: a strong one goes when a strong one of its stripe was kept above it, a
 * weak one together with the next older value of its key in its stripe (R14). A value above is no reason, since a later weak
 * tombstone may take that value away. (4) Of a key below which nothing older lies, all that is left in the lowest stripe is
 * the newest version if that is a value, at seqno 0 if so asked (R13). (5) Of entries of equal (key, seqno) the
 * first is kept, which is the newest source's; a weak tombstone becomes a strong one.
 *
 * <p>Threads: one. Closed by: its opener; the cursor is closed by its own.
 */
public final class Retention implements AutoCloseable {
    private static final int NO_KEY = -1;
    private static final int NO_STRIPE = -1;

    private final EntryCursor source;
    private final long[] boundaries;
    private final Below below;
    private final Seqnos seqnos;
    private final Scratch keyMemory;

    /** The key of the entries that are being judged, in memory of its own. */
    private MemorySegment key = MemorySegment.NULL;
    private int keyLength = NO_KEY;
    private long lastSeqno;
    private boolean isBelowKnown;
    private boolean isNothingBelow;

    /** The stripe of the last version that hides older ones, and whether a strong tombstone of that stripe was kept. */
    private int hidingStripe;
    private boolean isStronglyHidden;

    /** A weak tombstone that waits for the entry behind it, and what hid before it. */
    private boolean isWeakPending;
    private long weakTrailer;
    private int stripeBeforeWeak;
    private boolean wasStronglyHidden;

    /** The source stands on an entry that is not judged yet. */
    private boolean isHeld;

    private long trailer;
    private boolean isValueOfSource;

    /** What became of an entry. */
    public enum Step { KEPT, DROPPED, END }

    /** What becomes of seqnos that nobody will ask for. */
    public enum Seqnos { AS_THEY_ARE, TO_ZERO }

    /** What lies below the sources. */
    public interface Below {
        /**
         * Whether an entry of this key may lie outside of the sources that is older than those in them. Keys are asked for in ascending
         * order; they are native memory.
         */
        boolean mayHold(MemorySegment key, long offset, int length);
    }

    /** The cursor has not been moved. {@code boundaries} ascend, and there is at least one. */
    public Retention(EntryCursor source, long[] boundaries, Below below, Seqnos seqnos, MemoryBudget budget) {
        assert 0 < boundaries.length : "no published seqno";
        this.source = source;
        this.boundaries = boundaries.clone();
        this.below = below;
        this.seqnos = seqnos;
        keyMemory = Scratch.confined(budget);
    }

    /** Judges the next entry. One that is kept is shown by the methods below until the next step. */
    public Step step() {
        while (true) {
            boolean isThere = isHeld || source.next();
            boolean isSameKey = isThere && isOfKey();
            isHeld = false;
            if (isWeakPending && !isSameKey) {
                isHeld = isThere;
                return showWeak();
            }
            if (!isThere) {
                return Step.END;
            }
            long seqno = Trailer.seqno(source.trailer());
            if (isSameKey && seqno == lastSeqno) {
                return isWeakPending ? showStrong() : Step.DROPPED;
            }
            int stripe = stripeOf(seqno);
            if (isWeakPending) {
                if (stripe != hidingStripe || Trailer.isTombstone(source.trailer())) {
                    isHeld = true;
                    return showWeak();
                }
                // The pair goes, and what the weak tombstone hid is as visible as before it.
                isWeakPending = false;
                hidingStripe = stripeBeforeWeak;
                isStronglyHidden = wasStronglyHidden;
                lastSeqno = seqno;
                return Step.DROPPED;
            }
            if (!isSameKey) {
                beginKey();
            }
            lastSeqno = seqno;
            if (isKept(stripe)) {
                isValueOfSource = true;
                return Step.KEPT;
            }
            if (!isWeakPending) {
                return Step.DROPPED;
            }
        }
    }

    public MemorySegment keySegment() {
        return key;
    }

    public long keyOffset() {
        return 0;
    }

    public int keyLength() {
        return keyLength;
    }

    public long trailer() {
        return trailer;
    }

    public MemorySegment valueSegment() {
        return isValueOfSource ? source.valueSegment() : MemorySegment.NULL;
    }

    public long valueOffset() {
        return isValueOfSource ? source.valueOffset() : 0;
    }

    public int valueLength() {
        return isValueOfSource ? source.valueLength() : 0;
    }

    @Override
    public void close() {
        keyMemory.close();
    }

    private boolean isOfKey() {
        return Bytes.equal(key, 0, keyLength, source.keySegment(), source.keyOffset(), source.keyLength());
    }

    private void beginKey() {
        int length = source.keyLength();
        key = keyMemory.atLeast(length);
        Bytes.copy(source.keySegment(), source.keyOffset(), key, 0, length);
        keyLength = length;
        isBelowKnown = false;
        hidingStripe = NO_STRIPE;
        isStronglyHidden = false;
    }

    /** The first boundary at or above the seqno; above all of them their number. */
    private int stripeOf(long seqno) {
        int low = 0;
        int high = boundaries.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (boundaries[middle] < seqno) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Whether the source's entry is written on; a weak tombstone may be left pending. */
    private boolean isKept(int stripe) {
        trailer = source.trailer();
        if (stripe == boundaries.length) {
            return true;
        }
        boolean isHidden = stripe == hidingStripe;
        if (stripe == 0 && isNothingBelow()) {
            hidingStripe = 0;
            if (isHidden || Trailer.isTombstone(trailer)) {
                return false;
            }
            trailer = seqnos == Seqnos.TO_ZERO ? Trailer.of(0, Trailer.type(trailer)) : trailer;
            return true;
        }
        return switch (Trailer.type(trailer)) {
            case Trailer.TOMBSTONE -> {
                boolean isKept = !(isHidden && isStronglyHidden);
                hidingStripe = stripe;
                isStronglyHidden = true;
                yield isKept;
            }
            case Trailer.WEAK_TOMBSTONE -> {
                isWeakPending = true;
                weakTrailer = trailer;
                stripeBeforeWeak = hidingStripe;
                wasStronglyHidden = isStronglyHidden;
                hidingStripe = stripe;
                isStronglyHidden &= isHidden;
                yield false;
            }
            default -> {
                if (!isHidden) {
                    hidingStripe = stripe;
                    isStronglyHidden = false;
                }
                yield !isHidden;
            }
        };
    }

    private boolean isNothingBelow() {
        if (!isBelowKnown) {
            isBelowKnown = true;
            isNothingBelow = !below.mayHold(key, 0, keyLength);
        }
        return isNothingBelow;
    }

    /**
     * The batch of the weak tombstone wrote the key before: what that hides is not a pair with it, and may be more than one value.
     */
    private Step showStrong() {
        isWeakPending = false;
        isStronglyHidden = true;
        trailer = Trailer.of(lastSeqno, Trailer.TOMBSTONE);
        isValueOfSource = false;
        return Step.KEPT;
    }

    private Step showWeak() {
        isWeakPending = false;
        trailer = weakTrailer;
        isValueOfSource = false;
        return Step.KEPT;
    }
}
