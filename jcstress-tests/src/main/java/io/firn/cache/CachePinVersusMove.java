package io.firn.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * A reader pins a block and reads it while an insert goes round the ring: it drops the block before, moves this one,
 * which was used, into the gap, drops the one behind and takes its place (R19).
 */
@JCStressTest
@Outcome(id = "1, 1, 1", expect = ACCEPTABLE, desc = "read before or after the move, or pinned and stepped over")
@Outcome(id = "0, 1, 1", expect = ACCEPTABLE, desc = "missed while it was moved")
@Outcome(id = "-1, .*", expect = FORBIDDEN, desc = "bytes of another block")
@Outcome(expect = FORBIDDEN, desc = "a block that was lost or has wrong bytes")
@State
public class CachePinVersusMove {
    private static final int DROPPED = 0;
    private static final int USED = 1;
    private static final int BEHIND = 2;
    private static final int NEW = 3;

    private final SmallShard small = new SmallShard();

    public CachePinVersusMove() {
        small.insertUnpinned(DROPPED, 4000);
        small.insertUnpinned(USED, 4000);
        small.insertUnpinned(BEHIND, 8000);
        small.read(USED);
    }

    @Actor
    public void reader(III_Result result) {
        result.r1 = small.read(USED);
    }

    @Actor
    public void inserter(III_Result result) {
        int handle = small.insert(NEW, 8000);
        result.r2 = handle != Shard.NONE && small.isRight(handle, NEW) ? 1 : 0;
    }

    @Arbiter
    public void end(III_Result result) {
        result.r3 = small.read(USED);
        small.recycle();
    }
}
