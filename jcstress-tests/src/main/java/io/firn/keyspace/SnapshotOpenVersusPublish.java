package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;

/** A snapshot is opened while two writes are published and a flush captures what it must keep (R11). */
@JCStressTest
@Outcome(id = "0, 0, 0, 0", expect = ACCEPTABLE, desc = "opened before both, and kept")
@Outcome(id = "1, 1, 0, 0", expect = ACCEPTABLE, desc = "opened between, and kept")
@Outcome(id = "2, 1, 1, [01]", expect = ACCEPTABLE, desc = "opened at what the flush took for published: captured or not")
@Outcome(expect = FORBIDDEN, desc = "a write without the one before, or a snapshot that the flush does not know of")
@State
public class SnapshotOpenVersusPublish {
    private final SmallMemtable memtable = new SmallMemtable();
    private final PublishedSeqno published = new PublishedSeqno();
    private final Snapshots snapshots = new Snapshots(published);
    private Snapshots.Captured captured;
    private long opened;

    @Actor
    public void writer() {
        memtable.insert(SmallMemtable.FIRST_KEY, 1);
        published.publish(1);
        memtable.insert(SmallMemtable.SECOND_KEY, 2);
        published.publish(2);
        captured = snapshots.capture();
    }

    @Actor
    public void reader(IIII_Result result) {
        opened = snapshots.open();
        result.r1 = (int) opened;
        result.r2 = memtable.contains(SmallMemtable.FIRST_KEY, opened) ? 1 : 0;
        result.r3 = memtable.contains(SmallMemtable.SECOND_KEY, opened) ? 1 : 0;
    }

    /** The last result: whether the flush missed it. */
    @Arbiter
    public void end(IIII_Result result) {
        boolean isKept = captured.seqnos().length == 1 && captured.seqnos()[0] == opened;
        result.r4 = isKept ? 0 : 1;
        memtable.free();
    }
}
