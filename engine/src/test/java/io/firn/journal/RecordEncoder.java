package io.firn.journal;

import io.firn.entry.Trailer;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Crc32c;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** Encodes records in private memory, as a commit does. Threads: one. */
final class RecordEncoder {
    final Crc32c crc = new Crc32c();
    MemorySegment record = Arena.ofAuto().allocate(1 << 16, 64);
    long end;
    int count;

    RecordEncoder start() {
        end = JournalFormat.RECORD_HEADER_BYTES;
        count = 0;
        return this;
    }

    RecordEncoder put(int keyspaceId, String key, byte[] value) {
        return entry(keyspaceId, Trailer.VALUE, key.getBytes(StandardCharsets.UTF_8), value, Codec.NONE, value.length);
    }

    RecordEncoder remove(int keyspaceId, String key) {
        return entry(keyspaceId, Trailer.TOMBSTONE, key.getBytes(StandardCharsets.UTF_8), new byte[0], Codec.NONE, 0);
    }

    RecordEncoder entry(int keyspaceId, int type, byte[] key, byte[] stored, Codec codec, int valueLength) {
        long needed = JournalFormat.recordBytes(end + JournalFormat.entryBytes(key.length, stored.length));
        if (needed > record.byteSize()) {
            MemorySegment larger = Arena.ofAuto().allocate(needed * 2, 64);
            MemorySegment.copy(record, 0, larger, 0, end);
            record = larger;
        }
        long keyOffset = JournalFormat.putEntryHeader(
                record, end, keyspaceId, type, codec.id(), key.length, valueLength, stored.length);
        MemorySegment.copy(MemorySegment.ofArray(key), 0, record, keyOffset, key.length);
        MemorySegment.copy(MemorySegment.ofArray(stored), 0, record, keyOffset + key.length, stored.length);
        end = keyOffset + key.length + stored.length;
        count++;
        return this;
    }

    /** The bytes of the whole record. */
    long finish() {
        return JournalFormat.finishRecord(record, end, count, crc);
    }
}
