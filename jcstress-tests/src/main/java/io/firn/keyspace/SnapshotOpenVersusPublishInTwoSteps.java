package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** The twin of {@link SnapshotOpenVersusPublish}: reads the published seqno, and is registered afterwards. */
@JCStressTest
@Outcome(id = {"0, 0", "1, 0", "2, [01]"}, expect = ACCEPTABLE, desc = "kept, or at what the flush took for published")
@Outcome(id = {"0, 1", "1, 1"}, expect = ACCEPTABLE_INTERESTING, desc = "what the lock prevents: a snapshot the flush does not know of")
@State
public class SnapshotOpenVersusPublishInTwoSteps {
    private static final long NONE = -1;

    private final PublishedSeqno published = new PublishedSeqno();
    private volatile long registered = NONE;
    private long captured;

    @Actor
    public void writer() {
        published.publish(1);
        published.publish(2);
        captured = registered;
    }

    @Actor
    public void reader(II_Result result) {
        long opened = published.get();
        registered = opened;
        result.r1 = (int) opened;
    }

    @Arbiter
    public void end(II_Result result) {
        result.r2 = captured == NONE ? 1 : 0;
    }
}
