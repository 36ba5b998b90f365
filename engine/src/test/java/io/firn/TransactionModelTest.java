package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.error.ConflictException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Transactions that a seeded scheduler interleaves, with writes outside of them. Each answer is that of the snapshot under the
 * transaction's own writes; and those that commit could have run one after the other: each answer of a transaction is what it would have
 * got had it run whole at the moment of its commit. {@code -Dseed=} repeats.
 */
class TransactionModelTest {
    private static final int ROUNDS = Integer.getInteger("rounds", 20);
    private static final int STEPS = 600;
    private static final int LIVE_MAX = 5;
    private static final int KEYSPACES = 2;

    /** Maps by keyspace, and the cursors that were opened over copies of them. */
    private static final class State {
        private final List<NavigableMap<byte[], byte[]>> maps = new ArrayList<>();
        private final List<CursorModelTest.Model> cursors = new ArrayList<>();

        State() {
            for (int i = 0; i < KEYSPACES; i++) {
                maps.add(none());
            }
        }

        State(State other) {
            other.maps.forEach(each -> maps.add(copy(each)));
        }
    }

    /** Something that a transaction does and what the same does to a model. */
    private record Deed(int keyspace, String text, Function<Live, String> onStore, Function<State, String> onModel) {}

    private static final class Live {
        private final Transaction transaction;
        private final State view;
        private final int begunAt;
        private final List<Deed> deeds = new ArrayList<>();
        private final List<String> answers = new ArrayList<>();
        private final List<Cursor> cursors = new ArrayList<>();
        private final List<TransactionKeyspace> keyspaces = new ArrayList<>();
        private boolean hasWritten;

        Live(Transaction transaction, List<Keyspace> all, State committed, int begunAt) {
            this.transaction = transaction;
            this.begunAt = begunAt;
            view = new State(committed);
            all.forEach(each -> keyspaces.add(transaction.in(each)));
        }

        void close() {
            cursors.forEach(Cursor::close);
            transaction.close();
        }
    }

    private Random random = new Random();
    private int keys;
    private List<Keyspace> keyspaces = List.of();
    private State committed = new State();
    private final List<Live> live = new ArrayList<>();
    private int writes;
    private int commits;
    private int conflicts;

    @Test
    void committedTransactionsAreAsIfRunOneAfterTheOther() {
        long seed = Long.getLong("seed", System.nanoTime());
        long start = System.nanoTime();
        System.out.println("-Dseed=" + seed);
        for (int round = 0; round < ROUNDS; round++) {
            try {
                random = new Random(seed + round);
                run(true);
            } catch (Throwable t) {
                throw new AssertionError("-Dseed=" + (seed + round) + " -Drounds=1", t);
            }
        }
        System.out.printf("%d transactions committed, %d refused, %.1f s%n", commits, conflicts, (System.nanoTime() - start) / 1e9);
        assertTrue(ROUNDS == 1 || commits > 10 * ROUNDS && conflicts > ROUNDS, commits + " commits, " + conflicts + " conflicts");
    }

