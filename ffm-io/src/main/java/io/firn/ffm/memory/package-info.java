/**
 * Memory: native segments that are recycled instead of closed, and the few loops over bytes that everything else is
 * made of.
 *
 * <p>Invariants: (1) hot code sees native segments only; what a caller brings is copied to native memory first, so that
 * access sites stay monomorphic. (2) Every byte allocated here is charged to a {@link io.firn.ffm.budget.MemoryBudget}.
 * (3) {@link io.firn.ffm.memory.Bytes} never calls an intrinsic that would kill the VM on a lost page of a mapped
 * file (R23): it compares by 8-byte loads.
 *
 * <p>Below: budget. Above: codec, and the engine.
 */
@NullMarked
package io.firn.ffm.memory;

import org.jspecify.annotations.NullMarked;
