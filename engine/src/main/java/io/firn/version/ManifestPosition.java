package io.firn.version;

/** How far which manifest is known to be on disk: what journals bear witness of (R7). The two belong together. */
public record ManifestPosition(long manifestId, long forcedBytes) {}
