package io.firn.error;

/** The files were written by another version of the format. */
public final class FormatVersionException extends FirnException {
    private static final long serialVersionUID = 1;

    public FormatVersionException(String message) {
        super(message, null);
    }
}
