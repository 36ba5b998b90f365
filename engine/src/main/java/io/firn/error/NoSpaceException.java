package io.firn.error;

/** The disk, a quota or a limit on file sizes leaves no room. Writes go on when there is room again. */
public final class NoSpaceException extends FirnException {
    private static final long serialVersionUID = 1;

    public NoSpaceException(String message, Throwable cause) {
        super(message, cause);
    }
}
