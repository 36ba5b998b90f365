package io.firn.table;

import io.firn.blob.BlobFile;
import io.firn.cache.BlockCache;
import io.firn.config.KeyspaceOptions;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a table, and the blob files that it names, are opened with: the cache for its compressed blocks, if any; whose
 * memory is copied to and whose is used in passing; and whether its index and its filter are copied to memory when it is opened.
 */
public record TableAccess(
        @Nullable BlockCache cache, MemoryBudget pinnedBudget, MemoryBudget scratchBudget, boolean indexPinned,
        boolean filterPinned) {
    /** For who opens a table for himself: no cache, nothing pinned. */
    public static TableAccess alone(MemoryBudget budget) {
        return new TableAccess(null, budget, budget, false, false);
    }

    /** Opens a blob file that tables name, which shares the cache with them; retained once, by the caller. */
    public BlobFile openBlobFile(Storage storage, Path path, long id, long fileBytes) throws IOException {
        BlobFile file = BlobFile.open(storage, path, id, fileBytes, cache, scratchBudget);
        file.retain();
        return file;
    }

    /** The same for a table of a level of a keyspace. */
    public TableAccess at(KeyspaceOptions options, int level) {
        return new TableAccess(cache, pinnedBudget, scratchBudget, options.indexPinned().at(level),
                options.filterPinned().at(level));
    }
}
