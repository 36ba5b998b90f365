package io.firn.journal;

import static io.firn.ffm.memory.Layouts.BYTE;
import static io.firn.ffm.memory.Layouts.INT_LE;
import static io.firn.ffm.memory.Layouts.LONG_LE;

import io.firn.config.RecoveryMode;
import io.firn.error.CodecMissingException;
import io.firn.error.CorruptionException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Codecs;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.codec.Decompressors;
import io.firn.ffm.file.Storage;
import io.firn.ffm.memory.Scratch;
import io.firn.journal.JournalReader.Found;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.agrona.collections.Long2LongHashMap;

/**
 * Recovery's pass over the journals that are not dead: the chain of their records, in order, as far as it is whole.
 *
 * <p>Invariants: (1) a record is visited whole or not at all: everything about it is checked before its first entry is.
 * (2) What is visited is a prefix of what was appended, but for {@link RecoveryMode#SALVAGE}. (3) Nothing is written or
 * deleted.
 *
 * <p>Threads: one; an engine thread.
 */
public final class JournalReplay implements AutoCloseable {
    /** What recovery does with the entries. Its methods may flush; what they throw ends the replay. */
    public interface Visitor {
        /**
         * A record begins, and so many entries follow. {@code entryBytes} is the sum of their keys and values.
         *
         * @param position where the record begins; {@link JournalFormat#fileIdOf} tells the file
         */
        void record(long position, long seqno, int entryCount, long entryBytes) throws IOException;

        /**
         * So many of the record's entries, whose keys and values have so many bytes, are of this keyspace. Once for each keyspace,
         * before the first of its entries.
         */
        default void part(long seqno, int keyspaceId, int entryCount, long entryBytes) throws IOException {}

        /** An entry of the record. Key and value lie in private memory that is valid during the call. */
        void entry(
                long seqno, int keyspaceId, int type, MemorySegment key, long keyOffset, int keyLength,
                MemorySegment value, long valueOffset, int valueLength)
                throws IOException;

        /**
         * An edit of files stands here in the order of the commits. Its bytes lie in private memory that is valid during the
         * call.
         *
         * @param position where in the journal the bytes of the edit begin
         */
        void edit(long position, long seqno, MemorySegment edit, long offset, int length) throws IOException;
    }

    /**
     * What a replay found.
     *
     * @param seqnoMax the largest seqno that was visited, 0 if none
     * @param highestFileId of all files that exist, dead and empty ones included; ids below the next one are used up
     * @param endPosition where the chain ends; the next life's first file states it
     * @param isSealed whether the chain ends in the seal of a clean close
     * @param witnessManifestId the manifest that the last witness names, 0 if there is none
     * @param witnessForcedBytes how much of that manifest was on disk
     * @param discarded what was dropped, in words
     */
    public record Replayed(
            long seqnoMax, long highestFileId, long endPosition, boolean isSealed,
            long witnessManifestId, long witnessForcedBytes, List<String> discarded) {}

    /** How what was read of the chain ends. */
    private enum Ending {
        /** Without a seal, as a crash leaves it. */
        OPEN,
        CLOSED,
        CONTINUED
    }

    private final Storage storage;
    private final Path directory;
    private final long firstLiveId;
    private final RecoveryMode mode;
    private final Visitor visitor;
    private final Scratch window;
    private final Scratch valueMemory;
    private final Decompressors decompressors;
    private final Crc32c crc = new Crc32c();
    private final List<String> discarded = new ArrayList<>();

    private Ending ending = Ending.OPEN;
    private long endPosition;
    private Path endFile;
    private long lastSeqno = -1;
    private long witnessManifestId;
    private long witnessForcedBytes;
    private long decompressedAt = -1;
    private final Long2LongHashMap countByKeyspace = new Long2LongHashMap(0);
    private final Long2LongHashMap bytesByKeyspace = new Long2LongHashMap(0);

    private JournalReplay(
            Storage storage, Path directory, long firstLiveId, RecoveryMode mode, MemoryBudget budget,
            Visitor visitor) {
        this.storage = storage;
        this.directory = directory;
        this.firstLiveId = firstLiveId;
        this.mode = mode;
        this.visitor = visitor;
        window = Scratch.confined(budget);
        valueMemory = Scratch.confined(budget);
        decompressors = new Decompressors(budget);
        endPosition = JournalFormat.position(firstLiveId, JournalFormat.FILE_HEADER_BYTES);
        endFile = directory.resolve(JournalFormat.nameOf(firstLiveId));
    }

