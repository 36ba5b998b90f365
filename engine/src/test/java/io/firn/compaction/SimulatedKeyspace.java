package io.firn.compaction;

import io.firn.config.CompactionStrategy;
import io.firn.config.KeyspaceOptions;
import io.firn.version.Change;
import io.firn.version.KeySpan;
import io.firn.version.Levels;
import io.firn.version.ManifestState;
import io.firn.version.TableRecord;
import io.firn.version.VersionEdit;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A keyspace without files: tables are maps from keys to seqnos, and several compactions run at the same time, each as long as a
 * seed wants. After each step the levels are checked by the manifest's rules, and every key by what a lookup would find first.
 */
final class SimulatedKeyspace {
    static final int ENTRY_BYTES = 100;
    private static final int ID = 1;

    final Random random;
    private final CompactionStrategy strategy;
    private final long tableBytes;
    private final Map<Long, TreeMap<Integer, Long>> contents = new HashMap<>();
    private final Map<Integer, Long> newest = new HashMap<>();
    private final List<Running> running = new ArrayList<>();
    private ManifestState state;
    private long nextSeqno = 1;
    private long nextId = 1;
    long nowMillis = 1_000_000;
    long newestSnapshot = -1;

    long flushedBytes;
    long writtenBytes;
    int moves;
    int merges;
    int drops;

    private record Running(Choice choice, Claim claim, Exchange exchange) {}

    SimulatedKeyspace(CompactionStrategy strategy, int levels, long tableBytes, Random random) {
        this.strategy = strategy;
        this.tableBytes = tableBytes;
        this.random = random;
        state = ManifestState.EMPTY.apply(VersionEdit.of(new Change.Counters(1, 1, 2),
                new Change.KeyspaceCreated(ID, "a", KeyspaceOptions.defaults().levels(levels).compaction(strategy))));
    }

    Levels levels() {
        return state.keyspaces().get(ID).levels();
    }

    int running() {
        return running.size();
    }

    /** A memtable of these keys becomes the newest run. */
    void flush(Iterable<Integer> keys) {
        TreeMap<Integer, Long> memtable = new TreeMap<>();
        for (int key : keys) {
            memtable.put(key, nextSeqno);
            newest.put(key, nextSeqno);
            nextSeqno++;
        }
        List<TableRecord> run = write(memtable, Long.MAX_VALUE);
        flushedBytes += Choice.bytes(run);
        apply(List.of(new Change.RunAdded(ID, 0, 0, run)));
    }

    /** Whether the strategy found something that can begin. */
    boolean begin() {
        return begin(strategy);
    }

    boolean begin(CompactionStrategy once) {
        return begin(Chooser.choose(once, survey()));
    }

    boolean beginCalmly() {
        return begin(Chooser.chooseCalmly(strategy, survey()));
    }

    boolean beginAll() {
        return begin(Chooser.chooseAll(strategy, survey()));
    }

    private Survey survey() {
        return new Survey(levels(), running.stream().map(Running::claim).toList(), nowMillis, newestSnapshot);
    }

    private boolean begin(@Nullable Choice choice) {
        if (choice == null) {
            return false;
        }
        for (Running other : running) {
            for (TableRecord table : choice.tables()) {
                if (other.claim.holds(table.id())) {
                    throw new AssertionError("two compactions hold table " + table.id());
                }
            }
        }
        running.add(new Running(choice, new Claim(choice), new Exchange(ID, choice)));
        return true;
    }

    /** Some running compaction ends. */
    void end() {
        Running ending = running.remove(random.nextInt(running.size()));
        if (!ending.exchange.isPossible(levels())) {
            throw new AssertionError("an input is gone");
        }
        List<TableRecord> written = List.of();
        switch (ending.choice) {
            case Choice.Merge merge -> {
                TreeMap<Integer, Long> merged = new TreeMap<>();
                merge.tables().forEach(table -> contents.get(table.id())
                        .forEach((key, seqno) -> merged.merge(key, seqno, Math::max)));
                written = write(merged, merge.tableBytes());
                writtenBytes += Choice.bytes(written);
                merges++;
            }
            case Choice.Move move -> moves++;
            case Choice.Drop drop -> drops++;
        }
        apply(ending.exchange.changes(levels(), written));
    }

    /** Lets everything be done that is to be done. */
    void drain() {
        while (begin() || !running.isEmpty()) {
            if (running.size() > 3 || !begin()) {
                end();
            }
        }
    }

    /** And what only readers gain by. */
    void drainCalmly() {
        while (beginCalmly() || !running.isEmpty()) {
            end();
        }
    }

    private List<TableRecord> write(TreeMap<Integer, Long> entries, long cutBytes) {
        List<TableRecord> tables = new ArrayList<>();
        TreeMap<Integer, Long> table = new TreeMap<>();
        for (Map.Entry<Integer, Long> entry : entries.entrySet()) {
            table.put(entry.getKey(), entry.getValue());
            if (table.size() * ENTRY_BYTES >= Math.min(cutBytes, tableBytes)) {
                tables.add(record(table));
                table = new TreeMap<>();
            }
        }
        if (!table.isEmpty()) {
            tables.add(record(table));
        }
        return tables;
    }

    private TableRecord record(TreeMap<Integer, Long> table) {
        long id = nextId++;
        contents.put(id, table);
        long least = table.values().stream().mapToLong(Long::longValue).min().orElseThrow();
        long most = table.values().stream().mapToLong(Long::longValue).max().orElseThrow();
        return new TableRecord(id, (long) table.size() * ENTRY_BYTES, table.size(), 0, least, most, nowMillis,
                new KeySpan(bytes(table.firstKey()), bytes(table.lastKey())), List.of());
    }

    private void apply(List<Change.OfLevels> changes) {
        List<Change> all = new ArrayList<>(changes);
        all.add(new Change.Counters(nextSeqno, nextId, 2));
        state = state.apply(new VersionEdit(all));
        check();
    }

    /** The first hit is the newest version, or there is none where something may have been dropped. */
    private void check() {
        Map<Integer, Long> found = new HashMap<>();
        for (TableRecord table : levels().tables()) {
            contents.get(table.id()).forEach(found::putIfAbsent);
        }
        newest.forEach((key, seqno) -> {
            Long first = found.get(key);
            if (!seqno.equals(first) && !(first == null && drops > 0)) {
                throw new AssertionError("key " + key + " is found at " + first + " instead of " + seqno + " in " + levels());
            }
        });
    }

    private static byte[] bytes(int key) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(key).array();
    }
}
