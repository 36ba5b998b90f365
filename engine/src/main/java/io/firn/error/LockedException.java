package io.firn.error;

/** Another opener, in this process or another, has the database. */
public final class LockedException extends FirnException {
    private static final long serialVersionUID = 1;

    public LockedException(String message) {
        super(message, null);
    }
}
