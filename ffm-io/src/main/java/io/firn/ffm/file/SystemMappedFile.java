package io.firn.ffm.file;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A read-only mapping in an arena of its own; it outlives its descriptor and its name. */
final class SystemMappedFile implements MappedFile {
    private final Arena arena;
    private final MemorySegment bytes;

    SystemMappedFile(Arena arena, MemorySegment bytes) {
        this.arena = arena;
        this.bytes = NativeView.of(bytes);
    }

    @Override
    public MemorySegment bytes() {
        return bytes;
    }

    @Override
    public MemorySegment allocate(long sizeBytes) {
        return arena.allocate(sizeBytes, 64);
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
