package io.firn.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A reader pins a block and reads it while it is evicted and its memory taken for another (R19). */
@JCStressTest
@Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "pinned, so it stayed")
@Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "read, and evicted after that")
@Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "evicted, and missed")
@Outcome(id = "-1, .*", expect = FORBIDDEN, desc = "bytes of another block")
@Outcome(expect = FORBIDDEN, desc = "missed though it stayed")
@State
public class CachePinVersusEvict {
    private final BareHandle handle = new BareHandle(0);

    @Actor
    public void reader(II_Result result) {
        if (HandleFormat.pin(handle.chunk, 0)) {
            result.r1 = handle.read();
            HandleFormat.unpin(handle.chunk, 0);
        }
    }

    @Actor
    public void evictor(II_Result result) {
        result.r2 = handle.replace() ? 1 : 0;
    }
}
