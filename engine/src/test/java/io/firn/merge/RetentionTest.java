package io.firn.merge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A history of one key is a word: v puts, s removes, w removes weakly, in the order of the seqnos, from 1 on. */
final class RetentionTest {
    private static final Retention.Below NOTHING = (key, offset, length) -> false;
    private static final Retention.Below ANYTHING = (key, offset, length) -> true;

    private final MemoryBudget budget = MemoryBudget.ofBytes(16 << 20);
    private final Arena arena = Arena.ofConfined();
    private long cases;

    /** An entry of a key of one byte. Entries of a list are in entry order. */
    private record Entry(char key, long seqno, int type) {
        boolean isValue() {
            return type == Trailer.VALUE;
        }

        @Override
        public String toString() {
            return key + "@" + seqno + switch (type) {
                case Trailer.VALUE -> "v";
                case Trailer.TOMBSTONE -> "s";
                default -> "w";
            };
        }
    }

    @AfterEach
    void givesItsMemoryBack() {
        arena.close();
        assertEquals(0, budget.usedBytes());
    }

    // ---- by name

    @Test
    void ofEachStripeTheNewestVersionIsKept() {
        assertEquals("[k@6v, k@4v, k@2v]", kept("vvvvvv", 0, ANYTHING, 2, 4, 6).toString());
        assertEquals("[k@6v, k@5v, k@4v, k@3v]", kept("vvvvvv", 0, ANYTHING, 3).toString(), "newer than the boundary: as it is");
        assertEquals("[k@6v]", kept("vvvvvv", 0, NOTHING, 6).toString());
    }

    @Test
    void r13_aTombstoneGoesWhereNothingOlderLiesBelowAndNoSnapshotIsBeforeIt() {
        assertEquals("[]", kept("vs", 0, NOTHING, 2).toString());
        assertEquals("[]", kept("vw", 0, NOTHING, 7).toString());
        assertEquals("[k@2s]", kept("vs", 0, ANYTHING, 2).toString(), "something may lie below");
        assertEquals("[k@2s, k@1v]", kept("vs", 0, NOTHING, 1, 2).toString(), "a snapshot sees the value");
        assertEquals("[k@2s]", kept("ss", 0, NOTHING, 1, 2).toString(), "the snapshot is before the tombstone");
        assertEquals("[k@2s, k@1v]", kept("vs", 0, NOTHING, 1).toString(), "newer than what was published");
    }

    @Test
    void r13_aSeqnoBecomesZeroWhereNothingOlderLiesBelowAndNoSnapshotIsBeforeIt() {
        assertEquals("[k@0v]", zeroed("vv", NOTHING, 2).toString());
        assertEquals("[k@2v]", zeroed("vv", ANYTHING, 2).toString());
        assertEquals("[k@2v, k@0v]", zeroed("vv", NOTHING, 1, 2).toString(), "the snapshot must go on seeing the older one");
        assertEquals("[k@2v]", zeroed(" v", NOTHING, 1, 2).toString(), "the snapshot must go on seeing nothing");
        assertEquals("[k@2v, k@0v]", zeroed("vv", NOTHING, 1).toString());
    }

    @Test
    void r13_ofEntriesOfEqualKeyAndSeqnoTheNewestSourcesIsKept() {
        for (Retention.Below below : List.of(NOTHING, ANYTHING)) {
            Versions newer = new Versions();
            Versions older = new Versions();
            newer.put(new byte[] {'k'}, 5, Trailer.VALUE, new byte[] {1});
            older.put(new byte[] {'k'}, 5, Trailer.VALUE, new byte[] {2});
            older.put(new byte[] {'k'}, 5, Trailer.VALUE, new byte[] {3});
            try (EntryCursor merged = new MergingCursor(new EntryCursor[] {newer.cursor(), older.cursor()});
                    Retention retention = new Retention(
                            merged, new long[] {3}, below, Retention.Seqnos.AS_THEY_ARE, budget)) {
                assertEquals(Retention.Step.KEPT, retention.step());
                assertEquals(1, retention.valueSegment().get(ValueLayout.JAVA_BYTE, retention.valueOffset()));
                Retention.Step last = retention.step();
                while (last == Retention.Step.DROPPED) {
                    last = retention.step();
                }
                assertEquals(Retention.Step.END, last);
            }
        }
        List<Entry> twice = List.of(new Entry('k', 5, Trailer.VALUE), new Entry('k', 5, Trailer.TOMBSTONE));
        assertEquals("[k@5v]", run(twice, NOTHING, Retention.Seqnos.AS_THEY_ARE, 3).toString());
    }

