package io.firn.version;

import io.firn.config.BlobOptions;
import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The persisted form of a keyspace's options. The tags never change. */
final class OptionsFormat {
    private static final int NO_FILTER = 0;
    private static final int BITS_PER_KEY = 1;
    private static final int FALSE_POSITIVE_RATE = 2;

    private static final int LEVELED = 0;
    private static final int TIERED = 1;
    private static final int FIFO = 2;
    private static final long NO_AGE = 0;

    private OptionsFormat() {}

    static void encode(EditEncoder out, KeyspaceOptions options) {
        out.putLong(options.memtableBytes());
        out.putByte(options.levels());
        encodeEach(out, options.blockBytes(), out::putInt);
        encodeEach(out, options.restartInterval(), out::putByte);
        encodeEach(out, options.hashRatio(), out::putDouble);
        encodeEach(out, options.compression(), codec -> out.putByte(tagOf(codec)));
        encodeEach(out, options.indexCompression(), codec -> out.putByte(tagOf(codec)));
        encodeEach(out, options.filter(), filter -> encodeFilter(out, filter));
        encodeEach(out, options.indexPinned(), is -> encodeBoolean(out, is));
        encodeEach(out, options.filterPinned(), is -> encodeBoolean(out, is));
        encodeEach(out, options.indexPartitioned(), is -> encodeBoolean(out, is));
        encodeEach(out, options.filterPartitioned(), is -> encodeBoolean(out, is));
        encodeBoolean(out, options.expectPointReadHits());
        encodeCompaction(out, options.compaction());
    }

    /** What options have beyond {@link #encode} where values are separated. */
    static void encodeBlobs(EditEncoder out, BlobOptions blobs) {
        out.putInt(blobs.separationBytes());
        out.putLong(blobs.fileBytes());
        out.putByte(tagOf(blobs.compression()));
        out.putDouble(blobs.stalenessThreshold());
        out.putDouble(blobs.ageCutoff());
    }

    /** Options where values are separated. */
    static KeyspaceOptions decodeWithBlobs(EditDecoder in) {
        KeyspaceOptions options = decode(in);
        long start = in.position();
        try {
            return options.blobs(new BlobOptions(
                    in.takeInt(), in.takeLong(), decodeCompression(in), in.takeDouble(), in.takeDouble()));
        } catch (IllegalArgumentException e) {
            throw in.corruption(start, "options of blob files", e.getMessage());
        }
    }

    static KeyspaceOptions decode(EditDecoder in) {
        long start = in.position();
        try {
            KeyspaceOptions options = KeyspaceOptions.defaults().memtableBytes(in.takeLong()).levels(in.takeByte());
            options = options.blockBytes(decodeEach(in, in::takeInt));
            options = options.restartInterval(decodeEach(in, in::takeByte));
            options = options.hashRatio(decodeEach(in, in::takeDouble));
            options = options.compression(decodeEach(in, () -> decodeCompression(in)));
            options = options.indexCompression(decodeEach(in, () -> decodeCompression(in)));
            options = options.filter(decodeEach(in, () -> decodeFilter(in)));
            options = options.indexPinned(decodeEach(in, () -> decodeBoolean(in)));
            options = options.filterPinned(decodeEach(in, () -> decodeBoolean(in)));
            options = options.indexPartitioned(decodeEach(in, () -> decodeBoolean(in)));
            options = options.filterPartitioned(decodeEach(in, () -> decodeBoolean(in)));
            return options.expectPointReadHits(decodeBoolean(in)).compaction(decodeCompaction(in));
        } catch (IllegalArgumentException e) {
            // The setters know the limits; what breaks them was not written by us.
            throw in.corruption(start, "keyspace options", e.getMessage());
        }
    }

    private static <T> void encodeEach(EditEncoder out, PerLevel<T> values, Consumer<T> encode) {
        out.putByte(values.values().size());
        values.values().forEach(encode);
    }

