package io.firn.merge;

import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A source of entries for tests, which may grow while cursors stand in it, as a memtable does. Its cursors lend key and value
 * out of one buffer, which every move mangles; steady values out of two in turn.
 */
final class Versions {
    /** A place in entry order; of equal (key, seqno) the later insert comes first. */
    record Version(byte[] key, long trailer, long insert) implements Comparable<Version> {
        private static final Comparator<Version> ORDER = Comparator
                .<Version, byte[]>comparing(Version::key, Arrays::compareUnsigned)
                .thenComparing(version -> Trailer.seqno(version.trailer), Comparator.reverseOrder())
                .thenComparing(Version::insert, Comparator.reverseOrder());

        @Override
        public int compareTo(Version other) {
            return ORDER.compare(this, other);
        }

        /** Before every entry of the seqno. */
        static Version beforeEquals(byte[] key, long trailer) {
            return new Version(key, trailer, Long.MAX_VALUE);
        }

        /** Behind every entry of the seqno. */
        static Version behindEquals(byte[] key, long trailer) {
            return new Version(key, trailer, Long.MIN_VALUE);
        }

        long seqno() {
            return Trailer.seqno(trailer);
        }

        @Override
        public String toString() {
            return Arrays.toString(key) + "@" + seqno() + (Trailer.isTombstone(trailer) ? "-" : "");
        }
    }

    final TreeMap<Version, byte[]> entries = new TreeMap<>();
    long moves;
    boolean isSteady;
    private long inserts;

    void put(byte[] key, long seqno, int type, byte[] value) {
        entries.put(new Version(key, Trailer.of(seqno, type), ++inserts), value);
    }

    EntryCursor cursor() {
        return new SourceCursor();
    }

    private final class SourceCursor implements EntryCursor {
        private final Arena arena = Arena.ofConfined();
        private MemorySegment lent = arena.allocate(64);
        private MemorySegment lentBefore = arena.allocate(64);
        private int keyBytes;
        private Map.@Nullable Entry<Version, byte[]> at;
        private boolean isPastEnd;
        private boolean isBeforeStart;
        private boolean isClosed;

        @Override
        public boolean first() {
            return stand(entries.firstEntry(), true);
        }

        @Override
        public boolean last() {
            return stand(entries.lastEntry(), false);
        }

        @Override
        public boolean next() {
            if (at == null) {
                return !isPastEnd && first();
            }
            return stand(entries.higherEntry(at.getKey()), true);
        }

        @Override
        public boolean previous() {
            if (at == null) {
                return !isBeforeStart && last();
            }
            return stand(entries.lowerEntry(at.getKey()), false);
        }

        @Override
        public boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer) {
            return stand(entries.ceilingEntry(Version.beforeEquals(bytes(key, keyOffset, keyLength), trailer)), true);
        }

        @Override
        public boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer) {
            byte[] bytes = bytes(key, keyOffset, keyLength);
            Version wanted = Trailer.type(trailer) == Trailer.ANY_TYPE
                    ? Version.beforeEquals(bytes, trailer) : Version.behindEquals(bytes, trailer);
            return stand(entries.floorEntry(wanted), false);
        }

        private static byte[] bytes(MemorySegment segment, long offset, int length) {
            return segment.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
        }

        private boolean stand(Map.@Nullable Entry<Version, byte[]> entry, boolean isForward) {
            if (isClosed) {
                throw new IllegalStateException("closed");
            }
            moves++;
            if (isSteady) {
                MemorySegment other = lentBefore;
                lentBefore = lent;
                lentBefore.asSlice(0, keyBytes).fill((byte) 0xEE);
                lent = other;
            }
            lent.fill((byte) 0xEE);
            at = entry;
            isPastEnd = entry == null && isForward;
            isBeforeStart = entry == null && !isForward;
            if (entry == null) {
                return false;
            }
            byte[] key = entry.getKey().key;
            byte[] value = entry.getValue();
            if (lent.byteSize() < 3L + key.length + value.length) {
                lent = arena.allocate(3L + 2L * (key.length + value.length));
            }
            MemorySegment.copy(key, 0, lent, ValueLayout.JAVA_BYTE, 3, key.length);
            keyBytes = 3 + key.length;
            MemorySegment.copy(value, 0, lent, ValueLayout.JAVA_BYTE, 3L + key.length, value.length);
            return true;
        }

        private Map.Entry<Version, byte[]> entry() {
            if (at == null) {
                throw new IllegalStateException("no entry");
            }
            return at;
        }

        @Override
        public boolean isPositioned() {
            return at != null;
        }

        @Override
        public MemorySegment keySegment() {
            entry();
            return lent;
        }

        @Override
        public long keyOffset() {
            return 3;
        }

        @Override
        public int keyLength() {
            return entry().getKey().key.length;
        }

        @Override
        public long trailer() {
            return entry().getKey().trailer;
        }

        @Override
        public MemorySegment valueSegment() {
            entry();
            return lent;
        }

        @Override
        public long valueOffset() {
            return 3L + entry().getKey().key.length;
        }

        @Override
        public int valueLength() {
            return entry().getValue().length;
        }

        @Override
        public boolean isValueSteady() {
            return isSteady;
        }

        @Override
        public void close() {
            if (!isClosed) {
                isClosed = true;
                arena.close();
            }
        }
    }
}
