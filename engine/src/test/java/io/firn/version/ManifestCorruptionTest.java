package io.firn.version;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.firn.error.CorruptionException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Goal: damage to CURRENT and a manifest is detected, or is a damaged tail behind a state that once was, never a wrong
 * state. Method: every flip, truncation and damaged sector of a manifest whose state after each record is known.
 */
final class ManifestCorruptionTest {
    private static final Path DB = Path.of("/db");
    private static final DatabaseFiles FILES = new DatabaseFiles(DB);
    private static final Path CURRENT = FILES.current();
    private static final Path MANIFEST = FILES.manifest(5);
    private static final int SECTOR_BYTES = 512;

    private final HeapStorage storage = new HeapStorage();
    /** The state after each record, by the record's end. */
    private final TreeMap<Long, ManifestState> states = new TreeMap<>();
    private byte[] manifest = {};
    private byte[] current = {};
    private long lastStart;

    @BeforeEach
    void build() throws IOException {
        build(storage, 11);
        manifest = storage.files.get(MANIFEST);
        current = storage.files.get(CURRENT);
        lastStart = states.lowerKey((long) manifest.length);
        assertTrue(manifest.length > 4 * SECTOR_BYTES, manifest.length + " bytes");
    }

    private void build(HeapStorage target, long seed) throws IOException {
        RandomEdits edits = new RandomEdits(seed);
        for (int i = 0; i < 3; i++) {
            edits.next();
        }
        try (Manifest written = Manifest.create(target, DB, 5, edits.state(), Long.MAX_VALUE)) {
            states.clear();
            do {
                states.put(written.forcedBytes(), written.state());
                written.append(edits.next());
            } while (written.forcedBytes() < 5 * SECTOR_BYTES);
            states.put(written.forcedBytes(), written.state());
        }
    }

    @Test
    void everyFlipOfCurrentIsCorruption() {
        for (int bit = 0; bit < 8 * current.length; bit++) {
            storage.files.put(CURRENT, flipped(current, bit));
            CorruptionException e = assertThrows(CorruptionException.class, this::recover);
            assertEquals(CURRENT, e.file());
        }
    }

    @Test
    void everyTruncationAndExtensionOfCurrentIsCorruption() {
        for (int length = 0; length < 2 * current.length; length++) {
            if (length != current.length) {
                storage.files.put(CURRENT, Arrays.copyOf(current, length));
                CorruptionException e = assertThrows(CorruptionException.class, this::recover);
                assertEquals(CURRENT, e.file());
            }
        }
    }

    @Test
    void everyFlipOfTheManifestIsCorruptionOrADamagedTail() throws IOException {
        int tails = 0;
        for (int bit = 0; bit < 8 * manifest.length; bit++) {
            storage.files.put(MANIFEST, flipped(manifest, bit));
            if (bit / 8 < lastStart) {
                CorruptionException e = assertThrows(CorruptionException.class, this::recover);
                assertEquals(MANIFEST, e.file());
                assertTrue(e.offset() <= bit / 8, "found at " + e.offset() + ", flipped at " + bit / 8);
            } else {
                assertEquals(new RecoveredManifest(states.get(lastStart), 5, lastStart, true), recover());
                tails++;
            }
        }
        System.out.println(8 * manifest.length + " flips, of them " + tails + " in the last record");
    }

    @Test
    void everyTruncationIsCorruptionOrAFormerState() throws IOException {
        for (int length = 0; length < manifest.length; length++) {
            storage.files.put(MANIFEST, Arrays.copyOf(manifest, length));
            Map.Entry<Long, ManifestState> former = states.floorEntry((long) length);
            if (former == null) {
                assertEquals(MANIFEST, assertThrows(CorruptionException.class, this::recover).file());
            } else {
                RecoveredManifest recovered = recover();
                assertEquals(new RecoveredManifest(
                        former.getValue(), 5, former.getKey(), length > former.getKey()), recovered);
                assertWitnessFinds(recovered);
            }
        }
    }

