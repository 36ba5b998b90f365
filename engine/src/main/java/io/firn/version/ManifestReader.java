package io.firn.version;

import io.firn.error.CorruptionException;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Reads the manifest that CURRENT names, whole, in private memory. Threads: one at a time. */
final class ManifestReader {
    private final Path file;
    private final MemorySegment bytes;
    private final long identity;
    private final Crc32c crc = new Crc32c();

    private ManifestReader(Path file, MemorySegment bytes, long identity) {
        this.file = file;
        this.bytes = bytes;
        this.identity = identity;
    }

    static RecoveredManifest recover(Storage storage, DatabaseFiles files) throws IOException {
        ManifestFormat.Header current = CurrentFile.read(storage, files);
        Path file = files.manifest(current.manifestId());
        if (!storage.exists(file)) {
            throw new CorruptionException(file, 0, "the manifest that CURRENT names", "no file");
        }
        long sizeBytes = storage.sizeBytes(file);
        if (sizeBytes > ManifestFormat.FILE_BYTES_MAX) {
            throw new CorruptionException(file, ManifestFormat.FILE_BYTES_MAX,
                    "at most " + ManifestFormat.FILE_BYTES_MAX + " bytes", sizeBytes + " bytes");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(sizeBytes);
            storage.read(file, 0, bytes);
            ManifestFormat.Header header = ManifestFormat.decodeHeader(file, ManifestFormat.MANIFEST_MAGIC, bytes);
            if (!header.equals(current)) {
                throw new CorruptionException(file, 0, "the header that CURRENT names, " + current, header.toString());
            }
            return new ManifestReader(file, bytes, header.identity()).replay(header.manifestId());
        }
    }

    private RecoveredManifest replay(long manifestId) {
        ManifestStateBuilder builder = new ManifestStateBuilder();
        long position = ManifestFormat.HEADER_BYTES;
        while (ManifestFormat.isRecord(crc, bytes, position, identity)) {
            apply(builder, position);
            position += ManifestFormat.RECORD_HEADER_BYTES + ManifestFormat.recordLength(bytes, position);
        }
        boolean isTailDamaged = position < bytes.byteSize();
        if (position == ManifestFormat.HEADER_BYTES) {
            // It was written and forced before CURRENT named the file.
            throw new CorruptionException(file, position, "a record of the whole state", "none that is valid");
        }
        if (isTailDamaged) {
            checkNothingFollows(position);
        }
        return new RecoveredManifest(builder.state(), manifestId, position, isTailDamaged);
    }

    private void apply(ManifestStateBuilder builder, long position) {
        VersionEdit edit = EditDecoder.decode(file, bytes, position);
        try {
            builder.apply(edit);
        } catch (InvalidEditException e) {
            throw new CorruptionException(file, position, e.expected(), e.found());
        }
    }

    /**
     * A later record was begun only after this one had been forced, so its header alone shows that this one was damaged
     * afterwards and is no torn tail. (Taking headers for proof keeps the scan linear, whatever the bytes are.)
     */
    private void checkNothingFollows(long damaged) {
        for (long position = damaged + 1; position < bytes.byteSize(); position++) {
            if (ManifestFormat.isRecordHeader(crc, bytes, position, identity)) {
                throw new CorruptionException(file, damaged, "a valid record before the one at " + position,
                        "a damaged one");
            }
        }
    }
}
