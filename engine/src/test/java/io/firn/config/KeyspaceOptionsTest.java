package io.firn.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionStrategy.Fifo;
import io.firn.config.CompactionStrategy.Leveled;
import io.firn.config.CompactionStrategy.Tiered;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

final class KeyspaceOptionsTest {
    private static final KeyspaceOptions DEFAULTS = KeyspaceOptions.defaults();
    private static final long GIBIBYTE = 1 << 30;

    /** Each changes one thing. */
    private static final List<Function<KeyspaceOptions, KeyspaceOptions>> CHANGES = List.of(
            o -> o.memtableBytes(1 << 20),
            o -> o.levels(3),
            o -> o.blockBytes(8192),
            o -> o.restartInterval(16),
            o -> o.hashRatio(1.5),
            o -> o.compression(Compression.ZSTD),
            o -> o.indexCompression(Compression.LZ4),
            o -> o.filter(new FilterPolicy.None()),
            o -> o.indexPinned(false),
            o -> o.filterPinned(true),
            o -> o.indexPartitioned(true),
            o -> o.filterPartitioned(true),
            o -> o.expectPointReadHits(true),
            o -> o.compaction(Tiered.defaults()),
            o -> o.blobs(BlobOptions.defaults()));

    @Test
    void theDefaultsAreThoseOfTheTable() {
        assertEquals(64 << 20, DEFAULTS.memtableBytes());
        assertEquals(7, DEFAULTS.levels());
        assertEquals(PerLevel.all(4096), DEFAULTS.blockBytes());
        assertEquals(PerLevel.all(1), DEFAULTS.restartInterval());
        assertEquals(PerLevel.all(0.0), DEFAULTS.hashRatio());
        assertEquals(PerLevel.of(Compression.NONE, Compression.NONE, Compression.LZ4), DEFAULTS.compression());
        assertEquals(PerLevel.all(Compression.NONE), DEFAULTS.indexCompression());
        assertEquals(
                PerLevel.<FilterPolicy>of(new FilterPolicy.FalsePositiveRate(1e-4), new FilterPolicy.BitsPerKey(10)),
                DEFAULTS.filter());
        assertEquals(PerLevel.of(true, true, false), DEFAULTS.indexPinned());
        assertEquals(PerLevel.of(true, false), DEFAULTS.filterPinned());
        assertEquals(PerLevel.all(false), DEFAULTS.indexPartitioned());
        assertEquals(PerLevel.all(false), DEFAULTS.filterPartitioned());
        assertEquals(false, DEFAULTS.expectPointReadHits());
        assertEquals(new Leveled(4, 64 << 20, PerLevel.all(10.0)), DEFAULTS.compaction());
        assertNull(DEFAULTS.blobs());
        assertEquals(new BlobOptions(1024, 64 << 20, Compression.LZ4, 0.25, 0.25), BlobOptions.defaults());
    }

    @Test
    void aSetterGivesChangedOptionsAndLeavesTheFormerAsTheyWere() {
        String before = DEFAULTS.toString();
        Set<KeyspaceOptions> all = new HashSet<>(Set.of(DEFAULTS));
        for (Function<KeyspaceOptions, KeyspaceOptions> change : CHANGES) {
            KeyspaceOptions changed = change.apply(DEFAULTS);
            assertNotEquals(DEFAULTS, changed);
            assertEquals(change.apply(DEFAULTS), changed);
            assertEquals(change.apply(DEFAULTS).hashCode(), changed.hashCode());
            assertNotSame(DEFAULTS, changed);
            assertTrue(all.add(changed), changed + " equals another");
        }
        assertEquals(before, DEFAULTS.toString());
    }

    @Test
    void theOrderOfSettersDoesNotMatter() {
        KeyspaceOptions forward = DEFAULTS;
        KeyspaceOptions backward = DEFAULTS;
        for (int i = 0; i < CHANGES.size(); i++) {
            forward = CHANGES.get(i).apply(forward);
            backward = CHANGES.reversed().get(i).apply(backward);
        }
        assertEquals(forward, backward);
        assertEquals(forward.toString(), backward.toString());
    }

    /** A file has a bit for each granule, which is at least 64 bytes: as many as an int can number. */
    @Test
    void blobFilesHaveLimits() {
        BlobOptions blobs = BlobOptions.defaults();
        assertEquals(1L << 36, blobs.fileBytes(1L << 36).fileBytes());
        assertEquals(4096, blobs.fileBytes(4096).fileBytes());
        assertEquals(64, blobs.separationBytes(64).separationBytes());
        assertEquals(1 << 30, blobs.separationBytes(1 << 30).separationBytes());
        assertThrows(IllegalArgumentException.class, () -> blobs.fileBytes((1L << 36) + 1));
        assertThrows(IllegalArgumentException.class, () -> blobs.fileBytes(4095));
        assertThrows(IllegalArgumentException.class, () -> blobs.separationBytes(63));
        assertThrows(IllegalArgumentException.class, () -> blobs.separationBytes((1 << 30) + 1));
        assertThrows(IllegalArgumentException.class, () -> blobs.stalenessThreshold(1.01));
        assertThrows(IllegalArgumentException.class, () -> blobs.ageCutoff(Double.NaN));
    }

