package io.firn.keyspace;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import io.firn.error.ClosedException;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** The twin of {@link CursorVersusClose}: asks whether it is open, and then reads what the close may have freed. */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "the entry")
@Outcome(id = "2", expect = ACCEPTABLE, desc = "closed")
@Outcome(id = "-1", expect = ACCEPTABLE_INTERESTING, desc = "what entering prevents: read after it was freed")
@State
public class CursorVersusCloseWithoutEntering {
    /** About as long as a move. */
    private static final int SPINS = 20;

    private final Openings openings = new Openings();
    private final FreeablePins held = new FreeablePins(1);
    private final Opening opening;

    public CursorVersusCloseWithoutEntering() {
        FreeablePins freed = held;
        opening = openings.open(this, "a cursor", () -> freed.content = -1);
    }

    @Actor
    public void reader(I_Result result) {
        try {
            opening.checkOpen();
            for (int i = 0; i < SPINS; i++) {
                Thread.onSpinWait();
            }
            result.r1 = held.content;
        } catch (ClosedException e) {
            result.r1 = 2;
        }
    }

    @Actor
    public void closer() {
        openings.closeAll();
    }
}
