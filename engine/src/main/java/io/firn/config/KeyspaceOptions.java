package io.firn.config;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How a keyspace is laid out: an immutable value, written with the keyspace when it is created and kept from then on. A method with
 * an argument gives changed options, one without reads. What may differ by level is a {@link PerLevel}; a plain value is the same
 * for all levels. Tables are written with the options of the level that they are written to.
 */
public final class KeyspaceOptions {
    /** The most levels that a keyspace can have, and the default. */
    public static final int LEVELS_MAX = 7;

    private static final KeyspaceOptions DEFAULTS = new KeyspaceOptions(new Values());

    private final Values values;

    private KeyspaceOptions(Values values) {
        this.values = values;
    }

    /**
     * Memtables of 64 MiB; 7 levels; blocks of 4 KiB with a restart point at every entry and no hash index; LZ4 from level 2 on;
     * filters that one missing key in 10,000 passes in level 0 and of 10 bits per key below; indexes kept in memory in levels 0
     * and 1, filters in level 0; nothing partitioned; leveled compaction; values in the tables, whatever their size.
     */
    public static KeyspaceOptions defaults() {
        return DEFAULTS;
    }

    /** The size at which a memtable is sealed; 4 KiB to 4 GiB, default 64 MiB. */
    public KeyspaceOptions memtableBytes(long bytes) {
        Limits.check(4096 <= bytes && bytes <= 1L << 32, "memtableBytes", bytes, "4 KiB to 4 GiB");
        return with(v -> v.memtableBytes = bytes);
    }

    public long memtableBytes() {
        return values.memtableBytes;
    }

    /** How many levels there are, level 0 included; 2 to 7, default 7. */
    public KeyspaceOptions levels(int count) {
        Limits.check(2 <= count && count <= LEVELS_MAX, "levels", count, "2 to " + LEVELS_MAX);
        return with(v -> v.levels = count);
    }

    public int levels() {
        return values.levels;
    }

    /** The size at which a data block is cut; 128 bytes to 1 MiB, default 4 KiB. A larger entry has a block of its own. */
    public KeyspaceOptions blockBytes(int bytes) {
        return blockBytes(PerLevel.all(bytes));
    }

    /** The same, by level. */
    public KeyspaceOptions blockBytes(PerLevel<Integer> bytes) {
        for (int each : bytes.values()) {
            Limits.check(128 <= each && each <= 1 << 20, "blockBytes", each, "128 bytes to 1 MiB");
        }
        return with(v -> v.blockBytes = bytes);
    }

    public PerLevel<Integer> blockBytes() {
        return values.blockBytes;
    }

    /** Every how many entries a block stores a whole key; 1 to 255, default 1: more saves space and costs time. */
    public KeyspaceOptions restartInterval(int entries) {
        return restartInterval(PerLevel.all(entries));
    }

    /** The same, by level. */
    public KeyspaceOptions restartInterval(PerLevel<Integer> entries) {
        for (int each : entries.values()) {
            Limits.check(1 <= each && each <= 255, "restartInterval", each, "1 to 255");
        }
        return with(v -> v.restartInterval = entries);
    }

    public PerLevel<Integer> restartInterval() {
        return values.restartInterval;
    }

    /** Buckets of the blocks' hash index for each entry; 0 (none, the default) to 16. */
    public KeyspaceOptions hashRatio(double ratio) {
        return hashRatio(PerLevel.all(ratio));
    }

    /** The same, by level. */
    public KeyspaceOptions hashRatio(PerLevel<Double> ratio) {
        for (double each : ratio.values()) {
            Limits.check(each >= 0 && each <= 16, "hashRatio", each, "0 to 16");
        }
        return with(v -> v.hashRatio = ratio);
    }

    public PerLevel<Double> hashRatio() {
        return values.hashRatio;
    }

    /** The compression of data blocks; default LZ4 from level 2 on, none above. */
    public KeyspaceOptions compression(Compression codec) {
        return compression(PerLevel.all(codec));
    }

    /** The same, by level. */
    public KeyspaceOptions compression(PerLevel<Compression> codec) {
        return with(v -> v.compression = codec);
    }

    public PerLevel<Compression> compression() {
        return values.compression;
    }

    /** The compression of index blocks; default none. */
    public KeyspaceOptions indexCompression(Compression codec) {
        return indexCompression(PerLevel.all(codec));
    }

    /** The same, by level. */
    public KeyspaceOptions indexCompression(PerLevel<Compression> codec) {
        return with(v -> v.indexCompression = codec);
    }

    public PerLevel<Compression> indexCompression() {
        return values.indexCompression;
    }

    /** The filter of tables; default a false-positive rate of 0.0001 in level 0, 10 bits per key below. */
    public KeyspaceOptions filter(FilterPolicy policy) {
        return filter(PerLevel.all(policy));
    }

    /** The same, by level. */
    public KeyspaceOptions filter(PerLevel<FilterPolicy> policy) {
        return with(v -> v.filter = policy);
    }

    public PerLevel<FilterPolicy> filter() {
        return values.filter;
    }

    /** Whether a table's index is kept in budgeted memory while it is open; default true in levels 0 and 1, false below. */
    public KeyspaceOptions indexPinned(boolean pinned) {
        return indexPinned(PerLevel.all(pinned));
    }

    /** The same, by level. */
    public KeyspaceOptions indexPinned(PerLevel<Boolean> pinned) {
        return with(v -> v.indexPinned = pinned);
    }

