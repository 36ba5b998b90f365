package io.firn.error;

/** The keyspace of this handle was deleted. */
public final class KeyspaceDeletedException extends FirnException {
    private static final long serialVersionUID = 1;

    public KeyspaceDeletedException(String name) {
        super("keyspace " + name + " was deleted", null);
    }
}
