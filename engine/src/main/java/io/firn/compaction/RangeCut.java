package io.firn.compaction;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.entry.EntryCursor;
import io.firn.entry.Trailer;
import io.firn.ffm.memory.Bytes;
import io.firn.ffm.memory.Layouts;
import io.firn.table.Table;
import io.firn.version.Change;
import io.firn.version.KeySpan;
import io.firn.version.Levels;
import io.firn.version.Run;
import io.firn.version.RunWriter;
import io.firn.version.TableFiles;
import io.firn.version.TableRecord;
import io.firn.version.Version;
import io.firn.version.WrittenRun;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A range of keys that is being cut out of the tables of one keyspace. Tables that lie in it go; those at its borders are written
 * anew without it, with all versions of what is left.
 *
 * <p>Invariants: (1) a table that is written anew keeps its place, its layout and its age, so that nothing older comes to stand
 * before something newer (R15). (2) Until {@code place} nobody names what was written; {@code discard} deletes it.
 *
 * <p>Threads: one at a time.
 */
public final class RangeCut {
    private static final long BEFORE_ALL_VERSIONS = Trailer.of(Trailer.SEQNO_MAX, Trailer.ANY_TYPE);

    private final int keyspaceId;
    private final KeyspaceOptions options;
    private final KeyRange range;
    private final byte[] lower;
    private final byte @Nullable [] upper;
    private final TableFiles files;

    /** What takes the place of tables at the borders, by their ids. */
    private final Map<Long, WrittenRun> replacements = new HashMap<>();

    /** Tables at the borders that have no key of the range. */
    private final Set<Long> untouched = new HashSet<>();

    public RangeCut(int keyspaceId, KeyspaceOptions options, KeyRange range, TableFiles files) {
        this.keyspaceId = keyspaceId;
        this.options = options;
        this.range = range;
        lower = range.lower();
        upper = range.upper();
        this.files = files;
    }

    // ---- writing

    /** Writes what is not written yet of what the version needs. The version is held. */
    public synchronized void write(Version version) throws IOException {
        for (int level = 0; level < version.levels().count(); level++) {
            for (Run run : version.runs(level)) {
                for (int i = 0; i < run.records().size(); i++) {
                    TableRecord table = run.records().get(i);
                    if (isAtBorder(table.keys()) && !isKnown(table)) {
                        write(version, run.tables().get(i), table, level);
                    }
                }
            }
        }
    }

    /** Whether it is known what becomes of every table at a border. */
    public synchronized boolean isWritten(Levels levels) {
        return levels.tables().stream().allMatch(table -> !isAtBorder(table.keys()) || isKnown(table));
    }

    private boolean isKnown(TableRecord table) {
        return replacements.containsKey(table.id()) || untouched.contains(table.id());
    }

    private void write(Version version, Table table, TableRecord record, int level) throws IOException {
        // As old as it was: a strategy may drop tables by their age.
        TableFiles asOld = new TableFiles(
                files.storage(), files.files(), files.access(), files.nextFileId(), record::createdMillis,
                files.isCancelled());
        try (Arena arena = Arena.ofConfined();
                EntryCursor cursor = table.cursor(files.access().scratchBudget());
                RunWriter writer = new RunWriter(
                        asOld, keyspaceId, table.settings(), files.access().at(options, level), Long.MAX_VALUE,
                        options.blobs(), version.blobs(), Set.of())) {
            MemorySegment from = arena.allocateFrom(Layouts.BYTE, lower);
            MemorySegment until = upper == null ? null : arena.allocateFrom(Layouts.BYTE, upper);
            boolean isThere = seek(cursor, from);
            if (!isThere || isAtOrBehind(cursor, until)) {
                untouched.add(record.id());
                return;
            }
            for (isThere = cursor.first(); isThere && !isAtOrBehind(cursor, from); isThere = cursor.next()) {
                copy(cursor, writer);
            }
            for (isThere = until != null && seek(cursor, until); isThere; isThere = cursor.next()) {
                copy(cursor, writer);
            }
            replacements.put(record.id(), writer.finish());
        }
    }

    private static void copy(EntryCursor cursor, RunWriter writer) throws IOException {
        writer.add(cursor.keySegment(), cursor.keyOffset(), cursor.keyLength(), cursor.trailer(),
                cursor.valueSegment(), cursor.valueOffset(), cursor.valueLength());
    }

    /** To the first entry whose key is at or behind a bound; one of no bytes is before every key. */
    private static boolean seek(EntryCursor cursor, MemorySegment bound) {
        return bound.byteSize() == 0
                ? cursor.first()
                : cursor.seek(bound, 0, (int) bound.byteSize(), BEFORE_ALL_VERSIONS);
    }

    private static boolean isAtOrBehind(EntryCursor cursor, @Nullable MemorySegment bound) {
        return bound != null
                && Bytes.compare(cursor.keySegment(), cursor.keyOffset(), cursor.keyLength(),
                        bound, 0, (int) bound.byteSize()) >= 0;
    }

    private boolean isInside(KeySpan keys) {
        return range.contains(keys.first()) && range.contains(keys.last());
    }

    private boolean isAtBorder(KeySpan keys) {
        boolean isOverlapping = Arrays.compareUnsigned(keys.last(), lower) >= 0
                && (upper == null || Arrays.compareUnsigned(keys.first(), upper) < 0);
        return isOverlapping && !isInside(keys);
    }

    // ---- placing

    /** The changes that cut the range out of the levels. */
    public synchronized List<Change.OfLevels> changes(Levels levels) {
        List<Change.OfLevels> changes = new ArrayList<>();
        for (int level = 0; level < levels.count(); level++) {
            // From the oldest run on: what goes moves none of those that come.
            for (int position = levels.runs(level).size() - 1; position >= 0; position--) {
                addChanges(levels.runs(level).get(position), level, position, changes);
            }
        }
        return changes;
    }

    private void addChanges(List<TableRecord> run, int level, int position, List<Change.OfLevels> changes) {
        List<Long> removed = new ArrayList<>();
        List<TableRecord> added = new ArrayList<>();
        for (TableRecord table : run) {
            WrittenRun replacement = replacements.get(table.id());
            if (replacement != null || isInside(table.keys())) {
                removed.add(table.id());
                added.addAll(replacement == null ? List.of() : replacement.records());
            }
        }
        if (removed.isEmpty()) {
            return;
        }
        changes.add(new Change.TablesRemoved(keyspaceId, removed));
        if (!added.isEmpty()) {
            boolean isRunLeft = removed.size() < run.size();
            changes.add(isRunLeft
                    ? new Change.TablesAdded(keyspaceId, level, position, added)
                    : new Change.RunAdded(keyspaceId, level, position, added));
        }
    }

    /** The tables that were written. */
    public synchronized List<Table> tables() {
        List<Table> all = new ArrayList<>();
        replacements.values().forEach(run -> all.addAll(run.tables()));
        return all;
    }

    /** What was written belongs to the keyspace from now on. */
    public synchronized void place() {
        replacements.clear();
    }

    /** Deletes what was not placed, all of it whatever fails. Idempotent. */
    public synchronized void discard() throws IOException {
        List<WrittenRun> runs = List.copyOf(replacements.values());
        replacements.clear();
        IOException failure = null;
        for (WrittenRun run : runs) {
            try {
                run.discard(files.storage());
            } catch (IOException e) {
                failure = e;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