    @Test
    void everyZeroedTrashedOrSwappedSectorIsFound() throws IOException {
        Random random = new Random(3);
        for (int start = 0; start < manifest.length; start += SECTOR_BYTES) {
            int end = Math.min(start + SECTOR_BYTES, manifest.length);
            byte[] zeroed = manifest.clone();
            Arrays.fill(zeroed, start, end, (byte) 0);
            assertFoundIfChanged(zeroed);
            byte[] trashed = manifest.clone();
            byte[] trash = new byte[end - start];
            random.nextBytes(trash);
            System.arraycopy(trash, 0, trashed, start, trash.length);
            assertFound(trashed);
            for (int other = 0; other < start; other += SECTOR_BYTES) {
                byte[] swapped = manifest.clone();
                System.arraycopy(manifest, start, swapped, other, end - start);
                System.arraycopy(manifest, other, swapped, start, end - start);
                assertFoundIfChanged(swapped);
            }
        }
    }

    @Test
    void whatIsAppendedIsADamagedTailWhateverItIs() throws IOException {
        RecoveredManifest damaged = new RecoveredManifest(states.lastEntry().getValue(), 5, manifest.length, true);
        for (int tail = 1; tail < 600; tail++) {
            byte[] longer = Arrays.copyOf(manifest, manifest.length + tail);
            storage.files.put(MANIFEST, longer);
            assertEquals(damaged, recover());
            // Records of this very file in a wrong place are no records.
            System.arraycopy(manifest, manifest.length - tail, longer, manifest.length, tail);
            assertEquals(damaged, recover());
        }
    }

    @Test
    void aManifestOfTheSameIdFromAnotherLifeIsCorruption() throws IOException {
        HeapStorage other = new HeapStorage();
        build(other, 11);
        storage.files.put(MANIFEST, other.files.get(MANIFEST));
        CorruptionException e = assertThrows(CorruptionException.class, this::recover);
        assertEquals(MANIFEST, e.file());
    }

    @Test
    void recordsOfAnotherLifeBehindTheEndAreADamagedTail() throws IOException {
        TreeMap<Long, ManifestState> ours = new TreeMap<>(states);
        HeapStorage other = new HeapStorage();
        build(other, 11);
        byte[] stale = other.files.get(MANIFEST);
        assertEquals(manifest.length, stale.length);
        for (long end : ours.headMap((long) manifest.length).keySet()) {
            byte[] mixed = manifest.clone();
            System.arraycopy(stale, (int) end, mixed, (int) end, manifest.length - (int) end);
            storage.files.put(MANIFEST, mixed);
            assertEquals(new RecoveredManifest(ours.get(end), 5, end, true), recover());
        }
    }

    @Test
    void filesInEachOthersPlaceAreCorruption() {
        storage.files.put(MANIFEST, current);
        assertEquals(MANIFEST, assertThrows(CorruptionException.class, this::recover).file());
        storage.files.put(CURRENT, manifest);
        assertEquals(CURRENT, assertThrows(CorruptionException.class, this::recover).file());
    }

    @Test
    void aLongDamagedTailIsScannedInLinearTime() throws IOException {
        byte[] longer = Arrays.copyOf(manifest, manifest.length + (8 << 20));
        for (int at = manifest.length; at < longer.length; at += 4) {
            // A small length at every fourth byte, so that every fourth place is taken for a header at first.
            longer[at + 1] = 1;
        }
        storage.files.put(MANIFEST, longer);
        assertTimeoutPreemptively(Duration.ofMinutes(5), () -> assertTrue(recover().isTailDamaged()));
    }

    /** A sector may hold zeros, or what another one holds. */
    private void assertFoundIfChanged(byte[] damaged) throws IOException {
        if (!Arrays.equals(manifest, damaged)) {
            assertFound(damaged);
        }
    }

    private void assertFound(byte[] damaged) throws IOException {
        assertFalse(Arrays.equals(manifest, damaged));
        storage.files.put(MANIFEST, damaged);
        try {
            RecoveredManifest recovered = recover();
            assertTrue(recovered.isTailDamaged());
            assertEquals(states.get(recovered.bytes()), recovered.state());
            assertWitnessFinds(recovered);
        } catch (CorruptionException e) {
            assertEquals(MANIFEST, e.file());
        }
    }

    private void assertWitnessFinds(RecoveredManifest recovered) {
        try {
            recovered.check(DB, 5, manifest.length);
            fail("a manifest of " + recovered.bytes() + " bytes passed for one of " + manifest.length);
        } catch (CorruptionException e) {
            assertEquals(recovered.bytes(), e.offset());
        }
    }

    private RecoveredManifest recover() throws IOException {
        return Manifest.recover(storage, DB);
    }

    private static byte[] flipped(byte[] bytes, int bit) {
        byte[] flipped = bytes.clone();
        flipped[bit / 8] ^= (byte) (1 << bit % 8);
        return flipped;
    }
}
