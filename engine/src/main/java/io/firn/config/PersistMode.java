package io.firn.config;

/** How far a write has come when its call returns. */
public enum PersistMode {
    /** In the hands of the operating system: survives the death of the process, not of the machine. */
    BUFFER,
    /** On the disk, as fdatasync does it. */
    SYNC_DATA,
    /** On the disk with the file's metadata, as fsync does it. Journals never change size, so it costs what SYNC_DATA does. */
    SYNC_ALL
}
