package io.firn.memtable;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** An insert that splits a full leaf against lookups of what stays, of what moves, and of the new entry. */
@JCStressTest
@Description("Split against lookup: a key that is there is found, whichever half it is in.")
@Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "the new key was not there yet")
@Outcome(id = "1, 1, 1", expect = ACCEPTABLE, desc = "the new key was there")
@Outcome(id = "0, .*, .*", expect = FORBIDDEN, desc = "a present key that stays is not found")
@Outcome(id = ".*, 0, .*", expect = FORBIDDEN, desc = "a present key that the split moves is not found")
@Outcome(id = ".*", expect = FORBIDDEN, desc = "a torn value")
@State
public class SkipListSplitVersusLookup {
    private final StressedMemtable memtable = new StressedMemtable();

    public SkipListSplitVersusLookup() {
        FullLeaf.fill(memtable);
    }

    @Actor
    public void writer() {
        memtable.insert(FullLeaf.NEW);
    }

    @Actor
    public void reader(III_Result r) {
        r.r2 = memtable.lookup(FullLeaf.HIGH);
        r.r1 = memtable.lookup(FullLeaf.LOW);
        r.r3 = memtable.lookup(FullLeaf.NEW);
    }

    @Arbiter
    public void free(III_Result r) {
        memtable.free();
    }
}
