package io.firn.memtable;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * {@link SkipListSplitVersusLookup} without versions and fences: on x86 too, a reader meets the left half cut, but
 * not yet linked.
 */
@JCStressTest
@Description("Split against lookup without the node's version: what it prevents.")
@Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "the new key was not there yet")
@Outcome(id = "1, 1, 1", expect = ACCEPTABLE, desc = "the new key was there")
@Outcome(id = "0, .*, .*", expect = ACCEPTABLE_INTERESTING, desc = "a present key that stays is not found")
@Outcome(id = ".*, 0, .*", expect = ACCEPTABLE_INTERESTING, desc = "a present key that the split moves is not found")
@Outcome(id = ".*", expect = ACCEPTABLE_INTERESTING, desc = "a key with the entry of another")
@State
public class SkipListSplitVersusLookupWithoutFence {
    private final BareLeaves leaves = new BareLeaves();

    public SkipListSplitVersusLookupWithoutFence() {
        for (int index = 0; index < NodeFormat.SLOTS; index++) {
            leaves.insert(10L * index);
        }
    }

    @Actor
    public void writer() {
        leaves.insert(501);
    }

    @Actor
    public void reader(III_Result r) {
        r.r2 = leaves.lookup(600);
        r.r1 = leaves.lookup(20);
        r.r3 = leaves.lookup(501);
    }
}
