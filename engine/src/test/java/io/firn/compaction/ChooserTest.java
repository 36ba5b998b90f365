package io.firn.compaction;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionStrategy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.version.Change;
import io.firn.version.KeySpan;
import io.firn.version.ManifestState;
import io.firn.version.TableRecord;
import io.firn.version.VersionEdit;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

final class ChooserTest {
    private static final long TABLE_BYTES = 4096;
    private static final CompactionStrategy.Leveled LEVELED =
            new CompactionStrategy.Leveled(4, TABLE_BYTES, PerLevel.all(4.0));
    private static final CompactionStrategy.Tiered TIERED =
            new CompactionStrategy.Tiered(1.25, 4, 12, 2, TABLE_BYTES);

    private final long seed = Long.getLong("seed", System.nanoTime());
    private final Random random = new Random(seed);

    // ---- random loads

    @Test
    void leveledKeepsItsPromisesUnderRandomLoads() {
        loads(() -> new CompactionStrategy.Leveled(
                1 + random.nextInt(5), TABLE_BYTES, PerLevel.all(2.0 + random.nextInt(8))), 30);
    }

    @Test
    void tieredKeepsItsPromisesUnderRandomLoads() {
        loads(() -> new CompactionStrategy.Tiered(1 + random.nextDouble() * 2, 2 + random.nextInt(4),
                8 + random.nextInt(8), 0.5 + random.nextDouble() * 4, TABLE_BYTES), 20);
    }

    private void loads(Supplier<CompactionStrategy> strategies, double amplificationMax) {
        System.out.println("-Dseed=" + seed);
        double worst = 0;
        int moves = 0;
        int merges = 0;
        for (int round = 0; round < 25; round++) {
            CompactionStrategy strategy = strategies.get();
            SimulatedKeyspace keyspace =
                    new SimulatedKeyspace(strategy, 2 + random.nextInt(6), TABLE_BYTES, new Random(random.nextLong()));
            int keys = 200 + random.nextInt(2000);
            int runningMax = 1 + random.nextInt(4);
            int next = 0;
            boolean isSequential = random.nextInt(4) == 0;
            for (int i = 0; i < 80; i++) {
                if (random.nextInt(20) == 0) {
                    isSequential = !isSequential;
                }
                List<Integer> memtable = new ArrayList<>();
                for (int j = 0; j < 40; j++) {
                    memtable.add(isSequential ? next++ : random.nextInt(keys));
                }
                keyspace.flush(memtable);
                while (keyspace.running() < runningMax && keyspace.begin()) {
                    continue;
                }
                for (int ends = random.nextInt(4); ends > 0 && keyspace.running() > 0; ends--) {
                    keyspace.end();
                }
                if (random.nextInt(30) == 0) {
                    keyspace.begin(random.nextBoolean() ? LEVELED : TIERED);
                }
                if (random.nextInt(40) == 0) {
                    keyspace.beginAll();
                }
                if (random.nextInt(20) == 0) {
                    keyspace.beginCalmly();
                }
            }
            keyspace.drain();
            assertSettled(strategy, keyspace);
            assertCalmed(strategy, keyspace);
            worst = Math.max(worst, (double) keyspace.writtenBytes / keyspace.flushedBytes);
            moves += keyspace.moves;
            merges += keyspace.merges;
        }
        System.out.printf("write amplification at most %.1f, %d merges, %d moves%n", worst, merges, moves);
        assertTrue(worst < amplificationMax, "write amplification " + worst);
        assertTrue(merges > 100, merges + " merges");
    }

    /** What is done for readers alone ends, and costs no more for a byte of level 0 than its way down the levels does anyway. */
    private static void assertCalmed(CompactionStrategy strategy, SimulatedKeyspace keyspace) {
        long level0Bytes = Choice.bytes(keyspace.levels().runs(0).stream().flatMap(List::stream).toList());
        long before = keyspace.writtenBytes;
        keyspace.drainCalmly();
        assertSettled(strategy, keyspace);
        if (strategy instanceof CompactionStrategy.Leveled leveled) {
            assertTrue(keyspace.levels().runs(0).size() <= 1, "runs in level 0");
            double written = keyspace.writtenBytes - before;
            double eachLevel = (leveled.levelRatio().at(0) + 1) * (level0Bytes + TABLE_BYTES);
            assertTrue(written <= keyspace.levels().count() * eachLevel, written + " of " + level0Bytes);
        } else {
            assertEquals(before, keyspace.writtenBytes);
        }
    }

