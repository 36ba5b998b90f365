package io.firn.model;

import io.firn.Cursor;
import io.firn.Database;
import io.firn.Entry;
import io.firn.Ingestion;
import io.firn.Keyspace;
import io.firn.KeyspaceReader;
import io.firn.KeyspaceView;
import io.firn.ModelDatabase;
import io.firn.Snapshot;
import io.firn.ValueVisitor;
import io.firn.WriteBatch;
import io.firn.config.PersistMode;
import io.firn.error.ClosedException;
import io.firn.error.KeyspaceDeletedException;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import io.firn.tool.Verified;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Steps done to a database and to its model, every answer compared.
 *
 * <p>Threads: one. For one list of steps.
 */
final class Execution {
    /** So much a process that hangs may take for background work that ends soon. */
    private static final long QUIET_NANOS = 20_000_000_000L;

    private static final long PAUSE_NANOS = 20_000;
    private static final int TARGET_BYTES = 64;
    private static final byte[] NO_BYTES = {};

    private final OptionSet options;
    private final Lie lie;
    private final Model model = new Model();
    private final TreeMap<Integer, OpenSnapshot> snapshots = new TreeMap<>();
    private final TreeMap<Integer, OpenCursor> cursors = new TreeMap<>();
    private final Map<String, Keyspace> keyspaces = new LinkedHashMap<>();
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment nativeKey = arena.allocate(1 << 16);
    private final MemorySegment target = arena.allocate(TARGET_BYTES);

    private SimStorage disk = new SimStorage();
    private @Nullable ModelDatabase opened;
    private long history = 1;
    private int done;
    private int images;
    private boolean isQuiet = true;

    /** What a reader is told instead of the truth; it sees every step before it is done. */
    interface Lie {
        Lie NONE = new Lie() {
            @Override
            public void see(Step step) {}

            @Override
            public byte @Nullable [] told(byte @Nullable [] answer) {
                return answer;
            }
        };

        void see(Step step);

        byte @Nullable [] told(byte @Nullable [] answer);
    }

    /** A wrong answer, or an exception instead of one. */
    static final class Failure extends RuntimeException {
        private static final long serialVersionUID = 1;

        /** How many steps were begun. */
        final int steps;

        Failure(int steps, String what, @Nullable Throwable cause) {
            super(what, cause);
            this.steps = steps;
        }
    }

    private record OpenSnapshot(Snapshot snapshot, int commit, Map<String, KeyspaceView> views, Map<String, Space> spaces) {}

    private record OpenCursor(Cursor cursor, ModelCursor model) {}

    /** Where a step reads from, and what it should find there. */
    private record Source(KeyspaceReader reader, Space space, int commit) {}

    Execution(OptionSet options, Lie lie) {
        this.options = options;
        this.lie = lie;
    }

    /** Answers a hash of all answers; throws the Failure. */
    long run(List<Step> steps) {
        try (Arena _ = arena) {
            open();
            for (Step step : steps) {
                done++;
                perform(step);
            }
            perform(new Step.Reopen());
            perform(new Step.Check());
            close();
            return history;
        } catch (Failure e) {
            throw e;
        } catch (IOException | RuntimeException | AssertionError e) {
            throw new Failure(done, e.toString(), e);
        } finally {
            abandon();
            disk.close();
        }
    }

    private void perform(Step step) throws IOException {
        lie.see(step);
        try {
            dispatch(step);
        } catch (Failure e) {
            throw e;
        } catch (RuntimeException | AssertionError e) {
            throw new Failure(done, "step " + done + ", " + cut(StepText.of(step)) + ": " + e, e);
        }
        quieten();
    }

