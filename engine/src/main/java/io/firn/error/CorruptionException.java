package io.firn.error;

import java.nio.file.Path;

/** A file does not hold what was written to it. Nothing that it holds was answered. */
public final class CorruptionException extends FirnException {
    private static final long serialVersionUID = 1;

    private final transient Path file;
    private final long offset;
    private final String expected;
    private final String found;

    public CorruptionException(Path file, long offset, String expected, String found) {
        super(file + ": at offset " + offset + ": found " + found + ", expected " + expected, null);
        this.file = file;
        this.offset = offset;
        this.expected = expected;
        this.found = found;
    }

    public Path file() {
        return file;
    }

    /** Where in the file, in bytes from its start. */
    public long offset() {
        return offset;
    }

    public String expected() {
        return expected;
    }

    public String found() {
        return found;
    }
}
