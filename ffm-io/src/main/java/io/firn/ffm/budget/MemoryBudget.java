package io.firn.ffm.budget;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * An account of off-heap bytes with a limit. One budget may serve several databases, and an application may
 * reserve from it for memory of its own. A part of a budget is an account of the same kind that charges the whole too, so
 * that it tells who uses what.
 *
 * <p>Invariants: (1) {@code usedBytes} is what was reserved and not yet released; that of a whole covers its parts. (2) Only
 * an overdraft takes it over the limit, and an overdraft never fails: it is for readers, which never wait for memory, and for
 * the work that frees memory (R21). (3) A part with a floor uses that much from its making on, whether or not it needs it, so
 * that it never has to overdraw for less. (4) Exempt bytes are used, but do not count against limits: a reader's pin alone
 * holds them, and writing out would not free them (R21).
 *
 * <p>Threads: any.
 */
public final class MemoryBudget {
    private final @Nullable MemoryBudget whole;
    private final Relief relief;
    private final long limitBytes;
    private final long floorBytes;
    private final AtomicLong neededBytes = new AtomicLong();
    private final AtomicLong exemptBytes = new AtomicLong();

    /** What {@link #endFloor} has added to the needed bytes, so that they are never below the floor again. */
    private volatile long endedFloorBytes;

    private MemoryBudget(@Nullable MemoryBudget whole, long limitBytes, long floorBytes) {
        this.whole = whole;
        this.relief = whole == null ? new Relief() : whole.relief;
        this.limitBytes = limitBytes;
        this.floorBytes = floorBytes;
    }

    /** A budget of so many mebibytes, at least 1. */
    public static MemoryBudget ofMebibytes(long mebibytes) {
        return ofBytes(Math.multiplyExact(mebibytes, 1L << 20));
    }

