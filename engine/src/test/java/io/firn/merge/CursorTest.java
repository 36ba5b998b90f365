package io.firn.merge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.config.KeyRange;
import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.merge.Versions.Version;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Merging and visibility against sorted maps that hold what a cursor should show. */
class CursorTest {
    private static final int WORLDS = 500;
    private static final int MOVES = 300;
    private static final long SEEK_BEFORE = Trailer.of(Trailer.SEQNO_MAX, Trailer.ANY_TYPE);

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment sought = arena.allocate(4096);

    @AfterEach
    void close() {
        arena.close();
        assertEquals(0, budget.usedBytes());
    }

    // What a cursor should show, and the place in it.

    private static final class Model {
        private final NavigableMap<Version, byte[]> entries;
        private @Nullable Version at;
        private int side;

        Model(NavigableMap<Version, byte[]> entries) {
            this.entries = entries;
        }

        boolean stand(Map.@Nullable Entry<Version, byte[]> entry, boolean isForward) {
            at = entry == null ? null : entry.getKey();
            side = entry != null ? 0 : isForward ? 1 : -1;
            return at != null;
        }

        boolean first() {
            return stand(entries.firstEntry(), true);
        }

        boolean last() {
            return stand(entries.lastEntry(), false);
        }

        boolean next() {
            return at != null ? stand(entries.higherEntry(at), true) : side != 1 && first();
        }

        boolean previous() {
            return at != null ? stand(entries.lowerEntry(at), false) : side != -1 && last();
        }

        boolean seek(byte[] key, long trailer) {
            return stand(entries.ceilingEntry(Version.beforeEquals(key, trailer)), true);
        }

        boolean seekForPrevious(byte[] key, long trailer) {
            return stand(entries.floorEntry(Trailer.type(trailer) == Trailer.ANY_TYPE
                    ? Version.beforeEquals(key, trailer) : Version.behindEquals(key, trailer)), false);
        }
    }

    /** Random sources, newest first; the seqnos of a newer source may overlap an older one's, and ties occur. */
    private static final class World {
        final Random random;
        final List<Versions> sources = new ArrayList<>();
        final int keys;
        final int seqnos;
        final byte[] prefix;
        final int suffix;
        final TreeMap<Version, byte[]> merged = new TreeMap<>();

        World(long seed) {
            random = new Random(seed);
            keys = 1 + random.nextInt(random.nextInt(10) == 0 ? 3 : 60);
            seqnos = 1 + random.nextInt(random.nextInt(4) == 0 ? 300 : 40);
            prefix = new byte[random.nextInt(3) * 5];
            suffix = random.nextInt(3) == 0 ? 12 : 0;
            int count = random.nextInt(4) == 0 ? 1 : 1 + random.nextInt(9);
            for (int source = 0; source < count; source++) {
                Versions versions = new Versions();
                versions.isSteady = random.nextBoolean();
                sources.add(versions);
                int size = random.nextInt(5) == 0 ? 0 : random.nextInt(random.nextInt(6) == 0 ? 600 : 80);
                for (int entry = 0; entry < size; entry++) {
                    insert(versions, random.nextInt(seqnos), count);
                }
            }
            for (Versions versions : sources) {
                versions.entries.forEach((version, value) -> {
                    if (count == 1 || !holds(merged, version.key(), version.seqno())) {
                        merged.put(version, value);
                    }
                });
            }
        }

        /** Equal (key, seqno) within one source only where it is alone: that is for the visible cursor to hide. */
        void insert(Versions versions, long seqno, int count) {
            byte[] key = key();
            if (count == 1 || !holds(versions.entries, key, seqno)) {
                byte[] value = new byte[random.nextInt(30) == 0 ? 1000 + random.nextInt(50) : random.nextInt(40)];
                random.nextBytes(value);
                versions.put(key, seqno, random.nextInt(3) == 0 ? 1 + random.nextInt(2) : 0, value);
            }
        }

