package io.firn.error;

/** The handle or its database was closed. */
public final class ClosedException extends FirnException {
    private static final long serialVersionUID = 1;

    public ClosedException(String message) {
        super(message, null);
    }
}
