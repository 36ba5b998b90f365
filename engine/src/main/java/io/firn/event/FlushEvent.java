package io.firn.event;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A memtable was written as tables. Threads: one. */
@Name("io.firn.Flush")
@Label("Flush")
@Category("Firn")
@Description("A memtable was written as tables")
@StackTrace(false)
public final class FlushEvent extends Event {
    private static final FlushEvent PROBE = new FlushEvent();

    @Label("Keyspace")
    private String keyspace = "";

    @Label("Outcome")
    @Description("completed, failed, or cancelled")
    private String outcome = "";

    @Label("Read")
    @Description("Memory of the memtable's entries")
    @DataAmount
    private long readBytes;

    @Label("Written")
    @DataAmount
    private long writtenBytes;

    private FlushEvent() {}

    static boolean isRecorded() {
        return PROBE.isEnabled();
    }

    static FlushEvent begun() {
        FlushEvent event = new FlushEvent();
        event.begin();
        return event;
    }

    /** It is over. */
    public void tell(String keyspaceName, String howItEnded, long bytesRead, long bytesWritten) {
        end();
        if (shouldCommit()) {
            keyspace = keyspaceName;
            outcome = howItEnded;
            readBytes = bytesRead;
            writtenBytes = bytesWritten;
            commit();
        }
    }
}
