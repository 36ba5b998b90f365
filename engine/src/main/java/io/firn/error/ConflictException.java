package io.firn.error;

import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * A transaction has read what another one wrote after it began, so that there is no order in which both could have run one after the
 * other. It left no trace and is closed: begin it again.
 */
public final class ConflictException extends FirnException {
    private static final long serialVersionUID = 1;

    private final String keyspace;
    private final byte[] lower;
    private final byte @Nullable [] upper;
    private final boolean isKey;

    private ConflictException(
            String message, String keyspace, byte[] lower, byte @Nullable [] upper, boolean isKey) {
        super("keyspace " + keyspace + ": " + message, null);
        this.keyspace = keyspace;
        this.lower = lower;
        this.upper = upper;
        this.isKey = isKey;
    }

    /** A key was written. */
    public static ConflictException ofKey(String keyspace, byte[] key) {
        return new ConflictException(
                "key " + HexFormat.of().formatHex(key) + " was read here and written since", keyspace, key, key, true);
    }

    /** The keys from the lower one on and before the upper one, if there is one, were written: cleared, dropped or ingested. */
    public static ConflictException ofRange(String keyspace, byte[] lower, byte @Nullable [] upper) {
        return new ConflictException("a key was read here of the range " + text(lower, upper) + " that was written since",
                keyspace, lower, upper, false);
    }

    /** More was written since the transaction began than is remembered. */
    public static ConflictException ofAge(String keyspace) {
        return new ConflictException("the transaction is too old: more was written since it began than is remembered",
                keyspace, new byte[0], null, false);
    }

    /** The name of the keyspace in which both met. */
    public String keyspace() {
        return keyspace;
    }

    /** The key in which they met; null if it is a range. */
    public byte @Nullable [] key() {
        return isKey ? lower.clone() : null;
    }

    /** The least key of the range that was written; empty if it has none. */
    public byte[] lower() {
        return lower.clone();
    }

    /** The key before which the range ends; null if it does not. The key itself if it is one. */
    public byte @Nullable [] upper() {
        return upper == null ? null : upper.clone();
    }

    private static String text(byte[] lower, byte @Nullable [] upper) {
        HexFormat hex = HexFormat.of();
        return "[" + hex.formatHex(lower) + ", " + (upper == null ? "end" : hex.formatHex(upper)) + ")";
    }
}
