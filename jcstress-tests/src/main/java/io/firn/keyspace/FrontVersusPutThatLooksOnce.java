package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** The twin of {@link FrontVersusPut}: a put that has looked and is not yet published is not reckoned with. */
@JCStressTest
@Outcome(id = "[0123], 0", expect = ACCEPTABLE, desc = "not hidden")
@Outcome(id = "[0123], 1", expect = ACCEPTABLE_INTERESTING, desc = "what the next seqno prevents: a put that nobody sees")
@State
public class FrontVersusPutThatLooksOnce {
    private final WalkedFront front = new WalkedFront(1);

    @Actor
    public void writer() {
        front.putBefore();
    }

    @Actor
    public void reader(II_Result result) {
        result.r1 = front.walk() + front.walk() + front.walk();
    }

    @Arbiter
    public void end(II_Result result) {
        result.r2 = front.isPutHidden() ? 1 : 0;
    }
}
