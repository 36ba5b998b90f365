package io.firn.config;

/** What opening does about a journal that does not end where it should. */
public enum RecoveryMode {
    /** Drops an unfinished end, which a crash leaves; damage before it is a CorruptionException. */
    TORN_TAIL,
    /** Accepts nothing but a journal that a clean close has sealed. */
    EXACT,
    /** Keeps every record that is whole, also behind damaged ones: what is opened need not be a prefix of what was written. */
    SALVAGE
}