    private static <T> PerLevel<T> decodeEach(EditDecoder in, Supplier<T> decode) {
        int count = in.takeByte();
        List<T> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            values.add(decode.get());
        }
        return new PerLevel<>(values);
    }

    private static int tagOf(Compression compression) {
        return switch (compression) {
            case NONE -> 0;
            case LZ4 -> 1;
            case ZSTD -> 2;
        };
    }

    private static Compression decodeCompression(EditDecoder in) {
        long at = in.position();
        int tag = in.takeByte();
        return switch (tag) {
            case 0 -> Compression.NONE;
            case 1 -> Compression.LZ4;
            case 2 -> Compression.ZSTD;
            default -> throw in.corruption(at, "a compression", "tag " + tag);
        };
    }

    private static void encodeFilter(EditEncoder out, FilterPolicy filter) {
        switch (filter) {
            case FilterPolicy.None() -> out.putByte(NO_FILTER);
            case FilterPolicy.BitsPerKey(double bits) -> {
                out.putByte(BITS_PER_KEY);
                out.putDouble(bits);
            }
            case FilterPolicy.FalsePositiveRate(double rate) -> {
                out.putByte(FALSE_POSITIVE_RATE);
                out.putDouble(rate);
            }
        }
    }

    private static FilterPolicy decodeFilter(EditDecoder in) {
        long at = in.position();
        int tag = in.takeByte();
        return switch (tag) {
            case NO_FILTER -> new FilterPolicy.None();
            case BITS_PER_KEY -> new FilterPolicy.BitsPerKey(in.takeDouble());
            case FALSE_POSITIVE_RATE -> new FilterPolicy.FalsePositiveRate(in.takeDouble());
            default -> throw in.corruption(at, "a filter policy", "tag " + tag);
        };
    }

    private static void encodeCompaction(EditEncoder out, CompactionStrategy strategy) {
        switch (strategy) {
            case CompactionStrategy.Leveled leveled -> {
                out.putByte(LEVELED);
                out.putByte(leveled.l0Threshold());
                out.putLong(leveled.tableBytes());
                encodeEach(out, leveled.levelRatio(), out::putDouble);
            }
            case CompactionStrategy.Tiered tiered -> {
                out.putByte(TIERED);
                out.putDouble(tiered.sizeRatio());
                out.putByte(tiered.minRuns());
                out.putByte(tiered.maxRuns());
                out.putDouble(tiered.spaceRatio());
                out.putLong(tiered.tableBytes());
            }
            case CompactionStrategy.Fifo(long limitBytes, Duration maxAge) -> {
                out.putByte(FIFO);
                out.putLong(limitBytes);
                out.putLong(maxAge == null ? NO_AGE : maxAge.toMillis());
            }
        }
    }

    private static CompactionStrategy decodeCompaction(EditDecoder in) {
        long at = in.position();
        int tag = in.takeByte();
        return switch (tag) {
            case LEVELED -> new CompactionStrategy.Leveled(
                    in.takeByte(), in.takeLong(), decodeEach(in, in::takeDouble));
            case TIERED -> new CompactionStrategy.Tiered(
                    in.takeDouble(), in.takeByte(), in.takeByte(), in.takeDouble(), in.takeLong());
            case FIFO -> new CompactionStrategy.Fifo(in.takeLong(), decodeAge(in.takeLong()));
            default -> throw in.corruption(at, "a compaction strategy", "tag " + tag);
        };
    }

    private static @Nullable Duration decodeAge(long millis) {
        return millis == NO_AGE ? null : Duration.ofMillis(millis);
    }

    private static void encodeBoolean(EditEncoder out, boolean value) {
        out.putByte(value ? 1 : 0);
    }

    private static boolean decodeBoolean(EditDecoder in) {
        long at = in.position();
        int value = in.takeByte();
        if (value > 1) {
            throw in.corruption(at, "0 or 1", Integer.toString(value));
        }
        return value == 1;
    }
}
