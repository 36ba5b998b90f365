package io.firn.event;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** A failure after which the database is not written any more. Threads: one. */
@Name("io.firn.Poison")
@Label("Poison")
@Category("Firn")
@Description("A failure after which the database is not written any more")
final class PoisonEvent extends Event {
    private static final PoisonEvent PROBE = new PoisonEvent();

    @Label("Class")
    @Description("The class of what was thrown")
    private String thrownClass = "";

    @Label("Message")
    private String message = "";

    private PoisonEvent() {}

    static boolean isRecorded() {
        return PROBE.isEnabled();
    }

    static void tell(Throwable cause) {
        PoisonEvent event = new PoisonEvent();
        event.thrownClass = cause.getClass().getName();
        event.message = String.valueOf(cause.getMessage());
        event.commit();
    }
}
