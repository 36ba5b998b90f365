package io.firn.version;

import io.firn.config.BlobOptions;
import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Makes valid edits by a seed, and keeps its own plain model of what they should add up to.
 *
 * <p>Its bookkeeping shares no code with the room: a table lies in a mutable list of lists.
 */
final class RandomEdits {
    private static final List<String> ALPHABET = List.of("a", "B", "7", "-", "ä", "雪", "𝄞", " ");

    private final Random random;
    private final Map<Integer, ModelKeyspace> keyspaces = new HashMap<>();
    private final Set<Long> tableIdsEver = new HashSet<>();
    private final Set<Integer> keyspaceIdsEver = new HashSet<>();
    private long nextSeqno = 1;
    private long nextFileId = 1;
    private int nextKeyspaceId = 1;
    private long firstJournalId = 1;

    private static final class ModelKeyspace {
        String name = "";
        KeyspaceOptions options = KeyspaceOptions.defaults();
        long flushedSeqno;
        final List<List<List<TableRecord>>> levels = new ArrayList<>();

        ModelKeyspace() {
            for (int level = 0; level < 7; level++) {
                levels.add(new ArrayList<>());
            }
        }

        List<TableRecord> tables() {
            return levels.stream().flatMap(List::stream).flatMap(List::stream).toList();
        }
    }

    RandomEdits(long seed) {
        random = new Random(seed);
    }

    Random random() {
        return random;
    }

    Set<Long> tableIdsEver() {
        return tableIdsEver;
    }

    Set<Integer> keyspaceIdsEver() {
        return keyspaceIdsEver;
    }

    /** What the manifest should say after the edits so far. */
    ManifestState state() {
        Map<Integer, KeyspaceState> states = new HashMap<>();
        keyspaces.forEach((id, k) -> {
            List<List<List<TableRecord>>> levels = k.levels.subList(0, k.options.levels()).stream()
                    .map(runs -> runs.stream().map(List::copyOf).toList()).toList();
            states.put(id, new KeyspaceState(id, k.name, k.options, k.flushedSeqno, new Levels(levels)));
        });
        return new ManifestState(states, nextSeqno, nextFileId, nextKeyspaceId, firstJournalId);
    }

    VersionEdit next() {
        nextSeqno += random.nextInt(1000);
        List<Change> changes = new ArrayList<>();
        int count = 1 + random.nextInt(4);
        for (int i = 0; i < count; i++) {
            addChanges(changes);
        }
        changes.add(random.nextInt(changes.size() + 1),
                new Change.Counters(nextSeqno, nextFileId, nextKeyspaceId));
        return new VersionEdit(changes);
    }

    private void addChanges(List<Change> changes) {
        List<Integer> ids = new ArrayList<>(keyspaces.keySet());
        int choice = ids.isEmpty() ? 0 : random.nextInt(21);
        int id = ids.isEmpty() ? 0 : ids.get(random.nextInt(ids.size()));
        if (choice < 2) {
            changes.add(create());
        } else if (choice == 2) {
            keyspaces.remove(id);
            changes.add(new Change.KeyspaceDeleted(id));
        } else if (choice < 11) {
            changes.add(addNewest(id));
            changes.add(flush(id));
        } else if (choice < 16) {
            compact(id, changes);
        } else if (choice < 18) {
            changes.add(flush(id));
        } else if (choice == 18) {
            keyspaces.get(id).levels.forEach(List::clear);
            changes.add(new Change.TablesCleared(id));
        } else {
            firstJournalId += random.nextInt(3);
            changes.add(new Change.JournalsLive(firstJournalId));
        }
    }

    private Change create() {
        nextKeyspaceId += random.nextInt(3);
        int id = nextKeyspaceId++;
        ModelKeyspace keyspace = new ModelKeyspace();
        keyspace.name = name(id);
        keyspace.options = options(random);
        keyspaces.put(id, keyspace);
        if (!keyspaceIdsEver.add(id)) {
            throw new AssertionError("the model reused keyspace id " + id);
        }
        return new Change.KeyspaceCreated(id, keyspace.name, keyspace.options);
    }

    private String name(int id) {
        StringBuilder name = new StringBuilder().append(id).append("#");
        int length = random.nextInt(8) == 0 ? 60 : random.nextInt(6);
        for (int i = 0; i < length; i++) {
            name.append(ALPHABET.get(random.nextInt(ALPHABET.size())));
        }
        return name.toString();
    }

