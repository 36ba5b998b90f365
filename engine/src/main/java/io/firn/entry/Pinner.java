package io.firn.entry;

/** Who has pinned memory for a reader, and takes the pin back. */
public interface Pinner {
    void unpin(long pin);
}
