package io.firn.config;

/** How blocks and journal values are compressed; what does not become smaller is stored as it is. */
public enum Compression {
    NONE,
    LZ4,
    /** Needs native access for zstd-jni; without it, opening is a CodecMissingException. */
    ZSTD
}
