package io.firn.compaction;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.config.Compression;
import io.firn.config.CompactionFilter;
import io.firn.config.KeyspaceOptions;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import io.firn.ffm.file.SystemStorage;
import io.firn.ffm.memory.Layouts;
import io.firn.table.Table;
import io.firn.table.Caching;
import io.firn.table.TableAccess;
import io.firn.table.TableSettings;
import io.firn.version.Change;
import io.firn.version.DatabaseFiles;
import io.firn.version.RunCursor;
import io.firn.version.RunWriter;
import io.firn.version.TableFiles;
import io.firn.version.TableRecord;
import io.firn.version.Version;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One merge by itself, on real files. */
final class MergeTest {
    private static final int ID = 1;
    private static final long TABLE_BYTES = 64 << 20;
    private static final Supplier<@Nullable CompactionFilter> NO_FILTER = () -> null;
    private static final Pace NO_PACE = new Pace(Pace.UNLIMITED, System::nanoTime, () -> false);

    @TempDir
    private Path directory;

    private final Storage storage = new SystemStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private final AtomicLong nextId = new AtomicLong(1);
    private final AtomicInteger looks = new AtomicInteger();
    private int looksUntilCancelled = Integer.MAX_VALUE;
    private TableFiles files;
    private Version version;

    @BeforeEach
    void open() throws IOException {
        DatabaseFiles names = new DatabaseFiles(directory);
        storage.createDirectory(names.tablesDirectory(ID));
        files = new TableFiles(storage, names, TableAccess.alone(budget), nextId::getAndIncrement, () -> 77,
                () -> looks.incrementAndGet() > looksUntilCancelled);
        version = Version.empty(7);
    }

    @AfterEach
    void close() {
        version.tables().forEach(Table::close);
        assertEquals(0, budget.usedBytes());
    }

    @Test
    @Tag("native")
    void anEntryThatIsMergedAllocatesNothing() throws IOException {
        for (Compression compression : List.of(Compression.NONE, Compression.LZ4)) {
            KeyspaceOptions options = KeyspaceOptions.defaults().compression(compression);
            long few = leastAllocatedBytes(options, 10_000);
            long many = leastAllocatedBytes(options, 60_000);
            System.out.println(compression + ": " + few + " bytes of heap for 20,000 entries, " + many + " for 120,000");
            // What grows are the buffers of the writer, and views of what is appended; an object an entry would be 16 bytes.
            assertTrue(many - few < 100_000, many - few + " bytes for 100,000 entries more");
        }
    }

    private long leastAllocatedBytes(KeyspaceOptions options, int entries) throws IOException {
        addRun(options, entries, 0, 2, 2);
        addRun(options, entries, 1, 2, 2 + entries);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (int round = 0; round < 6; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            WrittenRun written = merge(options, 6, TABLE_BYTES);
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            assertEquals(2L * entries, written.records().stream().mapToLong(TableRecord::entryCount).sum());
            written.discard(storage);
        }
        version.tables().forEach(Table::close);
        version = Version.empty(7);
        return least;
    }

    @Test
    void tablesAreCutBetweenKeysAndForced() throws IOException {
        KeyspaceOptions options = KeyspaceOptions.defaults();
        addRun(options, 4000, 0, 1, 1);
        addRun(options, 4000, 0, 1, 5000);
        WrittenRun written = merge(options, 1, 64 << 10, 4500, 9_000_000);
        assertTrue(written.tables().size() > 4, written.records()::toString);
        assertEquals(8000, written.records().stream().mapToLong(TableRecord::entryCount).sum(), "a snapshot sees the older ones");
        for (int i = 1; i < written.records().size(); i++) {
            assertTrue(written.records().get(i - 1).keys().isBefore(written.records().get(i).keys()));
        }
        assertTrue(written.records().stream().allMatch(record -> record.createdMillis() == 77));
        written.tables().forEach(table -> table.verify(budget));
        written.discard(storage);
    }

    @Test
    void whatIsCancelledLeavesNoFile() throws IOException {
        KeyspaceOptions options = KeyspaceOptions.defaults();
        addRun(options, 20_000, 0, 1, 1);
        List<String> before = names();
        for (int until : new int[] {0, 1, 7, 20}) {
            looks.set(0);
            looksUntilCancelled = until;
            assertThrows(InterruptedIOException.class, () -> merge(options, 1, 64 << 10));
            assertEquals(before, names());
        }
        looksUntilCancelled = Integer.MAX_VALUE;
    }