    /**
     * Visits the records of the chain that begins with the first live file. CorruptionException for what no crash
     * leaves, unless the mode is SALVAGE; files before the first live one are not looked at.
     */
    public static Replayed replay(
            Storage storage, Path directory, long firstLiveId, RecoveryMode mode, MemoryBudget budget, Visitor visitor)
            throws IOException {
        try (JournalReplay replay = new JournalReplay(storage, directory, firstLiveId, mode, budget, visitor)) {
            return replay.run();
        }
    }

    /**
     * Deletes the files before the first live one and those whose preparation was not finished; answers their names.
     */
    public static List<String> sweep(Storage storage, Path directory, long firstLiveId) throws IOException {
        List<String> swept = new ArrayList<>();
        for (String name : storage.list(directory)) {
            long id = JournalFormat.idOf(name);
            if (JournalFormat.isUnfinished(name) || 0 < id && id < firstLiveId) {
                storage.delete(directory.resolve(name));
                swept.add(name);
            }
        }
        return swept;
    }

    private Replayed run() throws IOException {
        long highestFileId = 0;
        List<Long> liveIds = new ArrayList<>();
        for (String name : storage.list(directory)) {
            long id = JournalFormat.idOf(name);
            highestFileId = Math.max(highestFileId, id);
            if (id >= firstLiveId) {
                liveIds.add(id);
            }
        }
        Collections.sort(liveIds); // by number: the names of a million files are not of one length
        replayFiles(liveIds);
        if (mode == RecoveryMode.EXACT && ending != Ending.CLOSED) {
            long endOffset = JournalFormat.offsetOf(endPosition);
            throw new CorruptionException(endFile, endOffset, "the seal of a clean close", "none");
        }
        return new Replayed(
                Math.max(0, lastSeqno), highestFileId, endPosition, ending == Ending.CLOSED,
                witnessManifestId, witnessForcedBytes, List.copyOf(discarded));
    }

    private void replayFiles(List<Long> liveIds) throws IOException {
        long expectedId = firstLiveId;
        for (long id : liveIds) {
            if (id != expectedId) {
                String reason = JournalFormat.nameOf(id) + " exists";
                damage(pathOf(expectedId), 0, "a journal file, as " + reason, "no such file");
                ending = Ending.OPEN;
            }
            replayFile(id);
            expectedId = id + 1;
        }
        if (liveIds.isEmpty() || ending == Ending.CONTINUED) {
            String reason = liveIds.isEmpty() ? "the manifest names it" : "its predecessor says continued";
            damage(pathOf(expectedId), 0, "a journal file, as " + reason, "no such file");
        }
    }

    private void replayFile(long id) throws IOException {
        try (JournalReader reader = new JournalReader(storage, pathOf(id), id, window, crc)) {
            if (!reader.readHeader()) {
                damage(reader.path(), 0, "the header that was forced before the file got its name", reader.defect());
                if (!reader.isHeaderWhole()) {
                    return;
                }
            }
            if (mode == RecoveryMode.SALVAGE || isLinked(reader)) {
                replayRecords(reader);
            } else {
                discard(reader);
            }
        }
    }

    private boolean isLinked(JournalReader reader) {
        if (reader.fileId() == firstLiveId) {
            return true;
        }
        if (ending == Ending.CONTINUED && reader.predecessorEnd() != endPosition && reader.predecessorEnd() != 0) {
            throw new CorruptionException(
                    reader.path(), JournalFormat.FILE_PREDECESSOR_END, "the file that " + endFile + " goes on in",
                    "one that follows position " + reader.predecessorEnd());
        }
        return ending == Ending.CONTINUED || reader.predecessorEnd() == endPosition;
    }

    /** A file that does not follow the end of the chain: a prepared one, or one whose predecessor lost its end. */
    private void discard(JournalReader reader) {
        long witnessOffset = reader.findForcedBehind(JournalFormat.FILE_HEADER_BYTES, endPosition);
        if (witnessOffset >= 0) {
            throw lostForced(reader, witnessOffset);
        }
        Found first = reader.read(JournalFormat.FILE_HEADER_BYTES);
        if (first == Found.INVALID) {
            return;
        }
        if (ending == Ending.CLOSED) {
            throw new CorruptionException(
                    reader.path(), JournalFormat.FILE_HEADER_BYTES,
                    "nothing, as the journal was closed before", "a record");
        }
        if (mode == RecoveryMode.EXACT) {
            throw new CorruptionException(
                    endFile, JournalFormat.offsetOf(endPosition),
                    "a seal, as " + reader.path() + " has records", "none");
        }
        discarded.add(reader.path() + ": all records, as they follow the gap at offset "
                + JournalFormat.offsetOf(endPosition) + " of " + endFile);
    }