        private static boolean holds(TreeMap<Version, byte[]> entries, byte[] key, long seqno) {
            Version found = entries.ceilingKey(Version.beforeEquals(key, Trailer.of(seqno, Trailer.ANY_TYPE)));
            return found != null && found.seqno() == seqno && Arrays.equals(found.key(), key);
        }

        byte[] key() {
            byte[] number = Integer.toString(random.nextInt(keys)).getBytes(StandardCharsets.US_ASCII);
            byte[] key = Arrays.copyOf(prefix, prefix.length + number.length + suffix);
            System.arraycopy(number, 0, key, prefix.length, number.length);
            return key;
        }

        EntryCursor merge() {
            return new MergingCursor(sources.stream().map(Versions::cursor).toArray(EntryCursor[]::new));
        }

        TreeMap<Version, byte[]> visible(long seqno, KeyRange range) {
            TreeMap<Version, byte[]> visible = new TreeMap<>();
            Version last = null;
            for (Map.Entry<Version, byte[]> entry : merged.entrySet()) {
                Version version = entry.getKey();
                if (version.seqno() > seqno || last != null && Arrays.equals(last.key(), version.key())) {
                    continue;
                }
                last = version;
                if (range.contains(version.key()) && !Trailer.isTombstone(version.trailer())) {
                    visible.put(version, entry.getValue());
                }
            }
            return visible;
        }
    }

    @Test
    void mergesAsASortedMap() {
        long seed = seed();
        for (int world = 0; world < WORLDS; world++) {
            World made = new World(seed + world);
            try (EntryCursor cursor = made.merge()) {
                walk(made, cursor, new Model(made.merged), "seed " + seed + " world " + world, () -> { });
            }
        }
    }

    @Test
    void showsTheNewestVisibleVersionOfEachKeyWithinItsBounds() {
        long seed = seed();
        for (int world = 0; world < WORLDS; world++) {
            World made = new World(seed + world);
            try (EntryCursor cursor = visible(made, made.random.nextInt(made.seqnos + 1))) {
                walk(made, cursor, new Model(expected), "seed " + seed + " world " + world, () -> { });
            }
        }
    }

    /** A memtable grows under its cursors; what comes in is newer than what the cursor sees. */
    @Test
    void showsTheSameWhileSourcesGrow() {
        long seed = seed();
        for (int world = 0; world < WORLDS; world++) {
            World made = new World(seed + world);
            try (EntryCursor cursor = visible(made, made.random.nextInt(made.seqnos + 1))) {
                Versions growing = made.sources.get(made.random.nextInt(made.sources.size()));
                walk(made, cursor, new Model(expected), "seed " + seed + " world " + world, () -> {
                    for (int left = made.random.nextInt(4); left > 0; left--) {
                        made.insert(growing, made.seqnos + 1 + made.random.nextInt(1000), 2);
                    }
                });
            }
        }
    }

    /** Whatever comes in around the cursor: a step goes to an entry behind, a step back to one before. */
    @Test
    void neverStepsTheOtherWayWhileSourcesGrow() {
        long seed = seed();
        for (int world = 0; world < WORLDS; world++) {
            World made = new World(seed + world);
            if (made.sources.size() == 1) {
                // It shows equal entries, which have no order here.
                continue;
            }
            String name = "seed " + seed + " world " + world;
            try (EntryCursor cursor = made.merge()) {
                Version last = null;
                for (int move = 0; move < MOVES; move++) {
                    boolean isForward = made.random.nextInt(3) == 0 == (world % 2 == 0);
                    if (!(isForward ? cursor.next() : cursor.previous())) {
                        last = null;
                        continue;
                    }
                    Version at = new Version(keyOf(cursor), cursor.trailer(), 0);
                    if (last != null) {
                        assertTrue(isForward == at.compareTo(last) > 0, name + " move " + move);
                    }
                    last = at;
                    Versions growing = made.sources.get(made.random.nextInt(made.sources.size()));
                    made.insert(growing, made.seqnos + move + 1, 2);
                }
            }
        }
    }

