package io.firn.journal;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.firn.error.PoisonedException;
import java.io.IOException;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * A force fails while commits wait: each of them is told, and a later force that succeeds makes none of them a success.
 */
public final class CommitFailureFanOut {
    private static final int SUCCESS = 1;
    private static final int POISONED = 2;
    private static final IOException CAUSE = new IOException("the disk is gone");

    private CommitFailureFanOut() {}

    private static int await(ForceHandOff handOff, long position) {
        handOff.request(position);
        try {
            handOff.await(position);
            return SUCCESS;
        } catch (PoisonedException e) {
            return e.getCause() == CAUSE ? POISONED : -1;
        }
    }

    @JCStressTest
    @Outcome(id = "2, 2", expect = ACCEPTABLE, desc = "both were told the first cause")
    @Outcome(expect = FORBIDDEN, desc = "a commit was answered with success")
    @State
    public static class Real {
        private final ForceHandOff handOff = new ForceHandOff(0, true);

        @Actor
        public void commit(II_Result r) {
            r.r1 = await(handOff, 1);
        }

        @Arbiter
        public void lateCommit(II_Result r) {
            r.r2 = await(handOff, 2);
        }

        @Actor
        public void journal() {
            handOff.fail(CAUSE);
            handOff.fail(new IllegalStateException("a later cause"));
            handOff.advance(2); // the force that the kernel answers with success, as the pages are clean
        }
    }

    /** The twin: after the failure another force is believed. */
    @JCStressTest
    @Outcome(id = "., 1", expect = ACCEPTABLE_INTERESTING, desc = "answered with success though nothing is on disk")
    @Outcome(expect = FORBIDDEN, desc = "anything else")
    @State
    public static class TwinThatForcesAgain {
        private final Object done = new Object();
        private long forced;
        private boolean hasFailed;

        private int await(long position) {
            synchronized (done) {
                while (forced < position) {
                    if (hasFailed) {
                        return POISONED;
                    }
                    try {
                        done.wait();
                    } catch (InterruptedException e) {
                        return -1;
                    }
                }
                return SUCCESS;
            }
        }

        @Actor
        public void commit(II_Result r) {
            r.r1 = await(1);
        }

        @Arbiter
        public void lateCommit(II_Result r) {
            r.r2 = await(2);
        }

        @Actor
        public void journal() {
            synchronized (done) {
                hasFailed = true;
                done.notifyAll();
            }
            synchronized (done) {
                forced = 2;
                done.notifyAll();
            }
        }
    }
}
