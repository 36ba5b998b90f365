package io.firn.memtable;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * {@link SkipListSplitVersusCursor} without versions and fences: on x86 too, a walk meets the half that was moved
 * twice, or not at all. Forwards only: leaves lead to the right alone.
 */
@JCStressTest
@Description("Split against a walk without the node's version: what it prevents.")
@Outcome(id = {"0", "1"}, expect = ACCEPTABLE, desc = "every old entry once, in order; the new one seen or not")
@Outcome(id = "2", expect = ACCEPTABLE_INTERESTING, desc = "a lost entry")
@Outcome(id = "3", expect = ACCEPTABLE_INTERESTING, desc = "a repeated or disordered entry")
@State
public class SkipListSplitVersusCursorWithoutFence {
    private final BareLeaves leaves = new BareLeaves();

    public SkipListSplitVersusCursorWithoutFence() {
        for (int index = 0; index < NodeFormat.SLOTS; index++) {
            leaves.insert(10L * index);
        }
    }

    @Actor
    public void writer() {
        leaves.insert(501);
    }

    @Actor
    public void reader(I_Result r) {
        r.r1 = leaves.walk(NodeFormat.SLOTS, 501);
    }
}
