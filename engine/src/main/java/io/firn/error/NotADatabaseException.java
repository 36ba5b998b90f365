package io.firn.error;

/** The directory holds something that is no database. */
public final class NotADatabaseException extends FirnException {
    private static final long serialVersionUID = 1;

    public NotADatabaseException(String message) {
        super(message, null);
    }
}
