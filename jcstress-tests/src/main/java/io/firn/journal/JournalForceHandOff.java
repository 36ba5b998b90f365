package io.firn.journal;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Mode;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.Signal;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Commits ask the journal's thread for a force and wait for it: neither waits for ever. Two actors, for two cores. */
public final class JournalForceHandOff {
    private JournalForceHandOff() {}

    /** A commit that waits, and the journal's thread that comes to it. A lost wake-up is a STALE outcome. */
    @JCStressTest(Mode.Termination)
    @Outcome(id = "TERMINATED", expect = ACCEPTABLE, desc = "the commit was answered")
    @Outcome(id = "STALE", expect = FORBIDDEN, desc = "a waiter that nobody wakes")
    @State
    public static class Termination {
        private final ForceHandOff handOff = new ForceHandOff(0, true);

        @Actor
        public void commit() {
            handOff.request(1);
            handOff.await(1);
        }

        @Signal
        public void journal() {
            if (handOff.awaitRequest()) {
                handOff.advance(1);
            }
        }
    }

    /** One commit after the other, against the journal's thread. A lost wake-up hangs the test, which is an error. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "both commits were answered")
    @Outcome(expect = FORBIDDEN, desc = "a commit returned before its position was forced")
    @State
    public static class TwoCommits {
        private final ForceHandOff handOff = new ForceHandOff(0, true);

        @Actor
        public void commits(II_Result r) {
            handOff.request(1);
            handOff.await(1);
            r.r1 = handOff.forcedPosition() >= 1 ? 1 : 0;
            handOff.request(2);
            handOff.await(2);
            r.r2 = handOff.forcedPosition() >= 2 ? 1 : 0;
        }

        @Actor
        public void journal() {
            while (handOff.forcedPosition() < 2 && handOff.awaitRequest()) {
                handOff.advance(handOff.forcedPosition() + 1);
            }
        }
    }

    /** The twin: the waiter looks before it takes the monitor and not again, so that the answer may slip in between. */
    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "the commit was answered")
    @Outcome(id = "0, 0", expect = ACCEPTABLE_INTERESTING, desc = "the lost wake-up that looking again prevents")
    @Outcome(expect = FORBIDDEN, desc = "anything else")
    @State
    public static class TwinThatDoesNotLookAgain {
        private static final long PATIENCE_MILLIS = 20;

        private final Object done = new Object();
        private volatile int forced;

        @Actor
        public void commit(II_Result r) {
            r.r1 = 1;
            if (forced == 0) {
                synchronized (done) {
                    long before = System.nanoTime();
                    try {
                        done.wait(PATIENCE_MILLIS); // would be for ever
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    r.r1 = System.nanoTime() - before < PATIENCE_MILLIS * 1_000_000 ? 1 : 0;
                }
            }
        }

        @Actor
        public void journal() {
            forced = 1;
            synchronized (done) {
                done.notifyAll();
            }
        }
    }
}
