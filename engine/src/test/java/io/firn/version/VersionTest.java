package io.firn.version;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyspaceOptions;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.error.CorruptionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.sim.SimStorage;
import io.firn.table.Table;
import io.firn.table.TableAccess;
import io.firn.table.TableSettings;
import io.firn.table.TableSummary;
import io.firn.table.TableWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;

final class VersionTest {
    private static final DatabaseFiles FILES = new DatabaseFiles(Path.of("/db"));
    private static final int KEYSPACE = 3;
    private static final long CREATED = 1_700_000_000_000L;
    private static final Version EMPTY = Version.empty(7);
    private static final TableSettings SETTINGS =
            new TableSettings(256, 4, 0, Codec.NONE, Codec.NONE, new FilterPolicy.BitsPerKey(8), false, false);

    private final SimStorage storage = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofBytes(64 << 20);
    private final Arena arena = Arena.ofConfined();
    private final List<Table> opened = new ArrayList<>();
    private final Probe probe = new Probe(budget);
    private long nextTableId = 1;

    @BeforeEach
    void createDirectory() throws IOException {
        storage.createDirectory(FILES.tablesDirectory(KEYSPACE));
    }

    @AfterEach
    void closeEverything() {
        probe.close();
        opened.forEach(Table::close);
        storage.assertNothingOpen();
        storage.close();
        arena.close();
        assertEquals(0, budget.usedBytes());
    }

    @Test
    void theEmptyVersionFindsNothing() {
        probe.ask(bytes("a"), Trailer.SEQNO_MAX);
        assertFalse(EMPTY.get(probe));
        assertEquals(0, EMPTY.runCount(0));
        assertEquals(List.of(), EMPTY.tables());
    }

    @Test
    void aLookupAsksTheLevelsFromTheTopAndTheRunsFromTheNewest() throws IOException {
        Table bottom = table(entries("k", 1));
        Table older = table(entries("k", 2));
        Table newer = table(entries("k", 3));
        Version version = withRun(withRun(withRun(EMPTY, 6, bottom), 0, older), 0, newer);
        assertEquals("k@3", get(version, "k", 9));
        assertEquals("k@2", get(version, "k", 2));
        assertEquals("k@1", get(version, "k", 1));
        assertEquals(2, version.runCount(0));
        assertEquals(1, version.runCount(6));
        assertEquals(List.of(newer, older, bottom), version.tables());
        assertEquals(List.of(newer), version.runs(0).getFirst().tables());
    }

    @Test
    void anOlderVersionIsNotChangedByARunThatIsAdded() throws IOException {
        Version before = withRun(EMPTY, 0, table(entries("k", 2)));
        Version after = withRun(before, 0, table(entries("k", 3)));
        assertEquals("k@2", get(before, "k", 9));
        assertEquals("k@3", get(after, "k", 9));
        assertEquals(1, before.runCount(0));
    }

    @Test
    void r15_theOrderOfRunsIsACorrectnessProperty() throws IOException {
        Table older = table(entries("k", 2));
        Table newer = table(entries("k", 3));
        Version wrong = withRun(withRun(EMPTY, 1, newer), 1, older);
        assertEquals("k@2", get(wrong, "k", 9), "the first hit wins, so this order would bring back the older entry");
        assertEquals("k@3", get(withRun(withRun(EMPTY, 1, older), 1, newer), "k", 9));
    }

