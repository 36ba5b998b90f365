package io.firn.model;

import io.firn.ModelDatabase;
import io.firn.config.BlobOptions;
import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;

/**
 * One way to lay out a database: no answer may depend on it. Named by a number below {@link #FIXED}, or any other number,
 * which is the seed of a random one.
 *
 * @param isQuiet whether after each step the background work is awaited, so that the same steps do the same
 */
record OptionSet(long number, KeyspaceOptions keyspaces, ModelDatabase.Sizes sizes, boolean isQuiet) {
    static final int FIXED = 27;

    private static final int KIBIBYTE = 1024;
    private static final long BUDGET_BYTES = 64 << 20;
    private static final long[] CACHE_BYTES = {0, 64 * KIBIBYTE, 1 << 20, 8 << 20};

    /** A set, or with a negative number the quiet one of the number before the sign. */
    static OptionSet of(long number) {
        if (number < 0) {
            return of(-1 - number).quiet();
        }
        return 0 <= number && number < FIXED ? fixed().get((int) number) : random(number);
    }

    /** The same, quiet. */
    OptionSet quiet() {
        return isQuiet ? this : new OptionSet(-1 - number, keyspaces, sizes, true);
    }

    static List<OptionSet> fixed() {
        List<OptionSet> sets = new ArrayList<>();
        KeyspaceOptions plain = KeyspaceOptions.defaults().memtableBytes(4 * KIBIBYTE).compression(Compression.NONE)
                .filter(new FilterPolicy.BitsPerKey(10)).compaction(leveled(4, 4));
        // Blocks and restart points.
        add(sets, plain);
        add(sets, plain.blockBytes(128).restartInterval(16));
        add(sets, plain.blockBytes(128).filter(new FilterPolicy.None()));
        add(sets, plain.blockBytes(64 * KIBIBYTE).restartInterval(16).memtableBytes(64 * KIBIBYTE));
        add(sets, plain.blockBytes(512).restartInterval(3).hashRatio(8));
        add(sets, plain.blockBytes(1024).hashRatio(0.75).compaction(tiered(2, 3)));
        // Codecs.
        add(sets, plain.compression(Compression.LZ4).blockBytes(512));
        add(sets, plain.compression(Compression.ZSTD).indexCompression(Compression.LZ4).blockBytes(1024));
        add(sets, plain.compression(PerLevel.of(Compression.NONE, Compression.LZ4, Compression.ZSTD))
                .indexCompression(Compression.ZSTD).blockBytes(300));
        add(sets, plain.compression(Compression.LZ4).restartInterval(16).hashRatio(1)
                .memtableBytes(16 * KIBIBYTE).compaction(tiered(4, 8)));
        // Filters.
        add(sets, plain.filter(new FilterPolicy.BitsPerKey(0.5)));
        add(sets, plain.filter(new FilterPolicy.FalsePositiveRate(0.5)).filterPartitioned(true).blockBytes(128));
        add(sets, plain.filter(new FilterPolicy.BitsPerKey(20)).expectPointReadHits(true).levels(2));
        add(sets, plain.filter(PerLevel.of(new FilterPolicy.None(), new FilterPolicy.BitsPerKey(10)))
                .filterPinned(false).filterPartitioned(true));
        // Indexes.
        add(sets, plain.indexPartitioned(true).blockBytes(128));
        add(sets, plain.indexPartitioned(true).filterPartitioned(true).indexPinned(true).filterPinned(true).blockBytes(256));
        add(sets, plain.indexPartitioned(true).indexPinned(false).indexCompression(Compression.LZ4)
                .compression(Compression.LZ4).blockBytes(200).restartInterval(2));
        add(sets, plain.indexPinned(false).filterPinned(false).memtableBytes(32 * KIBIBYTE));
        // Levels and strategies.
        add(sets, plain.levels(2).compaction(leveled(1, 4)));
        add(sets, plain.levels(3).compaction(leveled(1, 4)).blockBytes(256));
        add(sets, plain.levels(7).compaction(new CompactionStrategy.Leveled(2, 4 * KIBIBYTE, PerLevel.of(2.0, 3.0))));
        add(sets, plain.levels(2).compaction(tiered(2, 2)));
        add(sets, plain.compaction(new CompactionStrategy.Fifo(Long.MAX_VALUE, null)).memtableBytes(16 * KIBIBYTE));
        add(sets, plain.memtableBytes(KIBIBYTE << 10).compaction(new CompactionStrategy.Tiered(3, 2, 5, 0.5, 8 * KIBIBYTE)));
        // Values apart.
        BlobOptions blobs = new BlobOptions(64, 4 * KIBIBYTE, Compression.NONE, 0.25, 1);
        add(sets, plain.blobs(blobs));
        add(sets, plain.compression(Compression.LZ4).blobs(blobs.compression(Compression.LZ4)).compaction(tiered(2, 3)));
        add(sets, plain.levels(2).blobs(blobs.separationBytes(300).stalenessThreshold(0).fileBytes(64 * KIBIBYTE)));
        return List.copyOf(sets);
    }

