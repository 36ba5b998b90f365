package io.firn.db;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyspaceOptions;
import io.firn.config.RecoveryMode;
import io.firn.error.CorruptionException;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import io.firn.journal.JournalFormat;
import io.firn.keyspace.Lookup;
import io.firn.keyspace.Tree;
import io.firn.keyspace.TreeReader;
import io.firn.version.Change;
import io.firn.version.KeySpan;
import io.firn.version.TableRecord;
import io.firn.version.VersionEdit;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Edits that a journal tells: those that fit are executed once, in their place; all others are corruption and harm nothing. */
@Timeout(600)
class EditReplayTest {
    private static final Path DIRECTORY = Path.of("/edit-replay/db");
    private static final KeySpan KEYS = new KeySpan(new byte[] {1}, new byte[] {2});

    @Test
    void anEditThatTheManifestLacksIsExecutedInItsPlace() {
        try (SimStorage disk = diskWith(new Change.TablesCleared(1), new Change.Flushed(1, 4))) {
            for (int life = 0; life < 2; life++) {
                try (Engine engine = open(disk, RecoveryMode.TORN_TAIL)) {
                    Tree tree = engine.trees().get("a");
                    assertFalse(has(tree, 1) || has(tree, 2), "written before it");
                    assertTrue(has(tree, 3), "written behind it");
                }
            }
        }
        try (SimStorage disk = diskWith(new Change.KeyspaceDeleted(2))) {
            try (Engine engine = open(disk, RecoveryMode.TORN_TAIL)) {
                assertEquals(List.of("a"), engine.trees().all().stream().map(Tree::name).toList());
                assertEquals(3, engine.keyspace("b", KeyspaceOptions.defaults()).id());
            }
        }
    }

    @Test
    void editsThatNoJournalTellsAreCorruptionWithTheirPlace() {
        TableRecord table = new TableRecord(99, 1000, 1, 0, 1, 1, 0, KEYS, List.of());
        List<VersionEdit> wrong = List.of(
                VersionEdit.of(),
                VersionEdit.of(new Change.TablesCleared(7)),
                VersionEdit.of(new Change.TablesCleared(0)),
                VersionEdit.of(new Change.KeyspaceDeleted(-1)),
                VersionEdit.of(new Change.TablesCleared(1), new Change.TablesCleared(2)),
                VersionEdit.of(new Change.TablesCleared(1), new Change.Flushed(2, 4)),
                VersionEdit.of(new Change.Flushed(1, 1000)),
                VersionEdit.of(new Change.KeyspaceDeleted(1), new Change.KeyspaceDeleted(1)),
                VersionEdit.of(new Change.KeyspaceCreated(3, "c", KeyspaceOptions.defaults())),
                VersionEdit.of(new Change.TablesCleared(1), new Change.Counters(5, 5, 5)),
                VersionEdit.of(new Change.TablesCleared(1), new Change.JournalsLive(1)),
                VersionEdit.of(new Change.TablesRemoved(1, List.of(17L)), new Change.Flushed(1, 4)),
                VersionEdit.of(new Change.RunAdded(1, 0, 0, List.of(table)), new Change.Flushed(1, 4)));
        for (VersionEdit edit : wrong) {
            try (SimStorage disk = diskWith(edit.changes().toArray(Change[]::new))) {
                CorruptionException e =
                        assertThrows(CorruptionException.class, () -> open(disk, RecoveryMode.TORN_TAIL), edit::toString);
                assertTrue(e.file().toString().endsWith(".journal"), e.toString());
                disk.assertNothingOpen();
                try (Engine engine = open(disk, RecoveryMode.SALVAGE)) {
                    assertTrue(has(engine.trees().get("a"), 2) && has(engine.trees().get("a"), 3), edit.toString());
                }
            }
        }
    }

    @Test
    void bytesThatAreNoEditAreCorruption() {
        Random random = new Random(5);
        for (int i = 0; i < 100; i++) {
            byte[] bytes = new byte[1 + random.nextInt(30)];
            random.nextBytes(bytes);
            if (i % 2 == 0 && bytes.length > 4) {
                bytes[0] = 1;
                bytes[1] = bytes[2] = bytes[3] = 0;
                bytes[4] = (byte) random.nextInt(12);
            }
            try (SimStorage disk = diskWith(bytes)) {
                assertThrows(CorruptionException.class, () -> open(disk, RecoveryMode.TORN_TAIL));
                disk.assertNothingOpen();
            }
        }
    }

    // ---- vocabulary

    private static SimStorage diskWith(Change... changes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment edit = VersionEdit.of(changes).encode(arena);
            byte[] bytes = new byte[(int) edit.byteSize()];
            MemorySegment.copy(edit, Layouts.BYTE, 0, bytes, 0, bytes.length);
            return diskWith(bytes);
        }
    }

    /** Two keyspaces, in a table key 1 of the first, in the journal its key 2, an edit at seqno 4, and its key 3. */
    private static SimStorage diskWith(byte[] edit) {
        try (SimStorage disk = new SimStorage(); Engine engine = open(disk, RecoveryMode.TORN_TAIL)) {
            Tree a = engine.keyspace("a", KeyspaceOptions.defaults());
            Tree b = engine.keyspace("b", KeyspaceOptions.defaults());
            put(engine, a, 1);
            engine.rotate(a);
            engine.awaitFlushed(a);
            put(engine, a, 2);
            put(engine, b, 2);
            while (!EngineRest.isResting(engine)) {
                Thread.yield();
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment bytes = arena.allocate(edit.length);
                MemorySegment.copy(edit, 0, bytes, Layouts.BYTE, 0, edit.length);
                MemorySegment record = arena.allocate(JournalFormat.editRecordBytes(edit.length));
                engine.journal().append(record, JournalFormat.encodeEdit(record, bytes, new Crc32c()), 4);
            }
            try (Batch batch = engine.newBatch()) {
                batch.put(a, new byte[] {3}, new byte[10]);
                long recordBytes = batch.complete();
                engine.journal().append(batch.record(), recordBytes, 5);
            }
            return CrashImage.draw(disk, 1, CrashImage.EVERYTHING);
        }
    }

    private static void put(Engine engine, Tree tree, int key) {
        Batch batch = engine.leaseBatch();
        batch.put(tree, new byte[] {(byte) key}, new byte[10]);
        engine.commit(batch);
        engine.giveBack(batch);
    }

    private static boolean has(Tree tree, int key) {
        Lookup found = tree.reader().find(new byte[] {(byte) key}, TreeReader.PUBLISHED);
        if (found != null) {
            tree.reader().release(found);
        }
        return found != null;
    }

    private static Engine open(SimStorage disk, RecoveryMode mode) {
        Settings defaults = Settings.defaults(DIRECTORY);
        Settings.Machine machine = defaults.machine();
        return Engine.open(new Settings(
                defaults.directory(), defaults.memory(), defaults.background(),
                new Settings.Opening(defaults.opening().mode(), mode, false), defaults.durability(),
                defaults.journaling(),
                new Settings.Machine(disk, machine.threads(), machine.nanoClock(), machine.millisClock(),
                        machine.manifestRewriteBytes())));
    }
}