    /** Options anywhere within their limits. */
    static KeyspaceOptions options(Random random) {
        Compression[] compressions = Compression.values();
        return KeyspaceOptions.defaults()
                .memtableBytes(4096 + random.nextLong((1L << 32) - 4095))
                .levels(2 + random.nextInt(KeyspaceOptions.LEVELS_MAX - 1))
                .blockBytes(perLevel(random, () -> 128 + random.nextInt((1 << 20) - 127)))
                .restartInterval(perLevel(random, () -> 1 + random.nextInt(255)))
                .hashRatio(perLevel(random, () -> random.nextInt(33) / 2.0))
                .compression(perLevel(random, () -> compressions[random.nextInt(compressions.length)]))
                .indexCompression(perLevel(random, () -> compressions[random.nextInt(compressions.length)]))
                .filter(perLevel(random, () -> filter(random)))
                .indexPinned(perLevel(random, random::nextBoolean))
                .filterPinned(perLevel(random, random::nextBoolean))
                .indexPartitioned(perLevel(random, random::nextBoolean))
                .filterPartitioned(perLevel(random, random::nextBoolean))
                .expectPointReadHits(random.nextBoolean())
                .compaction(compaction(random))
                .blobs(random.nextBoolean() ? null : blobs(random));
    }

    private static BlobOptions blobs(Random random) {
        return new BlobOptions(64 + random.nextInt(1 << 20), 4096 + random.nextLong(1L << 35),
                Compression.values()[random.nextInt(3)], random.nextDouble(), random.nextDouble());
    }

    /** Mostly a few values, now and then as many as there may be. */
    private static <T> PerLevel<T> perLevel(Random random, Supplier<T> value) {
        int count = random.nextInt(50) == 0 ? 255 : 1 + random.nextInt(8);
        return new PerLevel<>(Stream.generate(value).limit(count).toList());
    }

    private static FilterPolicy filter(Random random) {
        return switch (random.nextInt(3)) {
            case 0 -> new FilterPolicy.None();
            case 1 -> new FilterPolicy.BitsPerKey(1 + random.nextInt(20) / 2.0);
            default -> new FilterPolicy.FalsePositiveRate(1e-7 + random.nextDouble() / 2);
        };
    }

    private static CompactionStrategy compaction(Random random) {
        long tableBytes = 4096 + random.nextLong((1L << 32) - 4095);
        return switch (random.nextInt(4)) {
            case 0 -> new CompactionStrategy.Leveled(
                    1 + random.nextInt(20), tableBytes, perLevel(random, () -> 2 + 998 * random.nextDouble()));
            case 1 -> {
                int minRuns = 2 + random.nextInt(19);
                yield new CompactionStrategy.Tiered(1 + 99 * random.nextDouble(), minRuns,
                        minRuns + random.nextInt(21 - minRuns), 0.1 + 999 * random.nextDouble(), tableBytes);
            }
            case 2 -> new CompactionStrategy.Fifo(1 + random.nextLong(Long.MAX_VALUE), null);
            default -> new CompactionStrategy.Fifo(
                    1 + random.nextLong(Long.MAX_VALUE),
                    Duration.ofMillis(1 + random.nextLong(Duration.ofDays(36_500).toMillis())));
        };
    }

    /** A run as a flush adds it. */
    private Change addNewest(int id) {
        long least = keyspaces.get(id).levels.getFirst().stream().flatMap(List::stream)
                .mapToLong(TableRecord::seqnoMax).max().orElse(0);
        return addRun(id, 0, 0, newTables(id, 1 + random.nextInt(3), least, nextSeqno - 1, ""));
    }

    private Change addRun(int id, int level, int position, List<TableRecord> tables) {
        keyspaces.get(id).levels.get(level).add(position, tables);
        return new Change.RunAdded(id, level, position, tables);
    }

