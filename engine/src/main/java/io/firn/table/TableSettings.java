package io.firn.table;

import io.firn.config.Compression;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyspaceOptions;
import io.firn.ffm.codec.Codec;

/** How a table is laid out; the table keeps it in its properties. */
public record TableSettings(
        int blockBytes,
        int restartInterval,
        double hashRatio,
        Codec compression,
        Codec indexCompression,
        FilterPolicy filter,
        boolean indexPartitioned,
        boolean filterPartitioned) {
    public TableSettings {
        if (blockBytes < 1 || restartInterval < 1 || restartInterval > 255 || !(hashRatio >= 0 && hashRatio <= 16)) {
            throw new IllegalArgumentException("blocks of " + blockBytes + " bytes, restart interval " + restartInterval
                    + ", hash ratio " + hashRatio + "; at least 1, 1 to 255, 0 to 16");
        }
    }

    /**
     * How a keyspace lays out the tables of a level. Those of the last level have no filter if most keys asked for
     * exist.
     */
    public static TableSettings of(KeyspaceOptions options, int level, boolean isLastLevel) {
        return new TableSettings(
                options.blockBytes().at(level),
                options.restartInterval().at(level),
                options.hashRatio().at(level),
                codecOf(options.compression().at(level)),
                codecOf(options.indexCompression().at(level)),
                isLastLevel && options.expectPointReadHits() ? new FilterPolicy.None() : options.filter().at(level),
                options.indexPartitioned().at(level),
                options.filterPartitioned().at(level));
    }

    /** The codec that the vocabulary of options means. */
    public static Codec codecOf(Compression compression) {
        return switch (compression) {
            case NONE -> Codec.NONE;
            case LZ4 -> Codec.LZ4;
            case ZSTD -> Codec.ZSTD;
        };
    }
}