    public PerLevel<Boolean> indexPinned() {
        return values.indexPinned;
    }

    /** Whether a table's filter is kept in budgeted memory while it is open; default true in level 0, false below. */
    public KeyspaceOptions filterPinned(boolean pinned) {
        return filterPinned(PerLevel.all(pinned));
    }

    /** The same, by level. */
    public KeyspaceOptions filterPinned(PerLevel<Boolean> pinned) {
        return with(v -> v.filterPinned = pinned);
    }

    public PerLevel<Boolean> filterPinned() {
        return values.filterPinned;
    }

    /** Whether a table's index is cut into partitions under a top level; default false: an index is read where it lies, and a
     * partition costs a lookup three cache misses more. For tables so large that to verify a whole index when they are opened takes long. */
    public KeyspaceOptions indexPartitioned(boolean partitioned) {
        return indexPartitioned(PerLevel.all(partitioned));
    }

    /** The same, by level. */
    public KeyspaceOptions indexPartitioned(PerLevel<Boolean> partitioned) {
        return with(v -> v.indexPartitioned = partitioned);
    }

    public PerLevel<Boolean> indexPartitioned() {
        return values.indexPartitioned;
    }

    /** Whether a table's filter is cut into partitions; default false, as for the index. */
    public KeyspaceOptions filterPartitioned(boolean partitioned) {
        return filterPartitioned(PerLevel.all(partitioned));
    }

    /** The same, by level. */
    public KeyspaceOptions filterPartitioned(PerLevel<Boolean> partitioned) {
        return with(v -> v.filterPartitioned = partitioned);
    }

    public PerLevel<Boolean> filterPartitioned() {
        return values.filterPartitioned;
    }

    /** Whether most keys that are asked for exist: tables of the last level then have no filter. Default false. */
    public KeyspaceOptions expectPointReadHits(boolean isExpected) {
        return with(v -> v.expectPointReadHits = isExpected);
    }

    public boolean expectPointReadHits() {
        return values.expectPointReadHits;
    }

    /** How tables are merged; default {@link CompactionStrategy.Leveled#defaults}. */
    public KeyspaceOptions compaction(CompactionStrategy strategy) {
        return with(v -> v.compaction = strategy);
    }

    public CompactionStrategy compaction() {
        return values.compaction;
    }

    /** How large values are kept apart from the tables; null, the default: they are not. */
    public KeyspaceOptions blobs(@Nullable BlobOptions options) {
        return with(v -> v.blobs = options);
    }

    public @Nullable BlobOptions blobs() {
        return values.blobs;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KeyspaceOptions options && values.byName().equals(options.values.byName());
    }

    @Override
    public int hashCode() {
        return values.byName().hashCode();
    }

    @Override
    public String toString() {
        return "KeyspaceOptions" + values.byName();
    }

    private KeyspaceOptions with(Consumer<Values> change) {
        Values changed = values.copy();
        change.accept(changed);
        changed.byName().forEach((name, value) -> Objects.requireNonNull(value, name));
        return new KeyspaceOptions(changed);
    }

    /** What the options say, at first the defaults. Changed only before options have it. */
    private static final class Values implements Cloneable {
        private long memtableBytes = 64 << 20;
        private int levels = LEVELS_MAX;
        private PerLevel<Integer> blockBytes = PerLevel.all(4096);
        private PerLevel<Integer> restartInterval = PerLevel.all(1);
        private PerLevel<Double> hashRatio = PerLevel.all(0.0);
        private PerLevel<Compression> compression = PerLevel.of(Compression.NONE, Compression.NONE, Compression.LZ4);
        private PerLevel<Compression> indexCompression = PerLevel.all(Compression.NONE);
        private PerLevel<FilterPolicy> filter =
                PerLevel.of(new FilterPolicy.FalsePositiveRate(0.0001), new FilterPolicy.BitsPerKey(10));
        private PerLevel<Boolean> indexPinned = PerLevel.of(true, true, false);
        private PerLevel<Boolean> filterPinned = PerLevel.of(true, false);
        private PerLevel<Boolean> indexPartitioned = PerLevel.all(false);
        private PerLevel<Boolean> filterPartitioned = PerLevel.all(false);
        private boolean expectPointReadHits;
        private CompactionStrategy compaction = CompactionStrategy.Leveled.defaults();
        private @Nullable BlobOptions blobs;

        Values copy() {
            try {
                return (Values) clone();
            } catch (CloneNotSupportedException e) {
                throw new AssertionError(e);
            }
        }

        Map<String, Object> byName() {
            Map<String, Object> all = new LinkedHashMap<>();
            all.put("memtableBytes", memtableBytes);
            all.put("levels", levels);
            all.put("blockBytes", blockBytes);
            all.put("restartInterval", restartInterval);
            all.put("hashRatio", hashRatio);
            all.put("compression", compression);
            all.put("indexCompression", indexCompression);
            all.put("filter", filter);
            all.put("indexPinned", indexPinned);
            all.put("filterPinned", filterPinned);
            all.put("indexPartitioned", indexPartitioned);
            all.put("filterPartitioned", filterPartitioned);
            all.put("expectPointReadHits", expectPointReadHits);
            all.put("compaction", compaction);
            if (blobs != null) {
                all.put("blobs", blobs);
            }
            return all;
        }
    }
}
