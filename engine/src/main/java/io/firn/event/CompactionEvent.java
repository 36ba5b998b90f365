package io.firn.event;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** Tables were merged, moved or dropped. Threads: one. */
@Name("io.firn.Compaction")
@Label("Compaction")
@Category("Firn")
@Description("Tables were merged, moved or dropped")
@StackTrace(false)
public final class CompactionEvent extends Event {
    private static final CompactionEvent PROBE = new CompactionEvent();

    @Label("Keyspace")
    private String keyspace = "";

    @Label("Kind")
    @Description("Merge, Move or Drop")
    private String kind = "";

    @Label("Level")
    @Description("Where the outcome stands; -1 if there is none")
    private int level;

    @Label("Outcome")
    @Description("completed, failed, or cancelled")
    private String outcome = "";

    @Label("Read")
    @DataAmount
    private long readBytes;

    @Label("Written")
    @DataAmount
    private long writtenBytes;

    private CompactionEvent() {}

    static boolean isRecorded() {
        return PROBE.isEnabled();
    }

    static CompactionEvent begun() {
        CompactionEvent event = new CompactionEvent();
        event.begin();
        return event;
    }

    /** It is over. */
    public void tell(
            String keyspaceName, String whatKind, int toLevel, String howItEnded, long bytesRead, long bytesWritten) {
        end();
        if (shouldCommit()) {
            keyspace = keyspaceName;
            kind = whatKind;
            level = toLevel;
            outcome = howItEnded;
            readBytes = bytesRead;
            writtenBytes = bytesWritten;
            commit();
        }
    }
}