    private void dispatch(Step step) throws IOException {
        switch (step) {
            case Step.Write write -> write(PersistMode.BUFFER, List.of(write), false);
            case Step.Batch batch -> write(batch.mode(), batch.writes(), true);
            case Step.Ingest ingest -> ingest(ingest);
            case Step.Persist persist -> persist(persist.mode());
            case Step.Refuse refuse -> refuse(keyspace(refuse.keyspace()), new byte[refuse.keyBytes()]);
            case Step.Get get -> get(source(get.snapshot(), get.keyspace()), get.key().bytes());
            case Step.MultiGet get -> multiGet(source(get.snapshot(), get.keyspace()), get.keys());
            case Step.Ends ends -> ends(source(ends.snapshot(), ends.keyspace()));
            case Step.Scan scan -> scan(source(scan.snapshot(), scan.keyspace()), scan.way(), scan.range());
            case Step.OpenSnapshot open -> openSnapshot(open.slot());
            case Step.CloseSnapshot close -> closeSnapshot(close.slot());
            case Step.OpenCursor open -> openCursor(open);
            case Step.CloseCursor close -> closeCursor(close.slot());
            case Step.Move move -> move(cursors.get(move.cursor()), move.kind());
            case Step.Seek seek -> seek(cursors.get(seek.cursor()), seek.kind(), seek.key().bytes());
            case Step.Rotate rotate -> keyspace(rotate.keyspace()).rotateMemtable();
            case Step.Flush flush -> keyspace(flush.keyspace()).rotateMemtableAndWait();
            case Step.Compact compact -> compact(keyspace(compact.keyspace()), compact.strategy());
            case Step.MajorCompact compact -> keyspace(compact.keyspace()).majorCompact();
            case Step.Clear clear -> {
                keyspace(clear.keyspace()).clear();
                removed(clear.keyspace(), Range.ALL);
            }
            case Step.DropRange drop -> {
                keyspace(drop.keyspace()).dropRange(drop.range().keyRange());
                removed(drop.keyspace(), drop.range());
            }
            case Step.DeleteKeyspace delete -> delete(delete.keyspace());
            case Step.Reopen reopen -> {
                close();
                open();
            }
            case Step.Crash crash -> crash(crash.image());
            case Step.Check check -> checkAll();
        }
    }

    // ---- opening and closing

    private void open() {
        opened = ModelDatabase.open(disk, options.sizes());
        for (String name : database().keyspaceNames()) {
            keyspaces.put(name, database().keyspace(name));
        }
        same("keyspaces", List.copyOf(model.names()), List.copyOf(keyspaces.keySet()));
        model.force();
    }

    private Database database() {
        if (opened == null) {
            throw new IllegalStateException("no database is open");
        }
        return opened.database();
    }

    private void close() throws IOException {
        leaveReaders();
        ModelDatabase closing = opened;
        opened = null;
        if (closing != null) {
            closing.close();
        }
        checkCursorsAreClosed();
        disk.assertNothingOpen();
        List<String> complaints = Verified.complaints(disk, ModelDatabase.DIRECTORY, !options.isQuiet());
        same("what verify says", List.of(), complaints);
        model.force();
    }

    /** Half of the cursors stay open when the database is closed. */
    private void leaveReaders() {
        new ArrayList<>(snapshots.keySet()).forEach(this::closeSnapshot);
        keyspaces.clear();
        for (int slot : List.copyOf(cursors.keySet())) {
            if (slot % 2 == 0) {
                closeCursor(slot);
            }
        }
    }

    private void checkCursorsAreClosed() {
        for (OpenCursor each : cursors.values()) {
            try {
                each.cursor.next();
                throw new AssertionError("a cursor moves after its database was closed");
            } catch (ClosedException e) {
                each.cursor.close();
            }
        }
        cursors.clear();
    }

    /** Ends a database that has failed, or whose disk nobody will look at again. */
    private void abandon() {
        new ArrayList<>(cursors.keySet()).forEach(this::closeCursor);
        new ArrayList<>(snapshots.keySet()).forEach(this::closeSnapshot);
        keyspaces.clear();
        ModelDatabase failed = opened;
        opened = null;
        if (failed != null) {
            try {
                failed.database().close();
            } catch (RuntimeException e) {
                // What failed was told already.
                return;
            }
        }
    }

    private void crash(int image) {
        SimStorage crashed = CrashImage.draw(disk, ++images, image);
        abandon();
        disk.close();
        disk = crashed;
        opened = ModelDatabase.open(disk, options.sizes());
        Map<String, TreeMap<byte[], byte[]>> found = new TreeMap<>();
        for (String name : database().keyspaceNames()) {
            Keyspace keyspace = database().keyspace(name);
            keyspaces.put(name, keyspace);
            found.put(name, contentOf(keyspace));
        }
        if (image == CrashImage.EVERYTHING) {
            model.force();
        }
        String difference = model.recover(found);
        if (difference != null) {
            throw new Failure(done, "step " + done + ", crash " + image + ": " + difference, null);
        }
    }

