package io.firn.version;

import io.firn.error.CorruptionException;
import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** CURRENT: the file that says which manifest is the database's. It is only ever replaced as a whole. */
final class CurrentFile {
    private CurrentFile() {}

    /**
     * Makes a manifest the current one, durably. The manifest is whole and forced; its name need not be durable yet.
     */
    static void switchTo(Storage storage, DatabaseFiles files, ManifestFormat.Header header) throws IOException {
        Path temporary = files.currentTemporary();
        storage.delete(temporary);
        try (Arena arena = Arena.ofConfined(); AppendFile file = storage.create(temporary)) {
            file.append(ManifestFormat.encodeHeader(ManifestFormat.CURRENT_MAGIC, header, arena));
            file.force();
        }
        // Crash here: CURRENT is the former one, or there is none. The new manifest and CURRENT.tmp are swept by the
        // next switch.
        storage.syncDirectory(files.directory());
        // Crash here: as before; but from now on CURRENT may name the new manifest, since its name is durable.
        storage.rename(temporary, files.current());
        // Crash here: CURRENT is the former or the new one, each whole and each naming a manifest that is there.
        storage.syncDirectory(files.directory());
        // Crash here: CURRENT is the new one.
    }

    static ManifestFormat.Header read(Storage storage, DatabaseFiles files) throws IOException {
        Path file = files.current();
        long sizeBytes = storage.sizeBytes(file);
        if (sizeBytes != ManifestFormat.HEADER_BYTES) {
            throw new CorruptionException(file, Math.min(sizeBytes, ManifestFormat.HEADER_BYTES),
                    ManifestFormat.HEADER_BYTES + " bytes", sizeBytes + " bytes");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(sizeBytes);
            storage.read(file, 0, bytes);
            return ManifestFormat.decodeHeader(file, ManifestFormat.CURRENT_MAGIC, bytes);
        }
    }
}
