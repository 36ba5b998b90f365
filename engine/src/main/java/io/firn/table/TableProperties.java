package io.firn.table;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;
import static io.firn.ffm.memory.Layouts.SHORT_LE;

import io.firn.block.BlockFrame;
import io.firn.config.FilterPolicy;
import io.firn.entry.EntryLimits;
import io.firn.entry.Trailer;
import io.firn.error.CorruptionException;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.memory.Bytes;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** What a table says about itself, but for its first and last key, which stand behind it in the same block. */
record TableProperties(
        long entryCount,
        long keyCount,
        long tombstoneCount,
        long weakTombstoneCount,
        long seqnoMin,
        long seqnoMax,
        long keyBytes,
        long valueBytes,
        int dataBlockCount,
        int indexPartitionCount,
        int filterPartitionCount,
        TableSettings settings) {
    static final int FIXED_BYTES = 105;
    static final int PAYLOAD_BYTES_MAX = FIXED_BYTES + 2 * EntryLimits.KEY_BYTES_MAX + 1;

    private static final int FIRST_KEY_LENGTH = 101;
    private static final int LAST_KEY_LENGTH = 103;
    private static final int FILTER_NONE = 0;
    private static final int FILTER_BITS_PER_KEY = 1;
    private static final int FILTER_FALSE_POSITIVE_RATE = 2;

    /** Answers the payload's length. */
    int encode(
            MemorySegment target, long at, MemorySegment firstKey, int firstKeyLength, MemorySegment lastKey,
            int lastKeyLength) {
        target.set(LONG_LE, at, entryCount);
        target.set(LONG_LE, at + 8, keyCount);
        target.set(LONG_LE, at + 16, tombstoneCount);
        target.set(LONG_LE, at + 24, weakTombstoneCount);
        target.set(LONG_LE, at + 32, seqnoMin);
        target.set(LONG_LE, at + 40, seqnoMax);
        target.set(LONG_LE, at + 48, keyBytes);
        target.set(LONG_LE, at + 56, valueBytes);
        target.set(INT_LE, at + 64, dataBlockCount);
        target.set(INT_LE, at + 68, indexPartitionCount);
        target.set(INT_LE, at + 72, filterPartitionCount);
        target.set(INT_LE, at + 76, settings.blockBytes());
        target.set(LONG_LE, at + 80, Double.doubleToRawLongBits(settings.hashRatio()));
        int kind = switch (settings.filter()) {
            case FilterPolicy.None() -> FILTER_NONE;
            case FilterPolicy.BitsPerKey(double bits) -> FILTER_BITS_PER_KEY;
            case FilterPolicy.FalsePositiveRate(double rate) -> FILTER_FALSE_POSITIVE_RATE;
        };
        double parameter = switch (settings.filter()) {
            case FilterPolicy.None() -> 0;
            case FilterPolicy.BitsPerKey(double bits) -> bits;
            case FilterPolicy.FalsePositiveRate(double rate) -> rate;
        };
        target.set(LONG_LE, at + 88, Double.doubleToRawLongBits(parameter));
        target.set(BYTE, at + 96, (byte) settings.restartInterval());
        target.set(BYTE, at + 97, (byte) settings.compression().id());
        target.set(BYTE, at + 98, (byte) settings.indexCompression().id());
        target.set(BYTE, at + 99, (byte) kind);
        target.set(BYTE, at + 100, (byte) ((settings.indexPartitioned() ? TableFormat.INDEX_PARTITIONED : 0)
                | (settings.filterPartitioned() ? TableFormat.FILTER_PARTITIONED : 0)));
        target.set(SHORT_LE, at + FIRST_KEY_LENGTH, (short) firstKeyLength);
        target.set(SHORT_LE, at + LAST_KEY_LENGTH, (short) lastKeyLength);
        Bytes.copy(firstKey, 0, target, at + FIXED_BYTES, firstKeyLength);
        Bytes.copy(lastKey, 0, target, at + FIXED_BYTES + firstKeyLength, lastKeyLength);
        return FIXED_BYTES + firstKeyLength + lastKeyLength;
    }

    /** Decodes a payload of a file of {@code fileBytes}; what it says is checked against that. */
    static TableProperties decode(Path path, long place, MemorySegment source, long at, int length, long fileBytes) {
        Refusal refusal = new Refusal(path, place);
        refusal.unless(length >= FIXED_BYTES, "properties of at least " + FIXED_BYTES + " bytes", length);
        int firstLength = firstKeyLength(source, at);
        int lastLength = lastKeyLength(source, at);
        refusal.unless(
                firstLength >= 1 && lastLength >= 1, "a first and a last key", Math.min(firstLength, lastLength));
        int exact = FIXED_BYTES + firstLength + lastLength;
        refusal.unless(length == exact || length == exact + 1 && source.get(BYTE, at + exact) == 0,
                "properties of " + exact + " bytes, and a zero at most", length);
        int order = Bytes.compare(
                source, at + FIXED_BYTES, firstLength, source, at + FIXED_BYTES + firstLength, lastLength);
        refusal.unless(order <= 0, "a first key that is not behind the last", order);

        long blocksMax = Math.min(Integer.MAX_VALUE, fileBytes / BlockFrame.OVERHEAD_BYTES);
        long dataBlocks = Integer.toUnsignedLong(source.get(INT_LE, at + 64));
        long indexPartitions = Integer.toUnsignedLong(source.get(INT_LE, at + 68));
        long filterPartitions = Integer.toUnsignedLong(source.get(INT_LE, at + 72));
        refusal.unless(1 <= dataBlocks && dataBlocks + indexPartitions + filterPartitions <= blocksMax,
                "1 to " + blocksMax + " blocks", dataBlocks + indexPartitions + filterPartitions);
        TableProperties properties = new TableProperties(
                source.get(LONG_LE, at), source.get(LONG_LE, at + 8), source.get(LONG_LE, at + 16),
                source.get(LONG_LE, at + 24), source.get(LONG_LE, at + 32), source.get(LONG_LE, at + 40),
                source.get(LONG_LE, at + 48), source.get(LONG_LE, at + 56),
                (int) dataBlocks, (int) indexPartitions, (int) filterPartitions,
                decodeSettings(refusal, source, at));
        refusal.unless(dataBlocks <= properties.entryCount,
                "an entry for each of " + dataBlocks + " blocks", properties.entryCount);
        refusal.unless(1 <= properties.keyCount && properties.keyCount <= properties.entryCount,
                "1 to " + properties.entryCount + " keys", properties.keyCount);
        refusal.unless(0 <= properties.weakTombstoneCount
                        && properties.weakTombstoneCount <= properties.tombstoneCount
                        && properties.tombstoneCount <= properties.entryCount,
                "tombstones among " + properties.entryCount + " entries", properties.tombstoneCount);
        refusal.unless(0 <= properties.seqnoMin && properties.seqnoMin <= properties.seqnoMax
                && properties.seqnoMax <= Trailer.SEQNO_MAX, "seqnos from " + properties.seqnoMin, properties.seqnoMax);
        refusal.unless(properties.keyBytes >= 0 && properties.valueBytes >= 0, "sizes", properties.keyBytes);
        return properties;
    }

    private static TableSettings decodeSettings(Refusal refusal, MemorySegment source, long at) {
        int blockBytes = source.get(INT_LE, at + 76);
        double hashRatio = Double.longBitsToDouble(source.get(LONG_LE, at + 80));
        double parameter = Double.longBitsToDouble(source.get(LONG_LE, at + 88));
        int interval = Byte.toUnsignedInt(source.get(BYTE, at + 96));
        int codec = source.get(BYTE, at + 97);
        int indexCodec = source.get(BYTE, at + 98);
        int kind = source.get(BYTE, at + 99);
        int flags = source.get(BYTE, at + 100);
        refusal.unless(Codec.isId(codec), "a known codec", codec);
        refusal.unless(Codec.isId(indexCodec), "a known codec of the index", indexCodec);
        refusal.unless(0 <= flags && flags <= 3, "known flags", flags);
        refusal.unless(FILTER_NONE <= kind && kind <= FILTER_FALSE_POSITIVE_RATE, "a known kind of filter", kind);
        try {
            FilterPolicy filter = switch (kind) {
                case FILTER_NONE -> new FilterPolicy.None();
                case FILTER_BITS_PER_KEY -> new FilterPolicy.BitsPerKey(parameter);
                default -> new FilterPolicy.FalsePositiveRate(parameter);
            };
            return new TableSettings(blockBytes, interval, hashRatio, Codec.ofId(codec), Codec.ofId(indexCodec), filter,
                    (flags & TableFormat.INDEX_PARTITIONED) != 0, (flags & TableFormat.FILTER_PARTITIONED) != 0);
        } catch (IllegalArgumentException e) {
            throw refusal.of("settings within their limits", String.valueOf(e.getMessage()));
        }
    }

    static int firstKeyLength(MemorySegment source, long at) {
        return Short.toUnsignedInt(source.get(SHORT_LE, at + FIRST_KEY_LENGTH));
    }

    static int lastKeyLength(MemorySegment source, long at) {
        return Short.toUnsignedInt(source.get(SHORT_LE, at + LAST_KEY_LENGTH));
    }

    /** What is said when a part of a file is not what it should be. */
    record Refusal(Path path, long place) {
        void unless(boolean isRight, String expected, long found) {
            if (!isRight) {
                throw of(expected, Long.toString(found));
            }
        }

        CorruptionException of(String expected, String found) {
            return new CorruptionException(path, place, expected, found);
        }
    }
}