    private static TreeMap<byte[], byte[]> contentOf(Keyspace keyspace) {
        TreeMap<byte[], byte[]> content = new TreeMap<>(Arrays::compareUnsigned);
        try (Cursor cursor = keyspace.cursor(Range.ALL.keyRange())) {
            while (cursor.next()) {
                content.put(cursor.keyBytes(), cursor.valueBytes());
            }
        }
        return content;
    }

    private void quieten() {
        ModelDatabase open = opened;
        if (!options.isQuiet() || isQuiet || open == null) {
            return;
        }
        long deadline = System.nanoTime() + QUIET_NANOS;
        while (!open.isQuiet() && System.nanoTime() < deadline) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        isQuiet = true;
    }

    private Keyspace keyspace(String name) {
        isQuiet = false;
        Keyspace keyspace = keyspaces.get(name);
        if (keyspace == null) {
            keyspace = database().keyspace(name, options.keyspaces());
            keyspaces.put(name, keyspace);
            model.space(name);
        }
        return keyspace;
    }

    // ---- writing

    private void write(PersistMode mode, List<Step.Write> asked, boolean isBatch) {
        List<Step.Write> writes = asked.isEmpty() ? asked : allowed(asked);
        if (isBatch) {
            try (WriteBatch batch = database().batch().durability(mode)) {
                writes.forEach(write -> add(batch, write));
                batch.commit();
            }
        } else {
            writeAlone(writes.getFirst());
        }
        if (!writes.isEmpty()) {
            int commit = model.nextCommit();
            writes.forEach(write -> note(commit, write));
            if (mode != PersistMode.BUFFER) {
                model.force();
            }
        }
    }

    /**
     * Weak removals of what was put more than once since its last removal become plain ones. Of several writes of a key in
     * one commit only the last counts.
     */
    private List<Step.Write> allowed(List<Step.Write> asked) {
        Map<String, Map<Key, Step.Write>> last = new TreeMap<>();
        asked.forEach(write -> last.computeIfAbsent(write.keyspace(), name -> new TreeMap<>()).put(write.key(), write));
        return asked.stream().map(write -> {
            boolean isForbidden = write instanceof Step.RemoveWeak
                    && last.get(write.keyspace()).get(write.key()) == write
                    && model.space(write.keyspace()).putsOf(write.key().bytes()) > 1;
            return isForbidden ? new Step.Remove(write.keyspace(), write.key()) : write;
        }).toList();
    }

    private void note(int commit, Step.Write write) {
        model.space(write.keyspace()).write(commit, write.key().bytes(), switch (write) {
            case Step.Put put -> put.value().bytes();
            case Step.Remove remove -> null;
            case Step.RemoveWeak remove -> null;
        });
    }

    private void writeAlone(Step.Write write) {
        Keyspace keyspace = keyspace(write.keyspace());
        byte[] key = write.key().bytes();
        boolean isSegment = (done & 1) == 0;
        switch (write) {
            case Step.Put put when isSegment ->
                keyspace.put(MemorySegment.ofArray(key), MemorySegment.ofArray(put.value().bytes()));
            case Step.Put put -> keyspace.put(key, put.value().bytes());
            case Step.Remove remove when isSegment -> keyspace.remove(nativeKey(key));
            case Step.Remove remove -> keyspace.remove(key);
            case Step.RemoveWeak remove when isSegment -> keyspace.removeWeak(nativeKey(key));
            case Step.RemoveWeak remove -> keyspace.removeWeak(key);
        }
    }

    private void add(WriteBatch batch, Step.Write write) {
        Keyspace keyspace = keyspace(write.keyspace());
        byte[] key = write.key().bytes();
        switch (write) {
            case Step.Put put -> batch.put(keyspace, key, put.value().bytes());
            case Step.Remove remove -> batch.remove(keyspace, key);
            case Step.RemoveWeak remove -> batch.removeWeak(keyspace, key);
        }
    }