    @Test
    void whatStandsOnALimitIsAccepted() {
        assertEquals(4096, DEFAULTS.memtableBytes(4096).memtableBytes());
        assertEquals(4 * GIBIBYTE, DEFAULTS.memtableBytes(4 * GIBIBYTE).memtableBytes());
        assertEquals(2, DEFAULTS.levels(2).levels());
        assertEquals(1 << 20, DEFAULTS.blockBytes(PerLevel.of(128, 1 << 20)).blockBytes().at(1));
        assertEquals(255, DEFAULTS.restartInterval(PerLevel.of(1, 255)).restartInterval().at(1));
        assertEquals(16, DEFAULTS.hashRatio(PerLevel.of(0.0, 16.0)).hashRatio().at(1));
        assertEquals(20, new Leveled(20, 4 * GIBIBYTE, PerLevel.of(2.0, 1000.0)).l0Threshold());
        assertEquals(1, new Leveled(1, 4096, PerLevel.all(2.0)).l0Threshold());
        assertEquals(20, new Tiered(100, 20, 20, 1000, 4096).minRuns());
        assertEquals(2, new Tiered(1, 2, 2, 0.1, 4 * GIBIBYTE).maxRuns());
        assertEquals(1, new Fifo(1, Duration.ofMillis(1)).limitBytes());
        assertEquals(Duration.ofDays(36_500), new Fifo(Long.MAX_VALUE, Duration.ofDays(36_500)).maxAge());
    }

    @TestFactory
    List<DynamicTest> whatIsOutsideALimitIsRefused() {
        PerLevel<Double> ten = PerLevel.all(10.0);
        return List.of(
                refused("memtable too small", () -> DEFAULTS.memtableBytes(4095)),
                refused("memtable too large", () -> DEFAULTS.memtableBytes(4 * GIBIBYTE + 1)),
                refused("one level", () -> DEFAULTS.levels(1)),
                refused("eight levels", () -> DEFAULTS.levels(8)),
                refused("blocks too small", () -> DEFAULTS.blockBytes(127)),
                refused("blocks too large", () -> DEFAULTS.blockBytes((1 << 20) + 1)),
                refused("blocks too small in a lower level", () -> DEFAULTS.blockBytes(PerLevel.of(4096, 127))),
                refused("no restart interval", () -> DEFAULTS.restartInterval(0)),
                refused("restart interval too large", () -> DEFAULTS.restartInterval(PerLevel.of(1, 256))),
                refused("negative hash ratio", () -> DEFAULTS.hashRatio(-0.1)),
                refused("hash ratio too large", () -> DEFAULTS.hashRatio(PerLevel.of(1.0, 16.1))),
                refused("hash ratio that is no number", () -> DEFAULTS.hashRatio(Double.NaN)),
                refused("no filter bits", () -> new FilterPolicy.BitsPerKey(0)),
                refused("too many filter bits", () -> new FilterPolicy.BitsPerKey(64.1)),
                refused("rate too low", () -> new FilterPolicy.FalsePositiveRate(9e-8)),
                refused("rate of 1", () -> new FilterPolicy.FalsePositiveRate(1)),
                refused("no runs", () -> new Leveled(0, 64 << 20, ten)),
                refused("more runs than writers wait for", () -> new Leveled(21, 64 << 20, ten)),
                refused("leveled tables too small", () -> new Leveled(4, 4095, ten)),
                refused("leveled tables too large", () -> new Leveled(4, 4 * GIBIBYTE + 1, ten)),
                refused("ratio too small", () -> new Leveled(4, 64 << 20, PerLevel.of(10.0, 1.9))),
                refused("ratio too large", () -> new Leveled(4, 64 << 20, PerLevel.all(1001.0))),
                refused("size ratio too small", () -> new Tiered(0.9, 4, 12, 2, 64 << 20)),
                refused("size ratio too large", () -> new Tiered(101, 4, 12, 2, 64 << 20)),
                refused("a merge of one run", () -> new Tiered(1, 1, 12, 2, 64 << 20)),
                refused("a merge of too many runs", () -> new Tiered(1, 21, 21, 2, 64 << 20)),
                refused("fewer runs than are merged", () -> new Tiered(1, 4, 3, 2, 64 << 20)),
                refused("too many runs", () -> new Tiered(1, 4, 21, 2, 64 << 20)),
                refused("space ratio too small", () -> new Tiered(1, 4, 12, 0, 64 << 20)),
                refused("space ratio too large", () -> new Tiered(1, 4, 12, 1001, 64 << 20)),
                refused("tiered tables too small", () -> new Tiered(1, 4, 12, 2, 4095)),
                refused("nothing to hold", () -> new Fifo(0, null)),
                refused("no age", () -> new Fifo(1, Duration.ZERO)),
                refused("a negative age", () -> new Fifo(1, Duration.ofSeconds(-1))),
                refused("an age of parts of a millisecond", () -> new Fifo(1, Duration.ofNanos(1_500_000))),
                refused("an age too large", () -> new Fifo(1, Duration.ofDays(36_501))));
    }

    @Test
    void whatIsNullIsRefused() {
        assertThrows(NullPointerException.class, () -> DEFAULTS.compaction(null));
        assertThrows(NullPointerException.class, () -> DEFAULTS.compression((PerLevel<Compression>) null));
        assertThrows(NullPointerException.class, () -> DEFAULTS.compression((Compression) null));
    }

    private static DynamicTest refused(String what, Executable call) {
        return DynamicTest.dynamicTest(what, () -> assertThrows(IllegalArgumentException.class, call));
    }
}