    @Test
    void r11_whoReadsIsAskedAfterTheInputsAreFixed() throws IOException {
        KeyspaceOptions options = KeyspaceOptions.defaults();
        addRun(options, 100, 0, 1, 1);
        List<TableRecord> inputs = version.levels().tables();
        Compaction compaction = new Compaction(ID, options, version, new Choice.Merge(
                inputs, new Choice.Target(6, Choice.Placement.JOINED), TABLE_BYTES));
        Version fixed = version;
        WrittenRun written = compaction.write(() -> {
            // Who comes now pins a later version, and has a seqno that is captured.
            assertEquals(inputs, fixed.levels().tables());
            return new long[] {50, 60};
        }, NO_FILTER, files, NO_PACE);
        assertEquals(0, written.records().getFirst().seqnoMin());
        written.discard(storage);
    }

    @Test
    void r13_aSeqnoBecomesZeroOnlyWhereNothingOlderCanLie() throws IOException {
        KeyspaceOptions options = KeyspaceOptions.defaults();
        addRun(options, 10, 0, 1, 1); // older, stays where it is: keys 0 to 9
        addRun(options, 30, 0, 1, 20); // newer: keys 0 to 29
        List<TableRecord> newest = version.levels().runs(0).getFirst();
        Compaction compaction = new Compaction(ID, options, version, new Choice.Merge(
                newest, new Choice.Target(6, Choice.Placement.OWN_RUN), TABLE_BYTES));
        WrittenRun written = compaction.write(() -> new long[] {1000}, NO_FILTER, files, NO_PACE);
        int zeroed = 0;
        try (RunCursor cursor = cursorOver(written)) {
            while (cursor.next()) {
                boolean isOverOlder = cursor.keySegment().get(Layouts.LONG_BE, cursor.keyOffset()) < 10;
                boolean isZero = Trailer.seqno(cursor.trailer()) == 0;
                assertEquals(!isOverOlder, isZero);
                zeroed += isZero ? 1 : 0;
            }
        }
        assertEquals(20, zeroed);
        written.discard(storage);
    }

    @Test
    void thePaceIsKept() {
        long since = System.nanoTime();
        Pace pace = new Pace(1 << 20, System::nanoTime, () -> false);
        for (int i = 0; i < 4; i++) {
            pace.spend(128 << 10);
        }
        long millis = (System.nanoTime() - since) / 1_000_000;
        assertTrue(millis >= 470, "half a MiB at one MiB a second took " + millis + " ms");
        Pace cancelled = new Pace(1 << 20, System::nanoTime, () -> true);
        cancelled.spend(1L << 40);
        Pace unlimited = new Pace(Pace.UNLIMITED, System::nanoTime, () -> false);
        unlimited.spend(1L << 60);
    }

    // ---- the parts

    private WrittenRun merge(KeyspaceOptions options, int level, long tableBytes, long... boundaries) throws IOException {
        long[] asked = boundaries.length == 0 ? new long[] {1L << 40} : boundaries;
        Compaction compaction = new Compaction(ID, options, version, new Choice.Merge(
                version.levels().tables(), new Choice.Target(level, Choice.Placement.JOINED), tableBytes));
        return compaction.write(() -> asked, NO_FILTER, files, NO_PACE);
    }

    /** A newest run of level 0: every second key from the first on, or every one, and as many seqnos. */
    private void addRun(KeyspaceOptions options, int entries, int firstKey, int keyStep, long firstSeqno) throws IOException {
        TableSettings settings = TableSettings.of(options, 0, false);
        WrittenRun written;
        try (RunWriter writer = new RunWriter(files, ID, settings, files.access(), TABLE_BYTES, null);
                Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(256);
            for (int i = 0; i < entries; i++) {
                memory.set(Layouts.LONG_BE, 0, firstKey + (long) i * keyStep);
                memory.set(Layouts.LONG_LE, 64 + i % 9 * 8L, i * 0x9E3779B97F4A7C15L);
                writer.add(memory, 0, 16, Trailer.of(firstSeqno + i, Trailer.VALUE), memory, 64, 100);
            }
            written = writer.finish();
        }
        version = version.with(List.of(new Change.RunAdded(ID, 0, 0, written.records())), written.tables());
    }

    private RunCursor cursorOver(WrittenRun written) {
        Version shown = Version.empty(7).with(
                List.of(new Change.RunAdded(ID, 6, 0, written.records())), written.tables());
        RunCursor cursor = new RunCursor(budget, Caching.BYPASS);
        cursor.open(shown.run(6, 0));
        return cursor;
    }

    private List<String> names() throws IOException {
        return storage.list(files.files().tablesDirectory(ID));
    }
}
