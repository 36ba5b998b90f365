package io.firn.db;

import io.firn.journal.JournalFormat;

/** Whether a database does nothing in the background. */
public final class EngineRest {
    private EngineRest() {}

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
