package io.firn.version;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/**
 * Changes that become durable together or not at all, over as many keyspaces as they touch. In the manifest one of them is the
 * counters; in a journal none is.
 */
public record VersionEdit(List<Change> changes) {
    public VersionEdit {
        changes = List.copyOf(changes);
    }

    public static VersionEdit of(Change... changes) {
        return new VersionEdit(List.of(changes));
    }

    /** The edit as bytes, for a journal. Their number does not depend on the seqnos in it. */
    public MemorySegment encode(Arena arena) {
        return EditEncoder.encode(this, arena);
    }

    /**
     * The edit in bytes that a journal held, whose checksum was right; CorruptionException for what is none. Byte 0 of the memory
     * stands at {@code place} of the file.
     */
    public static VersionEdit decode(Path file, long place, MemorySegment memory, long offset, long length) {
        return EditDecoder.decode(file, place, memory, offset, length);
    }
}