    @Test
    void r14_aWeakTombstoneGoesWithTheNextOlderValueAndNeverForBeingShadowed() {
        assertEquals("[]", kept("vw", 0, ANYTHING, 2).toString(), "the pair, wherever");
        assertEquals("[k@2w, k@1v]", kept("vw", 0, ANYTHING, 1, 2).toString(), "a snapshot between them");
        assertEquals("[k@3w]", kept(" vww", 2, ANYTHING, 9).stream().filter(e -> e.seqno == 3).toList().toString());
        // put@1 lies deep; removed weakly @2, put again @3.
        List<Entry> upper = kept("vwv", 1, ANYTHING, 3);
        assertEquals("[k@3v, k@2w]", upper.toString(), "though @3 shadows @2");
        List<Entry> later = new ArrayList<>(upper);
        later.addFirst(new Entry('k', 20, Trailer.WEAK_TOMBSTONE));
        later = run(later, ANYTHING, Retention.Seqnos.AS_THEY_ARE, 20);
        assertEquals("[k@2w]", later.toString(), "@20 took @3 with it, and @2 still hides @1");
        later.addLast(new Entry('k', 1, Trailer.VALUE));
        assertEquals("[]", run(later, NOTHING, Retention.Seqnos.TO_ZERO, 20).toString());
    }

    /** A batch that removes a key, puts it and removes it weakly has one entry of them left, which stands for all three. */
    @Test
    void r14_aWeakTombstoneThatHidesOthersOfItsBatchIsAStrongOne() {
        // put@1 lies deep, put@2 does not.
        List<Entry> batch = List.of(
                new Entry('k', 5, Trailer.WEAK_TOMBSTONE), new Entry('k', 5, Trailer.VALUE), new Entry('k', 5, Trailer.TOMBSTONE));
        assertEquals("[k@5s]", run(batch, ANYTHING, Retention.Seqnos.AS_THEY_ARE, 5).toString());
        assertEquals("[]", run(batch, NOTHING, Retention.Seqnos.AS_THEY_ARE, 5).toString());
        List<Entry> withOlder = new ArrayList<>(batch);
        withOlder.add(new Entry('k', 2, Trailer.VALUE));
        assertEquals("[k@5s]", run(withOlder, ANYTHING, Retention.Seqnos.AS_THEY_ARE, 5).toString(), "@2 goes, @1 must not come back");
        assertEquals("[k@5s, k@2v]", run(withOlder, ANYTHING, Retention.Seqnos.AS_THEY_ARE, 2, 5).toString(), "a snapshot between");
    }

    @Test
    void r15_aTombstoneUnderAValueStaysWhileSomethingOlderMayLieBelow() {
        // put@1 lies deep; removed @2, put again @3, then removed weakly @4: @4 goes with @3, and @1 must not come back.
        List<Entry> upper = kept("vsv", 1, ANYTHING, 3);
        assertEquals("[k@3v, k@2s]", upper.toString());
        assertEquals("[k@4s]", kept("vsvs", 1, ANYTHING, 4).toString(), "the upper of two is enough");
        assertEquals("[k@2s]", kept("vsvw", 1, ANYTHING, 4).toString());
    }

    // ---- by exhaustion

    /** Every legal history up to six writes, every split into what is merged and what lies below, every set of snapshots. */
    @Test
    void everyReaderSeesTheSameBeforeAndAfterNowAndLater() {
        for (int length = 1; length <= 6; length++) {
            for (String history : histories(length)) {
                for (int split = 0; split < length; split++) {
                    checkAllBoundaries(history, split);
                }
            }
        }
        System.out.println(cases + " cases");
        assertTrue(cases > 500_000, cases + " cases");
    }

