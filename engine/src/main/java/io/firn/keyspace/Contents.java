package io.firn.keyspace;

import io.firn.config.KeyspaceStatistics;
import io.firn.version.Run;
import io.firn.version.TableRecord;
import io.firn.version.Version;
import java.util.ArrayList;
import java.util.List;

/** What the levels of a version hold, as statistics say it. */
final class Contents {
    private Contents() {}

    static List<KeyspaceStatistics.Level> of(Version version, int levelCount) {
        List<KeyspaceStatistics.Level> levels = new ArrayList<>(levelCount);
        for (int level = 0; level < levelCount; level++) {
            levels.add(of(version, level, version.runCount(level)));
        }
        return levels;
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
