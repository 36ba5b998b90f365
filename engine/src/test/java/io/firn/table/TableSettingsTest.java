package io.firn.table;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.firn.config.Compression;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.ffm.codec.Codec;
import org.junit.jupiter.api.Test;

final class TableSettingsTest {
    private static final KeyspaceOptions OPTIONS = KeyspaceOptions.defaults()
            .blockBytes(PerLevel.of(1024, 2048))
            .restartInterval(PerLevel.of(1, 8))
            .hashRatio(PerLevel.of(0.0, 2.0))
            .compression(PerLevel.of(Compression.NONE, Compression.LZ4, Compression.ZSTD))
            .indexCompression(PerLevel.of(Compression.NONE, Compression.LZ4))
            .filter(PerLevel.of(new FilterPolicy.FalsePositiveRate(0.01), new FilterPolicy.BitsPerKey(8)))
            .indexPartitioned(PerLevel.of(false, true))
            .filterPartitioned(PerLevel.of(true, false));

    @Test
    void aTableIsLaidOutAsItsLevelSays() {
        TableSettings top = TableSettings.of(OPTIONS, 0, false);
        assertEquals(1024, top.blockBytes());
        assertEquals(1, top.restartInterval());
        assertEquals(0, top.hashRatio());
        assertEquals(Codec.NONE, top.compression());
        assertEquals(new FilterPolicy.FalsePositiveRate(0.01), top.filter());
        assertEquals(false, top.indexPartitioned());
        assertEquals(true, top.filterPartitioned());
        TableSettings next = TableSettings.of(OPTIONS, 1, false);
        assertEquals(2048, next.blockBytes());
        assertEquals(8, next.restartInterval());
        assertEquals(2, next.hashRatio());
        assertEquals(Codec.LZ4, next.compression());
        assertEquals(Codec.NONE, top.indexCompression());
        assertEquals(Codec.LZ4, next.indexCompression());
        assertEquals(new FilterPolicy.BitsPerKey(8), next.filter());
        assertEquals(true, next.indexPartitioned());
        assertEquals(false, next.filterPartitioned());
        assertEquals(Codec.ZSTD, TableSettings.of(OPTIONS, 6, true).compression());
    }

    @Test
    void theLastLevelHasNoFilterWhereReadsAreExpectedToHit() {
        KeyspaceOptions hits = OPTIONS.expectPointReadHits(true);
        assertEquals(new FilterPolicy.BitsPerKey(8), TableSettings.of(hits, 6, false).filter());
        assertEquals(new FilterPolicy.None(), TableSettings.of(hits, 6, true).filter());
        assertEquals(new FilterPolicy.None(), TableSettings.of(hits, 1, true).filter());
        assertEquals(new FilterPolicy.BitsPerKey(8), TableSettings.of(OPTIONS, 6, true).filter());
    }
}
