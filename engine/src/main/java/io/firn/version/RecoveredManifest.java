package io.firn.version;

import io.firn.error.CorruptionException;
import java.nio.file.Path;

/** What a manifest said when it was read: the state after its last valid edit, and how many of its bytes are valid. */
public record RecoveredManifest(ManifestState state, long manifestId, long bytes, boolean isTailDamaged) {
    /**
     * Compares it with what a journal saw (R7): a manifest that ends before a length that was once forced, or is older
     * than one that was once current, lost edits and is corrupt.
     */
    public void check(Path directory, long witnessedManifestId, long witnessedBytes) {
        Path file = new DatabaseFiles(directory).manifest(manifestId);
        if (manifestId < witnessedManifestId) {
            throw new CorruptionException(file, 0, "manifest " + witnessedManifestId + ", which a journal names",
                    "manifest " + manifestId);
        }
        if (manifestId == witnessedManifestId && bytes < witnessedBytes) {
            throw new CorruptionException(file, bytes, witnessedBytes + " forced bytes, which a journal names",
                    bytes + " valid bytes");
        }
    }
}
