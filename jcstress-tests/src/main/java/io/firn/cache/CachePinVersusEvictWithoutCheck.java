package io.firn.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** The twin of {@link CachePinVersusEvict}: sees a live handle and adds its pin, whatever the word is by then. */
@JCStressTest
@Outcome(id = {"1, 0", "1, 1", "0, 1"}, expect = ACCEPTABLE, desc = "right or missed")
@Outcome(id = "-1, .*", expect = ACCEPTABLE_INTERESTING, desc = "what the comparison prevents: bytes of another block")
@State
public class CachePinVersusEvictWithoutCheck {
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

    private final BareHandle handle = new BareHandle(0);

    @Actor
    public void reader(II_Result result) {
        if (HandleFormat.isLive(HandleFormat.word(handle.chunk, 0))) {
            long ignored = (long) WORD.getAndAdd(handle.chunk, 0L, 1L);
            result.r1 = handle.read();
            ignored = (long) WORD.getAndAdd(handle.chunk, 0L, -1L);
        }
    }

    /** May find the word of the dead handle changed, which is what else goes wrong. */
    @Actor
    public void evictor(II_Result result) {
        try {
            result.r2 = handle.replace() ? 1 : 0;
        } catch (AssertionError e) {
            result.r2 = 1;
        }
    }
}
