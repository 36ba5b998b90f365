package io.firn.event;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;

/** A file of the journal was forced to the disk. Threads: one. */
@Name("io.firn.Force")
@Label("Force")
@Category("Firn")
@Description("A file of the journal was forced to the disk")
@StackTrace(false)
@Threshold("1 ms")
public final class ForceEvent extends Event {
    private static final ForceEvent PROBE = new ForceEvent();

    @Label("Journal")
    @Description("The number of the file")
    private long journal;

    @Label("Forced")
    @Description("What was appended to the file since it was forced before")
    @DataAmount
    private long forcedBytes;

    private ForceEvent() {}

    static boolean isRecorded() {
        return PROBE.isEnabled();
    }

    static ForceEvent begun() {
        ForceEvent event = new ForceEvent();
        event.begin();
        return event;
    }

    /** It is over. */
    public void tell(long journalId, long bytesForced) {
        end();
        if (shouldCommit()) {
            journal = journalId;
            forcedBytes = bytesForced;
            commit();
        }
    }
}
