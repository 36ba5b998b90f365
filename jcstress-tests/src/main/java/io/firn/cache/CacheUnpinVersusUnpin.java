package io.firn.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** Two readers unpin the same block; then it can be evicted, and no pin is left over or missing (R19). */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "no pin is left")
@Outcome(id = "0", expect = FORBIDDEN, desc = "a pin that nobody has: the block stays for ever")
@Outcome(expect = FORBIDDEN, desc = "fewer pins than none")
@State
public class CacheUnpinVersusUnpin {
    private final BareHandle handle = new BareHandle(2);

    @Actor
    public void first() {
        HandleFormat.unpin(handle.chunk, 0);
    }

    @Actor
    public void second() {
        HandleFormat.unpin(handle.chunk, 0);
    }

    @Arbiter
    public void evictor(I_Result result) {
        result.r1 = !HandleFormat.isLive(HandleFormat.word(handle.chunk, 0)) ? -1 : handle.replace() ? 1 : 0;
    }
}