    static CompactionStrategy leveled(int l0Threshold, int tableKibibytes) {
        return new CompactionStrategy.Leveled(l0Threshold, tableKibibytes * KIBIBYTE, PerLevel.all(2.0));
    }

    static CompactionStrategy tiered(int minRuns, int maxRuns) {
        return new CompactionStrategy.Tiered(1.25, minRuns, maxRuns, 1, 4 * KIBIBYTE);
    }

    private static void add(List<OptionSet> sets, KeyspaceOptions options) {
        int number = sets.size();
        boolean isTiny = number % 3 != 2;
        Compression codec = Compression.values()[number % Compression.values().length];
        sets.add(new OptionSet(number, options, sizes(number, 1 + number % 2, isTiny ? 4 : 32, codec), number % 4 == 0));
    }

    private static ModelDatabase.Sizes sizes(
            int number, int workers, int journalKibibytes, Compression journalCompression) {
        long journalBytes = (long) journalKibibytes * KIBIBYTE;
        return new ModelDatabase.Sizes(
                workers, BUDGET_BYTES, CACHE_BYTES[number % CACHE_BYTES.length], journalBytes / 2, journalBytes, 8 * journalBytes, journalCompression, 4 * KIBIBYTE);
    }

    private static OptionSet random(long number) {
        Random random = new Random(number);
        KeyspaceOptions options = KeyspaceOptions.defaults()
                .memtableBytes((4L * KIBIBYTE) << random.nextInt(8))
                .levels(2 + random.nextInt(6))
                .blockBytes(perLevel(random, () -> 128 << random.nextInt(10)))
                .restartInterval(perLevel(random, () -> 1 + random.nextInt(16)))
                .hashRatio(perLevel(random, () -> random.nextBoolean() ? 0.0 : random.nextDouble() * 8))
                .compression(perLevel(random, () -> codec(random)))
                .indexCompression(perLevel(random, () -> codec(random)))
                .filter(perLevel(random, () -> filter(random)))
                .indexPinned(perLevel(random, random::nextBoolean))
                .filterPinned(perLevel(random, random::nextBoolean))
                .indexPartitioned(perLevel(random, random::nextBoolean))
                .filterPartitioned(perLevel(random, random::nextBoolean))
                .expectPointReadHits(random.nextBoolean())
                .blobs(random.nextBoolean() ? blobs(random) : null)
                .compaction(strategy(random));
        ModelDatabase.Sizes sizes = sizes(
                random.nextInt(CACHE_BYTES.length), 1 + random.nextInt(3), 4 << random.nextInt(5), codec(random));
        return new OptionSet(number, options, sizes, random.nextInt(4) == 0);
    }

    private static BlobOptions blobs(Random random) {
        return new BlobOptions(
                64 + random.nextInt(1000), 4096 << random.nextInt(8), codec(random), random.nextDouble(), random.nextDouble());
    }

    private static <T> PerLevel<T> perLevel(Random random, Supplier<T> any) {
        List<T> values = new ArrayList<>();
        for (int level = 1 + random.nextInt(3); level > 0; level--) {
            values.add(any.get());
        }
        return new PerLevel<>(values);
    }

    private static Compression codec(Random random) {
        return Compression.values()[random.nextInt(Compression.values().length)];
    }

    private static FilterPolicy filter(Random random) {
        return switch (random.nextInt(3)) {
            case 0 -> new FilterPolicy.None();
            case 1 -> new FilterPolicy.BitsPerKey(0.5 + random.nextInt(20));
            default -> new FilterPolicy.FalsePositiveRate(random.nextDouble() * 0.9 + 1e-6);
        };
    }

    private static CompactionStrategy strategy(Random random) {
        long tableBytes = (4L * KIBIBYTE) << random.nextInt(4);
        return switch (random.nextInt(5)) {
            case 0 -> new CompactionStrategy.Fifo(Long.MAX_VALUE, null);
            case 1, 2 -> {
                int minRuns = 2 + random.nextInt(4);
                yield new CompactionStrategy.Tiered(
                        1 + 3 * random.nextDouble(), minRuns, minRuns + random.nextInt(6), 0.2 + 2 * random.nextDouble(),
                        tableBytes);
            }
            default -> new CompactionStrategy.Leveled(1 + random.nextInt(8), tableBytes, PerLevel.all(2 + 4 * random.nextDouble()));
        };
    }
}