    @Test
    void aSingleWriterSeesAndMakesWhatTheModelDoes() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        for (int round = 0; round < ROUNDS / 4 + 1; round++) {
            try {
                random = new Random(seed + round);
                run(false);
            } catch (Throwable t) {
                throw new AssertionError("-Dseed=" + (seed + round) + " -Drounds=1", t);
            }
        }
        assertEquals(0, conflicts);
    }

    private void run(boolean isOptimistic) {
        committed = new State();
        live.clear();
        keys = random.nextBoolean() ? 12 : 120;
        MemoryBudget budget = MemoryBudget.ofMebibytes(64);
        try (SimStorage disk = new SimStorage()) {
            DatabaseBuilder builder = Database.builder(Path.of("/db")).storage(disk).budget(budget);
            try (Database database = isOptimistic ? builder.openOptimistic() : builder.openSingleWriter()) {
                keyspaces = List.of(
                        database.keyspace("a", KeyspaceOptions.defaults().memtableBytes(4096)),
                        database.keyspace("b", KeyspaceOptions.defaults().memtableBytes(8192).blobs(TinyDatabase.blobs(random))));
                for (int step = 0; step < STEPS; step++) {
                    step(database);
                }
                live.forEach(Live::close);
                check();
                assertEquals(0, database.statistics().openSnapshots());
            }
            assertEquals(0, budget.usedBytes());
        }
    }

    private void step(Database database) {
        int kind = random.nextInt(40);
        if (kind < 4) {
            begin(database);
        } else if (kind < 6) {
            outside(database);
        } else if (kind == 6) {
            keyspaces.get(random.nextInt(KEYSPACES)).rotateMemtable();
        } else if (kind == 7) {
            check();
        } else if (!live.isEmpty()) {
            Live each = live.get(random.nextInt(live.size()));
            if (kind < 10) {
                commit(each);
            } else if (kind == 10) {
                live.remove(each);
                each.close();
            } else {
                act(each, deed(each));
            }
        }
    }

    private void begin(Database database) {
        switch (database) {
            case OptimisticDatabase optimistic when live.size() < LIVE_MAX ->
                live.add(new Live(optimistic.begin(), keyspaces, committed, writes));
            case SingleWriterDatabase single when live.isEmpty() ->
                live.add(new Live(single.begin(), keyspaces, committed, writes));
            default -> { }
        }
    }

    private void act(Live each, Deed deed) {
        String expected = deed.onModel.apply(each.view);
        assertEquals(expected, deed.onStore.apply(each), deed.text);
        each.deeds.add(deed);
        each.answers.add(expected);
    }

    private void commit(Live each) {
        live.remove(each);
        try {
            each.transaction.commit();
        } catch (ConflictException e) {
            conflicts++;
            assertTrue(each.hasWritten, "a transaction that writes nothing is never refused");
            assertTrue(each.begunAt < writes, "refused though nothing was written: " + e.getMessage());
            each.close();
            return;
        }
        each.close();
        commits++;
        if (each.hasWritten) {
            State replayed = new State(committed);
            for (int i = 0; i < each.deeds.size(); i++) {
                Deed deed = each.deeds.get(i);
                assertEquals(each.answers.get(i), deed.onModel.apply(replayed), "run at its commit: " + deed.text);
            }
            committed = replayed;
            writes++;
        }
    }

    // ---- deeds

    private Deed deed(Live each) {
        int keyspace = random.nextInt(KEYSPACES);
        byte[] key = key();
        byte[] value = value();
        return switch (random.nextInt(16)) {
            case 0, 1 -> put(each, keyspace, key, value);
            case 2 -> {
                each.hasWritten = true;
                yield of(keyspace, "remove " + text(key), at -> {
                    at.remove(key);
                    return "";
                }, map -> {
                    map.remove(key);
                    return "";
                });
            }
            case 3 -> of(keyspace, "get " + text(key), at -> text(at.get(key)), map -> text(map.get(key)));
            case 4 -> of(keyspace, "sizeOf " + text(key), at -> "" + at.sizeOf(key),
                    map -> "" + (map.containsKey(key) ? map.get(key).length : -1));
            case 5 -> of(keyspace, "containsKey " + text(key), at -> "" + at.containsKey(key), map -> "" + map.containsKey(key));
            case 6 -> of(keyspace, "firstEntry", at -> text(at.firstEntry()), map -> text(map.firstEntry()));
            case 7 -> of(keyspace, "lastEntry", at -> text(at.lastEntry()), map -> text(map.lastEntry()));
            case 8 -> random.nextInt(4) > 0 ? of(keyspace, "isEmpty", at -> "" + at.isEmpty(), map -> "" + map.isEmpty())
                    : of(keyspace, "count", at -> "" + at.count(), map -> "" + map.size());
            case 9 -> {
                byte[] other = key();
                yield of(keyspace, "multiGet " + text(key) + " " + text(other), at -> {
                    StringBuilder seen = new StringBuilder();
                    at.multiGet(List.of(MemorySegment.ofArray(key), MemorySegment.ofArray(other)),
                            (index, shown) -> seen.append(index).append(text(shown.toArray(ValueLayout.JAVA_BYTE))));
                    return seen.toString();
                }, map -> (map.containsKey(key) ? 0 + text(map.get(key)) : "")
                        + (map.containsKey(other) ? 1 + text(map.get(other)) : ""));
            }
            case 10 -> {
                KeyRange range = range();
                yield of(keyspace, "stream " + range, at -> {
                    try (Stream<Entry> entries = at.stream(range)) {
                        return entries.limit(5).map(TransactionModelTest::text).collect(Collectors.joining(" "));
                    }
                }, map -> map.entrySet().stream().filter(entry -> range.contains(entry.getKey())).limit(5)
                        .map(TransactionModelTest::text).collect(Collectors.joining(" ")));
            }
            case 11 -> {
                boolean isFetched = random.nextBoolean();
                each.hasWritten |= willDiffer(each, keyspace, key, value);
                yield of(keyspace, "update " + text(key), at -> text(isFetched
                        ? at.fetchUpdate(key, former -> next(former, value)) : at.updateFetch(key, former -> next(former, value))),
                        map -> {
                            byte[] former = map.get(key);
                            byte[] next = next(former, value);
                            if (next == null) {
                                map.remove(key);
                            } else {
                                map.put(key, next);
                            }
                            return text(isFetched ? former : next);
                        });
            }
            case 12 -> open(keyspace);
            default -> each.cursors.isEmpty() ? open(keyspace) : moves(random.nextInt(each.cursors.size()));
        };
    }

    private Deed put(Live each, int keyspace, byte[] key, byte[] value) {
        each.hasWritten = true;
        boolean isSegment = random.nextBoolean();
        return of(keyspace, "put " + text(key), at -> {
            if (isSegment) {
                at.put(MemorySegment.ofArray(key), MemorySegment.ofArray(value));
            } else {
                at.put(key, value);
            }
            return "";
        }, map -> {
            map.put(key, value);
            return "";
        });
    }

    /** Removes every third value, adds where there is none, leaves some. */
    private static byte[] next(byte[] former, byte[] value) {
        if (former == null) {
            return value.length % 4 == 0 ? null : value;
        }
        return value.length % 3 == 0 ? null : value.length % 3 == 1 ? former : value;
    }

    private static boolean willDiffer(Live each, int keyspace, byte[] key, byte[] value) {
        byte[] former = each.view.maps.get(keyspace).get(key);
        return !Arrays.equals(former, next(former, value));
    }

    private Deed open(int keyspace) {
        KeyRange range = range();
        return new Deed(keyspace, "cursor " + range, each -> {
            each.cursors.add(each.keyspaces.get(keyspace).cursor(range));
            return "";
        }, state -> {
            NavigableMap<byte[], byte[]> within = copy(state.maps.get(keyspace));
            within.keySet().removeIf(key -> !range.contains(key));
            state.cursors.add(new CursorModelTest.Model(within));
            return "";
        });
    }

    private Deed moves(int cursor) {
        int[] moves = random.ints(1 + random.nextInt(6), 0, 13).map(move -> move > 8 ? 7 + move % 2 : move).toArray();
        byte[] key = key();
        return new Deed(0, "cursor " + cursor + " moves " + Arrays.toString(moves) + " " + text(key), each -> {
            Cursor moved = each.cursors.get(cursor);
            StringJoiner answers = new StringJoiner(" ");
            for (int move : moves) {
                answers.add(move(moved, move, MemorySegment.ofArray(key))
                        ? text(moved.keyBytes()) + "=" + text(moved.valueBytes()) : "none");
            }
            return answers.toString();
        }, state -> {
            CursorModelTest.Model moved = state.cursors.get(cursor);
            StringJoiner answers = new StringJoiner(" ");
            for (int move : moves) {
                answers.add(moved.move(move, key) ? text(moved.at) + "=" + text(moved.value) : "none");
            }
            return answers.toString();
        });
    }

    private static boolean move(Cursor cursor, int move, MemorySegment key) {
        return switch (move) {
            case 0 -> cursor.first();
            case 1 -> cursor.last();
            case 2 -> cursor.seek(key);
            case 3 -> cursor.seekForPrevious(key);
            case 4 -> cursor.find(key);
            case 5 -> cursor.nextFront();
            case 6 -> cursor.nextBack();
            case 7 -> cursor.next();
            default -> cursor.previous();
        };
    }

    private static Deed of(
            int keyspace, String text, Function<TransactionKeyspace, String> onStore,
            Function<NavigableMap<byte[], byte[]>, String> onModel) {
        return new Deed(keyspace, text, each -> onStore.apply(each.keyspaces.get(keyspace)),
                state -> onModel.apply(state.maps.get(keyspace)));
    }

    // ---- writes outside

    private void outside(Database database) {
        if (database instanceof SingleWriterDatabase && !live.isEmpty()) {
            return;
        }
        int at = random.nextInt(KEYSPACES);
        Keyspace keyspace = keyspaces.get(at);
        NavigableMap<byte[], byte[]> map = committed.maps.get(at);
        byte[] key = key();
        byte[] value = value();
        writes++;
        // Those that wait for a flush and a force come seldom.
        switch (random.nextInt(random.nextInt(4) == 0 ? 12 : 3 * 12)) {
            case 0 -> {
                if (random.nextInt(4) == 0) {
                    keyspace.clear();
                    map.clear();
                }
            }
            case 1 -> {
                KeyRange range = range();
                keyspace.dropRange(range);
                map.keySet().removeIf(range::contains);
            }
            case 2 -> {
                try (Ingestion ingestion = keyspace.ingest()) {
                    NavigableMap<byte[], byte[]> added = none();
                    for (int i = random.nextInt(4); i >= 0; i--) {
                        added.put(key(), value());
                    }
                    added.forEach(ingestion::put);
                    ingestion.finish();
                    map.putAll(added);
                }
            }
            case 3, 4 -> {
                try (WriteBatch batch = database.batch()) {
                    byte[] other = key();
                    batch.put(keyspace, key, value).remove(keyspace, other).commit();
                    map.put(key, value);
                    map.remove(other);
                }
            }
            case 5 -> {
                keyspace.remove(key);
                map.remove(key);
            }
            default -> {
                keyspace.put(key, value);
                map.put(key, value);
            }
        }
    }

    private void check() {
        for (int i = 0; i < KEYSPACES; i++) {
            BiFunction<Stream<String>, String, String> joined = (all, name) -> name + all.collect(Collectors.joining(" "));
            try (Stream<Entry> entries = keyspaces.get(i).stream(KeyRange.all())) {
                assertEquals(joined.apply(committed.maps.get(i).entrySet().stream().map(TransactionModelTest::text), "" + i),
                        joined.apply(entries.map(TransactionModelTest::text), "" + i));
            }
        }
    }

    private KeyRange range() {
        return switch (random.nextInt(4)) {
            case 0 -> KeyRange.all();
            case 1 -> KeyRange.all().from(key());
            case 2 -> KeyRange.all().after(key()).to(key());
            default -> KeyRange.prefix(new byte[] {(byte) random.nextInt(4)});
        };
    }

    private byte[] key() {
        int number = random.nextInt(keys);
        return number % 5 == 0
                ? new byte[] {(byte) (number & 3), (byte) (number >> 2)}
                : Arrays.copyOf(new byte[] {(byte) (number & 3), (byte) (number >> 2)}, 2 + number % 11);
    }

    private byte[] value() {
        byte[] value = new byte[random.nextInt(4) == 0 ? 64 + random.nextInt(500) : random.nextInt(40)];
        random.nextBytes(value);
        return value;
    }

    private static NavigableMap<byte[], byte[]> none() {
        return new TreeMap<>(Arrays::compareUnsigned);
    }

    private static NavigableMap<byte[], byte[]> copy(NavigableMap<byte[], byte[]> map) {
        NavigableMap<byte[], byte[]> copy = none();
        copy.putAll(map);
        return copy;
    }

    private static String text(byte[] bytes) {
        return bytes == null ? "missing" : HexFormat.of().formatHex(bytes);
    }

    private static String text(Entry entry) {
        return entry == null ? "missing" : text(entry.key()) + "=" + text(entry.value());
    }

    private static String text(Map.Entry<byte[], byte[]> entry) {
        return entry == null ? "missing" : text(entry.getKey()) + "=" + text(entry.getValue());
    }
}
