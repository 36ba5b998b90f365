package io.firn.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.cache.BlockCache;
import io.firn.config.FilterPolicy;
import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.file.SystemStorage;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Gets, steps and seeks allocate nothing on the heap once they are compiled; adding entries nothing that counts. */
@Tag("native")
class TableAllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int KEYS = 20_000;
    private static final int ROUNDS_MAX = 30;

    @TempDir
    private Path directory;

    private final SystemStorage storage = new SystemStorage();
    private final TableFixture fixture = new TableFixture();

    @Test
    void getsAndStepsAllocateNothing() throws IOException {
        for (Codec codec : Codec.values()) {
            if (!Codecs.isAvailable(codec)) {
                continue;
            }
            for (int interval : new int[] {1, 8}) {
                boolean isPartitioned = interval == 8;
                TableSettings settings = new TableSettings(4096, interval, isPartitioned ? 2 : 0, codec, codec,
                        new FilterPolicy.BitsPerKey(10), isPartitioned, isPartitioned);
                Path path = directory.resolve(codec + "-" + interval);
                long fileBytes = build(path, settings);
                // Without a cache; with one that is much too small; with one that holds all.
                for (long cacheBytes : new long[] {-1, 128 * 1024, 8 << 20}) {
                    if (cacheBytes >= 0 && codec != Codec.LZ4) {
                        continue;
                    }
                    fixture.access(new TableAccess(cacheBytes < 0 ? null : new BlockCache(cacheBytes, fixture.budget),
                            fixture.budget, fixture.budget, isPartitioned, isPartitioned));
                    assertAllocatesNothing(fixture.open(storage, path, fileBytes), settings + ", " + fixture.access);
                }
            }
        }
        fixture.close();
    }

    private void assertAllocatesNothing(Table table, String what) {
        try (EntryCursor cursor = table.cursor(fixture.budget, Caching.ALL);
                Scratch key = new Scratch(fixture.budget)) {
            MemorySegment target = key.atLeast(16);
            assertSettlesAtZero("gets of " + what, () -> gets(table, target));
            assertSettlesAtZero("steps of " + what, () -> steps(cursor));
            assertSettlesAtZero("seeks of " + what, () -> seeks(cursor, target));
        }
        table.close();
    }

    @Test
    void addingEntriesAllocatesNothingThatCounts() throws IOException {
        for (Codec codec : new Codec[] {Codec.NONE, Codec.LZ4}) {
            TableSettings settings =
                    new TableSettings(4096, 1, 0, codec, Codec.NONE, new FilterPolicy.BitsPerKey(10), true, true);
            long least = Long.MAX_VALUE;
            for (int round = 0; round < 8; round++) {
                long before = THREADS.getCurrentThreadAllocatedBytes();
                build(directory.resolve("written-" + codec + "-" + round), settings);
                least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
            }
            System.out.println(codec + ": " + least + " bytes of heap for a table of " + KEYS + " entries");
            // The writer itself, its arenas and the file are some objects; an object an entry would be 16 bytes each at
            // least.
            assertTrue(least < 4L * KEYS, codec + ": " + least);
        }
        fixture.close();
    }

    private interface Work {
        int run();
    }

    private static void assertSettlesAtZero(String what, Work work) {
        long allocated = -1;
        for (int round = 0; round < ROUNDS_MAX && allocated != 0; round++) {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            int found = work.run();
            allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
            assertEquals(KEYS, found);
        }
        assertEquals(0, allocated, what);
    }

    private int gets(Table table, MemorySegment key) {
        int found = 0;
        for (int i = 0; i < KEYS; i++) {
            putKey(key, 2L * ((i * 7919L) % KEYS));
            fixture.probe.ask(key, 0, 16, Trailer.SEQNO_MAX);
            found += table.get(fixture.probe) ? 1 : 0;
            putKey(key, 2L * i + 1);
            fixture.probe.ask(key, 0, 16, Trailer.SEQNO_MAX);
            found += table.get(fixture.probe) ? 1 : 0;
        }
        return found;
    }

    private static int steps(EntryCursor cursor) {
        int found = 0;
        cursor.first();
        do {
            found++;
        } while (cursor.next());
        while (cursor.previous()) {
            found--;
        }
        return found == 0 ? KEYS : found;
    }

    private static int seeks(EntryCursor cursor, MemorySegment key) {
        int found = 0;
        for (int i = 0; i < KEYS; i++) {
            putKey(key, 2L * ((i * 7919L) % KEYS));
            found += (i & 1) == 0
                    ? cursor.seek(key, 0, 16, Trailer.SEQNO_MAX) ? 1 : 0
                    : cursor.seekForPrevious(key, 0, 16, 0) ? 1 : 0;
        }
        return found;
    }

    private long build(Path path, TableSettings settings) throws IOException {
        try (TableWriter writer = new TableWriter(
                        storage.create(path), path, TableFixture.ID, settings, fixture.budget);
                Scratch memory = new Scratch(fixture.budget)) {
            MemorySegment key = memory.atLeast(116);
            for (int i = 0; i < KEYS; i++) {
                putKey(key, 2L * i);
                key.set(Layouts.LONG_LE, 16 + i % 9 * 8L, i * 0x9E3779B97F4A7C15L);
                writer.add(key, 0, 16, Trailer.of(i, Trailer.VALUE), key, 16, 100);
            }
            return writer.finish().fileBytes();
        }
    }

    private static void putKey(MemorySegment key, long number) {
        key.set(Layouts.LONG_BE, 0, number);
        key.set(Layouts.LONG_LE, 8, 0x3030303030303030L);
    }
}