    private TreeMap<Version, byte[]> expected = new TreeMap<>();

    private EntryCursor visible(World world, long seqno) {
        Random random = world.random;
        EntryCursor source = world.sources.size() == 1 ? world.sources.get(0).cursor() : world.merge();
        VisibleCursor cursor = new VisibleCursor(source, seqno, budget);
        KeyRange range = KeyRange.all();
        if (random.nextBoolean()) {
            range = random.nextBoolean() ? range.from(world.key()) : range.after(world.key());
        }
        if (random.nextBoolean()) {
            range = random.nextBoolean() ? range.to(world.key()) : range.until(world.key());
        }
        cursor.bounds().set(range);
        expected = world.visible(seqno, range);
        return cursor;
    }

    private void walk(World world, EntryCursor cursor, Model model, String name, Runnable between) {
        Random random = world.random;
        int lean = random.nextInt(4);
        for (int move = 0; move < MOVES; move++) {
            int kind = random.nextInt(20);
            byte[] key = world.key();
            long trailer = random.nextBoolean()
                    ? SEEK_BEFORE : Trailer.of(random.nextInt(world.seqnos + 1), random.nextBoolean() ? 0 : 0xFF);
            boolean found;
            boolean wanted;
            if (kind == 0) {
                found = cursor.first();
                wanted = model.first();
            } else if (kind == 1) {
                found = cursor.last();
                wanted = model.last();
            } else if (kind == 2) {
                found = cursor.seek(lent(key), 5, key.length, trailer);
                wanted = model.seek(key, trailer);
            } else if (kind == 3) {
                found = cursor.seekForPrevious(lent(key), 5, key.length, trailer);
                wanted = model.seekForPrevious(key, trailer);
            } else if (lean == 0 || lean > 1 && random.nextInt(lean == 2 ? 2 : 10) == 0) {
                found = cursor.next();
                wanted = model.next();
            } else {
                found = cursor.previous();
                wanted = model.previous();
            }
            int last = move;
            assertEquals(wanted, found, () -> name + " move " + last + " kind " + kind);
            assertEquals(wanted, cursor.isPositioned());
            Version at = model.at;
            if (at != null) {
                assertEquals(at.seqno(), Trailer.seqno(cursor.trailer()),
                        () -> name + " move " + last + " kind " + kind + " at " + at);
                assertEquals(at.trailer(), cursor.trailer(), () -> name + " move " + last);
                assertArrayEquals(at.key(), keyOf(cursor), () -> name + " move " + last);
                assertArrayEquals(model.entries.get(at), valueOf(cursor), () -> name + " move " + last + " at " + at);
            }
            between.run();
        }
    }

    @Test
    void isTheSameBackwardAsForward() {
        long seed = seed();
        for (int world = 0; world < WORLDS; world++) {
            World made = new World(seed + world);
            String name = "seed " + seed + " world " + world;
            try (EntryCursor cursor = made.merge()) {
                checkReversed(cursor, name);
            }
            try (EntryCursor cursor = visible(made, made.random.nextInt(made.seqnos + 1))) {
                assertEquals(expected.size(), checkReversed(cursor, name), name);
            }
        }
    }

    private static int checkReversed(EntryCursor cursor, String name) {
        List<String> forward = new ArrayList<>();
        while (cursor.next()) {
            forward.add(Arrays.toString(keyOf(cursor)) + cursor.trailer() + Arrays.toString(valueOf(cursor)));
        }
        assertFalse(cursor.next(), name);
        List<String> backward = new ArrayList<>();
        while (cursor.previous()) {
            backward.add(Arrays.toString(keyOf(cursor)) + cursor.trailer() + Arrays.toString(valueOf(cursor)));
        }
        assertFalse(cursor.previous(), name);
        assertEquals(forward, backward.reversed(), name);
        return forward.size();
    }

