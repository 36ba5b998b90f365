package io.firn.keyspace;

import static io.firn.ffm.memory.Layouts.LONG_BE;

import io.firn.ffm.memory.Bytes;
import io.firn.merge.Bounds;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A key before which a tree shows nothing, so that who looks for the first entry need not pass all that was removed before it, as
 * at the head of a queue, again and again.
 *
 * <pre>
 *   a long walk at seqno T found that nothing is shown before K
 *     ─▶ K holds for T; and K is watched: a put before it ends the watch, before it is published
 *   another, at seqno U, found the same, and every put that did not see the watch is at or below U
 *     ─▶ K holds from U on, until a put before it is made
 * </pre>
 *
 * <p>Puts are made by one thread at a time, each published before the next one looks. So when the watch was there and the published
 * seqno was P afterwards, at most the put P + 1 has not seen it.
 *
 * <p>Invariants: (1) when {@link #raise} raises bounds for seqno T, no entry that is visible at T is left outside. (2) A key is kept
 * on the heap, as numbers, since it is seldom made; it is compared by 8-byte loads of native memory alone.
 *
 * <p>Threads: {@link #put} and {@link #reset} under the commit lock, before what they tell is published; the others any.
 */
final class Front {
    /** So many removed keys passed are a long walk, of some microseconds. */
    static final int LONG_WALK_KEYS = 64;

    private static final long NEVER = Long.MAX_VALUE;
    private static final State NOTHING = new State(null, NEVER, null, NEVER, NEVER);

    private final PublishedSeqno published;

    /** Volatile: a put changes it, then publishes its seqno; a reader gets the seqno, then looks here. */
    private final AtomicReference<State> state = new AtomicReference<>(NOTHING);

    /**
     * Before {@code key} nothing is shown from {@code since} on; before {@code watched} nothing at {@code watchedAt}, and from a walk on
     * at {@code watchedSince} or later that finds the same.
     */
    private record State(
            @Nullable Key key, long since, @Nullable Key watched, long watchedAt, long watchedSince) {
        @Nullable Key at(long seqno) {
            if (seqno == watchedAt) {
                return watched;
            }
            return since <= seqno ? key : null;
        }

        State withWatch(@Nullable Key newWatched, long at, long newSince) {
            return new State(key, since, newWatched, at, newSince);
        }
    }

    /** A key as big-endian words, filled up with zeros. */
    private record Key(long[] words, int length) {
        static Key of(MemorySegment source, long offset, int length) {
            long[] words = new long[(length + Long.BYTES - 1) / Long.BYTES];
            for (int i = 0; i < words.length; i++) {
                words[i] = word(source, offset, length, i);
            }
            return new Key(words, length);
        }

        private static long word(MemorySegment source, long offset, int length, int index) {
            int at = index * Long.BYTES;
            return at < length ? Bytes.head(source, offset + at, length - at) : 0;
        }

        /** Negative, zero or positive as another is before, equal to or after this one. */
        int order(MemorySegment other, long offset, int otherLength) {
            for (int i = 0; i < words.length; i++) {
                int order = Long.compareUnsigned(word(other, offset, otherLength, i), words[i]);
                if (order != 0) {
                    return order;
                }
            }
            return otherLength - length;
        }

        void raise(Bounds bounds) {
            MemorySegment lower = bounds.raiseTo(length, words.length * Long.BYTES);
            for (int i = 0; i < words.length; i++) {
                lower.set(LONG_BE, (long) i * Long.BYTES, words[i]);
            }
        }
    }

    Front(PublishedSeqno published) {
        this.published = published;
    }

    // ---- writing

    /** A put of the key will be published. */
    void put(MemorySegment key, long offset, int length) {
        State seen = state.get();
        while (seen != NOTHING) {
            State left = without(seen, key, offset, length);
            if (left == seen) {
                return;
            }
            // Fails if a reader was faster: what he made is looked at.
            state.compareAndSet(seen, left);
            seen = state.get();
        }
    }

    private static State without(State seen, MemorySegment key, long offset, int length) {
        if (seen.key != null && seen.key.order(key, offset, length) < 0) {
            return NOTHING;
        }
        return seen.watched != null && seen.watched.order(key, offset, length) < 0
                ? seen.withWatch(null, NEVER, NEVER)
                : seen;
    }

    /** Entries of any keys will be published. */
    void reset() {
        state.set(NOTHING);
    }

    // ---- reading

    /** Narrows what is read at a seqno to where something may be; whether that has raised its lower bound. */
    boolean raise(Bounds bounds, long seqno) {
        Key key = state.get().at(seqno);
        if (key == null
                || bounds.hasLower() && key.order(bounds.lower(), 0, bounds.lowerLength()) >= 0
                || bounds.hasUpper() && key.order(bounds.upper(), 0, bounds.upperLength()) <= 0) {
            return false;
        }
        key.raise(bounds);
        return true;
    }

    /** A long walk at a seqno, from the first key or from where {@link #raise} led, has found nothing before the key. */
    void walked(MemorySegment key, long offset, int length, long seqno) {
        State seen = state.get();
        Key watched = seen.watched;
        if (watched == null || seen.watchedSince == NEVER) {
            watch(seen, Key.of(key, offset, length), seqno);
        } else if (watched.order(key, offset, length) >= 0) {
            State next = seqno >= seen.watchedSince
                    ? new State(watched, seqno, null, NEVER, NEVER)
                    : seen.withWatch(watched, seqno, seen.watchedSince);
            state.compareAndSet(seen, next);
        }
    }

    private void watch(State seen, Key key, long seqno) {
        State watching = seen.withWatch(key, seqno, NEVER);
        if (state.compareAndSet(seen, watching)) {
            long since = published.get() + 1;
            state.compareAndSet(watching, watching.withWatch(key, seqno, since));
        }
    }
}
