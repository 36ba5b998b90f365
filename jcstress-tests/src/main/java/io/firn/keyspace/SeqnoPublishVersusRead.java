package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A commit of two keys inserts, then publishes; a reader reads the published seqno, then both keys. */
@JCStressTest
@Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "before the commit")
@Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "after the commit")
@Outcome(expect = FORBIDDEN, desc = "a seqno without its entries, or half a batch")
@State
public class SeqnoPublishVersusRead {
    private final SmallMemtable memtable = new SmallMemtable();
    private final PublishedSeqno published = new PublishedSeqno();

    @Actor
    public void writer() {
        memtable.insert(SmallMemtable.FIRST_KEY, 1);
        memtable.insert(SmallMemtable.SECOND_KEY, 1);
        published.publish(1);
    }

    @Actor
    public void reader(II_Result result) {
        long seqno = published.get();
        result.r1 = memtable.contains(SmallMemtable.FIRST_KEY, seqno) ? 1 : 0;
        result.r2 = memtable.contains(SmallMemtable.SECOND_KEY, seqno) ? 1 : 0;
    }

    @Arbiter
    public void end(II_Result result) {
        memtable.free();
    }
}
