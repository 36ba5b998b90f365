package io.firn.ffm.budget;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Those who can give back memory of one budget, and in which order they are asked.
 *
 * <p>Threads: any; nobody is called with a lock held.
 */
final class Relief {
    private final List<Reclaimer> reclaimers = new CopyOnWriteArrayList<>();
    private final List<Debtor> debtors = new CopyOnWriteArrayList<>();

    void register(Reclaimer reclaimer) {
        reclaimers.add(reclaimer);
    }

    void unregister(Reclaimer reclaimer) {
        reclaimers.remove(reclaimer);
    }

    void register(Debtor debtor) {
        debtors.add(debtor);
    }

    void unregister(Debtor debtor) {
        debtors.remove(debtor);
    }

    /** How many bytes were given back; not many more than wanted. */
    long giveBack(long wantedBytes) {
        long given = 0;
        for (Reclaimer each : reclaimers) {
            if (given >= wantedBytes) {
                break;
            }
            given += each.giveBack(wantedBytes - given);
        }
        return given;
    }

    boolean settle(long bytes) {
        if (bytes == 0) {
            return true;
        }
        long settlingBytes = 0;
        long largestBytes = 0;
        Debtor largest = null;
        for (Debtor each : debtors) {
            long eachSettlingBytes = each.settlingBytes();
            if (eachSettlingBytes > 0) {
                settlingBytes += eachSettlingBytes;
                each.keepSettling();
            }
            long debtBytes = each.largestDebtBytes();
            if (debtBytes > largestBytes) {
                largestBytes = debtBytes;
                largest = each;
            }
        }
        if (settlingBytes < bytes && largest != null) {
            largest.settleLargest();
            return true;
        }
        return settlingBytes > 0;
    }

    void announceFreed() {
        debtors.forEach(Debtor::memoryFreed);
    }
}