    /** Ascending, all of their keys behind this one. */
    private List<TableRecord> newTables(int keyspaceId, int count, long seqnoLeast, long seqnoMost, String behind) {
        TreeSet<String> keys = new TreeSet<>();
        while (keys.size() < 2 * count) {
            keys.add(behind + "!" + random.nextInt(1 << 16));
        }
        boolean isSeparated = keyspaces.get(keyspaceId).options.blobs() != null;
        BlobRecord shared = new BlobRecord(nextFileId++, 1 << 20, 1000L * count, 1000L * count);
        List<TableRecord> tables = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] first = bytes(keys.pollFirst());
            byte[] last = random.nextInt(4) == 0 ? first : bytes(keys.pollFirst());
            nextFileId += random.nextInt(3);
            long id = nextFileId++;
            if (!tableIdsEver.add(id)) {
                throw new AssertionError("the model reused table id " + id);
            }
            long entries = 1 + random.nextInt(1 << 20);
            long seqnoMax = random.nextLong(seqnoLeast, seqnoMost + 1);
            tables.add(new TableRecord(id, 1 + random.nextLong(1L << 40), entries, random.nextLong(entries + 1),
                    random.nextLong(seqnoLeast, seqnoMax + 1), seqnoMax, random.nextLong(1L << 45),
                    new KeySpan(first, last), isSeparated ? links(shared) : List.of()));
        }
        return tables;
    }

    /** Some of a file that its neighbours name, too, and some of its own. */
    private List<BlobLink> links(BlobRecord shared) {
        List<BlobLink> links = new ArrayList<>();
        if (random.nextBoolean()) {
            links.add(new BlobLink(shared, 1 + random.nextInt(1000), 1 + random.nextInt(1000)));
        }
        for (int own = random.nextInt(3); own > 0; own--) {
            BlobRecord file = new BlobRecord(nextFileId++, 2 + random.nextLong(1L << 40), 5, 1);
            links.add(new BlobLink(file, 1 + random.nextInt(5), 1));
        }
        return links;
    }

    private static byte[] bytes(String key) {
        return key.getBytes(StandardCharsets.UTF_8);
    }

    /** Some tables go; new ones, or some of the same, come to a level below, as a run or into one, or to level 0 between others. */
    private void compact(int id, List<Change> changes) {
        ModelKeyspace keyspace = keyspaces.get(id);
        List<TableRecord> inputs = keyspace.tables().stream().filter(table -> random.nextInt(3) == 0).toList();
        if (inputs.isEmpty()) {
            return;
        }
        keyspace.levels.forEach(runs -> {
            runs.replaceAll(run -> {
                List<TableRecord> left = new ArrayList<>(run);
                left.removeAll(inputs);
                return left;
            });
            runs.removeIf(List::isEmpty);
        });
        List<Long> removed = new ArrayList<>(inputs.stream().map(TableRecord::id).toList());
        Collections.shuffle(removed, random);
        changes.add(new Change.TablesRemoved(id, removed));
        int level = 1 + random.nextInt(keyspace.options.levels() - 1);
        List<List<TableRecord>> runs = keyspace.levels.get(level);
        int position = random.nextInt(runs.size() + 1);
        int count = 1 + random.nextInt(4);
        switch (random.nextInt(6)) {
            case 0 -> changes.add(addRun(id, level, position, disjoint(inputs)));
            case 1 -> changes.add(addRun(id, level, position, newTables(id, count, 0, nextSeqno - 1, "")));
            case 2 -> changes.add(addBetween(id));
            case 3 -> {
                if (position < runs.size()) {
                    String last = new String(runs.get(position).getLast().keys().last(), StandardCharsets.UTF_8);
                    changes.add(join(id, level, position, newTables(id, count, 0, nextSeqno - 1, last)));
                }
            }
            case 4 -> {
                if (position < runs.size()) {
                    List<TableRecord> fitting = disjoint(inputs.stream().filter(table -> runs.get(position).stream()
                            .noneMatch(each -> overlap(each, table))).toList());
                    if (!fitting.isEmpty()) {
                        changes.add(join(id, level, position, fitting));
                    }
                }
            }
            default -> { }
        }
    }

    private Change join(int id, int level, int position, List<TableRecord> tables) {
        List<TableRecord> joined = new ArrayList<>(keyspaces.get(id).levels.get(level).get(position));
        joined.addAll(tables);
        joined.sort((a, b) -> Arrays.compareUnsigned(a.keys().first(), b.keys().first()));
        keyspaces.get(id).levels.get(level).set(position, joined);
        return new Change.TablesAdded(id, level, position, tables);
    }

    /** A run of level 0 whose seqnos lie between those of its neighbours. */
    private Change addBetween(int id) {
        List<List<TableRecord>> runs = keyspaces.get(id).levels.getFirst();
        int position = random.nextInt(runs.size() + 1);
        long least = position == runs.size()
                ? 0 : runs.get(position).stream().mapToLong(TableRecord::seqnoMax).max().orElseThrow();
        long most = position == 0
                ? nextSeqno - 1 : runs.get(position - 1).stream().mapToLong(TableRecord::seqnoMin).min().orElseThrow();
        return addRun(id, 0, position, newTables(id, 1 + random.nextInt(3), least, most, ""));
    }

    /** Ascending; of those that overlap, some. */
    private static List<TableRecord> disjoint(List<TableRecord> tables) {
        List<TableRecord> sorted = new ArrayList<>(tables);
        sorted.sort((a, b) -> Arrays.compareUnsigned(a.keys().first(), b.keys().first()));
        List<TableRecord> disjoint = new ArrayList<>();
        for (TableRecord table : sorted) {
            if (disjoint.isEmpty() || !overlap(disjoint.getLast(), table)) {
                disjoint.add(table);
            }
        }
        return disjoint;
    }

    private static boolean overlap(TableRecord a, TableRecord b) {
        return Arrays.compareUnsigned(a.keys().first(), b.keys().last()) <= 0
                && Arrays.compareUnsigned(b.keys().first(), a.keys().last()) <= 0;
    }

    private Change flush(int id) {
        ModelKeyspace keyspace = keyspaces.get(id);
        keyspace.flushedSeqno += random.nextLong(Math.max(1, nextSeqno - keyspace.flushedSeqno));
        return new Change.Flushed(id, keyspace.flushedSeqno);
    }

    static VersionEdit counters(ManifestState state, Change... changes) {
        List<Change> all = new ArrayList<>(Arrays.asList(changes));
        all.add(new Change.Counters(state.nextSeqno(), state.nextFileId(), state.nextKeyspaceId()));
        return new VersionEdit(all);
    }
}
