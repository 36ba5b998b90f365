package io.firn.block;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** The twin of {@link VerifiedBit}: plain loads and stores of the word. */
@JCStressTest
@Outcome(id = "(-1|1), (-1|1), 1", expect = ACCEPTABLE, desc = "as it should be")
@Outcome(id = {"0, .*, .*", ".*, 0, .*"}, expect = ACCEPTABLE_INTERESTING,
        desc = "what release and acquire prevent: a view before its verification")
@Outcome(id = ".*, .*, 0", expect = ACCEPTABLE_INTERESTING, desc = "what the atomic change prevents: a bit was lost")
@State
public class VerifiedBitByStore {
    private static final long FIRST = 1L << 3;
    private static final long SECOND = 1L << 17;

    private long bits;
    private int firstVerified;
    private int secondVerified;

    @Actor
    public void first(III_Result result) {
        firstVerified = 1;
        bits |= FIRST;
        result.r1 = (bits & SECOND) != 0 ? secondVerified : -1;
    }

    @Actor
    public void second(III_Result result) {
        secondVerified = 1;
        bits |= SECOND;
        result.r2 = (bits & FIRST) != 0 ? firstVerified : -1;
    }

    @Arbiter
    public void end(III_Result result) {
        result.r3 = (bits & (FIRST | SECOND)) == (FIRST | SECOND) ? 1 : 0;
    }
}
