package io.firn.tool;

import io.firn.config.DatabaseStatistics;
import io.firn.config.KeyspaceStatistics;
import io.firn.config.MemoryUsage;
import io.firn.config.OpenMode;
import io.firn.db.Engine;
import io.firn.keyspace.Tree;
import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Prints what a database consists of. */
@Command(name = "stats", mixinStandardHelpOptions = true,
        description = "Prints what the database and each of its keyspaces consist of. Entries are counted as they are"
                + " stored: every version of a key, removals included.")
final class StatsCommand implements Callable<Integer> {
    private static final String[] UNITS = {"bytes", "KiB", "MiB", "GiB", "TiB"};

    private final Main.Streams streams;

    @Mixin
    private Target target = new Target();

    StatsCommand(Main.Streams streams) {
        this.streams = streams;
    }

    @Override
    public Integer call() {
        try (Engine engine = target.open(OpenMode.RECOVER)) {
            print(streams.out(), engine);
        }
        return Main.DONE;
    }

    private void print(PrintStream out, Engine engine) {
        DatabaseStatistics statistics = engine.statistics();
        MemoryUsage memory = engine.memory();
        line(out, "database", "%s", engine.directory());
        line(out, "last write", "seqno %,d", statistics.visibleSeqno());
        line(out, "disk", "%s", size(statistics.diskBytes()));
        line(out, "manifest", "%06d, %s", engine.manifest().id(), size(engine.manifest().forcedBytes()));
        line(out, "journal", "%s in %,d live files",
                size(statistics.writes().journalBytes()), statistics.writes().journalFiles());
        line(out, "written", "%s of keys and values: journal %s, flushes %s, compactions %s, ingestions %s, %.2f times",
                size(statistics.writes().entryBytes()), size(statistics.writes().journaledBytes()),
                size(statistics.flushes().writtenBytes()), size(statistics.compactions().writtenBytes()),
                size(statistics.ingestions().writtenBytes()), statistics.writeAmplification());
        line(out, "flushed", "%s; %,d memtables wait", work(statistics.flushes()), statistics.outstandingFlushes());
        line(out, "compacted", "%s; %s of debt",
                work(statistics.compactions()), size(statistics.compactionDebtBytes()));
        line(out, "ingested", "%s", work(statistics.ingestions()));
        print(out, "", statistics.reads());
        line(out, "stalls", "%s", stalls(statistics));
        line(out, "cache", "%s of %s, %.1f %% of looks found a block", size(statistics.cache().usedBytes()),
                size(statistics.cache().capacityBytes()), 100 * statistics.cache().hitRate());
        line(out, "readers", "%,d snapshots, %,d former states", statistics.openSnapshots(),
                statistics.retainedSuperVersions());
        line(out, "memory", "%s of %s: memtables %s, cache %s, pinned %s, scratch %s",
                size(memory.totalBytes()), size(engine.settings().budget().limitBytes()), size(memory.memtablesBytes()),
                size(memory.cacheBytes()), size(memory.pinnedBytes()), size(memory.scratchBytes()));
        line(out, "keyspaces", "%d", statistics.keyspaces());
        for (Tree tree : engine.trees().all()) {
            print(out, tree, engine.statistics(tree));
        }
        out.flush();
    }

    private static void print(PrintStream out, Tree tree, KeyspaceStatistics statistics) {
        KeyspaceStatistics.Level all = statistics.allLevels();
        line(out, "keyspace", "%s, id %d", tree.name(), tree.id());
        line(out, "  memtables", "%,d entries in %s", statistics.memtableEntries(), size(statistics.memtableBytes()));
        line(out, "  tables", "%s", contents(all));
        for (int level = 0; level < statistics.levels().size(); level++) {
            if (statistics.levels().get(level).runs() > 0) {
                line(out, "  level " + level, "%s", contents(statistics.levels().get(level)));
            }
        }
        if (tree.options().blobs() != null) {
            KeyspaceStatistics.Blobs blobs = statistics.blobs();
            line(out, "  blobs", "%,d values of %s in %,d files of %s; %s not needed any more", blobs.values(),
                    size(blobs.valueBytes()), blobs.files(), size(blobs.diskBytes()), size(blobs.garbageBytes()));
        }
        line(out, "  flushed", "%s", work(statistics.flushes()));
        line(out, "  compacted", "%s; %s of debt",
                work(statistics.compactions()), size(statistics.compactionDebtBytes()));
        line(out, "  ingested", "%s", work(statistics.ingestions()));
        print(out, "  ", statistics.reads());
        line(out, "  options", "%s", tree.options());
    }

    private static void print(PrintStream out, String indent, DatabaseStatistics.Reads reads) {
        line(out, indent + "opened", "%,d tables", reads.tablesOpened());
        line(out, indent + "data", "%s", blocks(reads.data()));
        line(out, indent + "index", "%s", blocks(reads.index()));
        line(out, indent + "filter", "%s; %,d of %,d looks for missing keys spared",
                blocks(reads.filter()), reads.filterSkips(), reads.filterQueries());
        if (reads.blob().inPlace() + reads.blob().cached() + reads.blob().loaded() > 0) {
            line(out, indent + "blobs", "%s", blocks(reads.blob()));
        }
    }

    private static String blocks(DatabaseStatistics.Blocks blocks) {
        return String.format(Locale.ROOT, "%,d blocks read in place, %,d from the cache, %,d from the file: %s",
                blocks.inPlace(), blocks.cached(), blocks.loaded(), size(blocks.loadedBytes()));
    }

    private static String work(DatabaseStatistics.Work work) {
        return String.format(Locale.ROOT, "%,d done, %,d failed, %,d cancelled, %,d running; %s became %s in %,d ms",
                work.completed(), work.failed(), work.cancelled(), work.running(), size(work.readBytes()),
                size(work.writtenBytes()), work.time().toMillis());
    }

    private static String stalls(DatabaseStatistics statistics) {
        return statistics.stalls().isEmpty()
                ? "none"
                : statistics.stalls().entrySet().stream().sorted(Map.Entry.comparingByKey())
                        .map(stall -> String.format(Locale.ROOT, "%s %,d ms", stall.getKey(), stall.getValue().toMillis()))
                        .collect(Collectors.joining(", "));
    }

    private static String contents(KeyspaceStatistics.Level level) {
        return String.format(Locale.ROOT, "%,d entries, %,d of them removals, in %s: %,d tables in %,d runs",
                level.entries(), level.tombstones(), size(level.diskBytes()), level.tables(), level.runs());
    }

    private static void line(PrintStream out, String name, String format, Object... values) {
        out.printf(Locale.ROOT, "%-12s %s%n", name, String.format(Locale.ROOT, format, values));
    }

    /** With one digit behind the point from KiB on. */
    private static String size(long bytes) {
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
    }
}