    private CorruptionException lostForced(JournalReader reader, long witnessOffset) {
        return new CorruptionException(
                endFile, JournalFormat.offsetOf(endPosition),
                "a record, as the one at offset " + witnessOffset + " of " + reader.path()
                        + " knew it to be on disk up to position " + reader.forcedPosition(),
                "none");
    }

    private void replayRecords(JournalReader reader) throws IOException {
        ending = Ending.OPEN;
        endFile = reader.path();
        long offset = JournalFormat.FILE_HEADER_BYTES;
        while (true) {
            endPosition = reader.position(offset);
            Found found = reader.read(offset);
            if (found == Found.RECORD && isInOrder(reader) && visit(reader)) {
                offset += reader.recordBytes();
            } else if (found == Found.SEAL) {
                ending = reader.sealKind() == JournalFormat.SEAL_CLOSED ? Ending.CLOSED : Ending.CONTINUED;
                endPosition = reader.position(offset + JournalFormat.SEAL_BYTES);
                return;
            } else {
                offset = found == Found.INVALID ? behindInvalid(reader, offset) : behindMalformed(reader, offset);
                if (offset < 0) {
                    return;
                }
            }
        }
    }

    /** The end of the file, a torn tail, or damage. Answers where salvage goes on, or -1. */
    private long behindInvalid(JournalReader reader, long offset) {
        if (mode == RecoveryMode.SALVAGE) {
            long next = reader.findRecord(offset + 8);
            if (next >= 0) {
                discarded.add(reader.path() + ": " + (next - offset) + " bytes at offset " + offset
                        + ", which hold no whole record");
            }
            return next;
        }
        long witnessOffset = reader.findForcedBehind(offset + 8, endPosition);
        if (witnessOffset >= 0) {
            throw lostForced(reader, witnessOffset);
        }
        long next = reader.findRecord(offset + 8);
        if (next >= 0) {
            discarded.add(reader.path() + ": all from offset " + offset + " on, where a record is torn; offset " + next
                    + " holds a whole one");
        }
        return -1;
    }

    /** A record whose checksums are right and whose content is not. Answers where salvage goes on, or -1. */
    private long behindMalformed(JournalReader reader, long offset) {
        damage(reader.path(), offset, "a well-formed record", reader.defect());
        return reader.findRecord(offset + 8);
    }

    private boolean isInOrder(JournalReader reader) {
        long seqno = reader.seqno();
        if (mode == RecoveryMode.SALVAGE) {
            lastSeqno = Math.max(lastSeqno, seqno);
            return true;
        }
        if (seqno < lastSeqno || seqno == lastSeqno && reader.takesSeqno()) {
            reader.markMalformed("seqno " + seqno + " behind seqno " + lastSeqno);
            return false;
        }
        lastSeqno = seqno;
        return true;
    }

    /** False, and nothing was visited, if a value cannot be decompressed. */
    private boolean visit(JournalReader reader) throws IOException {
        MemorySegment memory = reader.memory();
        long start = reader.entriesOffset();
        decompressedAt = -1;
        long at = start;
        for (int index = 0; index < reader.count(); index++) {
            if (!decompress(memory, at)) {
                reader.markMalformed("entry " + index + " with a value that cannot be decompressed");
                return false;
            }
            at += JournalReader.entryBytes(memory, at);
        }
        if (reader.dataCount() > 0) {
            long position = reader.position(reader.recordOffset());
            visitor.record(position, reader.seqno(), reader.dataCount(), reader.dataBytes());
        }
        if (reader.isEdit()) {
            visitEdit(reader, memory, start);
            return true;
        }
        visitParts(reader, memory, start);
        at = start;
        for (int index = 0; index < reader.count(); index++) {
            visitEntry(memory, at, reader.seqno());
            at += JournalReader.entryBytes(memory, at);
        }
        return true;
    }

