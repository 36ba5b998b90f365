package io.firn.version;

/** What of a blob file one table names: so many of its values, which take so much as they are stored. */
public record BlobLink(BlobRecord file, long valueCount, long storedBytes) {}
