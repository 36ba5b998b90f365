package io.firn.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Two readers that missed a block insert it: the second takes the first's (R19). */
@JCStressTest
@Outcome(id = "1, 1, 2", expect = ACCEPTABLE, desc = "one block, pinned by both, beside the one that was there")
@Outcome(id = "1, 1, 3", expect = FORBIDDEN, desc = "two live copies")
@Outcome(expect = FORBIDDEN, desc = "wrong bytes, or a pin that was lost")
@State
public class CacheInsertVersusInsert {
    private final SmallShard small = new SmallShard();

    /** There is a slab: while one reader brings it, another is told that there is no room. */
    public CacheInsertVersusInsert() {
        small.insertUnpinned(0, 800);
    }

    @Actor
    public void first(III_Result result) {
        result.r1 = insert();
    }

    @Actor
    public void second(III_Result result) {
        result.r2 = insert();
    }

    @Arbiter
    public void end(III_Result result) {
        result.r3 = (int) small.shard.blockCount();
        if (small.shard.giveBackSlab() == 0) {
            // A pin is left that nobody has.
            result.r3 = -1;
        }
        small.recycle();
    }

    private int insert() {
        int handle = small.insert(1, 800);
        int seen = small.isRight(handle, 1) ? 1 : -1;
        small.shard.unpin(handle);
        return seen;
    }
}
