package io.firn.event;

import org.jspecify.annotations.Nullable;

/**
 * Where the engine begins an event, and gets null while nobody records it.
 *
 * <p>Threads: any.
 */
public final class Events {
    private static final boolean IS_RECORDER_THERE = ModuleLayer.boot()
            .findModule("jdk.jfr").filter(Events.class.getModule()::canRead).isPresent();

    private Events() {}

    /** Before a failure is to be told for which no stack may be left: a class that cannot be initialised then never can. */
    public static void load() {
        if (IS_RECORDER_THERE) {
            FlushEvent.isRecorded();
            CompactionEvent.isRecorded();
            StallEvent.isRecorded();
            ForceEvent.isRecorded();
            PoisonEvent.isRecorded();
        }
    }

    public static @Nullable FlushEvent flush() {
        return IS_RECORDER_THERE && FlushEvent.isRecorded() ? FlushEvent.begun() : null;
    }

    public static @Nullable CompactionEvent compaction() {
        return IS_RECORDER_THERE && CompactionEvent.isRecorded() ? CompactionEvent.begun() : null;
    }

    public static @Nullable StallEvent stall() {
        return IS_RECORDER_THERE && StallEvent.isRecorded() ? StallEvent.begun() : null;
    }

    public static @Nullable ForceEvent force() {
        return IS_RECORDER_THERE && ForceEvent.isRecorded() ? ForceEvent.begun() : null;
    }

    /** The database is poisoned from now on. */
    public static void poison(Throwable cause) {
        if (IS_RECORDER_THERE && PoisonEvent.isRecorded()) {
            PoisonEvent.tell(cause);
        }
    }
}
