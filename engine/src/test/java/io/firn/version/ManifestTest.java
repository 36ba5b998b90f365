package io.firn.version;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyspaceOptions;
import io.firn.error.CorruptionException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ManifestTest {
    private static final Path DB = Path.of("/db");
    private static final DatabaseFiles FILES = new DatabaseFiles(DB);
    private static final long NEVER_REWRITE = Long.MAX_VALUE;

    private final HeapStorage storage = new HeapStorage();

    @Test
    void aNewManifestSaysWhatItWasCreatedWith() throws IOException {
        assertFalse(Manifest.exists(storage, DB));
        create(1, ManifestState.EMPTY, NEVER_REWRITE).close();
        assertTrue(Manifest.exists(storage, DB));
        RecoveredManifest recovered = Manifest.recover(storage, DB);
        assertEquals(ManifestState.EMPTY, recovered.state());
        assertEquals(1, recovered.manifestId());
        assertEquals(storage.sizeBytes(FILES.manifest(1)), recovered.bytes());
        assertFalse(recovered.isTailDamaged());
    }

    @Test
    void randomEditsAddUpToTheModelAcrossRewritesAndReopening() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        int rewrites = 0;
        for (int round = 0; round < 60; round++) {
            RandomEdits edits = new RandomEdits(seed + round);
            HeapStorage files = new HeapStorage();
            long rewriteBytes = 1L << edits.random().nextInt(8, 14);
            long id = 1;
            Manifest manifest = Manifest.create(files, DB, id, ManifestState.EMPTY, rewriteBytes);
            for (int step = 0; step < 150; step++) {
                manifest.append(edits.next());
                assertEquals(edits.state(), manifest.state());
                if (edits.random().nextInt(20) == 0) {
                    ManifestPosition position = manifest.position();
                    RecoveredManifest recovered = Manifest.recover(files, DB);
                    assertEquals(new RecoveredManifest(
                            edits.state(), position.manifestId(), position.forcedBytes(), false), recovered);
                    rewrites += (int) (position.manifestId() - id);
                    id = position.manifestId() + 1;
                    manifest.close();
                    manifest = Manifest.create(files, DB, id, recovered.state(), rewriteBytes);
                }
                assertEquals(2, files.files.size(), "CURRENT and one manifest");
            }
        }
        System.out.println(rewrites + " rewrites");
        assertTrue(rewrites > 60, "rewrites happened: " + rewrites);
    }

    @Test
    void isRewrittenWhenItGrewPastAMultipleOfItsContent() throws IOException {
        Manifest manifest = create(1, ManifestState.EMPTY, 2000);
        ManifestState state = stateWith(manifest, "data");
        int appends = 0;
        while (manifest.id() == 1) {
            assertTrue(storage.sizeBytes(FILES.manifest(1)) <= 2000);
            manifest.append(RandomEdits.counters(state, new Change.Flushed(1, 0)));
            appends++;
        }
        assertTrue(appends > 20, appends + " appends fit");
        assertEquals(2, manifest.id());
        assertFalse(storage.exists(FILES.manifest(1)));
        assertTrue(manifest.forcedBytes() < 300, "the state alone: " + manifest.forcedBytes());
        assertEquals(manifest.state(), Manifest.recover(storage, DB).state());
        manifest.append(RandomEdits.counters(state, new Change.Flushed(1, 7)));
        assertEquals(7, Manifest.recover(storage, DB).state().keyspaces().get(1).flushedSeqno());
    }

    @Test
    void aStateLargerThanTheLimitIsNotRewrittenAtEachEdit() throws IOException {
        Manifest manifest = create(1, ManifestState.EMPTY, 0);
        ManifestState state = stateWith(manifest, "data");
        long id = manifest.id();
        for (int i = 0; i < 10; i++) {
            manifest.append(RandomEdits.counters(state, new Change.Flushed(1, i)));
        }
        assertTrue(manifest.id() - id <= 2, manifest.id() + " after " + id);
    }

    @Test
    void anEditOverSeveralKeyspacesIsWholeOrAbsentAtEveryTruncation() throws IOException {
        Manifest manifest = create(1, ManifestState.EMPTY, NEVER_REWRITE);
        stateWith(manifest, "a");
        ManifestState before = stateWith(manifest, "b");
        long start = manifest.forcedBytes();
        manifest.append(VersionEdit.of(new Change.Counters(500, 10, 3), new Change.RunAdded(1, 0, 0, List.of(table(8))),
                new Change.Flushed(1, 300), new Change.RunAdded(2, 0, 0, List.of(table(9))), new Change.Flushed(2, 300)));
        byte[] whole = storage.files.get(FILES.manifest(1));
        for (int length = (int) start; length < whole.length; length++) {
            storage.files.put(FILES.manifest(1), Arrays.copyOf(whole, length));
            RecoveredManifest recovered = Manifest.recover(storage, DB);
            assertEquals(new RecoveredManifest(before, 1, start, length > start), recovered);
        }
    }

    @Test
    void r7_aManifestShorterThanAJournalSawItIsCorruption() throws IOException {
        Manifest manifest = create(1, ManifestState.EMPTY, NEVER_REWRITE);
        ManifestState state = stateWith(manifest, "data");
        manifest.append(RandomEdits.counters(state, new Change.Flushed(1, 5)));
        ManifestPosition witness = manifest.position();
        byte[] whole = storage.files.get(FILES.manifest(1));
        byte[] flipped = whole.clone();
        flipped[whole.length - 1] ^= 4;
        storage.files.put(FILES.manifest(1), flipped);

        RecoveredManifest recovered = Manifest.recover(storage, DB);
        assertTrue(recovered.isTailDamaged());
        CorruptionException e = assertThrows(CorruptionException.class,
                () -> recovered.check(DB, witness.manifestId(), witness.forcedBytes()));
        assertEquals(FILES.manifest(1), e.file());
        assertEquals(recovered.bytes(), e.offset());

        storage.files.put(FILES.manifest(1), whole);
        Manifest.recover(storage, DB).check(DB, witness.manifestId(), witness.forcedBytes());
    }

    @Test
    void r7_anOldManifestPutBackIsCorruption() throws IOException {
        Manifest first = create(1, ManifestState.EMPTY, NEVER_REWRITE);
        stateWith(first, "data");
        HeapStorage old = storage.copy();
        Manifest second = create(2, first.state(), NEVER_REWRITE);
        ManifestPosition witness = second.position();
        RecoveredManifest putBack = Manifest.recover(old, DB);
        assertThrows(CorruptionException.class,
                () -> putBack.check(DB, witness.manifestId(), witness.forcedBytes()));
        // An older witness says nothing about a newer manifest.
        Manifest.recover(storage, DB).check(DB, 1, Long.MAX_VALUE);
    }

    @Test
    void idAndForcedLengthOfTheWitnessBelongTogetherAcrossARewrite() throws IOException {
        Manifest manifest = create(1, ManifestState.EMPTY, 1000);
        ManifestState state = stateWith(manifest, "data");
        for (int i = 0; i < 200; i++) {
            manifest.append(RandomEdits.counters(state, new Change.Flushed(1, i)));
            ManifestPosition position = manifest.position();
            assertEquals(storage.sizeBytes(FILES.manifest(position.manifestId())), position.forcedBytes());
            Manifest.recover(storage, DB).check(DB, position.manifestId(), position.forcedBytes());
        }
    }

    @Test
    void r6_flushedSeqnoNeverGoesBackAndAFlushWithoutOutputWritesItsEdit() throws IOException {
        Manifest manifest = create(1, ManifestState.EMPTY, NEVER_REWRITE);
        ManifestState state = stateWith(manifest, "data");
        manifest.append(RandomEdits.counters(state, new Change.Flushed(1, 40)));
        assertEquals(40, Manifest.recover(storage, DB).state().keyspaces().get(1).flushedSeqno());
        refuses(manifest, RandomEdits.counters(state, new Change.Flushed(1, 39)));
    }

    @Test
    void idsAreNotGivenTwice() throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("-Dseed=" + seed);
        RandomEdits edits = new RandomEdits(seed);
        Manifest manifest = create(1, ManifestState.EMPTY, 4096);
        for (int i = 0; i < 2000; i++) {
            manifest.append(edits.next());
        }
        ManifestState state = Manifest.recover(storage, DB).state();
        assertTrue(edits.tableIdsEver().stream().allMatch(id -> id < state.nextFileId()));
        assertTrue(edits.keyspaceIdsEver().stream().allMatch(id -> id < state.nextKeyspaceId()));
        assertTrue(edits.keyspaceIdsEver().size() > state.keyspaces().size(), "some were deleted");
        int deleted = edits.keyspaceIdsEver().stream().filter(id -> !state.keyspaces().containsKey(id))
                .findAny().orElseThrow();
        refuses(manifest, RandomEdits.counters(
                state, new Change.KeyspaceCreated(deleted, "again", KeyspaceOptions.defaults())));
    }

    @Test
    void runsOfALevelAreKeptNewestFirst() throws IOException {
        Manifest manifest = create(1, ManifestState.EMPTY, NEVER_REWRITE);
        stateWith(manifest, "data");
        for (long id = 3; id <= 6; id++) {
            manifest.append(VersionEdit.of(new Change.Counters(1000, id + 1, 2),
                    new Change.RunAdded(1, 0, 0, List.of(table(id)))));
        }
        Manifest successor = create(2, Manifest.recover(storage, DB).state(), NEVER_REWRITE);
        manifest.close();
        successor.append(VersionEdit.of(new Change.Counters(1000, 9, 2), new Change.TablesRemoved(1, List.of(4L, 6L)),
                new Change.RunAdded(1, 0, 0, List.of(table(8)))));
        assertEquals(List.of(List.of(table(8)), List.of(table(5)), List.of(table(3))),
                Manifest.recover(storage, DB).state().keyspaces().get(1).levels().runs(0));
    }

    @Test
    void tablesThatArePutIntoARunStandInKeyOrderAndMovedOnesInTheirNewPlace() throws IOException {
        Manifest manifest = create(1, ManifestState.EMPTY, NEVER_REWRITE);
        stateWith(manifest, "data");
        manifest.append(VersionEdit.of(new Change.Counters(1000, 10, 2),
                new Change.RunAdded(1, 2, 0, List.of(table(3, "c", "d"), table(4, "g", "h"))),
                new Change.RunAdded(1, 2, 1, List.of(table(5, "a", "z")))));
        manifest.append(VersionEdit.of(new Change.Counters(1000, 10, 2),
                new Change.TablesAdded(1, 2, 0, List.of(table(6, "a", "b"), table(7, "e", "f"), table(8, "i", "j")))));
        manifest.append(VersionEdit.of(new Change.Counters(1000, 10, 2), new Change.TablesRemoved(1, List.of(3L, 6L)),
                new Change.RunAdded(1, 1, 0, List.of(table(6, "a", "b"), table(3, "c", "d")))));
        Levels levels = Manifest.recover(storage, DB).state().keyspaces().get(1).levels();
        assertEquals(List.of(List.of(table(6, "a", "b"), table(3, "c", "d"))), levels.runs(1));
        assertEquals(List.of(List.of(table(7, "e", "f"), table(4, "g", "h"), table(8, "i", "j")),
                List.of(table(5, "a", "z"))), levels.runs(2));
        manifest.close();
    }

    @Test
    void r15_runsOfLevel0AreKnownToBeInOrderByTheirSeqnos() throws IOException {
        Manifest manifest = create(1, ManifestState.EMPTY, NEVER_REWRITE);
        stateWith(manifest, "data");
        manifest.append(VersionEdit.of(new Change.Counters(1000, 10, 2),
                new Change.RunAdded(1, 0, 0, List.of(record(3, 9, 10, 0, 1, 5))),
                new Change.RunAdded(1, 0, 0, List.of(record(4, 9, 10, 0, 5, 8))),
                new Change.RunAdded(1, 0, 1, List.of(record(5, 9, 10, 0, 5, 5)))));
        assertEquals(List.of(4L, 5L, 3L),
                manifest.state().keyspaces().get(1).levels().tables().stream().map(TableRecord::id).toList());
        refuses(manifest, RandomEdits.counters(manifest.state(),
                new Change.RunAdded(1, 0, 0, List.of(record(6, 9, 10, 0, 7, 9)))));
    }

    @Test
    void anEditThatDoesNotFitTheStateIsRefusedBeforeItIsWritten() throws IOException {
        ManifestState state;
        try (Manifest manifest = create(1, ManifestState.EMPTY, NEVER_REWRITE)) {
            stateWith(manifest, "data");
            manifest.append(VersionEdit.of(new Change.Counters(1000, 10, 2),
                    new Change.RunAdded(1, 0, 0, List.of(table(3)))));
            state = manifest.state();
        }
        List<VersionEdit> wrong = List.of(
                new VersionEdit(List.of()),
                VersionEdit.of(new Change.Flushed(1, 5)),
                RandomEdits.counters(state, new Change.Counters(2000, 10, 2)),
                VersionEdit.of(new Change.Counters(999, 10, 2)),
                VersionEdit.of(new Change.Counters(1000, 9, 2)),
                VersionEdit.of(new Change.Counters(1000, 10, 1)),
                VersionEdit.of(new Change.Counters(1L << 56, 10, 2)),
                RandomEdits.counters(state, new Change.KeyspaceCreated(2, "b", KeyspaceOptions.defaults())),
                VersionEdit.of(new Change.Counters(1000, 10, 3),
                        new Change.KeyspaceCreated(2, "data", KeyspaceOptions.defaults())),
                VersionEdit.of(new Change.Counters(1000, 10, 4),
                        new Change.KeyspaceCreated(2, "b", KeyspaceOptions.defaults()),
                        new Change.KeyspaceCreated(2, "c", KeyspaceOptions.defaults())),
                RandomEdits.counters(state, new Change.KeyspaceDeleted(7)),
                RandomEdits.counters(state, new Change.Flushed(7, 1)),
                RandomEdits.counters(state, new Change.Flushed(1, 1000)),
                RandomEdits.counters(state, new Change.Flushed(1, -1)),
                RandomEdits.counters(state, new Change.RunAdded(7, 0, 0, List.of(table(4)))),
                RandomEdits.counters(state, new Change.RunAdded(1, 7, 0, List.of(table(4)))),
                RandomEdits.counters(state, new Change.RunAdded(1, -1, 0, List.of(table(4)))),
                RandomEdits.counters(state, new Change.RunAdded(1, 0, 0, List.of())),
                RandomEdits.counters(state, new Change.RunAdded(1, 0, 0, List.of(table(3)))),
                RandomEdits.counters(state, new Change.RunAdded(1, 0, 0, List.of(table(4), table(4)))),
                RandomEdits.counters(state, new Change.RunAdded(1, 0, 0, List.of(table(10)))),
                RandomEdits.counters(state, new Change.RunAdded(1, 0, 0, List.of(table(0)))),
                added(state, record(4, 100, 10, 11, 1, 2)), added(state, record(4, 100, 0, 0, 1, 2)),
                added(state, record(4, 0, 10, 0, 1, 2)), added(state, record(4, 9, 10, 0, 3, 2)),
                added(state, record(4, 9, 10, 0, 3, 1000)), added(state, record(4, 9, 10, 0, -1, 2)),
                RandomEdits.counters(state, new Change.RunAdded(1, 1, 1, List.of(table(4)))),
                RandomEdits.counters(state, new Change.RunAdded(1, 1, -1, List.of(table(4)))),
                RandomEdits.counters(state, new Change.RunAdded(1, 1, 0, List.of(table(4, "a", "c"), table(5, "c", "d")))),
                RandomEdits.counters(state, new Change.RunAdded(1, 1, 0, List.of(table(4, "e", "f"), table(5, "c", "d")))),
                RandomEdits.counters(state, new Change.TablesAdded(1, 1, 0, List.of(table(4)))),
                RandomEdits.counters(state, new Change.TablesAdded(1, 0, 1, List.of(table(4)))),
                RandomEdits.counters(state, new Change.TablesAdded(1, 0, 0, List.of())),
                RandomEdits.counters(state, new Change.TablesAdded(1, 0, 0, List.of(table(4, "b", "d")))),
                RandomEdits.counters(state, new Change.TablesAdded(1, 0, 0, List.of(table(3, "d", "e")))),
                RandomEdits.counters(state, new Change.RunAdded(1, 0, 1, List.of(table(4)))),
                added(state, record(4, 9, 10, 0, 2, 5)),
                RandomEdits.counters(state, new Change.TablesCleared(7)),
                RandomEdits.counters(state, new Change.TablesCleared(1), new Change.TablesRemoved(1, List.of(3L))),
                RandomEdits.counters(state, new Change.TablesRemoved(1, List.of(4L))),
                RandomEdits.counters(state, new Change.TablesRemoved(1, List.of(3L, 3L))),
                RandomEdits.counters(state, new Change.JournalsLive(0)));
        for (VersionEdit edit : wrong) {
            refuses(Manifest.create(storage.copy(), DB, 2, state, NEVER_REWRITE), edit);
        }
    }

    @Test
    void namesAreUtf8OfOneTo255Bytes() {
        assertEquals(255, Change.nameBytes("x".repeat(255)).length);
        assertEquals(1, Change.nameBytes("x").length);
        assertThrows(IllegalArgumentException.class, () -> Change.nameBytes(""));
        assertThrows(IllegalArgumentException.class, () -> Change.nameBytes("ä".repeat(128)));
        assertThrows(IllegalArgumentException.class, () -> Change.nameBytes("a\uD800"));
    }

    @Test
    void aMissingManifestIsCorruption() throws IOException {
        create(1, ManifestState.EMPTY, NEVER_REWRITE).close();
        storage.delete(FILES.manifest(1));
        CorruptionException e = assertThrows(CorruptionException.class, () -> Manifest.recover(storage, DB));
        assertEquals(FILES.manifest(1), e.file());
    }

    @Test
    void leftoversOfAnInterruptedAttemptAreReplaced() throws IOException {
        create(1, ManifestState.EMPTY, NEVER_REWRITE).close();
        storage.files.put(FILES.manifest(2), new byte[100]);
        storage.files.put(FILES.manifest(77), new byte[100]);
        storage.files.put(FILES.currentTemporary(), new byte[3]);
        create(2, ManifestState.EMPTY, NEVER_REWRITE).close();
        assertEquals(List.of("CURRENT", "manifest-000002"), storage.list(DB));
    }

    @Test
    void namesOfFilesAreReadBackAndOthersAreNotOurs() {
        assertEquals(1_234_567, DatabaseFiles.manifestId("manifest-1234567"));
        assertEquals(12, DatabaseFiles.tableId(FILES.table(3, 12).getFileName().toString()));
        assertEquals("/db/keyspaces/3/tables/000012.table", FILES.table(3, 12).toString());
        assertEquals(3, DatabaseFiles.keyspaceId(FILES.keyspaceDirectory(3).getFileName().toString()));
        for (String name : List.of("manifest-00001", "manifest-0000001", "manifest-000000", "manifest-",
                "manifest-00000x", "manifest-9999999999999999999", "manifest--00001", "MANIFEST-000001", "notes.txt",
                "")) {
            assertFalse(DatabaseFiles.isOurs(name), name);
            assertEquals(DatabaseFiles.NO_ID, DatabaseFiles.manifestId(name), name);
        }
        for (String name : List.of("0", "01", "x", "2147483648", "-1", "")) {
            assertEquals(DatabaseFiles.NO_ID, DatabaseFiles.keyspaceId(name), name);
        }
        for (String name : List.of("LOCK", "CURRENT", "CURRENT.tmp", "journal", "keyspaces", "manifest-000001")) {
            assertTrue(DatabaseFiles.isOurs(name), name);
        }
    }

    private Manifest create(long id, ManifestState state, long rewriteBytes) throws IOException {
        return Manifest.create(storage, DB, id, state, rewriteBytes);
    }

    /** Creates one keyspace more; answers the state with it. */
    private static ManifestState stateWith(Manifest manifest, String name) throws IOException {
        int id = manifest.state().nextKeyspaceId();
        manifest.append(VersionEdit.of(new Change.KeyspaceCreated(id, name, KeyspaceOptions.defaults()),
                new Change.Counters(400, 2, id + 1)));
        return manifest.state();
    }

    /** Of a seqno that is its id, so that they may stand in level 0 from the newest to the oldest. */
    private static TableRecord table(long id) {
        return record(id, 4096, 10, 2, id, id);
    }

    private static TableRecord record(
            long id, long fileBytes, long entryCount, long tombstoneCount, long seqnoMin, long seqnoMax) {
        return new TableRecord(id, fileBytes, entryCount, tombstoneCount, seqnoMin, seqnoMax, 5, span("a", "c"), List.of());
    }

    private static TableRecord table(long id, String first, String last) {
        return new TableRecord(id, 4096, 10, 2, 1, 300, 5, span(first, last), List.of());
    }

    private static KeySpan span(String first, String last) {
        return new KeySpan(first.getBytes(StandardCharsets.UTF_8), last.getBytes(StandardCharsets.UTF_8));
    }

    private static VersionEdit added(ManifestState state, TableRecord table) {
        return RandomEdits.counters(state, new Change.RunAdded(1, 0, 0, List.of(table)));
    }

    private static void refuses(Manifest manifest, VersionEdit edit) throws IOException {
        ManifestPosition before = manifest.position();
        Map<Integer, KeyspaceState> state = manifest.state().keyspaces();
        assertThrows(AssertionError.class, () -> manifest.append(edit), edit::toString);
        assertEquals(before, manifest.position());
        assertSame(state, manifest.state().keyspaces());
        manifest.close();
    }
}
