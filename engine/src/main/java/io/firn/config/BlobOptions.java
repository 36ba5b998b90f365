package io.firn.config;

import java.util.Objects;

/**
 * How large values are kept apart from the tables that hold their keys: in blob files, where compactions do not rewrite them and reads
 * copy nothing. An immutable value; a method with an argument gives changed options.
 *
 * @param separationBytes values of so many bytes and more are separated when they leave memory; 64 bytes to 1 GiB, default 1 KiB
 * @param fileBytes the size at which a blob file ends; 4 KiB to 64 GiB, default 64 MiB. A larger value is the last of its file. An open
 *     file is a mapping, of which Linux gives a process 65,530 unless it is told otherwise: for terabytes choose larger files
 * @param compression of the values; default LZ4. A value that it does not make smaller, or of more than 1 MiB, is stored as
 *     it is, and read where it lies
 * @param stalenessThreshold the part of a blob file's values, 0 to 1, default 0.25: when so much of it is not needed any more a
 *     compaction that comes by writes what is left to a new file; one of which nothing is needed is deleted at once in any case
 * @param ageCutoff of the files that are so stale the part, 0 to 1, that one compaction writes anew, the oldest first and one at
 *     least; default 0.25; 0: none
 */
public record BlobOptions(
        int separationBytes, long fileBytes, Compression compression, double stalenessThreshold, double ageCutoff) {
    private static final BlobOptions DEFAULTS = new BlobOptions(1024, 64 << 20, Compression.LZ4, 0.25, 0.25);

    public BlobOptions {
        Limits.check(64 <= separationBytes && separationBytes <= 1 << 30, "separationBytes", separationBytes,
                "64 bytes to 1 GiB");
        Limits.check(4096 <= fileBytes && fileBytes <= 1L << 36, "fileBytes", fileBytes, "4 KiB to 64 GiB");
        Objects.requireNonNull(compression, "compression");
        Limits.check(stalenessThreshold >= 0 && stalenessThreshold <= 1, "stalenessThreshold", stalenessThreshold, "0 to 1");
        Limits.check(ageCutoff >= 0 && ageCutoff <= 1, "ageCutoff", ageCutoff, "0 to 1");
    }

    public static BlobOptions defaults() {
        return DEFAULTS;
    }

    public BlobOptions separationBytes(int bytes) {
        return new BlobOptions(bytes, fileBytes, compression, stalenessThreshold, ageCutoff);
    }

    public BlobOptions fileBytes(long bytes) {
        return new BlobOptions(separationBytes, bytes, compression, stalenessThreshold, ageCutoff);
    }

    public BlobOptions compression(Compression codec) {
        return new BlobOptions(separationBytes, fileBytes, codec, stalenessThreshold, ageCutoff);
    }

    public BlobOptions stalenessThreshold(double part) {
        return new BlobOptions(separationBytes, fileBytes, compression, part, ageCutoff);
    }

    public BlobOptions ageCutoff(double part) {
        return new BlobOptions(separationBytes, fileBytes, compression, stalenessThreshold, part);
    }
}
