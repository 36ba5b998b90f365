package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** The twin of {@link CloseVersusGet}: reads what is current without pinning it. */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "the value")
@Outcome(id = "2", expect = ACCEPTABLE, desc = "closed")
@Outcome(id = "-1", expect = ACCEPTABLE_INTERESTING, desc = "what the pin prevents: read after it was freed")
@State
public class CloseVersusGetWithoutPin {
    private final FreeablePins last = new FreeablePins(1);
    private final Current<FreeablePins> current = new Current<>(last, () -> { });

    @Actor
    public void reader(I_Result result) {
        FreeablePins seen = current.get();
        result.r1 = seen == null ? 2 : seen.content;
    }

    @Actor
    public void closer() {
        current.set(null);
        last.retire();
        if (last.isDrained()) {
            last.content = -1;
        }
    }
}