    @Test
    void showsOneOfATieFromTheNewestSource() {
        Versions newest = new Versions();
        Versions middle = new Versions();
        Versions oldest = new Versions();
        oldest.put(bytes("k"), 5, Trailer.VALUE, bytes("oldest"));
        middle.put(bytes("k"), 5, Trailer.TOMBSTONE, bytes(""));
        newest.put(bytes("k"), 5, Trailer.VALUE, bytes("newest"));
        oldest.put(bytes("k"), 3, Trailer.VALUE, bytes("older"));
        middle.put(bytes("z"), 1, Trailer.VALUE, bytes("z"));
        EntryCursor[] sources = {newest.cursor(), middle.cursor(), oldest.cursor()};
        try (EntryCursor cursor = new MergingCursor(sources)) {
            check(cursor.next(), cursor, "k", 5, "newest");
            check(cursor.next(), cursor, "k", 3, "older");
            check(cursor.previous(), cursor, "k", 5, "newest");
            assertFalse(cursor.previous());
            check(cursor.next(), cursor, "k", 5, "newest");
            check(cursor.next(), cursor, "k", 3, "older");
            check(cursor.next(), cursor, "z", 1, "z");
            assertFalse(cursor.next());
            check(cursor.previous(), cursor, "z", 1, "z");
            check(cursor.previous(), cursor, "k", 3, "older");
            check(cursor.previous(), cursor, "k", 5, "newest");
        }
    }

    /** Of a batch that writes a key twice the later write counts, from either side. */
    @Test
    void showsTheLaterOfTwoWritesOfOneSeqno() {
        Versions versions = new Versions();
        versions.put(bytes("a"), 4, Trailer.VALUE, bytes("first"));
        versions.put(bytes("a"), 4, Trailer.VALUE, bytes("later"));
        versions.put(bytes("b"), 4, Trailer.VALUE, bytes("put"));
        versions.put(bytes("b"), 4, Trailer.TOMBSTONE, bytes(""));
        versions.put(bytes("c"), 4, Trailer.TOMBSTONE, bytes(""));
        versions.put(bytes("c"), 4, Trailer.VALUE, bytes("again"));
        try (EntryCursor cursor = new VisibleCursor(versions.cursor(), 9, budget)) {
            check(cursor.next(), cursor, "a", 4, "later");
            check(cursor.next(), cursor, "c", 4, "again");
            assertFalse(cursor.next());
            check(cursor.previous(), cursor, "c", 4, "again");
            check(cursor.previous(), cursor, "a", 4, "later");
            assertFalse(cursor.previous());
        }
    }

    /** A counter that was written a hundred thousand times costs a scan a seek, not as many steps. */
    @Test
    void passesManyVersionsOfAKeyBySeeks() {
        Versions versions = new Versions();
        for (int seqno = 0; seqno < 100_000; seqno++) {
            versions.put(bytes("counter"), seqno, seqno == 70_000 ? 1 : 0, bytes("v" + seqno));
        }
        versions.put(bytes("a"), 7, Trailer.VALUE, bytes("a"));
        versions.put(bytes("z"), 7, Trailer.VALUE, bytes("z"));
        for (long seqno : new long[] {50_000, 70_000}) {
            versions.moves = 0;
            try (EntryCursor cursor = new VisibleCursor(versions.cursor(), seqno, budget)) {
                check(cursor.next(), cursor, "a", 7, "a");
                if (seqno == 50_000) {
                    check(cursor.next(), cursor, "counter", 50_000, "v50000");
                }
                check(cursor.next(), cursor, "z", 7, "z");
                assertFalse(cursor.next());
                check(cursor.previous(), cursor, "z", 7, "z");
                if (seqno == 50_000) {
                    check(cursor.previous(), cursor, "counter", 50_000, "v50000");
                }
                check(cursor.previous(), cursor, "a", 7, "a");
                assertFalse(cursor.previous());
            }
            assertTrue(versions.moves < 300, "moves " + versions.moves);
        }
    }

