package io.firn.table;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.firn.block.EntryModel;
import io.firn.block.EntryModel.Entry;
import io.firn.cache.BlockCache;
import io.firn.config.FilterPolicy;
import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Random;

/** Builds tables from models and compares what they answer. */
final class TableFixture implements AutoCloseable {
    static final Path PATH = Path.of("000007.table");
    static final long ID = 7;

    static final TableSettings PLAIN = new TableSettings(
            4096, 1, 0, Codec.NONE, Codec.NONE, new FilterPolicy.BitsPerKey(10), false, false);

    final MemoryBudget budget = MemoryBudget.ofMebibytes(1024);
    final Probe probe = new Probe(budget);
    TableAccess access = TableAccess.alone(budget);
    private Caching caching = Caching.BYPASS;
    private final Scratch keyMemory = new Scratch(budget);
    private final Scratch valueMemory = new Scratch(budget);

    static TableSettings randomSettings(Random random) {
        Codec codec = randomCodec(random);
        return new TableSettings(
                128 << random.nextInt(10),
                random.nextBoolean() ? 1 : 1 + random.nextInt(16),
                random.nextBoolean() ? 0 : 8 * random.nextDouble(),
                codec,
                random.nextInt(3) == 0 ? randomCodec(random) : Codec.NONE,
                switch (random.nextInt(4)) {
                    case 0 -> new FilterPolicy.None();
                    case 1 -> new FilterPolicy.FalsePositiveRate(
                            random.nextBoolean() ? 0.5 : 1e-7 + 0.01 * random.nextDouble());
                    case 2 -> new FilterPolicy.BitsPerKey(0.1 + random.nextInt(64));
                    default -> new FilterPolicy.BitsPerKey(10);
                },
                random.nextBoolean(),
                random.nextBoolean());
    }

    private static Codec randomCodec(Random random) {
        Codec codec = Codec.values()[random.nextInt(3)];
        return Codecs.isAvailable(codec) ? codec : Codec.NONE;
    }

    TableSummary build(Storage storage, Path path, TableSettings settings, EntryModel model) throws IOException {
        try (TableWriter writer = new TableWriter(storage.create(path), path, ID, settings, budget)) {
            for (Entry entry : model.entries) {
                writer.add(key(entry.key()), 0, entry.key().length, entry.trailer(),
                        copy(entry.value(), valueMemory), 0, entry.value().length);
            }
            assertEquals(model.size(), writer.entryCount());
            return writer.finish();
        }
    }

    /** Opens as the access says. All tables have the same id, so what the cache has of the one before goes first. */
    Table open(Storage storage, Path path, long fileBytes) throws IOException {
        emptyCache();
        return Table.open(storage, path, ID, fileBytes, access);
    }

