package io.firn.ffm.file;

import java.io.IOException;
import java.nio.file.Path;

/** Another opener, in this process or another, holds the directory. */
public final class DirectoryLockedException extends IOException {
    private static final long serialVersionUID = 1;

    public DirectoryLockedException(Path directory, String holder) {
        super(directory + ": locked by " + holder);
    }
}
