package io.firn.keyspace;

import io.firn.config.KeyRange;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.error.FirnException;
import io.firn.error.StorageException;
import io.firn.ffm.memory.Layouts;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What reads a tree: lookups of keys, and walks over them.
 *
 * <p>Invariants: (1) a read pins, then reads the published seqno (R11). (2) A read at a snapshot's seqno asks the history, after it
 * has pinned, whether that has a former super version for it (R12). (3) What was pinned is unpinned in the same stripe (R17).
 *
 * <p>Threads: any.
 */
public final class TreeReader {
    /** Reads at the seqno that is published when the read begins. */
    public static final long PUBLISHED = -1;

    private final String name;
    private final Current<SuperVersion> current;
    private final History history;
    private final Front front;
    private final ReadCounters counters;
    private final TreeContext context;
    private final Supplier<FirnException> gone;
    private final @Nullable Overlay over;

    /** @param gone why there is no current super version any more */
    TreeReader(
            String name, Current<SuperVersion> current, History history, Front front, ReadCounters counters,
            TreeContext context, Supplier<FirnException> gone) {
        this(name, current, history, front, counters, context, gone, null);
    }

    private TreeReader(
            String name, Current<SuperVersion> current, History history, Front front, ReadCounters counters,
            TreeContext context, Supplier<FirnException> gone, @Nullable Overlay over) {
        this.name = name;
        this.current = current;
        this.history = history;
        this.front = front;
        this.counters = counters;
        this.context = context;
        this.gone = gone;
        this.over = over;
    }

    /** What reads the same tree with something over it. */
    public TreeReader under(Overlay overlay) {
        return new TreeReader(name, current, history, front, counters, context, gone, overlay);
    }

    /** The keyspace's. */
    public String name() {
        return name;
    }

    /**
     * Starts a lookup of a key at a seqno or at {@link #PUBLISHED}; null if the key is missing. What is found is to be {@link
     * #release}d.
     */
    public @Nullable Lookup find(byte[] key, long seqno) {
        Lookup lookup = context.readers().lookups().lease();
        try {
            lookup.probe.ask(key, 0);
            pin(lookup, seqno);
            if (find(lookup)) {
                return lookup;
            }
        } catch (Throwable t) {
            throw failed(lookup, t);
        }
        release(lookup);
        return null;
    }

    /** The same for a key in any segment. */
    public @Nullable Lookup find(MemorySegment key, long seqno) {
        Lookup lookup = context.readers().lookups().lease();
        try {
            lookup.probe.ask(key, 0, (int) key.byteSize(), 0);
            pin(lookup, seqno);
            if (find(lookup)) {
                return lookup;
            }
        } catch (Throwable t) {
            throw failed(lookup, t);
        }
        release(lookup);
        return null;
    }

    /** Starts many lookups at one seqno, to be {@link #release}d. */
    public Lookup lookups(long seqno) {
        Lookup lookup = context.readers().lookups().lease();
        try {
            pin(lookup, seqno);
            return lookup;
        } catch (Throwable t) {
            throw failed(lookup, t);
        }
    }

    /** Whether the key is there; the lookup has the answer until the next one. */
    public boolean find(Lookup lookup, MemorySegment key) {
        try {
            lookup.probe.ask(key, 0, (int) key.byteSize(), lookup.probe.seqno());
            return find(lookup);
        } catch (InternalError lost) {
            throw lostPage(lost);
        }
    }

    /** Ends a lookup: its answer is no longer valid. */
    public void release(Lookup lookup) {
        lookup.probe.release();
        SuperVersion pinned = lookup.pinned;
        lookup.pinned = null;
        int stripe = lookup.stripe;
        context.readers().lookups().giveBack(lookup);
        unpin(pinned, stripe);
    }

    /** Brings the value that was found, if it is separated. */
    public void load(Lookup lookup) {
        Probe probe = lookup.probe;
        if (Trailer.isSeparated(probe.trailer())) {
            lookup.pinned.version.blobs().hold(probe.segment(), probe.offset(), probe.separated());
            probe.answerSeparated();
        }
    }

    /** Copies a found value to the heap. */
    public byte[] copy(Lookup lookup) {
        load(lookup);
        Probe probe = lookup.probe;
        byte[] value = new byte[probe.length()];
        MemorySegment.copy(probe.segment(), Layouts.BYTE, probe.offset(), value, 0, value.length);
        return value;
    }

    /** A page of a mapping was lost while an answer was read: poisons, and gives the exception to throw. */
    public StorageException lostPage(InternalError error) {
        context.onLostPage().accept(error);
        return new StorageException("keyspace " + name + ": a page of a mapped file could not be read", error);
    }

    /** Starts a walk over all keys, or those of a range, at a seqno or at {@link #PUBLISHED}; to be {@link #release}d. */
    public Scan scan(@Nullable KeyRange range, long seqno) {
        Scan scan = context.readers().scans().lease();
        try {
            int stripe = Pins.stripeOfThread();
            SuperVersion pinned = pin(stripe, seqno);
            scan.begin(
                    pinned, stripe, seqno == PUBLISHED ? context.published().get() : seqno, counters.of(scan.slot), front);
            scan.within(range);
            return scan;
        } catch (Throwable t) {
            release(scan);
            throw t;
        }
    }

    /** Ends a walk: its entry is no longer valid. */
    public void release(Scan scan) {
        int stripe = scan.stripe();
        SuperVersion pinned = scan.end();
        context.readers().scans().giveBack(scan);
        unpin(pinned, stripe);
    }

    /** The same with what lies over the tree; to be {@link #release}d. */
    public Walk walk(@Nullable KeyRange range, long seqno) {
        Scan scan = scan(range, seqno);
        Overlay overlay = over;
        if (overlay == null) {
            return scan;
        }
        try {
            return overlay.begin(scan, range);
        } catch (Throwable t) {
            release(scan);
            throw t;
        }
    }

    /** Ends a walk: its entry is no longer valid. */
    public void release(Walk walk) {
        Overlay overlay = over;
        release(overlay == null ? (Scan) walk : overlay.end(walk));
    }

    private void pin(Lookup lookup, long seqno) {
        int stripe = Pins.stripeOfThread();
        lookup.pinned = pin(stripe, seqno);
        lookup.stripe = stripe;
        lookup.probe.countIn(counters.of(lookup.slot));
        lookup.probe.at(seqno == PUBLISHED ? context.published().get() : seqno);
    }

    private boolean find(Lookup lookup) {
        Probe probe = lookup.probe;
        Overlay overlay = over;
        return (overlay != null && overlay.get(probe) || lookup.pinned.get(probe))
                && !Trailer.isTombstone(probe.trailer());
    }

    private SuperVersion pin(int stripe, long seqno) {
        SuperVersion pinned = current.acquire(stripe);
        if (seqno != PUBLISHED) {
            // After the pin: an edit adds to the history before it replaces what is current (R12).
            SuperVersion former = history.acquire(stripe, seqno);
            if (former != null) {
                unpin(pinned, stripe);
                return former;
            }
        }
        if (pinned == null) {
            throw gone.get();
        }
        return pinned;
    }

    private void unpin(@Nullable SuperVersion pinned, int stripe) {
        if (pinned != null && pinned.unpin(stripe)) {
            context.retirement().wake();
        }
    }

    private RuntimeException failed(Lookup lookup, Throwable t) {
        release(lookup);
        if (t instanceof InternalError lost) {
            return lostPage(lost);
        }
        if (t instanceof Error error) {
            throw error;
        }
        return (RuntimeException) t;
    }
}
