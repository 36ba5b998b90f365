package io.firn.memtable;

import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A classic skip list with the interface of {@link Memtable}: one entry a node, towers of random height, a plain
 * comparison of whole keys. The model that the memtable is checked against.
 */
final class ClassicSkipList {
    private static final int HEIGHT_MAX = 16;

    static final class Node {
        final byte[] key;
        final long trailer;
        final MemorySegment keySegment;
        final MemorySegment valueSegment;
        final @Nullable Node[] next;

        Node(byte[] key, long trailer, byte[] value, int height) {
            this.key = key;
            this.trailer = trailer;
            keySegment = nativeCopy(key);
            valueSegment = nativeCopy(value);
            next = new Node[height];
        }

        private static MemorySegment nativeCopy(byte[] bytes) {
            MemorySegment copy = Arena.ofAuto().allocate(Math.max(1, bytes.length));
            MemorySegment.copy(bytes, 0, copy, ValueLayout.JAVA_BYTE, 0, bytes.length);
            return copy.asSlice(0, bytes.length);
        }
    }

    private final Node start = new Node(new byte[0], 0, new byte[0], HEIGHT_MAX);
    private final Random random = new Random(7);
    private long count;

    void insert(byte[] key, long trailer, byte[] value) {
        int height = 1;
        while (height < HEIGHT_MAX && random.nextInt(4) == 0) {
            height++;
        }
        Node node = new Node(key, trailer, value, height);
        Node at = start;
        for (int level = HEIGHT_MAX - 1; level >= 0; level--) {
            for (Node next = at.next[level];
                    next != null && isBefore(next, key, trailer, true);
                    next = at.next[level]) {
                at = next;
            }
            if (level < height) {
                node.next[level] = at.next[level];
                at.next[level] = node;
            }
        }
        count++;
    }

    long count() {
        return count;
    }

    boolean get(Probe probe) {
        byte[] key = probe.key().asSlice(0, probe.keyLength()).toArray(ValueLayout.JAVA_BYTE);
        Node found = atOrBehind(key, Trailer.of(probe.seqno(), Trailer.ANY_TYPE), true);
        if (found == null || !Arrays.equals(key, found.key)) {
            return false;
        }
        probe.answer(found.valueSegment, 0, (int) found.valueSegment.byteSize(), found.trailer);
        return true;
    }

    EntryCursor cursor() {
        return new ClassicCursor();
    }

    private @Nullable Node atOrBehind(byte[] key, long trailer, boolean isBeforeEquals) {
        return before(key, trailer, isBeforeEquals).next[0];
    }

    /** The last node before the place, {@code start} if there is none. */
    private Node before(byte[] key, long trailer, boolean isBeforeEquals) {
        Node at = start;
        for (int level = HEIGHT_MAX - 1; level >= 0; level--) {
            for (Node next = at.next[level];
                    next != null && isBefore(next, key, trailer, isBeforeEquals);
                    next = at.next[level]) {
                at = next;
            }
        }
        return at;
    }

    private static boolean isBefore(Node node, byte[] key, long trailer, boolean isBeforeEquals) {
        int order = Arrays.compareUnsigned(node.key, key);
        if (order != 0) {
            return order < 0;
        }
        long seqno = Trailer.seqno(trailer);
        long nodeSeqno = Trailer.seqno(node.trailer);
        return nodeSeqno != seqno ? seqno < nodeSeqno : !isBeforeEquals;
    }

    private final class ClassicCursor implements EntryCursor {
        private @Nullable Node at;
        private boolean isPastEnd;
        private boolean isBeforeStart;

        private boolean stand(@Nullable Node node, boolean isForward) {
            at = node;
            isPastEnd = node == null && isForward;
            isBeforeStart = node == null && !isForward;
            return node != null;
        }

        @Override
        public boolean first() {
            return stand(start.next[0], true);
        }

        @Override
        public boolean last() {
            Node last = start;
            for (int level = HEIGHT_MAX - 1; level >= 0; level--) {
                for (Node next = last.next[level]; next != null; next = last.next[level]) {
                    last = next;
                }
            }
            return stand(last == start ? null : last, false);
        }

        @Override
        public boolean next() {
            if (at != null) {
                return stand(at.next[0], true);
            }
            return !isPastEnd && first();
        }

        @Override
        public boolean previous() {
            if (at == null) {
                return !isBeforeStart && last();
            }
            // Among equals by walking, since only the links tell them apart.
            Node walk = before(at.key, at.trailer, true);
            while (walk.next[0] != at) {
                walk = walk.next[0];
            }
            return stand(walk == start ? null : walk, false);
        }

        @Override
        public boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer) {
            return stand(atOrBehind(bytes(key, keyOffset, keyLength), trailer, true), true);
        }

        @Override
        public boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer) {
            Node before = before(
                    bytes(key, keyOffset, keyLength), trailer, Trailer.type(trailer) == Trailer.ANY_TYPE);
            return stand(before == start ? null : before, false);
        }

        private static byte[] bytes(MemorySegment segment, long offset, int length) {
            return segment.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
        }

        @Override
        public boolean isPositioned() {
            return at != null;
        }

        private Node current() {
            Node node = at;
            assert node != null : "no entry";
            return node;
        }

        @Override
        public MemorySegment keySegment() {
            return current().keySegment;
        }

        @Override
        public long keyOffset() {
            return 0;
        }

        @Override
        public int keyLength() {
            return current().key.length;
        }

        @Override
        public long trailer() {
            return current().trailer;
        }

        @Override
        public MemorySegment valueSegment() {
            return current().valueSegment;
        }

        @Override
        public long valueOffset() {
            return 0;
        }

        @Override
        public int valueLength() {
            return (int) current().valueSegment.byteSize();
        }

        @Override
        public void close() {
            at = null;
        }
    }
}
