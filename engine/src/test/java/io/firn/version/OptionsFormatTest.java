package io.firn.version;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyspaceOptions;
import io.firn.error.CorruptionException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class OptionsFormatTest {
    private static final Path FILE = Path.of("manifest");
    private static final int BEFORE_OPTIONS = (int) ManifestFormat.RECORD_HEADER_BYTES + 4 + 1 + 4 + 1 + 1;

    @Test
    void everyOptionComesBackAsItWasWritten() throws IOException {
        Random random = new Random(seed());
        assertEquals(KeyspaceOptions.defaults(), read(written(KeyspaceOptions.defaults())));
        for (int i = 0; i < 3000; i++) {
            KeyspaceOptions options = RandomEdits.options(random);
            assertEquals(options, read(written(options)));
        }
    }

    @Test
    void anyByteChangedGivesOtherOptionsOrIsRefused() throws IOException {
        Random random = new Random(seed());
        int refused = 0;
        Set<KeyspaceOptions> others = new HashSet<>();
        for (int i = 0; i < 20; i++) {
            KeyspaceOptions options = RandomEdits.options(random);
            byte[] written = written(options);
            for (int at = BEFORE_OPTIONS; at < written.length; at++) {
                byte[] changed = written.clone();
                changed[at] ^= (byte) (1 << random.nextInt(8));
                try {
                    others.add(read(changed));
                } catch (CorruptionException e) {
                    assertEquals(FILE, e.file());
                    refused++;
                }
            }
        }
        assertTrue(refused > 100 && others.size() > 100, refused + " refused, " + others.size() + " read");
    }

    @Test
    void optionsThatEndEarlyAreRefusedAtEveryLength() throws IOException {
        byte[] written = written(KeyspaceOptions.defaults());
        for (int length = BEFORE_OPTIONS; length < written.length; length++) {
            byte[] cut = new byte[length];
            System.arraycopy(written, 0, cut, 0, length);
            assertThrows(CorruptionException.class, () -> read(cut));
        }
    }

    private static byte[] written(KeyspaceOptions options) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            VersionEdit edit = new VersionEdit(List.of(new Change.KeyspaceCreated(1, "a", options)));
            return EditEncoder.encode(edit, 0, 0, arena).toArray(BYTE);
        }
    }

    /** Decodes the record as if its checksums were right, whatever its length says. */
    private static KeyspaceOptions read(byte[] record) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(record.length).copyFrom(MemorySegment.ofArray(record));
            bytes.set(INT_LE, 8, record.length - (int) ManifestFormat.RECORD_HEADER_BYTES);
            VersionEdit edit = EditDecoder.decode(FILE, bytes, 0);
            return ((Change.KeyspaceCreated) edit.changes().getFirst()).options();
        }
    }

    private static long seed() {
        long seed = Long.getLong("seed", new Random().nextLong());
        System.out.println("OptionsFormatTest -Dseed=" + seed);
        return seed;
    }
}
