package io.firn.version;

import io.firn.blob.BlobFile;
import io.firn.blob.BlobWriter;
import io.firn.config.BlobOptions;
import io.firn.entry.BlobHandle;
import io.firn.entry.HeldBlock;
import io.firn.entry.Trailer;
import io.firn.ffm.memory.Scratch;
import io.firn.table.TableSettings;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.agrona.collections.Long2ObjectHashMap;
import org.agrona.collections.LongHashSet;
import org.jspecify.annotations.Nullable;

/**
 * Takes large values out of the entries of a run that is being written, into blob files, and leaves handles in their place; handles that
 * come are kept, or, if they name a file that is to go, their values written anew. Counts for each table what it names.
 *
 * <p>Invariants: (1) what {@link #place} answers is valid until the next call. (2) Without {@link #finish} no file of it is left, as far as
 * the disk allows. (3) In steady state an entry allocates nothing on the heap; a file, and a table for each file that it names, does.
 *
 * <p>Threads: one. Closed by: its {@link RunWriter}.
 */
final class Separation implements AutoCloseable {
    private static final long NO_FILE = -1;

    private final TableFiles files;
    private final int keyspaceId;
    private final BlobOptions options;
    private final BlobSource source;
    private final LongHashSet rewritten = new LongHashSet();
    private final HeldBlock moved;
    private final Scratch handleMemory;
    private final MemorySegment handle;

    private final List<Path> written = new ArrayList<>();
    private final Map<Long, BlobRecord> records = new TreeMap<>();
    private final Map<Long, BlobFile> opened = new TreeMap<>();
    private @Nullable BlobWriter writer;
    private long fileId;
    private long finishedBytes;

    private final Long2ObjectHashMap<Count> countByFile = new Long2ObjectHashMap<>();
    private long lastFileId = NO_FILE;
    private Count lastCount = new Count();

    private long trailer;
    private MemorySegment value = MemorySegment.NULL;
    private long valueOffset;
    private int valueLength;

    /** How many values of a file one table names, and what they take as they are stored. */
    private static final class Count {
        private long values;
        private long bytes;
    }

    /** What a table names, before it is known how large the files become. */
    record Named(long fileId, long valueCount, long storedBytes) {}

    Separation(TableFiles files, int keyspaceId, BlobOptions options, BlobSource source, Set<Long> rewrittenFiles) {
        this.files = files;
        this.keyspaceId = keyspaceId;
        this.options = options;
        this.source = source;
        rewrittenFiles.forEach(rewritten::add);
        moved = HeldBlock.confined(files.budget());
        handleMemory = Scratch.confined(files.budget());
        handle = handleMemory.atLeast(BlobHandle.BYTES);
    }

    /** Takes an entry that is no tombstone; what is to be written in its place is told by the methods behind this one. */
    void place(long entryTrailer, MemorySegment entryValue, long entryOffset, int entryLength) throws IOException {
        if (Trailer.isSeparated(entryTrailer)) {
            long named = BlobHandle.fileId(entryValue, entryOffset);
            if (rewritten.contains(named)) {
                source.holdOnce(entryValue, entryOffset, moved);
                separate(entryTrailer, moved.segment(), moved.at(), moved.length());
                moved.release();
                return;
            }
            count(named, BlobHandle.storedBytes(entryValue, entryOffset));
        } else if (entryLength >= options.separationBytes()) {
            separate(entryTrailer, entryValue, entryOffset, entryLength);
            return;
        }
        trailer = entryTrailer;
        value = entryValue;
        valueOffset = entryOffset;
        valueLength = entryLength;
    }

    long trailer() {
        return trailer;
    }

    MemorySegment valueSegment() {
        return value;
    }

    long valueOffset() {
        return valueOffset;
    }

    int valueLength() {
        return valueLength;
    }

