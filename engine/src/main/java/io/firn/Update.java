package io.firn;

import org.jspecify.annotations.Nullable;

/** What becomes of a value. */
public interface Update {
    /** The new value; null removes the key. The former one is a copy, null if the key is missing. */
    byte @Nullable [] apply(byte @Nullable [] value);
}
