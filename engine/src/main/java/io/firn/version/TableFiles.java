package io.firn.version;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import io.firn.table.TableAccess;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Where new tables of a database come from: the disk and the names on it, what they are opened with, ids that are given once, the wall clock, and whether
 * whoever is writing is to stop.
 */
public record TableFiles(
        Storage storage, DatabaseFiles files, TableAccess access, LongSupplier nextFileId, LongSupplier millisClock,
        BooleanSupplier isCancelled) {

    /** What writing takes in passing is charged here. */
    public MemoryBudget budget() {
        return access.scratchBudget();
    }
}
