package io.firn.db;

import io.firn.journal.JournalFormat;

/** Whether a database does nothing in the background, and what it does when time passes. */
public final class EngineRest {
    /** So many seconds without a write are calm. */
    public static final int CALM_SECONDS = Compactions.CALM_SECONDS;

    private EngineRest() {}

    /** What is done each second is done now. */
    public static void letASecondPass(Engine engine) {
        engine.compactions().lookAround();
    }

    /** No task is queued or runs, nothing waits to be freed, and files that the journal has left are forced. */
    public static boolean isResting(Engine engine) {
        return engine.isIdle()
                && JournalFormat.fileIdOf(engine.journal().forcedPosition()) == engine.journal().currentFileId();
    }

    /** The same, but what readers pin may wait to be freed. */
    public static boolean isWorkDone(Engine engine) {
        return engine.hasIdleWorkers()
                && JournalFormat.fileIdOf(engine.journal().forcedPosition()) == engine.journal().currentFileId();
    }
}