    private static void assertSettled(CompactionStrategy strategy, SimulatedKeyspace keyspace) {
        assertEquals(0, Chooser.debtBytes(strategy, keyspace.levels(), 0));
        switch (strategy) {
            case CompactionStrategy.Leveled leveled -> {
                assertTrue(keyspace.levels().runs(0).size() < leveled.l0Threshold(), "runs in level 0");
                for (int level = 1; level < keyspace.levels().count(); level++) {
                    assertTrue(keyspace.levels().runs(level).size() <= 1, "one run in level " + level);
                }
                assertTrue(LeveledChooser.score(leveled, new Survey(keyspace.levels(), List.of(), 0, -1)) <= 1);
            }
            case CompactionStrategy.Tiered tiered -> {
                int runs = keyspace.levels().levels().stream().mapToInt(List::size).sum();
                assertTrue(runs <= tiered.maxRuns(), runs + " runs");
            }
            case CompactionStrategy.Fifo fifo -> throw new AssertionError("not here");
        }
    }

    @Test
    void aLoadInKeyOrderIsOnlyMoved() {
        SimulatedKeyspace keyspace = new SimulatedKeyspace(LEVELED, 7, TABLE_BYTES, new Random(seed));
        int next = 0;
        for (int i = 0; i < 200; i++) {
            List<Integer> memtable = new ArrayList<>();
            for (int j = 0; j < 40; j++) {
                memtable.add(next++);
            }
            keyspace.flush(memtable);
            keyspace.drain();
        }
        assertEquals(0, keyspace.writtenBytes);
        assertEquals(200, keyspace.levels().runs(6).getFirst().size(), "all in the last level");
    }

    @Test
    void smallDisjointRunsAreMergedBeforeTheyGoDown() {
        SimulatedKeyspace keyspace = new SimulatedKeyspace(LEVELED, 7, TABLE_BYTES, new Random(seed));
        for (int i = 0; i < 400; i++) {
            keyspace.flush(List.of(i));
            keyspace.drain();
        }
        assertTrue(keyspace.levels().runs(6).getFirst().size() <= 101, "tables of several runs each");
        assertTrue(keyspace.levels().runs(0).size() < 4);
    }

    /** With one compaction at a time, and uniform keys, an entry is written about ratio times a level. */
    @Test
    void theWriteAmplificationOfAUniformLoadIsBounded() {
        for (CompactionStrategy strategy : List.of(LEVELED, TIERED)) {
            Random random = new Random(seed);
            SimulatedKeyspace keyspace = new SimulatedKeyspace(strategy, 7, TABLE_BYTES, random);
            for (int i = 0; i < 150; i++) {
                List<Integer> memtable = new ArrayList<>();
                for (int j = 0; j < 40; j++) {
                    memtable.add(random.nextInt(1 << 20));
                }
                keyspace.flush(memtable);
                if (keyspace.running() == 0) {
                    keyspace.begin();
                } else {
                    keyspace.end();
                }
            }
            keyspace.drain();
            double amplification = (double) keyspace.writtenBytes / keyspace.flushedBytes;
            System.out.printf("%s: %.1f%n", strategy.getClass().getSimpleName(), amplification);
            assertTrue(amplification < (strategy == TIERED ? 5 : 12), strategy + ": " + amplification);
        }
    }

    @Test
    void seventyRunsDrainWithoutAWrite() {
        for (CompactionStrategy strategy : List.of(LEVELED, TIERED)) {
            SimulatedKeyspace keyspace = new SimulatedKeyspace(strategy, 7, TABLE_BYTES, new Random(seed));
            for (int i = 0; i < 70; i++) {
                List<Integer> memtable = new ArrayList<>();
                for (int j = 0; j < 40; j++) {
                    memtable.add(keyspace.random.nextInt(10_000));
                }
                keyspace.flush(memtable);
            }
            keyspace.drain();
            assertSettled(strategy, keyspace);
        }
    }

