package io.firn.tx;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.firn.Transaction;
import io.firn.error.ConflictException;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * A transaction reads a key, writes another and commits, while the first is put. The results: whether it has read the put, whether it was
 * committed, and whether it then stands behind the put in the commit order.
 */
public final class CommitVersusPut {
    private CommitVersusPut() {}

    @JCStressTest
    @Outcome(id = "1, 1, 1", expect = ACCEPTABLE, desc = "has read the put and is behind it")
    @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "has not read the put and is before it")
    @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "was refused")
    @Outcome(expect = FORBIDDEN, desc = "behind a put that it should have read")
    @State
    public static class Real {
        private final int race = RacedDatabase.nextRace();

        @Actor
        public void put() {
            RacedDatabase.KEYSPACE.put(RacedDatabase.key(race, 0), RacedDatabase.bytes(race));
        }

        @Actor
        public void transaction(III_Result result) {
            try (Transaction transaction = RacedDatabase.DATABASE.begin()) {
                result.r1 = RacedDatabase.isWritten(
                        transaction.in(RacedDatabase.KEYSPACE), RacedDatabase.key(race, 0), race);
                transaction.in(RacedDatabase.KEYSPACE).put(RacedDatabase.key(race, 1), RacedDatabase.bytes(race));
                transaction.commit();
                result.r2 = 1;
            } catch (ConflictException e) {
                result.r2 = 0;
            }
        }

        @Arbiter
        public void end(III_Result result) {
            boolean isBehind = RacedDatabase.seqnoOf(RacedDatabase.key(race, 1))
                    > RacedDatabase.seqnoOf(RacedDatabase.key(race, 0));
            result.r3 = result.r2 == 1 && isBehind ? 1 : 0;
        }
    }

    /** The twin: what it reads is not noted. */
    @JCStressTest
    @Outcome(id = "1, 1, 1", expect = ACCEPTABLE, desc = "has read the put and is behind it")
    @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "has not read the put and is before it")
    @Outcome(id = "0, 1, 1", expect = ACCEPTABLE_INTERESTING, desc = "behind a put that it should have read")
    @Outcome(expect = FORBIDDEN, desc = "anything else")
    @State
    public static class TwinThatNotesNothing {
        private final int race = RacedDatabase.nextRace();

        @Actor
        public void put() {
            RacedDatabase.KEYSPACE.put(RacedDatabase.key(race, 0), RacedDatabase.bytes(race));
        }

        @Actor
        public void transaction(III_Result result) {
            try (Transaction transaction = RacedDatabase.DATABASE.begin()) {
                result.r1 = RacedDatabase.isWritten(
                        transaction.untracked(RacedDatabase.KEYSPACE), RacedDatabase.key(race, 0), race);
                transaction.in(RacedDatabase.KEYSPACE).put(RacedDatabase.key(race, 1), RacedDatabase.bytes(race));
                transaction.commit();
                result.r2 = 1;
            }
        }

        @Arbiter
        public void end(III_Result result) {
            boolean isBehind = RacedDatabase.seqnoOf(RacedDatabase.key(race, 1))
                    > RacedDatabase.seqnoOf(RacedDatabase.key(race, 0));
            result.r3 = isBehind ? 1 : 0;
        }
    }
}
