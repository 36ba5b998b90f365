package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A reader walks to the same first key again and again, while a key before it is put. */
@JCStressTest
@Outcome(id = "[0123], 0", expect = ACCEPTABLE, desc = "after the put, who reads begins at the first key of all")
@Outcome(expect = FORBIDDEN, desc = "the put lies before where readers begin")
@State
public class FrontVersusPut {
    private final WalkedFront front = new WalkedFront(0);

    @Actor
    public void writer() {
        front.putBefore();
    }

    /** The first result: how many of the walks were before the put. */
    @Actor
    public void reader(II_Result result) {
        result.r1 = front.walk() + front.walk() + front.walk();
    }

    @Arbiter
    public void end(II_Result result) {
        result.r2 = front.isPutHidden() ? 1 : 0;
    }
}