    @Test
    void runsThatAnotherStrategyHasLeftBecomeOne() {
        Random random = new Random(seed);
        SimulatedKeyspace keyspace = new SimulatedKeyspace(LEVELED, 7, TABLE_BYTES, random);
        for (int i = 0; i < 60; i++) {
            List<Integer> memtable = new ArrayList<>();
            for (int j = 0; j < 40; j++) {
                memtable.add(random.nextInt(1000));
            }
            keyspace.flush(memtable);
            while (keyspace.begin(TIERED)) {
                keyspace.end();
            }
        }
        keyspace.drain();
        assertSettled(LEVELED, keyspace);
    }

    @Test
    void tablesOfTombstonesGoDownThoughTheirLevelIsNotFull() {
        Change.RunAdded last = new Change.RunAdded(1, 6, 0, List.of(table(1, "a", "m", 0), table(2, "n", "z", 0)));
        Change.RunAdded values = new Change.RunAdded(1, 5, 0, List.of(table(3, "b", "c", 5), table(4, "n", "p", 6)));
        ManifestState state = ManifestState.EMPTY.apply(VersionEdit.of(new Change.Counters(1000, 10, 2),
                new Change.KeyspaceCreated(1, "a", KeyspaceOptions.defaults().compaction(LEVELED)), last, values));
        Choice choice = Chooser.choose(LEVELED, new Survey(state.keyspaces().get(1).levels(), List.of(), 0, -1));
        assertEquals(new Choice.Merge(List.of(table(4, "n", "p", 6), table(2, "n", "z", 0)),
                new Choice.Target(6, Choice.Placement.JOINED), TABLE_BYTES), choice);
    }

    /** The levels of a queue whose 64,000 waiting entries were taken: 276 KB that hide 3.9 MB, and no fourth run will ever come. */
    @Test
    void tombstonesOfLevel0GoDownThoughNoMoreRunsCome() {
        CompactionStrategy.Leveled strategy = new CompactionStrategy.Leveled(4, 256 << 10, PerLevel.all(10.0));
        TableRecord newest = table(1, 92_000, 6_000, 6_000, "m", "z");
        TableRecord middle = table(2, 92_000, 6_000, 6_000, "g", "m");
        TableRecord oldest = table(3, 92_000, 6_282, 6_282, "a", "g");
        TableRecord base = table(4, 880_136, 4_038, 0, "f", "z");
        TableRecord last = table(5, 3_072_122, 14_244, 0, "a", "t");
        Choice choice = Chooser.choose(strategy, survey(strategy, List.of(oldest, middle, newest), base, last));
        assertEquals(new Choice.Merge(List.of(newest, middle, oldest, base),
                new Choice.Target(4, Choice.Placement.JOINED), 256 << 10), choice);
        TableRecord more = table(5, 30_000_000, 140_000, 0, "a", "t");
        assertNull(Chooser.choose(strategy, survey(strategy, List.of(oldest, middle, newest), base, more)),
                "strewn over much that lives");
        TableRecord puts = table(2, 92_000, 20_000, 0, "g", "m");
        assertNull(Chooser.choose(strategy, survey(strategy, List.of(oldest, puts, newest), base, last)), "mostly puts");
    }

    /** Level 0 with these runs, the oldest first, one table in level 4, and one in the last, 6. */
    private static Survey survey(
            CompactionStrategy strategy, List<TableRecord> level0, TableRecord base, TableRecord last) {
        List<Change> changes = new ArrayList<>(List.of(new Change.Counters(1000, 10, 2),
                new Change.KeyspaceCreated(1, "a", KeyspaceOptions.defaults().compaction(strategy)),
                new Change.RunAdded(1, 6, 0, List.of(last)), new Change.RunAdded(1, 4, 0, List.of(base))));
        level0.forEach(table -> changes.add(new Change.RunAdded(1, 0, 0, List.of(table))));
        ManifestState state = ManifestState.EMPTY.apply(new VersionEdit(changes));
        return new Survey(state.keyspaces().get(1).levels(), List.of(), 0, -1);
    }

    private static TableRecord table(long id, String first, String last, long tombstones) {
        return table(id, 1000, 10, tombstones, first, last);
    }

