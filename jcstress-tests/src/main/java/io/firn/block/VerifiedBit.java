package io.firn.block;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * Two readers touch two blocks of one table first, verify them and say so by bits of the same word; then each looks
 * whether it may read the other's block in place.
 */
@JCStressTest
@Outcome(id = "(-1|1), (-1|1), 1", expect = ACCEPTABLE, desc = "not verified yet, or verified before it was seen")
@Outcome(id = {"0, .*, .*", ".*, 0, .*"}, expect = FORBIDDEN, desc = "a view before its verification")
@Outcome(expect = FORBIDDEN, desc = "a bit was lost")
@State
public class VerifiedBit {
    private static final int FIRST = 3;
    private static final int SECOND = 17;

    private final VerifiedBits bits = new VerifiedBits(64);
    private int firstVerified;
    private int secondVerified;

    @Actor
    public void first(III_Result result) {
        firstVerified = 1;
        bits.set(FIRST);
        result.r1 = bits.isSet(SECOND) ? secondVerified : -1;
    }

    @Actor
    public void second(III_Result result) {
        secondVerified = 1;
        bits.set(SECOND);
        result.r2 = bits.isSet(FIRST) ? firstVerified : -1;
    }

    @Arbiter
    public void end(III_Result result) {
        result.r3 = bits.isSet(FIRST) && bits.isSet(SECOND) ? 1 : 0;
    }
}