    /** A cache of some size or none, index and filter copied or not, to memory that there is or not. */
    void randomAccess(Random random) {
        long cacheBytes = switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> 40 * 1024;
            default -> 1 << 20;
        };
        access(new TableAccess(random.nextInt(4) == 0 ? null : new BlockCache(cacheBytes, budget),
                random.nextInt(4) == 0 ? MemoryBudget.ofBytes(1) : budget, budget, random.nextBoolean(),
                random.nextBoolean()));
        caching = Caching.values()[random.nextInt(3)];
    }

    void access(TableAccess newAccess) {
        if (access.cache() != newAccess.cache()) {
            closeCache();
        }
        access = newAccess;
    }

    private void closeCache() {
        emptyCache();
        if (access.cache() != null) {
            access.cache().close();
        }
    }

    private void emptyCache() {
        probe.release();
        if (access.cache() != null) {
            access.cache().purge(ID);
            assertEquals(0, access.cache().statistics().blocks(), "pins that nobody has");
        }
    }

    MemorySegment key(byte[] key) {
        return copy(key, keyMemory);
    }

    void assertAnswer(Table table, EntryModel model, byte[] key, long seqno) {
        Entry expected = model.get(key, seqno);
        probe.ask(key, seqno);
        boolean isFound = table.get(probe);
        assertEquals(expected != null, isFound, () -> "key " + new Entry(key, Trailer.of(seqno, 0), key));
        if (isFound) {
            assertEquals(expected.trailer(), probe.trailer());
            assertArrayEquals(expected.value(), bytes(probe.segment(), probe.offset(), probe.length()));
        }
    }

    void assertAnswers(Table table, EntryModel model, Random random, int gets) {
        for (int i = 0; i < gets; i++) {
            Entry entry = model.at(random.nextInt(model.size()));
            assertAnswer(table, model, entry.key(), entry.seqno());
            assertAnswer(table, model, entry.key(), Trailer.SEQNO_MAX);
            assertAnswer(table, model, entry.key(), Math.max(0, entry.seqno() - 1));
            assertAnswer(table, model, model.keyNear(random), model.seqnoNear(random));
        }
    }

    void assertScans(Table table, EntryModel model) {
        try (EntryCursor cursor = table.cursor(budget, caching)) {
            int index = 0;
            while (cursor.next()) {
                assertAt(cursor, model, index++);
            }
            assertEquals(model.size(), index);
            while (cursor.previous()) {
                assertAt(cursor, model, --index);
            }
            assertEquals(0, index);
        }
    }

    /** A random walk; the model's index is -1 before the start and its size past the end. */
    void assertWalks(Table table, EntryModel model, Random random, int steps) {
        assertWalks(table, model, random, steps, caching);
    }

    void assertWalks(Table table, EntryModel model, Random random, int steps, Caching how) {
        try (EntryCursor cursor = table.cursor(budget, how)) {
            int at = random.nextBoolean() ? -1 : model.size();
            for (int i = 0; i < steps; i++) {
                byte[] key = model.keyNear(random);
                int type = random.nextInt(4) == 0 ? Trailer.ANY_TYPE : random.nextInt(3);
                long trailer = Trailer.of(model.seqnoNear(random), type);
                boolean isThere;
                int move = random.nextInt(i == 0 ? 4 : 20);
                switch (move) {
                    case 0 -> {
                        at = 0;
                        isThere = cursor.first();
                    }
                    case 1 -> {
                        at = model.size() - 1;
                        isThere = cursor.last();
                    }
                    case 2, 5, 6 -> {
                        at = model.lower(key, trailer);
                        isThere = cursor.seek(key(key), 0, key.length, trailer);
                    }
                    case 3, 7, 8 -> {
                        at = model.floor(key, trailer);
                        isThere = cursor.seekForPrevious(key(key), 0, key.length, trailer);
                    }
                    default -> {
                        if (move % 2 == 0) {
                            at = Math.min(at + 1, model.size());
                            isThere = cursor.next();
                        } else {
                            at = Math.max(at - 1, -1);
                            isThere = cursor.previous();
                        }
                    }
                }
                assertEquals(0 <= at && at < model.size(), isThere, "move " + move);
                assertEquals(isThere, cursor.isPositioned());
                if (isThere) {
                    assertAt(cursor, model, at);
                }
            }
        }
    }

    private static void assertAt(EntryCursor cursor, EntryModel model, int index) {
        Entry entry = model.at(index);
        assertEquals(entry.trailer(), cursor.trailer());
        assertArrayEquals(entry.key(), bytes(cursor.keySegment(), cursor.keyOffset(), cursor.keyLength()));
        assertArrayEquals(entry.value(), bytes(cursor.valueSegment(), cursor.valueOffset(), cursor.valueLength()));
    }

    static byte[] bytes(MemorySegment segment, long offset, int length) {
        return segment.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
    }

    private static MemorySegment copy(byte[] bytes, Scratch target) {
        MemorySegment segment = target.atLeast(Math.max(1, bytes.length));
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    @Override
    public void close() {
        closeCache();
        probe.close();
        keyMemory.close();
        valueMemory.close();
        assertEquals(0, budget.usedBytes(), "bytes that were not given back");
    }
}