    /** Backward the source stands before the entry shown: what comes in between must not be taken for it. */
    @Test
    void turnsBackOverWhatCameInBetween() {
        Versions versions = new Versions();
        versions.put(bytes("c"), 5, Trailer.VALUE, bytes("c"));
        versions.put(bytes("m"), 5, Trailer.VALUE, bytes("m"));
        versions.put(bytes("z"), 5, Trailer.VALUE, bytes("z"));
        try (EntryCursor cursor = new VisibleCursor(versions.cursor(), 9, budget)) {
            check(cursor.last(), cursor, "z", 5, "z");
            check(cursor.previous(), cursor, "m", 5, "m");
            for (String key : List.of("d", "e", "f", "m", "n")) {
                versions.put(bytes(key), 99, Trailer.VALUE, bytes("new"));
            }
            check(cursor.next(), cursor, "z", 5, "z");
            check(cursor.previous(), cursor, "m", 5, "m");
            check(cursor.previous(), cursor, "c", 5, "c");
            versions.put(bytes("a"), 99, Trailer.VALUE, bytes("new"));
            versions.put(bytes("b"), 99, Trailer.VALUE, bytes("new"));
            check(cursor.next(), cursor, "m", 5, "m");
        }
    }

    /** What is large is read where it lies, and what is small costs one step of the source an entry, also backward. */
    @Test
    void copiesSmallValuesOnlyAndStepsOnceAnEntry() {
        Versions versions = new Versions();
        byte[] large = new byte[5000];
        for (int key = 100; key < 200; key++) {
            versions.put(bytes("key" + key), 5, Trailer.VALUE, key < 150 ? large : bytes("small"));
        }
        try (EntryCursor cursor = new VisibleCursor(versions.cursor(), 9, budget)) {
            for (int key = 199; key >= 100; key--) {
                long before = versions.moves;
                check(cursor.previous(), cursor, "key" + key, 5, key < 150 ? new String(large) : "small");
                assertTrue(versions.moves - before <= (key < 150 ? 3 : key == 199 ? 2 : 1), "key " + key);
            }
            assertTrue(budget.usedBytes() <= 4096, budget.toString());
        }
    }

    /** What stays where it lies is not copied, and not stepped back to. */
    @Test
    void readsSteadyValuesWhereTheyLieAlsoBackward() {
        Versions versions = new Versions();
        versions.isSteady = true;
        for (int key = 100; key < 200; key++) {
            versions.put(bytes("key" + key), 5, Trailer.VALUE, new byte[key * 50]);
        }
        try (EntryCursor cursor = new VisibleCursor(versions.cursor(), 9, budget)) {
            for (int key = 199; key >= 100; key--) {
                long before = versions.moves;
                check(cursor.previous(), cursor, "key" + key, 5, new String(new byte[key * 50]));
                assertTrue(versions.moves - before <= (key == 199 ? 2 : 1), "key " + key);
            }
            assertTrue(budget.usedBytes() <= 4096, budget.toString());
        }
    }

    @Test
    void startsAnewAfterAMoveThatThrew() {
        Versions versions = new Versions();
        versions.put(bytes("a"), 1, Trailer.VALUE, bytes("a"));
        EntryCursor source = versions.cursor();
        try (EntryCursor cursor = new VisibleCursor(
                new MergingCursor(new EntryCursor[] {source, versions.cursor()}), 5, budget)) {
            assertTrue(cursor.next());
            source.close();
            assertThrows(IllegalStateException.class, cursor::next);
            assertFalse(cursor.isPositioned());
            assertThrows(IllegalStateException.class, cursor::previous);
            assertFalse(cursor.isPositioned());
        }
    }

