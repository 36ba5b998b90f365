package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Reads on two stripes come and go while the maintenance thread looks at one stripe after the other (R17). */
@JCStressTest
@Outcome(id = "[12], [12], 1", expect = ACCEPTABLE, desc = "each read saw what it had pinned, and it was freed in the end")
@Outcome(expect = FORBIDDEN, desc = "freed while a stripe held a pin, or never")
@State
public class SuperVersionStripesToZero {
    private final FreeablePins former = new FreeablePins(1);
    private final Current<FreeablePins> current = new Current<>(former, () -> { });
    private boolean isFreed;

    @Actor
    public void reader(III_Result result) {
        result.r1 = read(0);
        result.r2 = read(1);
    }

    @Actor
    public void maintenance() {
        current.set(new FreeablePins(2));
        former.retire();
        freeIfDrained();
    }

    @Arbiter
    public void lastLook(III_Result result) {
        freeIfDrained();
        result.r3 = isFreed ? 1 : 0;
    }

    private int read(int stripe) {
        FreeablePins pinned = current.acquire(stripe);
        int content = pinned.content;
        pinned.unpin(stripe);
        return content;
    }

    private void freeIfDrained() {
        if (!isFreed && former.isDrained()) {
            former.content = -1;
            isFreed = true;
        }
    }
}
