package io.firn.compaction;

import io.firn.config.BlobOptions;
import io.firn.config.CompactionFilter;
import io.firn.config.KeyspaceOptions;
import io.firn.entry.EntryCursor;
import io.firn.merge.MergingCursor;
import io.firn.merge.Retention;
import io.firn.table.Table;
import io.firn.table.TableSettings;
import io.firn.version.BlobUse;
import io.firn.version.Change;
import io.firn.version.Levels;
import io.firn.version.Run;
import io.firn.version.RunCursor;
import io.firn.version.RunWriter;
import io.firn.version.TableFiles;
import io.firn.version.TableRecord;
import io.firn.version.Version;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A choice that is carried out: the tables that it writes, and the changes of the levels that it comes to.
 *
 * <p>Threads: one. The inputs are claimed, and held open.
 */
public final class Compaction {
    /** How often the pace is kept and a cancellation is looked for: whichever comes first. */
    private static final int STEPS_BETWEEN_LOOKS = 1024;
    private static final int BYTES_BETWEEN_LOOKS = 256 << 10;

    private final int keyspaceId;
    private final KeyspaceOptions options;
    private final Version version;
    private final Choice choice;
    private final Exchange exchange;
    private long filteredSeqnoMin = Long.MAX_VALUE;

    public Compaction(int keyspaceId, KeyspaceOptions options, Version version, Choice chosen) {
        this.keyspaceId = keyspaceId;
        this.options = options;
        this.version = version;
        choice = chosen instanceof Choice.Move move && isWrittenAnew(move) ? move.asMerge() : chosen;
        exchange = new Exchange(keyspaceId, choice);
    }

    /** What is carried out: a move may have become a merge. */
    public Choice choice() {
        return choice;
    }

    /**
     * Writes what is to be written; nothing for a move or a drop. The boundaries, see {@link Retention}, are asked for now that
     * the inputs are fixed.
     */
    public WrittenRun write(
            Supplier<long[]> boundaries, Supplier<@Nullable CompactionFilter> filter, TableFiles files, Pace pace)
            throws IOException {
        return switch (choice) {
            case Choice.Merge merge ->
                    merge(merge, boundaries.get(), FilterFailedException.guarded(filter), files, pace);
            case Choice.Move move -> WrittenRun.NOTHING;
            case Choice.Drop drop -> WrittenRun.NOTHING;
        };
    }

    /** Whether a filter has changed something. */
    public boolean isFiltered() {
        return filteredSeqnoMin < Long.MAX_VALUE;
    }

    /** The least seqno at which a reader may miss something; Long.MAX_VALUE if nobody misses anything. */
    public long forgottenSeqnoMin() {
        return choice instanceof Choice.Drop drop
                ? drop.tables().stream().mapToLong(TableRecord::seqnoMin).min().orElseThrow()
                : filteredSeqnoMin;
    }

    /** Whether every input still stands in the levels. */
    public boolean isPossible(Levels levels) {
        return exchange.isPossible(levels);
    }

    /** The changes of the levels, as they are now, that put what was written in the place of the inputs. */
    public List<Change.OfLevels> changes(Levels levels, WrittenRun written) {
        return exchange.changes(levels, written.records());
    }

    /** Tells the tables that are left over, and these blob files, that no manifest names them any more. */
    public void doomLeftovers(Set<Long> blobFiles) {
        version.blobs().doom(blobFiles);
        Set<Long> leftovers = leftovers().stream().map(TableRecord::id).collect(Collectors.toSet());
        version.tables().stream().filter(table -> leftovers.contains(table.id())).forEach(Table::doom);
    }

    /** Of the inputs, those whose files nobody needs any more. */
    public List<TableRecord> leftovers() {
        return choice instanceof Choice.Move ? List.of() : choice.tables();
    }

