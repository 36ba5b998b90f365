package io.firn.ffm.sim;

import java.nio.file.Path;

/** One operation at the door. The number counts from 1, over those that change something if this one does. */
public record Operation(long number, Kind kind, Path path) {
    /** What is done to the path; JOURNAL_CREATE is followed by a JOURNAL_FORCE of its zeros. */
    public enum Kind {
        CREATE,
        APPEND,
        FORCE,
        JOURNAL_CREATE,
        JOURNAL_RECYCLE,
        JOURNAL_FORCE,
        RENAME,
        DELETE,
        SYNC_DIRECTORY,
        CREATE_DIRECTORY,
        READ,
        MAP,
        LIST,
        LOCK,
        /** The look at a name: sizeBytes and exists. */
        LOOK;

        public boolean isChange() {
            return compareTo(READ) < 0;
        }
    }

    @Override
    public String toString() {
        return "operation " + number + ", " + kind + " " + path;
    }
}