    private void ingest(Step.Ingest step) {
        TreeMap<Key, Step.Write> byKey = new TreeMap<>();
        allowed(step.writes()).forEach(write -> byKey.put(write.key(), write));
        boolean isFinished = step.ending() == Step.Ending.FINISHED;
        try (Ingestion ingestion = keyspace(step.keyspace()).ingest()) {
            byKey.values().forEach(write -> add(ingestion, write));
            if (!byKey.isEmpty()) {
                byte[] last = byKey.lastKey().bytes();
                refused(() -> ingestion.put(last, NO_BYTES));
            }
            if (isFinished) {
                ingestion.finish();
            }
        }
        if (isFinished && !byKey.isEmpty()) {
            int commit = model.nextCommit();
            byKey.values().forEach(write -> note(commit, write));
            model.force();
        }
    }

    private void add(Ingestion ingestion, Step.Write write) {
        byte[] key = write.key().bytes();
        switch (write) {
            case Step.Put put -> ingestion.put(key, put.value().bytes());
            case Step.Remove remove -> ingestion.remove(MemorySegment.ofArray(key));
            case Step.RemoveWeak remove -> ingestion.removeWeak(nativeKey(key));
        }
    }

    /** All of a range at once, and durably. */
    private void removed(String name, Range range) {
        model.space(name).clear(model.nextCommit(), range);
        model.force();
    }

    private void delete(String name) {
        Keyspace keyspace = keyspaces.remove(name);
        if (keyspace == null) {
            return;
        }
        isQuiet = false;
        database().deleteKeyspace(keyspace);
        model.delete(name);
        try {
            keyspace.get(nativeKey(new byte[1]));
        } catch (KeyspaceDeletedException e) {
            return;
        }
        throw new AssertionError("a deleted keyspace is read");
    }

    private void persist(PersistMode mode) {
        database().persist(mode);
        if (mode != PersistMode.BUFFER) {
            model.force();
        }
    }

    private static void compact(Keyspace keyspace, Step.Strategy strategy) {
        switch (strategy) {
            case OWN -> keyspace.compact();
            case LEVELED -> keyspace.compact(OptionSet.leveled(1, 4));
            case TIERED -> keyspace.compact(OptionSet.tiered(2, 2));
        }
    }

    private static void refuse(Keyspace keyspace, byte[] key) {
        refused(() -> keyspace.put(key, NO_BYTES));
        refused(() -> keyspace.put(MemorySegment.ofArray(key), MemorySegment.NULL));
        refused(() -> keyspace.remove(key));
        refused(() -> keyspace.get(key));
        refused(() -> keyspace.sizeOf(MemorySegment.ofArray(key)));
    }

    private static void refused(Runnable call) {
        try {
            call.run();
        } catch (IllegalArgumentException e) {
            return;
        }
        throw new AssertionError("a key that is none was taken");
    }

    // ---- reading

    private Source source(int snapshot, String name) {
        OpenSnapshot open = snapshots.get(snapshot);
        if (open == null) {
            return new Source(keyspace(name), model.space(name), model.commit());
        }
        KeyspaceView view = open.views.get(name);
        if (view == null) {
            return new Source(open.snapshot.in(keyspace(name)), new Space(), open.commit);
        }
        return new Source(view, open.spaces.get(name), open.commit);
    }

