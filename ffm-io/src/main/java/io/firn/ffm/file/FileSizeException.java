package io.firn.ffm.file;

import java.io.IOException;
import java.nio.file.Path;

/** A sealed file does not have the size that it was sealed with. */
public final class FileSizeException extends IOException {
    private static final long serialVersionUID = 1;

    private final long expectedBytes;
    private final long foundBytes;

    public FileSizeException(Path file, long expectedBytes, long foundBytes) {
        super(file + ": " + foundBytes + " bytes, expected " + expectedBytes);
        this.expectedBytes = expectedBytes;
        this.foundBytes = foundBytes;
    }

    public long expectedBytes() {
        return expectedBytes;
    }

    public long foundBytes() {
        return foundBytes;
    }
}
