package io.firn.version;

/** A blob file as the manifest names it: its size, how many values it has, and what they take as they are stored. */
public record BlobRecord(long id, long fileBytes, long valueCount, long storedBytes) {}
