package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * The twin of {@link SuperVersionStripesToZero}: counts with plain writes, which a store buffer holds back from the one who sums up,
 * so that a pin is missed.
 */
@JCStressTest
@Outcome(id = "[12], [12]", expect = ACCEPTABLE, desc = "each read saw what it had pinned")
@Outcome(expect = ACCEPTABLE_INTERESTING, desc = "what the volatile add prevents: freed while a stripe held a pin")
@State
public class SuperVersionStripesToZeroBySum {
    private static final VarHandle COUNTERS = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] counters = new long[32];
    private int former = 1;
    private volatile boolean isFormerCurrent = true;

    @Actor
    public void reader(II_Result result) {
        result.r1 = read(0);
        result.r2 = read(16);
    }

    @Actor
    public void maintenance() {
        isFormerCurrent = false;
        if ((long) COUNTERS.getVolatile(counters, 0) + (long) COUNTERS.getVolatile(counters, 16) == 0) {
            former = -1;
        }
    }

    private int read(int stripe) {
        if (!isFormerCurrent) {
            return 2;
        }
        COUNTERS.set(counters, stripe, 1L);
        int content = isFormerCurrent ? former : 2;
        COUNTERS.set(counters, stripe, 0L);
        return content;
    }
}