    @Test
    void everyReaderSeesTheSameInLongHistories() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        Random random = new Random(seed);
        for (int i = 0; i < 100_000; i++) {
            int length = 6 + random.nextInt(10);
            StringBuilder word = new StringBuilder();
            while (word.length() < length) {
                char next = "vvvssww ".charAt(random.nextInt(8));
                if (next != 'w' || isWeakLegal(word.toString())) {
                    word.append(next);
                }
            }
            check(word.toString(), random.nextInt(length), boundaries(random.nextLong(1L << length + 1), random.nextInt(length + 2)));
        }
    }

    @Test
    void keysDoNotMeet() {
        List<Entry> entries = new ArrayList<>();
        for (char key = 'a'; key <= 'e'; key++) {
            entries.add(new Entry(key, 9, key % 2 == 0 ? Trailer.WEAK_TOMBSTONE : Trailer.VALUE));
            entries.add(new Entry(key, 7, Trailer.VALUE));
        }
        assertEquals("[a@9v, c@9v, e@9v]", run(entries, ANYTHING, Retention.Seqnos.AS_THEY_ARE, 9).toString());
        Retention.Below upTo = (key, offset, length) -> key.get(ValueLayout.JAVA_BYTE, offset) <= 'b';
        assertEquals("[a@9v, c@0v, e@0v]", run(entries, upTo, Retention.Seqnos.TO_ZERO, 9).toString());
    }

    @Test
    void aStepAllocatesNothing() {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < 4000; i++) {
            entries.add(new Entry((char) ('a' + i / 200), 8000 - i, i % 5 == 0 ? Trailer.WEAK_TOMBSTONE : i % 7 == 0 ? Trailer.TOMBSTONE : Trailer.VALUE));
        }
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        long[] boundaries = LongStream.range(0, 80).map(i -> i * 100).toArray();
        for (int round = 0; round < 50; round++) {
            try (EntryCursor source = new ListCursor(entries);
                    Retention retention = new Retention(
                            source, boundaries, ANYTHING, Retention.Seqnos.AS_THEY_ARE, budget)) {
                Retention.Step step = retention.step();
                long before = threads.getCurrentThreadAllocatedBytes();
                while (step != Retention.Step.END) {
                    step = retention.step();
                }
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
        }
        assertEquals(0, least, "bytes in 4,000 steps");
    }

    // ---- the model

    private void checkAllBoundaries(String history, int split) {
        for (int published = 0; published <= history.length(); published++) {
            for (long snapshots = 0; snapshots < 1L << published; snapshots++) {
                check(history, split, boundaries(snapshots, published));
            }
        }
    }

    private static long[] boundaries(long snapshots, int published) {
        TreeSet<Long> boundaries = new TreeSet<>();
        for (long seqno = 0; seqno < published; seqno++) {
            if ((snapshots >>> seqno & 1) != 0) {
                boundaries.add(seqno);
            }
        }
        boundaries.add((long) published);
        return boundaries.stream().mapToLong(Long::longValue).toArray();
    }

    /** The writes behind the split are merged, those before it lie below. */
    private void check(String history, int split, long[] boundaries) {
        List<Entry> below = entries(history.substring(0, split), 0);
        List<Entry> merged = entries(history.substring(split), split);
        for (Retention.Below oracle : split == 0 ? List.of(NOTHING, ANYTHING) : List.of(ANYTHING)) {
            cases++;
            List<Entry> kept = run(merged, oracle, Retention.Seqnos.AS_THEY_ARE, boundaries);
            String what = history + " split " + split + " at " + Arrays.toString(boundaries) + ": " + kept;
            List<Entry> all = entries(history, 0);
            checkViews(all, joined(kept, below), history.length(), boundaries, what);
            checkNothingIsKeptInVain(kept, boundaries, oracle == NOTHING, what);
            List<Entry> deeper = run(joined(kept, below), oracle, Retention.Seqnos.AS_THEY_ARE, boundaries);
            checkViews(all, deeper, history.length(), boundaries, what + " merged with what is below, " + deeper);
            for (char next : new char[] {'v', 's', 'w'}) {
                if (next != 'w' || isWeakLegal(history)) {
                    checkLater(history + next, kept, below, what + " then " + next);
                }
            }
        }
        if (split == 0) {
            List<Entry> zeroed = run(merged, NOTHING, Retention.Seqnos.TO_ZERO, boundaries);
            checkViews(merged, zeroed, history.length(), boundaries, history + " zeroed at " + Arrays.toString(boundaries));
        }
    }

    /** What is written later, and merged with what was kept and then with what lies below, shows what the history says. */
    private void checkLater(String history, List<Entry> kept, List<Entry> below, String what) {
        List<Entry> upper = joined(entries(history.substring(history.length() - 1), history.length() - 1), kept);
        List<Entry> once = run(upper, ANYTHING, Retention.Seqnos.AS_THEY_ARE, history.length());
        long[] now = {history.length()};
        checkViews(entries(history, 0), joined(once, below), history.length(), now, what + ", merged " + once);
        List<Entry> bottom = run(joined(once, below), NOTHING, Retention.Seqnos.TO_ZERO, history.length());
        checkViews(entries(history, 0), bottom, history.length(), now, what + ", merged to the bottom " + bottom);
    }

    private static void checkViews(List<Entry> before, List<Entry> after, int last, long[] boundaries, String what) {
        for (long seqno = 0; seqno <= last + 1; seqno++) {
            if (seqno > boundaries[boundaries.length - 1] || Arrays.binarySearch(boundaries, seqno) >= 0) {
                assertEquals(view(before, seqno), isZeroed(after) ? viewOfZeroed(before, after, seqno) : view(after, seqno),
                        what + " seen at " + seqno);
            }
        }
    }

    private static boolean isZeroed(List<Entry> entries) {
        return entries.stream().anyMatch(entry -> entry.seqno == 0);
    }

    /** A seqno of zero stands for that of the newest value that the lowest boundary shows: only that something is there is told. */
    private static long viewOfZeroed(List<Entry> before, List<Entry> after, long seqno) {
        long shown = view(after, seqno);
        long expected = view(before, seqno);
        return shown == 0 && expected != 0 ? expected : shown;
    }

    private static void checkNothingIsKeptInVain(List<Entry> kept, long[] boundaries, boolean isBottom, String what) {
        for (int i = 0; i < kept.size(); i++) {
            Entry entry = kept.get(i);
            boolean isNewer = entry.seqno > boundaries[boundaries.length - 1];
            boolean isSeen = isNewer || entry.seqno <= boundaryAtOrAbove(boundaries, entry.seqno)
                    && (i == 0 || kept.get(i - 1).seqno > boundaryAtOrAbove(boundaries, entry.seqno));
            assertTrue(isSeen || !entry.isValue(), what + ": nobody sees " + entry);
            assertTrue(!isBottom || entry.isValue() || entry.seqno > boundaries[0], what + ": " + entry + " hides nothing");
        }
    }

    private static long boundaryAtOrAbove(long[] boundaries, long seqno) {
        for (long boundary : boundaries) {
            if (boundary >= seqno) {
                return boundary;
            }
        }
        return Long.MAX_VALUE;
    }

    /** The seqno of the value that is seen; 0 for a zeroed one, -1 for none. */
    private static long view(List<Entry> entries, long seqno) {
        for (Entry entry : entries) {
            if (entry.seqno <= seqno) {
                return entry.isValue() ? entry.seqno : -1;
            }
        }
        return -1;
    }

    private static List<String> histories(int length) {
        List<String> histories = new ArrayList<>(List.of(""));
        for (int i = 0; i < length; i++) {
            List<String> longer = new ArrayList<>();
            for (String history : histories) {
                longer.add(history + "v");
                longer.add(history + "s");
                if (isWeakLegal(history)) {
                    longer.add(history + "w");
                }
            }
            histories = longer;
        }
        return histories;
    }

    /** The key was put at most once since its last removal. */
    private static boolean isWeakLegal(String history) {
        int removal = Math.max(history.lastIndexOf('s'), history.lastIndexOf('w'));
        return history.substring(removal + 1).chars().filter(c -> c == 'v').count() <= 1;
    }

    private static List<Entry> entries(String history, int before) {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < history.length(); i++) {
            char write = history.charAt(i);
            if (write != ' ') {
                entries.addFirst(new Entry('k', before + i + 1, switch (write) {
                    case 'v' -> Trailer.VALUE;
                    case 's' -> Trailer.TOMBSTONE;
                    default -> Trailer.WEAK_TOMBSTONE;
                }));
            }
        }
        return entries;
    }

    private static List<Entry> joined(List<Entry> newer, List<Entry> older) {
        List<Entry> joined = new ArrayList<>(newer);
        joined.addAll(older);
        return joined;
    }

    private List<Entry> kept(String history, int split, Retention.Below below, long... boundaries) {
        return run(entries(history.substring(split), split), below, Retention.Seqnos.AS_THEY_ARE, boundaries);
    }

    private List<Entry> zeroed(String history, Retention.Below below, long... boundaries) {
        return run(entries(history, 0), below, Retention.Seqnos.TO_ZERO, boundaries);
    }

    private List<Entry> run(List<Entry> entries, Retention.Below below, Retention.Seqnos seqnos, long... boundaries) {
        List<Entry> kept = new ArrayList<>();
        try (EntryCursor source = new ListCursor(entries);
                Retention retention = new Retention(source, boundaries, below, seqnos, budget)) {
            for (Retention.Step step = retention.step(); step != Retention.Step.END; step = retention.step()) {
                if (step == Retention.Step.KEPT) {
                    assertEquals(1, retention.keyLength());
                    kept.add(new Entry((char) retention.keySegment().get(ValueLayout.JAVA_BYTE, retention.keyOffset()),
                            Trailer.seqno(retention.trailer()), Trailer.type(retention.trailer())));
                    boolean isValue = Trailer.type(retention.trailer()) == Trailer.VALUE;
                    assertEquals(isValue ? 1 : 0, retention.valueLength());
                    assertTrue(!isValue || retention.valueSegment().get(ValueLayout.JAVA_BYTE, retention.valueOffset()) == 77);
                }
            }
            assertEquals(Retention.Step.END, retention.step(), "the end stays");
        }
        return kept;
    }

    /** Entries of a list, forward only; what it lends is mangled at each move. */
    private final class ListCursor implements EntryCursor {
        private final List<Entry> entries;
        private final MemorySegment lent = RetentionTest.this.arena.allocate(2);
        private int at = -1;

        ListCursor(List<Entry> entries) {
            this.entries = entries;
        }

        @Override
        public boolean next() {
            if (at < entries.size()) {
                at++;
            }
            lent.set(ValueLayout.JAVA_BYTE, 0, at < entries.size() ? (byte) entries.get(at).key : (byte) 0xEE);
            lent.set(ValueLayout.JAVA_BYTE, 1, (byte) 77);
            return at < entries.size();
        }

        @Override
        public boolean first() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean last() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean previous() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean seek(MemorySegment key, long keyOffset, int keyLength, long trailer) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean seekForPrevious(MemorySegment key, long keyOffset, int keyLength, long trailer) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean isPositioned() {
            return 0 <= at && at < entries.size();
        }

        @Override
        public MemorySegment keySegment() {
            return lent;
        }

        @Override
        public long keyOffset() {
            return 0;
        }

        @Override
        public int keyLength() {
            return 1;
        }

        @Override
        public long trailer() {
            return Trailer.of(entries.get(at).seqno, entries.get(at).type);
        }

        @Override
        public MemorySegment valueSegment() {
            return lent;
        }

        @Override
        public long valueOffset() {
            return 1;
        }

        @Override
        public int valueLength() {
            return entries.get(at).isValue() ? 1 : 0;
        }

        @Override
        public void close() {
            at = -1;
        }
    }
}
