package io.firn.keyspace;

import io.firn.cache.BlockCache;
import io.firn.ffm.file.Storage;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.SlabPool;
import io.firn.table.TableAccess;
import io.firn.version.DatabaseFiles;
import io.firn.version.TableFiles;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** What the trees of one database share. {@code onLostPage} poisons: a page of a mapped file could not be read (R23). */
public record TreeContext(
        Storage storage,
        DatabaseFiles files,
        TableAccess access,
        SlabPool slabs,
        PublishedSeqno published,
        Readers readers,
        Retirement retirement,
        Consumer<Throwable> onLostPage) {

    /** The same, with what tables are opened with in parts; which of them are pinned is said by the options of a keyspace. */
    public static TreeContext of(
            Storage storage, DatabaseFiles files, BlockCache cache, MemoryBudget pinned, MemoryBudget scratch,
            SlabPool slabs, PublishedSeqno published, Readers readers, Retirement retirement,
            Consumer<Throwable> onLostPage) {
        TableAccess access = new TableAccess(cache, pinned, scratch, false, false);
        return new TreeContext(storage, files, access, slabs, published, readers, retirement, onLostPage);
    }

    /** Where new tables come from. */
    public TableFiles tableFiles(LongSupplier nextFileId, LongSupplier millisClock, BooleanSupplier isCancelled) {
        return new TableFiles(storage, files, access, nextFileId, millisClock, isCancelled);
    }

    /** What reading and writing take in passing is charged here. */
    public MemoryBudget budget() {
        return access.scratchBudget();
    }

    /**
     * At which seqnos what is being merged may still be read: those of the live snapshots and the published one, ascending. Taken
     * when what is merged is fixed (R11).
     */
    public long[] boundaries() {
        Snapshots.Captured captured = readers.snapshots().capture();
        long[] boundaries = Arrays.copyOf(captured.seqnos(), captured.seqnos().length + 1);
        boundaries[boundaries.length - 1] = captured.published();
        return boundaries;
    }
}
