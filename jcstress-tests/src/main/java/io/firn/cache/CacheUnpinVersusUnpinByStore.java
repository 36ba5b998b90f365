package io.firn.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import java.lang.foreign.ValueLayout;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** The twin of {@link CacheUnpinVersusUnpin}: takes the pin away by a load and a store. */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "no pin is left")
@Outcome(id = "0", expect = ACCEPTABLE_INTERESTING, desc = "what the atomic addition prevents: a pin that nobody has")
@State
public class CacheUnpinVersusUnpinByStore {
    private final BareHandle handle = new BareHandle(2);

    @Actor
    public void first() {
        unpin();
    }

    @Actor
    public void second() {
        unpin();
    }

    @Arbiter
    public void evictor(I_Result result) {
        result.r1 = handle.replace() ? 1 : 0;
    }

    private void unpin() {
        handle.chunk.set(ValueLayout.JAVA_LONG, 0, handle.chunk.get(ValueLayout.JAVA_LONG, 0) - 1);
    }
}