    /**
     * In the last level, where tables stay, they are to be laid out as the options say, and what removed something is to end. On
     * the way down a table that nothing overlaps keeps the layout that it was written with: to write it anew would cost more than
     * its layout does.
     */
    private boolean isWrittenAnew(Choice.Move move) {
        if (move.level() != version.levels().count() - 1) {
            return false;
        }
        Set<Long> moved = move.tables().stream().map(TableRecord::id).collect(Collectors.toSet());
        TableSettings settings = settings(move.level());
        return move.tables().stream().anyMatch(table -> table.tombstoneCount() > 0)
                || version.tables().stream().anyMatch(
                        table -> moved.contains(table.id()) && !table.settings().equals(settings));
    }

    private TableSettings settings(int level) {
        return TableSettings.of(options, level, level == options.levels() - 1);
    }

    private WrittenRun merge(
            Choice.Merge merge, long[] boundaries, @Nullable CompactionFilter filter, TableFiles files, Pace pace)
            throws IOException {
        int level = merge.target().level();
        boolean isLast = level == options.levels() - 1;
        List<RunCursor> sources = new ArrayList<>();
        try {
            for (Run run : version.runs()) {
                Run part = run.part(exchange.inputs());
                if (part != null) {
                    RunCursor source = RunCursor.confined(files.budget());
                    sources.add(source);
                    source.open(part);
                }
            }
            MergingCursor merged = new MergingCursor(sources.toArray(EntryCursor[]::new));
            try (OlderTables older = new OlderTables(version.levels(), exchange.inputs());
                    FilteredCursor filtered = filter == null
                            ? null
                            : new FilteredCursor(
                                    merged, version.blobs(), filter, newestSnapshot(boundaries), isLast, files.budget());
                    Retention retention = new Retention(
                            filtered == null ? merged : filtered, boundaries, older,
                            isLast ? Retention.Seqnos.TO_ZERO : Retention.Seqnos.AS_THEY_ARE, files.budget());
                    RunWriter writer = new RunWriter(
                            files, keyspaceId, settings(level), files.access().at(options, level), merge.tableBytes(),
                            options.blobs(), version.blobs(), staleBlobFiles(merge))) {
                write(retention, writer, pace);
                if (filtered != null) {
                    filtered.finish();
                    filteredSeqnoMin = filtered.changedSeqnoMin();
                }
                return writer.finish();
            }
        } finally {
            sources.forEach(RunCursor::close);
        }
    }

    /** Of the blob files that the inputs name, those whose values are written anew: the oldest of those with much garbage. */
    private Set<Long> staleBlobFiles(Choice.Merge merge) {
        BlobOptions blobs = options.blobs();
        if (blobs == null) {
            return Set.of();
        }
        Map<Long, BlobUse> uses = BlobUse.of(version.levels().tables());
        List<Long> stale = BlobUse.of(merge.tables()).keySet().stream()
                .filter(id -> uses.get(id).garbageBytes() > 0
                        && uses.get(id).staleness() >= blobs.stalenessThreshold())
                .toList();
        return Set.copyOf(stale.subList(0, (int) Math.ceil(stale.size() * blobs.ageCutoff())));
    }

    /** The highest boundary is the published seqno. */
    private static long newestSnapshot(long[] boundaries) {
        return boundaries.length == 1 ? -1 : boundaries[boundaries.length - 2];
    }

    private static void write(Retention retention, RunWriter writer, Pace pace) throws IOException {
        int steps = 0;
        long addedBytes = 0;
        long paidBytes = 0;
        for (Retention.Step step = retention.step(); step != Retention.Step.END; step = retention.step()) {
            if (step == Retention.Step.KEPT) {
                writer.add(retention.keySegment(), retention.keyOffset(), retention.keyLength(), retention.trailer(),
                        retention.valueSegment(), retention.valueOffset(), retention.valueLength());
                addedBytes += retention.valueLength();
            }
            if (++steps == STEPS_BETWEEN_LOOKS || addedBytes >= BYTES_BETWEEN_LOOKS) {
                steps = 0;
                addedBytes = 0;
                writer.throwIfCancelled();
                pace.spend(writer.writtenBytes() - paidBytes);
                paidBytes = writer.writtenBytes();
            }
        }
        pace.spend(writer.writtenBytes() - paidBytes);
    }
}