    private static TableRecord table(long id, long bytes, long entries, long tombstones, String first, String last) {
        long newest = 1000 - 10 * id;
        return new TableRecord(id, bytes, entries, tombstones, newest - 9, newest, 5, new KeySpan(
                first.getBytes(StandardCharsets.UTF_8), last.getBytes(StandardCharsets.UTF_8)), List.of());
    }

    // ---- all of it

    @Test
    void majorPutsEverythingIntoTheLastLevel() {
        SimulatedKeyspace keyspace = new SimulatedKeyspace(LEVELED, 5, TABLE_BYTES, new Random(seed));
        assertFalse(keyspace.beginAll(), "nothing there");
        for (int i = 0; i < 10; i++) {
            keyspace.flush(List.of(i, 2 * i, 3 * i));
        }
        assertTrue(keyspace.beginAll());
        assertFalse(keyspace.beginAll(), "one holds everything");
        assertFalse(keyspace.begin(), "and nobody else gets anything");
        keyspace.flush(List.of(5));
        keyspace.end();
        assertEquals(1, keyspace.levels().runs(0).size(), "what came meanwhile");
        assertEquals(1, keyspace.levels().runs(4).size());
    }

    // ---- FIFO

    @Test
    void r15_fifoDropsTheOldestFirstUntilItFits() {
        CompactionStrategy.Fifo strategy = new CompactionStrategy.Fifo(100 * SimulatedKeyspace.ENTRY_BYTES, null);
        SimulatedKeyspace keyspace = new SimulatedKeyspace(strategy, 7, TABLE_BYTES, new Random(seed));
        Random random = new Random(seed);
        for (int i = 0; i < 100; i++) {
            List<Integer> memtable = new ArrayList<>();
            for (int j = 0; j < 10; j++) {
                memtable.add(random.nextInt(40)); // overlapping runs
            }
            keyspace.flush(memtable);
            keyspace.drain();
            List<TableRecord> tables = keyspace.levels().tables();
            assertTrue(Choice.bytes(tables) <= strategy.limitBytes());
            assertEquals(0, keyspace.writtenBytes);
            assertTrue(i < 20 || tables.size() > 5, "not more than needed");
        }
        assertTrue(keyspace.drops > 50);
    }

    @Test
    void fifoDropsWhatIsTooOld() {
        CompactionStrategy.Fifo strategy = new CompactionStrategy.Fifo(1 << 30, Duration.ofSeconds(10));
        SimulatedKeyspace keyspace = new SimulatedKeyspace(strategy, 7, TABLE_BYTES, new Random(seed));
        for (int i = 0; i < 30; i++) {
            keyspace.flush(List.of(i % 3, i));
            keyspace.drain();
            assertEquals(Math.min(10, i + 1), keyspace.levels().runs(0).size(), "second " + i);
            keyspace.nowMillis += 1000;
        }
        keyspace.nowMillis += 100_000;
        keyspace.drain();
        assertEquals(List.of(), keyspace.levels().tables());
    }

    @Test
    void r12_fifoLeavesWhatASnapshotMaySee() {
        CompactionStrategy.Fifo strategy = new CompactionStrategy.Fifo(SimulatedKeyspace.ENTRY_BYTES, null);
        SimulatedKeyspace keyspace = new SimulatedKeyspace(strategy, 7, TABLE_BYTES, new Random(seed));
        keyspace.flush(List.of(1)); // seqno 1
        keyspace.flush(List.of(2));
        keyspace.flush(List.of(3));
        keyspace.newestSnapshot = 1;
        keyspace.drain();
        assertEquals(3, keyspace.levels().tables().size(), "the oldest is seen, and nothing newer goes before it");
        keyspace.newestSnapshot = -1;
        keyspace.drain();
        assertEquals(1, keyspace.levels().tables().size());
    }

    @Test
    void aChoiceIsTheSameForTheSameSurvey() {
        SimulatedKeyspace keyspace = new SimulatedKeyspace(LEVELED, 7, TABLE_BYTES, new Random(seed));
        for (int i = 0; i < 30; i++) {
            List<Integer> memtable = new ArrayList<>(Collections.nCopies(1, i));
            memtable.add(100 - i);
            keyspace.flush(memtable);
            Survey survey = new Survey(keyspace.levels(), List.of(), 0, -1);
            assertEquals(Chooser.choose(LEVELED, survey), Chooser.choose(LEVELED, survey));
        }
    }
}
