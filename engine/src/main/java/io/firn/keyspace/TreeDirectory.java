package io.firn.keyspace;

import io.firn.ffm.file.Storage;
import io.firn.version.DatabaseFiles;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Where the files of one keyspace lie. When the keyspace is deleted it goes with its last user: a super version, or background work
 * that holds a version and writes into it.
 *
 * <p>Invariants: it is not deleted before the deletion of the keyspace is durable. What could not be deleted is swept by the next
 * opening.
 *
 * <p>Threads: any engine thread.
 */
final class TreeDirectory {
    private final Storage storage;
    private final DatabaseFiles files;
    private final int keyspaceId;
    private final boolean hasBlobs;
    private int users;
    private boolean isDeleted;

    TreeDirectory(Storage storage, DatabaseFiles files, int keyspaceId, boolean hasBlobs) {
        this.hasBlobs = hasBlobs;
        this.storage = storage;
        this.files = files;
        this.keyspaceId = keyspaceId;
    }

    synchronized void enter() {
        users++;
    }

    void leave() {
        boolean isLast;
        synchronized (this) {
            users--;
            isLast = isDeleted && users == 0;
        }
        if (isLast) {
            remove();
        }
    }

    /** The deletion of the keyspace, and of its tables, is durable. */
    void delete() {
        boolean isUnused;
        synchronized (this) {
            isDeleted = true;
            isUnused = users == 0;
        }
        if (isUnused) {
            remove();
        }
    }

    /** Whether the keyspace is deleted and nobody uses anything of it. */
    synchronized boolean isGone() {
        return isDeleted && users == 0;
    }

    private void remove() {
        // Crash here, and in between: directories of a keyspace that no manifest names, which recovery deletes.
        if (hasBlobs) {
            remove(files.blobsDirectory(keyspaceId));
        }
        remove(files.tablesDirectory(keyspaceId));
        remove(files.keyspaceDirectory(keyspaceId));
    }

    private void remove(Path directory) {
        try {
            storage.delete(directory);
        } catch (IOException e) {
            System.getLogger("io.firn").log(
                    System.Logger.Level.DEBUG, directory + " was not deleted; the next opening does that", e);
        }
    }
}
