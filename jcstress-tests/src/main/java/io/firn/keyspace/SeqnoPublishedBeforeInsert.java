package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** The twin of {@link SeqnoPublishVersusRead}: reads at "latest", as if every insert were published by itself. */
@JCStressTest
@Outcome(id = {"0, 0", "1, 1"}, expect = ACCEPTABLE, desc = "before or after the commit")
@Outcome(expect = ACCEPTABLE_INTERESTING, desc = "what publication prevents: half a batch")
@State
public class SeqnoPublishedBeforeInsert {
    private final SmallMemtable memtable = new SmallMemtable();

    @Actor
    public void writer() {
        memtable.insert(SmallMemtable.FIRST_KEY, 1);
        memtable.insert(SmallMemtable.SECOND_KEY, 1);
    }

    @Actor
    public void reader(II_Result result) {
        result.r1 = memtable.contains(SmallMemtable.FIRST_KEY, 1) ? 1 : 0;
        result.r2 = memtable.contains(SmallMemtable.SECOND_KEY, 1) ? 1 : 0;
    }

    @Arbiter
    public void end(II_Result result) {
        memtable.free();
    }
}
