package io.firn.db;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.Scratch;
import io.firn.version.RunWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Entries in private memory, one behind the other: header {type:u32 keyLength:u32 valueLength:u32}, key, value.
 *
 * <p>Threads: one at a time. Closed by: its owner.
 */
final class EntryBuffer implements AutoCloseable {
    private static final int HEADER_BYTES = 12;

    /** What is larger is given back when it is empty again. */
    private static final long KEPT_BYTES = 4 << 20;

    private final Scratch memory;
    private long endOffset;

    EntryBuffer(MemoryBudget budget) {
        memory = new Scratch(budget);
    }

    boolean isEmpty() {
        return endOffset == 0;
    }

    long bytes() {
        return endOffset;
    }

    MemorySegment memory() {
        return memory.bytes();
    }

    /** Makes room for an entry; answers where its key goes, which its value follows. It is none before {@link #add}. */
    long prepare(int keyLength, int valueLength) {
        long keyOffset = endOffset + HEADER_BYTES;
        memory.atLeastKeeping(keyOffset + keyLength + valueLength, endOffset);
        return keyOffset;
    }

    /** Adds what was written into the room. */
    void add(int type, int keyLength, int valueLength) {
        MemorySegment bytes = memory.bytes();
        bytes.set(Layouts.INT_LE, endOffset, type);
        bytes.set(Layouts.INT_LE, endOffset + 4, keyLength);
        bytes.set(Layouts.INT_LE, endOffset + 8, valueLength);
        endOffset += (long) HEADER_BYTES + keyLength + valueLength;
    }

    /** Writes all entries and forgets them. They have no seqno yet: the type is the trailer. */
    void drain(RunWriter writer) throws IOException {
        MemorySegment bytes = memory.bytes();
        long offset = 0;
        while (offset < endOffset) {
            int type = bytes.get(Layouts.INT_LE, offset);
            int keyLength = bytes.get(Layouts.INT_LE, offset + 4);
            int valueLength = bytes.get(Layouts.INT_LE, offset + 8);
            long keyOffset = offset + HEADER_BYTES;
            writer.add(bytes, keyOffset, keyLength, type, bytes, keyOffset + keyLength, valueLength);
            offset = keyOffset + keyLength + valueLength;
        }
        endOffset = 0;
    }

    /** Gives memory back that a large entry has taken. Empty. */
    void shrink() {
        if (memory.bytes().byteSize() > KEPT_BYTES) {
            memory.close();
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}