    private void separate(long entryTrailer, MemorySegment plain, long plainOffset, int plainLength) throws IOException {
        BlobWriter open = writer == null ? beginFile() : writer;
        long offset = open.add(plain, plainOffset, plainLength);
        BlobHandle.put(handle, 0, fileId, offset, open.lastStoredBytes(), plainLength);
        count(fileId, open.lastStoredBytes());
        if (open.fileBytes() >= options.fileBytes()) {
            endFile();
        }
        trailer = Trailer.of(Trailer.seqno(entryTrailer), Trailer.SEPARATED);
        value = handle;
        valueOffset = 0;
        valueLength = BlobHandle.BYTES;
    }

    private void count(long named, int storedBytes) {
        if (named != lastFileId) {
            Count found = countByFile.get(named);
            if (found == null) {
                found = new Count();
                countByFile.put(named, found);
            }
            lastFileId = named;
            lastCount = found;
        }
        lastCount.values++;
        lastCount.bytes += storedBytes;
    }

    /** A table ends: what it names of blob files. */
    List<Named> endTable() {
        List<Named> named = new ArrayList<>(countByFile.size());
        countByFile.forEachLong((id, count) -> named.add(new Named(id, count.values, count.bytes)));
        countByFile.clear();
        lastFileId = NO_FILE;
        return named;
    }

    /** What was written so far. */
    long writtenBytes() {
        return finishedBytes + (writer == null ? 0 : writer.fileBytes());
    }

    private BlobWriter beginFile() throws IOException {
        fileId = files.nextFileId().getAsLong();
        Path path = files.files().blob(keyspaceId, fileId);
        written.add(path);
        BlobWriter begun = new BlobWriter(
                files.storage().create(path), fileId, options.separationBytes(), TableSettings.codecOf(options.compression()),
                files.budget());
        writer = begun;
        return begun;
    }

    private void endFile() throws IOException {
        BlobWriter ending = writer;
        if (ending == null) {
            return;
        }
        ending.finish();
        ending.close();
        writer = null;
        records.put(fileId, new BlobRecord(fileId, ending.fileBytes(), ending.valueCount(), ending.storedBytes()));
        finishedBytes += ending.fileBytes();
    }

    /** Forces and opens the files, and makes their names durable. */
    void finish() throws IOException {
        endFile();
        for (BlobRecord record : records.values()) {
            opened.put(record.id(), files.access().openBlobFile(
                    files.storage(), files.files().blob(keyspaceId, record.id()), record.id(), record.fileBytes()));
        }
        if (!opened.isEmpty()) {
            // Crash here: the files are whole, but their names may be gone; nobody names them.
            files.storage().syncDirectory(files.files().blobsDirectory(keyspaceId));
            // Crash here: orphans, which recovery deletes.
        }
    }

    /** The files that were written. After {@link #finish}; who needs them longer than this is open retains them. */
    List<BlobFile> files() {
        return List.copyOf(opened.values());
    }

    /** What a table names, as the manifest says it, in the order of the files' ids. After {@link #finish}. */
    List<BlobLink> links(List<Named> named) {
        Map<Long, BlobLink> links = new TreeMap<>();
        for (Named each : named) {
            BlobRecord own = records.get(each.fileId);
            BlobRecord record = own == null ? source.record(each.fileId) : own;
            links.put(each.fileId, new BlobLink(record, each.valueCount, each.storedBytes));
        }
        return List.copyOf(links.values());
    }

    /** The open files that a table names. After {@link #finish}. */
    List<BlobFile> files(List<BlobLink> links) {
        List<BlobFile> named = new ArrayList<>(links.size());
        for (BlobLink link : links) {
            BlobFile own = opened.get(link.file().id());
            named.add(own == null ? source.file(link.file().id()) : own);
        }
        return named;
    }

    /** Gives up the files; those of a run that was not finished are to be deleted. */
    List<Path> discard() {
        if (writer != null) {
            writer.close();
        }
        return written;
    }

    /** Frees the memory; files that no table has retained are closed. */
    @Override
    public void close() {
        moved.close();
        handleMemory.close();
        opened.values().forEach(BlobFile::release);
        opened.clear();
    }
}
