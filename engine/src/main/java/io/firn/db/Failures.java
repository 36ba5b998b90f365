package io.firn.db;

import io.firn.error.FirnException;
import io.firn.error.LockedException;
import io.firn.error.NoSpaceException;
import io.firn.error.StorageException;
import io.firn.ffm.file.DirectoryLockedException;
import io.firn.ffm.file.OutOfSpaceException;
import java.io.IOException;

/** The exceptions of the file room as those of the API. */
final class Failures {
    private Failures() {}

    static FirnException translated(IOException e) {
        if (e instanceof DirectoryLockedException) {
            return new LockedException(String.valueOf(e.getMessage()));
        }
        return e instanceof OutOfSpaceException
                ? new NoSpaceException(String.valueOf(e.getMessage()), e)
                : new StorageException(e);
    }
}
