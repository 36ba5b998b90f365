package io.firn.ffm.file;

import java.io.IOException;
import java.nio.file.Path;

/** There is no room for these bytes: the disk is full, a quota is used up, or the file may not grow any further. */
public final class OutOfSpaceException extends IOException {
    private static final long serialVersionUID = 1;

    public OutOfSpaceException(Path file, String reason) {
        super(file + ": " + reason);
    }

    OutOfSpaceException(String message, IOException cause) {
        super(message, cause);
    }
}