    @Test
    void hasNoHeapGarbage() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        MemorySegment segment = arena.allocate(1 << 20);
        EntryCursor[] sources = new EntryCursor[5];
        for (int source = 0; source < sources.length; source++) {
            sources[source] = new FixedCursor(segment, source, sources.length, 2000);
        }
        try (VisibleCursor cursor = new VisibleCursor(new MergingCursor(sources), 50, budget)) {
            long fewest = Long.MAX_VALUE;
            long count = 0;
            for (int round = 0; round < 40; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                count = 0;
                for (boolean is = cursor.first(); is; is = cursor.next()) {
                    count += cursor.valueLength();
                }
                for (boolean is = cursor.last(); is; is = cursor.previous()) {
                    count += cursor.valueLength();
                }
                cursor.seek(segment, 8, 8, SEEK_BEFORE);
                cursor.next();
                cursor.previous();
                cursor.seekForPrevious(segment, 8, 8, SEEK_BEFORE);
                fewest = Math.min(fewest, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, fewest);
            assertEquals(2 * 1000 * 8, count);
        }
    }

    /** Every n-th of the numbers 0 to count - 1, big-endian; each odd one is too new to be seen. Makes no garbage. */
    private static final class FixedCursor implements EntryCursor {
        private static final ValueLayout.OfLong KEY =
                ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

        private final MemorySegment segment;
        private final int start;
        private final int step;
        private final int count;
        private int at = -1;

        FixedCursor(MemorySegment segment, int start, int step, int count) {
            this.segment = segment;
            this.start = start;
            this.step = step;
            this.count = count;
            for (int number = start; number < count; number += step) {
                segment.set(KEY, number * 8L, number);
            }
        }

        private boolean stand(int number) {
            at = number;
            return isPositioned();
        }

        @Override
        public boolean first() {
            return stand(start);
        }

        @Override
        public boolean last() {
            return stand(start + (count - 1 - start) / step * step);
        }

        @Override
        public boolean next() {
            return stand(at < 0 ? start : at < count ? at + step : at);
        }

        @Override
        public boolean previous() {
            return at >= count ? last() : stand(at - step < 0 ? -1 : at - step);
        }

        @Override
        public boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer) {
            int number = (int) key.get(KEY, keyOffset);
            return stand(start + Math.max(0, (number - start + step - 1) / step * step));
        }

        @Override
        public boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer) {
            int number = (int) key.get(KEY, keyOffset);
            return stand(number < start ? -1 : start + (number - start) / step * step);
        }

        @Override
        public boolean isPositioned() {
            return 0 <= at && at < count;
        }

        @Override
        public MemorySegment keySegment() {
            return segment;
        }

        @Override
        public long keyOffset() {
            return at * 8L;
        }

        @Override
        public int keyLength() {
            return 8;
        }

        @Override
        public long trailer() {
            return Trailer.of((at & 1) == 0 ? 7 : 99, Trailer.VALUE);
        }

        @Override
        public MemorySegment valueSegment() {
            return segment;
        }

        @Override
        public long valueOffset() {
            return at * 8L;
        }

        @Override
        public int valueLength() {
            return 8;
        }

        @Override
        public void close() {}
    }

    private static long seed() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        return seed;
    }

    private MemorySegment lent(byte[] key) {
        MemorySegment.copy(key, 0, sought, ValueLayout.JAVA_BYTE, 5, key.length);
        return sought;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] keyOf(EntryCursor cursor) {
        return cursor.keySegment().asSlice(cursor.keyOffset(), cursor.keyLength()).toArray(ValueLayout.JAVA_BYTE);
    }

    private static byte[] valueOf(EntryCursor cursor) {
        return cursor.valueSegment().asSlice(cursor.valueOffset(), cursor.valueLength())
                .toArray(ValueLayout.JAVA_BYTE);
    }

    private static void check(boolean isThere, EntryCursor cursor, String key, long seqno, String value) {
        assertTrue(isThere, key);
        assertArrayEquals(bytes(key), keyOf(cursor));
        assertEquals(seqno, Trailer.seqno(cursor.trailer()));
        assertArrayEquals(bytes(value), valueOf(cursor));
    }
}
