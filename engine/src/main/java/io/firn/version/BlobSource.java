package io.firn.version;

import io.firn.blob.BlobFile;
import io.firn.entry.BlobHandle;
import io.firn.entry.HeldBlock;
import io.firn.error.CorruptionException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The open blob files of one version: where the handles of its tables lead.
 *
 * <p>Threads: any; immutable. The tables hold the files open.
 */
public final class BlobSource {
    /** Of tables that name no blob file. */
    public static final BlobSource NONE = new BlobSource(new Long2ObjectHashMap<>(), Map.of());

    private final Long2ObjectHashMap<BlobFile> fileById;
    private final Map<Long, BlobRecord> recordById;

    private BlobSource(Long2ObjectHashMap<BlobFile> fileById, Map<Long, BlobRecord> recordById) {
        this.fileById = fileById;
        this.recordById = recordById;
    }

    static BlobSource of(Collection<Run> runs) {
        Long2ObjectHashMap<BlobFile> files = new Long2ObjectHashMap<>();
        Map<Long, BlobRecord> records = new HashMap<>();
        for (Run run : runs) {
            run.tables().forEach(table -> table.blobFiles().forEach(file -> files.put(file.id(), file)));
            run.records().forEach(record -> record.blobs().forEach(link -> records.put(link.file().id(), link.file())));
        }
        return files.isEmpty() ? NONE : new BlobSource(files, records);
    }

    /** Holds the value that a handle names. */
    public void hold(MemorySegment handles, long handleAt, HeldBlock holder) {
        fileOf(handles, handleAt).hold(handles, handleAt, holder);
    }

    /** The same, for who reads each value once. */
    public void holdOnce(MemorySegment handles, long handleAt, HeldBlock holder) {
        fileOf(handles, handleAt).holdOnce(handles, handleAt, holder);
    }

    private BlobFile fileOf(MemorySegment handles, long handleAt) {
        return file(BlobHandle.fileId(handles, handleAt));
    }

    /** CorruptionException if no table is known to name it. */
    BlobFile file(long id) {
        BlobFile file = fileById.get(id);
        if (file == null) {
            throw unknown(id);
        }
        return file;
    }

    BlobRecord record(long id) {
        BlobRecord record = recordById.get(id);
        if (record == null) {
            throw unknown(id);
        }
        return record;
    }

    @Nullable BlobFile fileOrNull(long id) {
        return fileById.get(id);
    }

    private CorruptionException unknown(long id) {
        return new CorruptionException(Path.of("blobs"), 0, "a value in one of the blob files " + List.copyOf(recordById.keySet())
                + ", which the manifest names", "one in blob file " + id);
    }

    /** They are in no other version: what the cache has of them is of no use when they are closed. */
    public void doom(Collection<Long> ids) {
        for (long id : ids) {
            BlobFile file = fileById.get(id);
            if (file != null) {
                file.doom();
            }
        }
    }
}