    private void visitParts(JournalReader reader, MemorySegment memory, long start) throws IOException {
        countByKeyspace.clear();
        bytesByKeyspace.clear();
        long at = start;
        for (int index = 0; index < reader.count(); index++) {
            int keyspaceId = memory.get(INT_LE, at + JournalFormat.ENTRY_KEYSPACE);
            if (keyspaceId != JournalFormat.CONTROL_KEYSPACE) {
                long bytes = JournalReader.keyLength(memory, at)
                        + (long) memory.get(INT_LE, at + JournalFormat.ENTRY_VALUE_LENGTH);
                countByKeyspace.put(keyspaceId, countByKeyspace.get(keyspaceId) + 1);
                bytesByKeyspace.put(keyspaceId, bytesByKeyspace.get(keyspaceId) + bytes);
            }
            at += JournalReader.entryBytes(memory, at);
        }
        for (long keyspaceId : countByKeyspace.keySet()) {
            visitor.part(
                    reader.seqno(), (int) keyspaceId, (int) countByKeyspace.get(keyspaceId),
                    bytesByKeyspace.get(keyspaceId));
        }
    }

    private void visitEdit(JournalReader reader, MemorySegment memory, long at) throws IOException {
        long position = reader.position(
                reader.recordOffset() + JournalFormat.RECORD_HEADER_BYTES + JournalFormat.ENTRY_HEADER_BYTES);
        int length = memory.get(INT_LE, at + JournalFormat.ENTRY_VALUE_LENGTH);
        visitor.edit(position, reader.seqno(), memory, at + JournalFormat.ENTRY_HEADER_BYTES, length);
    }

    private void visitEntry(MemorySegment memory, long at, long seqno) throws IOException {
        int keyspaceId = memory.get(INT_LE, at + JournalFormat.ENTRY_KEYSPACE);
        int keyLength = JournalReader.keyLength(memory, at);
        int valueLength = memory.get(INT_LE, at + JournalFormat.ENTRY_VALUE_LENGTH);
        long keyOffset = at + JournalFormat.ENTRY_HEADER_BYTES;
        long valueOffset = keyOffset + keyLength;
        if (keyspaceId == JournalFormat.CONTROL_KEYSPACE) {
            witnessManifestId = memory.get(LONG_LE, valueOffset);
            witnessForcedBytes = memory.get(LONG_LE, valueOffset + 8);
            return;
        }
        int type = Byte.toUnsignedInt(memory.get(BYTE, at + JournalFormat.ENTRY_TYPE));
        if (isCompressed(memory, at)) {
            decompress(memory, at);
            visitor.entry(
                    seqno, keyspaceId, type, memory, keyOffset, keyLength,
                    valueMemory.atLeast(valueLength), 0, valueLength);
        } else {
            visitor.entry(seqno, keyspaceId, type, memory, keyOffset, keyLength, memory, valueOffset, valueLength);
        }
    }

    private static boolean isCompressed(MemorySegment memory, long at) {
        return memory.get(BYTE, at + JournalFormat.ENTRY_COMPRESSION) != Codec.NONE.id();
    }

    /** Whether the entry's value is there as it was before compression: in place, or now in the value memory. */
    private boolean decompress(MemorySegment memory, long at) {
        if (!isCompressed(memory, at) || decompressedAt == at) {
            return true;
        }
        Codec codec = Codec.ofId(memory.get(BYTE, at + JournalFormat.ENTRY_COMPRESSION));
        if (!Codecs.isAvailable(codec)) {
            throw new CodecMissingException("the journals in " + directory + " hold values compressed with " + codec
                    + ", which needs native access");
        }
        int valueLength = memory.get(INT_LE, at + JournalFormat.ENTRY_VALUE_LENGTH);
        int storedLength = memory.get(INT_LE, at + JournalFormat.ENTRY_STORED_LENGTH);
        long storedOffset = at + JournalFormat.ENTRY_HEADER_BYTES + JournalReader.keyLength(memory, at);
        MemorySegment target = valueMemory.atLeast(valueLength);
        decompressedAt = at;
        return decompressors.of(codec).decompress(memory, storedOffset, storedLength, target, 0, valueLength);
    }

    private Path pathOf(long id) {
        return directory.resolve(JournalFormat.nameOf(id));
    }

    private void damage(Path file, long offset, String expected, String found) {
        CorruptionException damage = new CorruptionException(file, offset, expected, found);
        if (mode != RecoveryMode.SALVAGE) {
            throw damage;
        }
        discarded.add(String.valueOf(damage.getMessage()));
    }

    @Override
    public void close() {
        window.close();
        valueMemory.close();
        decompressors.close();
    }
}