    @Test
    void findsWhatTheModelFindsInRandomRunsOfManyTables() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        for (int round = 0; round < 20; round++) {
            Random random = new Random(seed + round);
            TreeMap<String, TreeMap<Long, String>> model = new TreeMap<>();
            Version version = EMPTY;
            long seqno = 1;
            // From the bottom up and from the oldest to the newest, as time would have made them.
            for (int level = 6; level >= 0; level -= 1 + random.nextInt(3)) {
                int runs = 1 + random.nextInt(3);
                for (int run = 0; run < runs; run++) {
                    TreeMap<String, TreeMap<Long, String>> written = randomEntries(random, seqno);
                    seqno += 100;
                    written.forEach((key, versions) ->
                            model.computeIfAbsent(key, k -> new TreeMap<>()).putAll(versions));
                    version = withRun(version, level, split(written, random).toArray(Table[]::new));
                }
            }
            for (int i = 0; i < 2000; i++) {
                String key = randomKey(random);
                long at = random.nextLong(seqno + 10);
                assertEquals(expected(model, key, at), get(version, key, at), key + " at " + at + ", round " + round);
            }
        }
    }

    @Test
    void keysInGapsAndOutsideOfARunAreNotFound() throws IOException {
        Version version = withRun(EMPTY, 1,
                table(entries("b", 1, "d", 1)), table(entries("f", 1)), table(entries("h", 1, "j", 1, "k", 1)));
        for (String present : List.of("b", "d", "f", "h", "j", "k")) {
            assertEquals(present + "@1", get(version, present, 5));
            assertNotEquals(present + "@1", get(version, present, 0));
        }
        for (String missing : List.of("a", "b0", "c", "e", "f0", "g", "i", "j0", "l", "zzzz")) {
            assertEquals("none", get(version, missing, 5));
        }
    }

    @Test
    void opensWhatTheManifestNamesInTheSameOrder() throws IOException {
        TableRecord bottom = record(entries("a", 1, "b", 1));
        TableRecord bottomRight = record(entries("c", 1, "k", 1));
        TableRecord older = record(entries("k", 2));
        TableRecord newer = record(entries("k", 3));
        KeyspaceState state = state(new Change.RunAdded(KEYSPACE, 6, 0, List.of(bottom, bottomRight)),
                new Change.RunAdded(KEYSPACE, 0, 0, List.of(older)), new Change.RunAdded(KEYSPACE, 0, 0, List.of(newer)));
        Version version = open(state);
        assertEquals("k@3", get(version, "k", 9));
        assertEquals("k@2", get(version, "k", 2));
        assertEquals("k@1", get(version, "k", 1));
        assertEquals(List.of(newer, older, bottom, bottomRight),
                version.tables().stream().map(table -> TableRecord.of(table, CREATED, List.of())).toList());
    }

    @Test
    void aTableThatIsMissingOrAnotherThanTheManifestNamesIsCorruptionAndNothingStaysOpen() throws IOException {
        TableRecord good = record(entries("a", 1));
        TableRecord record = record(entries("b", 1, "c", 2));
        KeySpan keys = record.keys();
        List<TableRecord> wrong = List.of(
                new TableRecord(99, record.fileBytes(), 2, 0, 1, 2, CREATED, keys, List.of()),
                new TableRecord(record.id(), record.fileBytes() + 1, 2, 0, 1, 2, CREATED, keys, List.of()),
                new TableRecord(record.id(), record.fileBytes(), 3, 0, 1, 2, CREATED, keys, List.of()),
                new TableRecord(record.id(), record.fileBytes(), 2, 1, 1, 2, CREATED, keys, List.of()),
                new TableRecord(record.id(), record.fileBytes(), 2, 0, 0, 2, CREATED, keys, List.of()),
                new TableRecord(record.id(), record.fileBytes(), 2, 0, 1, 3, CREATED, keys, List.of()),
                new TableRecord(record.id(), record.fileBytes(), 2, 0, 1, 2, CREATED, new KeySpan(bytes("b"), bytes("c0")), List.of()),
                new TableRecord(record.id(), record.fileBytes(), 2, 0, 1, 2, CREATED, new KeySpan(bytes("a"), bytes("c")), List.of()));
        for (TableRecord named : wrong) {
            KeyspaceState state = state(new Change.RunAdded(KEYSPACE, 1, 0, List.of(good)),
                    new Change.RunAdded(KEYSPACE, 1, 0, List.of(named)));
            CorruptionException e = assertThrows(CorruptionException.class, () -> open(state));
            assertEquals(FILES.table(KEYSPACE, named.id()), e.file());
            storage.assertNothingOpen();
        }
    }

    @Test
    void aLookupAllocatesNothing() throws IOException {
        Version version = withRun(EMPTY, 6, table(entries("a", 1, "b", 1)), table(entries("c", 1, "k", 1)));
        for (int i = 2; i < 6; i++) {
            version = withRun(version, 0, table(entries("a", i, "m", i)));
        }
        byte[][] keys = {bytes("a"), bytes("k"), bytes("bb"), bytes("zz")};
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long hits = 0;
        long allocated = Long.MAX_VALUE;
        for (int round = 0; round < 30; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 10_000; i++) {
                probe.ask(keys[i & 3], 100);
                if (version.get(probe)) {
                    hits += probe.length();
                }
            }
            allocated = Math.min(allocated, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertTrue(hits > 0);
        assertEquals(0, allocated, "bytes in 10,000 lookups");
    }

    private Version open(KeyspaceState state) throws IOException {
        Version version = Version.open(storage, FILES, state, TableAccess.alone(budget));
        opened.addAll(version.tables());
        return version;
    }

    private static String expected(TreeMap<String, TreeMap<Long, String>> model, String key, long at) {
        NavigableMap<Long, String> visible = model.getOrDefault(key, new TreeMap<>()).headMap(at, true);
        return visible.isEmpty() ? "none" : visible.lastEntry().getValue();
    }

    private String get(Version version, String key, long seqno) {
        probe.ask(bytes(key), seqno);
        if (!version.get(probe)) {
            return "none";
        }
        if (Trailer.isTombstone(probe.trailer())) {
            return "gone@" + Trailer.seqno(probe.trailer());
        }
        byte[] value = probe.segment().asSlice(probe.offset(), probe.length()).toArray(ValueLayout.JAVA_BYTE);
        return new String(value, StandardCharsets.UTF_8);
    }

    private static TreeMap<String, TreeMap<Long, String>> randomEntries(Random random, long seqno) {
        TreeMap<String, TreeMap<Long, String>> written = new TreeMap<>();
        int count = 1 + random.nextInt(80);
        for (int i = 0; i < count; i++) {
            String key = randomKey(random);
            long at = seqno + random.nextInt(100);
            written.computeIfAbsent(key, k -> new TreeMap<>())
                    .put(at, random.nextInt(4) == 0 ? "gone@" + at : key + "@" + at);
        }
        return written;
    }

    private static String randomKey(Random random) {
        return random.nextInt(3) == 0 ? "p" + random.nextInt(40) : "prefix/shared/" + random.nextInt(100);
    }

    /** Cuts a run into tables between keys. */
    private List<Table> split(TreeMap<String, TreeMap<Long, String>> written, Random random) throws IOException {
        List<Table> tables = new ArrayList<>();
        TreeMap<String, TreeMap<Long, String>> part = new TreeMap<>();
        for (String key : written.keySet()) {
            part.put(key, written.get(key));
            if (random.nextInt(5) == 0) {
                tables.add(table(part));
                part = new TreeMap<>();
            }
        }
        if (!part.isEmpty()) {
            tables.add(table(part));
        }
        return tables;
    }

    /** Entries as (key, seqno) pairs; the value says both. */
    private static TreeMap<String, TreeMap<Long, String>> entries(Object... keysAndSeqnos) {
        TreeMap<String, TreeMap<Long, String>> entries = new TreeMap<>();
        for (int i = 0; i < keysAndSeqnos.length; i += 2) {
            String key = (String) keysAndSeqnos[i];
            long seqno = ((Integer) keysAndSeqnos[i + 1]).longValue();
            entries.computeIfAbsent(key, k -> new TreeMap<>()).put(seqno, key + "@" + seqno);
        }
        return entries;
    }

    private static Version withRun(Version version, int level, Table... tables) {
        List<TableRecord> records = Stream.of(tables).map(table -> TableRecord.of(table, CREATED, List.of())).toList();
        return version.with(List.of(new Change.RunAdded(KEYSPACE, level, 0, records)), List.of(tables));
    }

    private static KeyspaceState state(Change.OfLevels... changes) throws IOException {
        KeyspaceState state = KeyspaceState.created(KEYSPACE, "data", KeyspaceOptions.defaults());
        try {
            for (Change.OfLevels change : changes) {
                state = state.with(change);
            }
            return state;
        } catch (InvalidEditException e) {
            throw new IOException(e);
        }
    }

    private Table table(TreeMap<String, TreeMap<Long, String>> entries) throws IOException {
        TableSummary summary = write(entries);
        Table table = Table.open(storage, FILES.table(KEYSPACE, summary.id()), summary.id(), summary.fileBytes(), budget);
        opened.add(table);
        return table;
    }

    private TableRecord record(TreeMap<String, TreeMap<Long, String>> entries) throws IOException {
        Table table = table(entries);
        opened.remove(table);
        table.close();
        TableSummary summary = table.summary();
        return new TableRecord(summary.id(), summary.fileBytes(), summary.entryCount(), summary.tombstoneCount(),
                summary.seqnoMin(), summary.seqnoMax(), CREATED,
                new KeySpan(bytes(entries.firstKey()), bytes(entries.lastKey())), List.of());
    }

    private TableSummary write(TreeMap<String, TreeMap<Long, String>> entries) throws IOException {
        long id = nextTableId++;
        Path path = FILES.table(KEYSPACE, id);
        try (TableWriter writer = new TableWriter(storage.create(path), path, id, SETTINGS, budget)) {
            for (String key : entries.keySet()) {
                List<Long> seqnos = new ArrayList<>(entries.get(key).keySet());
                Collections.reverse(seqnos);
                for (long seqno : seqnos) {
                    String text = entries.get(key).get(seqno);
                    boolean isTombstone = text.startsWith("gone@");
                    MemorySegment keyBytes = segment(key);
                    MemorySegment value = segment(isTombstone ? null : text);
                    writer.add(keyBytes, 0, (int) keyBytes.byteSize(),
                            Trailer.of(seqno, isTombstone ? Trailer.TOMBSTONE : Trailer.VALUE),
                            value, 0, (int) value.byteSize());
                }
            }
            return writer.finish();
        }
    }

    private MemorySegment segment(@Nullable String text) {
        byte[] bytes = text == null ? new byte[0] : bytes(text);
        return arena.allocate(bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
