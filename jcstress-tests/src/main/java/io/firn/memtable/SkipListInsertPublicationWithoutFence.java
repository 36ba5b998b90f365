package io.firn.memtable;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * {@link SkipListInsertPublication} without versions and fences. The lost neighbour shows on x86, since it needs no
 * reordering: the reader only has to look between two stores of the writer. A slot without its entry needs stores or
 * loads to pass each other, which x86 does not do for stores among themselves nor for loads among themselves; it
 * takes Arm to see it.
 */
@JCStressTest
@Description("Insert against lookup without the node's version: what it prevents.")
@Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "before the insert")
@Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "after the insert")
@Outcome(id = "2, .*", expect = ACCEPTABLE_INTERESTING, desc = "the new key is seen with the entry of another")
@Outcome(id = ".*, 0", expect = ACCEPTABLE_INTERESTING, desc = "the neighbour that the insert moves is lost")
@Outcome(id = ".*, 2", expect = ACCEPTABLE_INTERESTING, desc = "the neighbour is seen with the entry of another")
@State
public class SkipListInsertPublicationWithoutFence {
    private final BareLeaves leaves = new BareLeaves();

    public SkipListInsertPublicationWithoutFence() {
        leaves.insert(10);
        leaves.insert(30);
    }

    @Actor
    public void writer() {
        leaves.insert(20);
    }

    @Actor
    public void reader(II_Result r) {
        r.r1 = leaves.lookup(20);
        r.r2 = leaves.lookup(30);
    }
}
