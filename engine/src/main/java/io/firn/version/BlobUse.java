package io.firn.version;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A blob file, and what of it the tables of a version name. What none names is garbage: so no figure of it is kept that could be
 * wrong, and a file that no table names is not there any more.
 */
public record BlobUse(BlobRecord file, long valueCount, long storedBytes) {
    /** All blob files that tables name, by their ids, which ascend with their age. */
    public static Map<Long, BlobUse> of(Collection<TableRecord> tables) {
        Map<Long, BlobUse> uses = new TreeMap<>();
        for (TableRecord table : tables) {
            for (BlobLink link : table.blobs()) {
                BlobUse one = new BlobUse(link.file(), link.valueCount(), link.storedBytes());
                uses.merge(link.file().id(), one, BlobUse::plus);
            }
        }
        return uses;
    }

    /** The ids of the blob files that tables name which were there before, and none that is there after. */
    public static Set<Long> forgotten(List<TableRecord> before, List<TableRecord> after) {
        Set<Long> forgotten = new HashSet<>(of(before).keySet());
        forgotten.removeAll(of(after).keySet());
        return forgotten;
    }

    /** What is stored and not named. */
    public long garbageBytes() {
        return file.storedBytes() - storedBytes;
    }

    /** The part of the stored values that is garbage. */
    public double staleness() {
        return (double) garbageBytes() / file.storedBytes();
    }

    private BlobUse plus(BlobUse other) {
        return new BlobUse(file, valueCount + other.valueCount, storedBytes + other.storedBytes);
    }
}