    private void get(Source source, byte[] key) {
        KeyspaceReader reader = source.reader;
        byte[] expected = source.space.get(key, source.commit);
        MemorySegment segment = nativeKey(key);
        byte[] answer = lie.told(switch (done % 4) {
            case 0 -> reader.get(key);
            case 1 -> reader.get(segment);
            case 2 -> visited(reader, key, null);
            default -> visited(reader, key, segment);
        });
        note(answer);
        if (!Arrays.equals(expected, answer)) {
            throw new AssertionError("get: " + text(answer) + " instead of " + text(expected));
        }
        same("containsKey", expected != null, (done & 4) == 0 ? reader.containsKey(key) : reader.containsKey(segment));
        long size = expected == null ? -1 : expected.length;
        same("sizeOf", size, (done & 4) == 0 ? reader.sizeOf(segment) : reader.sizeOf(key));
        same("the size that get answers", size, reader.get(segment, target));
        if (expected != null && expected.length <= TARGET_BYTES
                && !Arrays.equals(expected, target.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE))) {
            throw new AssertionError("get into a segment copies something else");
        }
    }

    private static byte @Nullable [] visited(KeyspaceReader reader, byte[] key, @Nullable MemorySegment segment) {
        byte[][] shown = new byte[1][];
        ValueVisitor visitor = value -> shown[0] = value.toArray(ValueLayout.JAVA_BYTE);
        boolean isThere = segment == null ? reader.read(key, visitor) : reader.read(segment, visitor);
        same("what read answers", isThere, shown[0] != null);
        return shown[0];
    }

    private MemorySegment nativeKey(byte[] key) {
        MemorySegment.copy(key, 0, nativeKey, ValueLayout.JAVA_BYTE, 0, key.length);
        return nativeKey.asSlice(0, key.length);
    }

    private void multiGet(Source source, List<Key> keys) {
        byte[][] found = new byte[keys.size()][];
        List<MemorySegment> asked = keys.stream().map(key -> MemorySegment.ofArray(key.bytes())).toList();
        int count = source.reader.multiGet(asked, (index, value) -> {
            same("shown twice", true, found[index] == null);
            found[index] = value.toArray(ValueLayout.JAVA_BYTE);
        });
        int expectedCount = 0;
        for (int i = 0; i < found.length; i++) {
            byte[] expected = source.space.get(keys.get(i).bytes(), source.commit);
            expectedCount += expected == null ? 0 : 1;
            note(found[i]);
            if (!Arrays.equals(expected, found[i])) {
                throw new AssertionError("multiGet " + i + ": " + text(found[i]) + " instead of " + text(expected));
            }
        }
        same("what multiGet answers", expectedCount, count);
    }

    private void ends(Source source) {
        byte[] first = source.space.ceiling(null, true, source.commit);
        byte[] last = source.space.floor(null, true, source.commit);
        sameEntry("firstEntry", source, first, source.reader.firstEntry());
        sameEntry("lastEntry", source, last, source.reader.lastEntry());
        same("isEmpty", first == null, source.reader.isEmpty());
        same("count", (long) source.space.entries(Range.ALL, source.commit).size(), source.reader.count());
    }

    private void sameEntry(String what, Source source, byte @Nullable [] key, @Nullable Entry found) {
        if (key == null || found == null) {
            same(what, key == null ? "none" : text(key), found == null ? "none" : text(found.key()));
            return;
        }
        sameEntry(what, key, source.space.get(key, source.commit), found.key(), found.value());
    }

    private void scan(Source source, Step.Way way, Range range) {
        List<Space.Entry> expected = source.space.entries(range, source.commit);
        if (way == Step.Way.STREAM) {
            try (Stream<Entry> stream = source.reader.stream(range.keyRange())) {
                List<Entry> found = stream.toList();
                for (int i = 0; i < Math.min(found.size(), expected.size()); i++) {
                    Entry each = found.get(i);
                    sameEntry("stream", expected.get(i).key(), expected.get(i).value(), each.key(), each.value());
                }
                same("entries of the stream", expected.size(), found.size());
            }
            return;
        }
        try (Cursor cursor = source.reader.cursor(range.keyRange())) {
            int low = 0;
            int high = expected.size();
            for (int turn = 0; low < high; turn++) {
                boolean isFront = way == Step.Way.FORWARD || way == Step.Way.FROM_BOTH_ENDS && (done + turn) % 3 != 0;
                boolean isThere = switch (way) {
                    case FORWARD -> cursor.next();
                    case BACKWARD -> cursor.previous();
                    default -> isFront ? cursor.nextFront() : cursor.nextBack();
                };
                Space.Entry each = expected.get(isFront ? low++ : --high);
                if (!isThere) {
                    throw new AssertionError(way + " ends before " + text(each.key()));
                }
                sameEntry(way, each.key(), each.value(), cursor);
            }
            boolean isMore = switch (way) {
                case FORWARD -> cursor.next();
                case BACKWARD -> cursor.previous();
                default -> (done & 1) == 0 ? cursor.nextFront() : cursor.nextBack();
            };
            if (isMore) {
                throw new AssertionError(way + " goes on with " + text(cursor.keyBytes()));
            }
        }
    }

    private void sameEntry(Object what, byte[] key, byte[] value, Cursor cursor) {
        same("valueSize", (long) value.length, cursor.valueSize());
        if ((done & 1) == 0) {
            sameEntry(what, key, value, cursor.keyBytes(), cursor.valueBytes());
        } else {
            sameEntry(what, key, value,
                    cursor.key().toArray(ValueLayout.JAVA_BYTE), cursor.value().toArray(ValueLayout.JAVA_BYTE));
        }
    }

    private void sameEntry(Object what, byte[] key, byte @Nullable [] value, byte[] foundKey, byte[] foundValue) {
        note(foundKey);
        note(foundValue);
        if (!Arrays.equals(key, foundKey)) {
            throw new AssertionError(what + ": at " + text(foundKey) + " instead of " + text(key));
        }
        if (!Arrays.equals(value, foundValue)) {
            throw new AssertionError(what + ": at " + text(key) + " " + text(foundValue) + " instead of " + text(value));
        }
    }

    // ---- snapshots and cursors

    private void openSnapshot(int slot) {
        closeSnapshot(slot);
        Snapshot snapshot = database().snapshot();
        Map<String, KeyspaceView> views = new TreeMap<>();
        Map<String, Space> spaces = new TreeMap<>();
        keyspaces.forEach((name, keyspace) -> {
            views.put(name, snapshot.in(keyspace));
            spaces.put(name, model.space(name));
        });
        snapshots.put(slot, new OpenSnapshot(snapshot, model.commit(), views, spaces));
    }

    private void closeSnapshot(int slot) {
        OpenSnapshot open = snapshots.remove(slot);
        if (open != null) {
            open.snapshot.close();
        }
    }

    private void openCursor(Step.OpenCursor open) {
        closeCursor(open.slot());
        Source source = source(open.snapshot(), open.keyspace());
        cursors.put(open.slot(), new OpenCursor(
                source.reader.cursor(open.range().keyRange()), new ModelCursor(source.space, source.commit, open.range())));
    }

    private void closeCursor(int slot) {
        OpenCursor open = cursors.remove(slot);
        if (open != null) {
            open.cursor.close();
        }
    }

    private void move(@Nullable OpenCursor open, Step.Kind kind) {
        if (open == null) {
            return;
        }
        Cursor cursor = open.cursor;
        compare(open, kind, open.model.move(kind), switch (kind) {
            case FIRST -> cursor.first();
            case LAST -> cursor.last();
            case NEXT -> cursor.next();
            case PREVIOUS -> cursor.previous();
            case NEXT_FRONT -> cursor.nextFront();
            case NEXT_BACK -> cursor.nextBack();
        });
    }

    private void seek(@Nullable OpenCursor open, Step.SeekKind kind, byte[] key) {
        if (open == null) {
            return;
        }
        MemorySegment segment = (done & 1) == 0 ? nativeKey(key) : MemorySegment.ofArray(key);
        compare(open, kind, open.model.seek(kind, key), switch (kind) {
            case SEEK -> open.cursor.seek(segment);
            case SEEK_FOR_PREVIOUS -> open.cursor.seekForPrevious(segment);
            case FIND -> open.cursor.find(segment);
        });
    }

    private void compare(OpenCursor open, Object what, boolean isExpected, boolean isThere) {
        same(what + " answers", isExpected, isThere);
        if (isThere) {
            sameEntry(what, open.model.key(), open.model.value(), open.cursor);
        } else {
            try {
                open.cursor.key();
            } catch (IllegalStateException e) {
                return;
            }
            throw new AssertionError("a cursor at no entry shows a key");
        }
    }

    // ---- everything

    private void checkAll() {
        same("keyspaceNames", List.copyOf(model.names()), database().keyspaceNames());
        same("keyspaceCount", model.names().size(), database().keyspaceCount());
        for (String name : List.copyOf(model.names())) {
            check(source(Step.NOW, name));
            for (int slot : snapshots.keySet()) {
                check(source(slot, name));
            }
        }
    }

    private void check(Source source) {
        for (Step.Way way : Step.Way.values()) {
            scan(source, way, Range.ALL);
        }
        ends(source);
        for (byte[] key : source.space.everyKey()) {
            get(source, key);
        }
    }

    // ---- comparing

    private void note(byte @Nullable [] answer) {
        history = 31 * history + Arrays.hashCode(answer);
    }

    private static void same(Object what, Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new AssertionError(what + ": " + found + " instead of " + expected);
        }
    }

    private static String text(byte @Nullable [] bytes) {
        return bytes == null ? "nothing" : cut(new Key(bytes).toString()) + " (" + bytes.length + " bytes)";
    }

    private static String cut(String text) {
        return text.length() <= 100 ? text : text.substring(0, 100) + "...";
    }
}
