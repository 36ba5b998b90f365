package io.firn.tx;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Leases;
import io.firn.ffm.memory.SlabPool;

/**
 * What transactions borrow: so that in steady state one allocates no memory outside the heap, and closes none.
 *
 * <p>Threads: any. Closed by: the engine, with the gate.
 */
final class Supplies implements AutoCloseable {
    private static final long SLABS_KEPT_BYTES = 16 << 20;

    /** Private writes and recent ones; no part of the write buffer, since no flush makes it come free. */
    final SlabPool slabs;

    private final Leases<Workspace> workspaces;
    private final Leases<OverlaidWalk> walks;

    Supplies(MemoryBudget budget) {
        slabs = new SlabPool(budget, SLABS_KEPT_BYTES);
        workspaces = new Leases<>(() -> new Workspace(budget));
        walks = new Leases<>(() -> new OverlaidWalk(budget, this::giveBack));
    }

    Workspace leaseWorkspace() {
        return workspaces.lease();
    }

    void giveBack(Workspace workspace) {
        workspace.clear();
        workspaces.giveBack(workspace);
    }

    OverlaidWalk leaseWalk() {
        return walks.lease();
    }

    private void giveBack(OverlaidWalk walk) {
        walks.giveBack(walk);
    }

    @Override
    public void close() {
        workspaces.close();
        walks.close();
        slabs.close();
    }
}
