package io.firn.journal;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A commit is answered only after the force: what the journal's thread did before it advanced, the commit sees. */
public final class CommitAckAfterForce {
    private CommitAckAfterForce() {}

    @JCStressTest
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "answered after the force, or looked after it")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "answered after the force; the other looked before it")
    @Outcome(expect = FORBIDDEN, desc = "answered before the force")
    @State
    public static class Real {
        private final ForceHandOff handOff = new ForceHandOff(0, true);
        private int onDisk;

        @Actor
        public void journal() {
            onDisk = 1; // stands for the force
            handOff.advance(1);
        }

        @Actor
        public void commit(II_Result r) {
            r.r2 = handOff.forcedPosition() < 1 ? 0 : onDisk == 1 ? 1 : -1;
            handOff.await(1);
            r.r1 = onDisk;
        }
    }

    /** The twin: the position advances first. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "the order happened to be right")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "the order happened to be right")
    @Outcome(id = "0, .*", expect = ACCEPTABLE_INTERESTING, desc = "answered before the force")
    @Outcome(id = ".*, -1", expect = ACCEPTABLE_INTERESTING, desc = "answered before the force")
    @Outcome(expect = FORBIDDEN, desc = "anything else")
    @State
    public static class TwinThatAdvancesFirst {
        private final ForceHandOff handOff = new ForceHandOff(0, true);
        private int onDisk;

        @Actor
        public void journal() {
            handOff.advance(1);
            onDisk = 1;
        }

        @Actor
        public void commit(II_Result r) {
            r.r2 = handOff.forcedPosition() < 1 ? 0 : onDisk == 1 ? 1 : -1;
            handOff.await(1);
            r.r1 = onDisk;
        }
    }
}
