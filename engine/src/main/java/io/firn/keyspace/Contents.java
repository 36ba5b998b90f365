package io.firn.keyspace;

import io.firn.config.KeyspaceStatistics;
import io.firn.version.BlobUse;
import io.firn.version.Run;
import io.firn.version.TableRecord;
import io.firn.version.Version;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What the levels of a version hold, as statistics say it. */
final class Contents {
    private static final KeyspaceStatistics.Blobs NO_BLOBS = new KeyspaceStatistics.Blobs(0, 0, 0, 0, 0);

    private Contents() {}

    static List<KeyspaceStatistics.Level> of(Version version, int levelCount) {
        List<KeyspaceStatistics.Level> levels = new ArrayList<>(levelCount);
        for (int level = 0; level < levelCount; level++) {
            levels.add(of(version, level, version.runCount(level)));
        }
        return levels;
    }

    static KeyspaceStatistics.Blobs blobsOf(Version version) {
        if (!version.hasBlobs()) {
            return NO_BLOBS;
        }
        long values = 0;
        long valueBytes = 0;
        long garbageBytes = 0;
        long diskBytes = 0;
        Collection<BlobUse> uses = BlobUse.of(version.levels().tables()).values();
        for (BlobUse use : uses) {
            values += use.valueCount();
            valueBytes += use.storedBytes();
            garbageBytes += use.garbageBytes();
            diskBytes += use.file().fileBytes();
        }
        return new KeyspaceStatistics.Blobs(uses.size(), values, valueBytes, garbageBytes, diskBytes);
    }

    private static KeyspaceStatistics.Level of(Version version, int level, int runs) {
        int tables = 0;
        long entries = 0;
        long tombstones = 0;
        long weakTombstones = 0;
        long diskBytes = 0;
        for (int index = 0; index < runs; index++) {
            Run run = version.run(level, index);
            weakTombstones += run.weakTombstoneCount();
            for (TableRecord table : run.records()) {
                tables++;
                entries += table.entryCount();
                tombstones += table.tombstoneCount();
                diskBytes += table.fileBytes();
            }
        }
        return new KeyspaceStatistics.Level(
                runs, tables, entries, tombstones, weakTombstones, diskBytes);
    }
}
