package io.firn.event;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Threshold;
import jdk.jfr.Timespan;

/** A writer waited for background work. Threads: one. */
@Name("io.firn.Stall")
@Label("Stall")
@Category("Firn")
@Description("A writer waited for background work; a long stall is several waits")
@Threshold("1 ms")
public final class StallEvent extends Event {
    private static final StallEvent PROBE = new StallEvent();

    @Label("Keyspace")
    private String keyspace = "";

    @Label("Reason")
    @Description("What the write waited for, as a WriteStalledException says it")
    private String reason = "";

    @Label("Stalled For")
    @Description("How long the write has waited in all until now")
    @Timespan(Timespan.NANOSECONDS)
    private long stalledNanos;

    private StallEvent() {}

    static boolean isRecorded() {
        return PROBE.isEnabled();
    }

    static StallEvent begun() {
        StallEvent event = new StallEvent();
        event.begin();
        return event;
    }

    /** It is over, or a wait of it is. */
    public void tell(String keyspaceName, String whatFor, long nanosInAll) {
        end();
        if (shouldCommit()) {
            keyspace = keyspaceName;
            reason = whatFor;
            stalledNanos = nanosInAll;
            commit();
        }
    }
}
