package io.firn.memtable;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** An insert, which moves its neighbour by a slot, against lookups of both. */
@JCStressTest
@Description("Insert against lookup: an entry is seen whole or not at all, and its neighbour always.")
@Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "before the insert")
@Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "after the insert")
@Outcome(id = "2, .*", expect = FORBIDDEN, desc = "a torn or zero value: the slot is published before it is filled")
@Outcome(id = ".*, 0", expect = FORBIDDEN, desc = "the neighbour that the insert moves is lost")
@Outcome(id = ".*, 2", expect = FORBIDDEN, desc = "the neighbour is seen with a torn value")
@State
public class SkipListInsertPublication {
    private final StressedMemtable memtable = new StressedMemtable();

    public SkipListInsertPublication() {
        memtable.insert(10);
        memtable.insert(30);
    }

    @Actor
    public void writer() {
        memtable.insert(20);
    }

    @Actor
    public void reader(II_Result r) {
        r.r1 = memtable.lookup(20);
        r.r2 = memtable.lookup(30);
    }

    @Arbiter
    public void free(II_Result r) {
        memtable.free();
    }
}
