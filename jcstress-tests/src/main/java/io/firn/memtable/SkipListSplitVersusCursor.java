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

/** An insert that splits a full leaf against a walk over everything, forwards and backwards. */
@JCStressTest
@Description("Split against next and previous: no entry is lost, repeated or out of order.")
@Outcome(id = {"0, 0", "0, 1", "1, 0", "1, 1"}, expect = ACCEPTABLE, desc = "every old entry once, in order")
@Outcome(id = {"2, .*", ".*, 2"}, expect = FORBIDDEN, desc = "a lost entry")
@Outcome(id = {"3, .*", ".*, 3"}, expect = FORBIDDEN, desc = "a repeated or disordered entry")
@Outcome(id = {"4, .*", ".*, 4"}, expect = FORBIDDEN, desc = "a torn entry")
@State
public class SkipListSplitVersusCursor {
    private final StressedMemtable memtable = new StressedMemtable();

    public SkipListSplitVersusCursor() {
        FullLeaf.fill(memtable);
    }

    @Actor
    public void writer() {
        memtable.insert(FullLeaf.NEW);
    }

    @Actor
    public void reader(II_Result r) {
        r.r1 = memtable.walk(true, FullLeaf.ENTRIES, FullLeaf.NEW);
        r.r2 = memtable.walk(false, FullLeaf.ENTRIES, FullLeaf.NEW);
    }

    @Arbiter
    public void free(II_Result r) {
        memtable.free();
    }
}
