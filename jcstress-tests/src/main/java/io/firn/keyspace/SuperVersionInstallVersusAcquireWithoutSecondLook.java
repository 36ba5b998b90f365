package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** The twin of {@link SuperVersionInstallVersusAcquire}: pins without looking again whether the thing is still current. */
@JCStressTest
@Outcome(id = {"1", "2"}, expect = ACCEPTABLE, desc = "the former or the new one")
@Outcome(id = "-1", expect = ACCEPTABLE_INTERESTING, desc = "what the second look prevents: read after it was freed")
@State
public class SuperVersionInstallVersusAcquireWithoutSecondLook {
    private final FreeablePins former = new FreeablePins(1);
    private final Current<FreeablePins> current = new Current<>(former, () -> { });

    @Actor
    public void reader(I_Result result) {
        FreeablePins pinned = current.get();
        pinned.pin(0);
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
