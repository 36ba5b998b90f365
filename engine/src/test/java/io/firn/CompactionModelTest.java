package io.firn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.db.Batch;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import io.firn.keyspace.Tree;
import io.firn.version.BlobUse;
import io.firn.version.DatabaseFiles;
import io.firn.version.TableRecord;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Writes, flushes and compactions of every kind, in the background and by hand, while snapshots come and go: each snapshot
 * answers the same from its opening to its end, forward, backward and key by key, and so does what is read without one.
 */
@Tag("native")
final class CompactionModelTest {
    private static final Path DIRECTORY = Path.of("/data/db");
    private static final int KEYS = 50;
    private static final int STEPS = 250;
    private static final int SNAPSHOTS_MAX = 5;
    private static final long TABLE_BYTES = 4096;

    private final long seed = Long.getLong("seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final TreeMap<String, String> model = new TreeMap<>();
    /** How often a key was put since it was removed last: one that was put twice may not be removed weakly. */
    private final Map<String, Integer> puts = new HashMap<>();
    private final List<Watched> snapshots = new ArrayList<>();
    private long compactions;
    private int reads;

    /** A snapshot and what it has to answer. */
    private record Watched(Snapshot snapshot, TreeMap<String, String> answers) {}

    @Test
    void leveled() throws Exception {
        tell(new CompactionStrategy.Leveled(2, TABLE_BYTES, PerLevel.all(2.0)));
    }

    @Test
    void leveledWithOneRunInLevel0AndTwoLevels() throws Exception {
        tell(new CompactionStrategy.Leveled(1, TABLE_BYTES, PerLevel.all(10.0)), 2);
    }

    @Test
    void tiered() throws Exception {
        tell(new CompactionStrategy.Tiered(2, 2, 4, 0.7, TABLE_BYTES));
    }

    @Test
    void fifo() throws Exception {
        tell(new CompactionStrategy.Fifo(12 << 10, null));
    }

    private void tell(CompactionStrategy strategy) throws Exception {
        tell(strategy, 2 + random.nextInt(6));
    }

    private void tell(CompactionStrategy strategy, int levels) throws Exception {
        System.out.println("-Dseed=" + seed);
        KeyspaceOptions options = KeyspaceOptions.defaults().levels(levels).memtableBytes(4096).blockBytes(512)
                .compression(random.nextBoolean() ? Compression.NONE : Compression.LZ4).compaction(strategy)
                .blobs(random.nextBoolean() ? TinyDatabase.blobs(random) : null);
        MemoryBudget budget = MemoryBudget.ofMebibytes(32);
        try (SimStorage disk = new SimStorage()) {
            disk.createDirectory(DIRECTORY.getParent());
            int left = STEPS;
            while (left > 0) {
                int steps = Math.min(left, 100);
                left -= steps;
                Engine engine = Engine.open(
                        Database.builder(DIRECTORY).storage(disk).budget(budget).workers(3).settings());
                try (Database database = new Database(engine)) {
                    Keyspace keyspace = database.keyspace("a", options);
                    boolean isLossy = strategy instanceof CompactionStrategy.Fifo;
                    check(keyspace, isLossy);
                    for (int i = 0; i < steps; i++) {
                        step(database, engine, keyspace, isLossy);
                    }
                    closeSnapshots();
                    check(keyspace, isLossy);
                    while (!EngineRest.isResting(engine)) {
                        Thread.sleep(1);
                    }
                    compactions += engine.trees().get("a").compactions().sum().completed();
                    checkFiles(disk, engine.trees().get("a"));
                }
                disk.assertNothingOpen();
                assertEquals(0, budget.usedBytes());
            }
        }
        System.out.println(strategy.getClass().getSimpleName() + ": " + compactions + " compactions, " + reads + " reads");
        assertTrue(compactions > 3, compactions + " compactions");
    }

    private void step(Database database, Engine engine, Keyspace keyspace, boolean isLossy) {
        int choice = random.nextInt(100);
        if (choice < 70) {
            for (int i = random.nextInt(40); i >= 0; i--) {
                write(engine, keyspace);
            }
        } else if (choice < 78) {
            open(database, keyspace, isLossy);
        } else if (choice < 84) {
            if (!snapshots.isEmpty()) {
                snapshots.remove(random.nextInt(snapshots.size())).snapshot.close();
            }
        } else if (choice < 90) {
            keyspace.rotateMemtable();
        } else if (choice < 94) {
            keyspace.compact();
        } else if (choice < 95 && !isLossy) {
            keyspace.compact(random.nextBoolean()
                    ? new CompactionStrategy.Leveled(1, TABLE_BYTES, PerLevel.all(3.0))
                    : new CompactionStrategy.Tiered(100, 2, 2, 0.1, TABLE_BYTES));
        } else if (choice < 96) {
            keyspace.majorCompact();
        } else {
            snapshots.forEach(each -> check(each.snapshot.in(keyspace), each.answers));
            check(keyspace, isLossy);
        }
    }

    private void write(Engine engine, Keyspace keyspace) {
        String key = key(random.nextInt(KEYS));
        boolean isWeakLegal = puts.getOrDefault(key, 0) <= 1;
        int choice = random.nextInt(10);
        if (choice < 6) {
            String value = key + "=" + random.nextInt(1 << 30) + "x".repeat(random.nextInt(80));
            keyspace.put(bytes(key), bytes(value));
            model.put(key, value);
            puts.merge(key, 1, Integer::sum);
            return;
        }
        Tree tree = engine.trees().get("a");
        Batch batch = engine.leaseBatch();
        batch.remove(tree, choice < 8 && isWeakLegal ? Trailer.WEAK_TOMBSTONE : Trailer.TOMBSTONE, bytes(key));
        engine.commit(batch);
        engine.giveBack(batch);
        model.remove(key);
        puts.remove(key);
    }

    private void open(Database database, Keyspace keyspace, boolean isLossy) {
        if (snapshots.size() == SNAPSHOTS_MAX) {
            snapshots.removeFirst().snapshot.close();
        }
        Snapshot snapshot = database.snapshot();
        TreeMap<String, String> answers = new TreeMap<>(model);
        if (isLossy) {
            // What was dropped before it was opened is missing, and what was not stays.
            answers = answersOf(snapshot.in(keyspace));
            checkNotOlder(answers);
        }
        snapshots.add(new Watched(snapshot, answers));
    }

    private void closeSnapshots() {
        snapshots.forEach(each -> each.snapshot.close());
        snapshots.clear();
    }

    // ---- checking

    private void check(KeyspaceReader reader, boolean isLossy) {
        if (isLossy) {
            checkNotOlder(answersOf(reader));
        } else {
            check(reader, model);
        }
    }

    private void checkNotOlder(Map<String, String> answers) {
        answers.forEach((key, value) -> assertEquals(model.get(key), value, "an older value has surfaced"));
    }

    private TreeMap<String, String> answersOf(KeyspaceReader reader) {
        TreeMap<String, String> answers = new TreeMap<>();
        try (Cursor cursor = reader.cursor(KeyRange.all())) {
            while (cursor.next()) {
                answers.put(text(cursor.keyBytes()), text(cursor.valueBytes()));
            }
        }
        return answers;
    }

    private void check(KeyspaceReader reader, TreeMap<String, String> answers) {
        reads++;
        String what = "-Dseed=" + seed;
        assertEquals(answers, answersOf(reader), what);
        List<String> backward = new ArrayList<>();
        try (Cursor cursor = reader.cursor(KeyRange.all())) {
            while (cursor.previous()) {
                backward.addFirst(text(cursor.keyBytes()));
                assertEquals(answers.get(backward.getFirst()), text(cursor.valueBytes()), what);
            }
        }
        assertEquals(List.copyOf(answers.keySet()), backward, what);
        for (int key = 0; key < KEYS; key++) {
            assertEquals(answers.get(key(key)), text(reader.get(bytes(key(key)))), what + ", " + key(key));
        }
    }

    /** No file is left that the manifest does not name. */
    private static void checkFiles(SimStorage disk, Tree tree) throws IOException {
        Set<Long> named = tree.version().levels().tables().stream().map(TableRecord::id).collect(Collectors.toSet());
        Set<Long> found = new HashSet<>();
        for (String name : disk.list(new DatabaseFiles(DIRECTORY).tablesDirectory(tree.id()))) {
            found.add(DatabaseFiles.tableId(name));
        }
        assertEquals(named, found);
        Path blobs = new DatabaseFiles(DIRECTORY).blobsDirectory(tree.id());
        Set<Long> foundBlobs = new HashSet<>();
        for (String name : disk.exists(blobs) ? disk.list(blobs) : List.<String>of()) {
            foundBlobs.add(DatabaseFiles.blobId(name));
        }
        assertEquals(BlobUse.of(tree.tables()).keySet(), foundBlobs);
    }

    private static String key(int key) {
        return "key/" + (key % 3 == 0 ? "shared/" : "") + key;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static @Nullable String text(byte @Nullable [] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
