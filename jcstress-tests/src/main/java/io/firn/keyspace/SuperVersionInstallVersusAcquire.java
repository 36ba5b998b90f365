package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** A reader acquires and reads while the thing is replaced, retired and, once drained, freed (R17). */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "the former one, pinned before it was freed")
@Outcome(id = "2", expect = ACCEPTABLE, desc = "the new one")
@Outcome(id = "-1", expect = FORBIDDEN, desc = "read after it was freed")
@State
public class SuperVersionInstallVersusAcquire {
    private final FreeablePins former = new FreeablePins(1);
    private final Current<FreeablePins> current = new Current<>(former, () -> { });

    @Actor
    public void reader(I_Result result) {
        FreeablePins pinned = current.acquire(0);
        result.r1 = pinned.content;
        pinned.unpin(0);
    }

    @Actor
    public void installer() {
        current.set(new FreeablePins(2));
        former.retire();
        if (former.isDrained()) {
            former.content = -1;
        }
    }
}