    /** A budget of so many bytes, at least 1. */
    public static MemoryBudget ofBytes(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("a budget of " + bytes + " bytes; at least 1");
        }
        return new MemoryBudget(null, bytes, 0);
    }

    // ---- parts

    /** A part that may use at most so many bytes. */
    public MemoryBudget part(long partLimitBytes) {
        return new MemoryBudget(this, partLimitBytes, 0);
    }

    /** A part that has so many bytes for certain; null if they cannot be reserved. */
    public @Nullable MemoryBudget partWithFloor(long partLimitBytes, long partFloorBytes) {
        return reserveOrReclaim(partFloorBytes) ? new MemoryBudget(this, partLimitBytes, partFloorBytes) : null;
    }

    /** Gives the floor of a part back to the whole; what is needed of it stays charged until it is released. Once. */
    public void endFloor() {
        assert endedFloorBytes == 0 : "a floor is ended once";
        overdraw(floorBytes);
        endedFloorBytes = floorBytes;
        if (whole != null) {
            whole.release(floorBytes);
        }
    }

    // ---- reserving

    /** Reserves the bytes, or changes nothing and answers false when they would pass a limit. */
    public boolean tryReserve(long bytes) {
        assert 0 <= bytes : bytes;
        while (true) {
            long needed = neededBytes.get();
            if (bytes > limitBytes - (needed - exemptBytes.get())) {
                return false;
            }
            if (neededBytes.compareAndSet(needed, needed + bytes)) {
                return whole == null || tryCharge(whole, aboveFloor(needed, needed + bytes), bytes);
            }
        }
    }

    /**
     * The same, but if it is the whole that lacks the bytes, those who can give some back at once are asked to do so. The caller
     * holds no lock that a {@link Reclaimer} takes.
     */
    public boolean reserveOrReclaim(long bytes) {
        while (!tryReserve(bytes)) {
            if (whole != null && bytes > leftOfLimitBytes() || relief.giveBack(root().shortageBytes(bytes)) == 0) {
                return false;
            }
        }
        return true;
    }

    /** Reserves the bytes whatever the limits say. */
    public void overdraw(long bytes) {
        assert 0 <= bytes : bytes;
        long needed = neededBytes.getAndAdd(bytes);
        if (whole != null) {
            whole.overdraw(aboveFloor(needed, needed + bytes));
        }
    }

    /** Gives back bytes that were reserved or overdrawn. */
    public void release(long bytes) {
        long left = neededBytes.addAndGet(-bytes);
        assert 0 <= bytes && 0 <= left : "released " + bytes + ", left " + left;
        if (whole != null) {
            whole.release(aboveFloor(left, left + bytes));
        }
    }

    /** Bytes that were reserved no longer count against limits, since only a pin holds them: {@link #releaseExempt} them. */
    public void exempt(long bytes) {
        exemptBytes.getAndAdd(bytes);
        if (whole != null) {
            whole.exempt(bytes);
        }
    }

    /** Gives back bytes that were made exempt. */
    public void releaseExempt(long bytes) {
        unexempt(bytes);
        release(bytes);
    }

    private void unexempt(long bytes) {
        long left = exemptBytes.addAndGet(-bytes);
        assert 0 <= bytes && 0 <= left : "released " + bytes + " exempt bytes, left " + left;
        if (whole != null) {
            whole.unexempt(bytes);
        }
    }

    // ---- relief

    /** Who gives memory of this budget back when a reservation fails, in the order of their registration. */
    public void register(Reclaimer reclaimer) {
        relief.register(reclaimer);
    }

    public void unregister(Reclaimer reclaimer) {
        relief.unregister(reclaimer);
    }

    /** Who holds memory of this budget that has to be written out before it can be given back. */
    public void register(Debtor debtor) {
        relief.register(debtor);
    }

    public void unregister(Debtor debtor) {
        relief.unregister(debtor);
    }

    /**
     * Memory of the whole is to come free for so many bytes: makes the debtor with the largest debt begin to settle it, unless
     * enough is being settled already. False if nobody who can be asked will free memory. The caller holds no lock that a {@link
     * Debtor} takes.
     */
    public boolean settle(long bytes) {
        return relief.settle(root().shortageBytes(bytes));
    }

    /** Tells all debtors that memory was freed for which they may wait. */
    public void announceFreed() {
        relief.announceFreed();
    }

    // ---- reading

    /** What is reserved now; at least the floor. */
    public long usedBytes() {
        return Math.max(floorBytes, neededBytes.get()) - endedFloorBytes;
    }

    /** What of it only pins hold. */
    public long exemptBytes() {
        return exemptBytes.get();
    }

    /** The limit that this budget was made with. */
    public long limitBytes() {
        return limitBytes;
    }

    /** What could be reserved now; negative after an overdraft. */
    public long leftBytes() {
        long ofFloor = Math.max(0, floorBytes - neededBytes.get());
        return whole == null ? leftOfLimitBytes() : Math.min(leftOfLimitBytes(), whole.leftBytes() + ofFloor);
    }

    /** What the limit of this account leaves, be it left in the whole or not; negative after an overdraft. */
    public long leftOfLimitBytes() {
        return limitBytes - (neededBytes.get() - exemptBytes.get());
    }

    @Override
    public String toString() {
        return usedBytes() + " of " + limitBytes + " bytes";
    }

    /** Charges the whole for bytes that were added here, or takes them away again. */
    private boolean tryCharge(MemoryBudget charged, long charge, long bytes) {
        if (charged.tryReserve(charge)) {
            return true;
        }
        long needed = neededBytes.addAndGet(-bytes);
        // Others may have crossed the floor meanwhile and charged for less, or more, than they had without these bytes.
        long owed = charge - aboveFloor(needed, needed + bytes);
        if (owed > 0) {
            charged.overdraw(owed);
        } else {
            charged.release(-owed);
        }
        return false;
    }

    /** What the way from less to more needed bytes costs the whole. */
    private long aboveFloor(long less, long more) {
        return Math.max(floorBytes, more) - Math.max(floorBytes, less);
    }

    private MemoryBudget root() {
        return whole == null ? this : whole.root();
    }

    /** How many bytes are missing for a reservation of so many. */
    private long shortageBytes(long bytes) {
        return Math.max(0, bytes - leftOfLimitBytes());
    }
}
