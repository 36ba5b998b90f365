package io.firn.error;

import java.io.IOException;

/** The operating system failed a file operation; its message names the file. */
public final class StorageException extends FirnException {
    private static final long serialVersionUID = 1;

    public StorageException(IOException cause) {
        super(String.valueOf(cause.getMessage()), cause);
    }

    public StorageException(String message, Throwable cause) {
        super(message, cause);
    }
}
