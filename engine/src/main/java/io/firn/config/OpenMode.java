package io.firn.config;

/** What opening may do. */
public enum OpenMode {
    /** Opens the database that is there, or creates one. */
    CREATE_OR_RECOVER,
    /** Creates a database; one that is there is an error. */
    CREATE,
    /** Opens a database; none there is an error. */
    RECOVER
}
