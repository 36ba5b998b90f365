/**
 * Blob files: large values apart from the tables that hold their keys.
 *
 * <pre>
 * file   := header frame* zeros    the header, and each frame, begins at a multiple of 64; between them stand zeros
 *
 * header :=  0         4         8         16      17             18        60
 *           +---------+---------+---------+-------+--------------+---------+---------+
 *           | "FBLB"  | format  | fileId  | codec | granuleShift | zeros   | crc     |
 *           | u32LE   | u32LE   | u64LE   | u8    | u8           |         | u32LE   |
 *           +---------+---------+---------+-------+--------------+---------+---------+
 *           crc: CRC32C of what is before it; no value that is stored as it is takes less than 2^granuleShift bytes
 *
 * frame  := a frame of the room block, type BLOB: one value, compressed by the codec exactly if that is smaller; values above
 *           1 MiB are stored as they are
 * </pre>
 *
 * <p>Where a value stands, and how large it is, is told by a handle ({@link io.firn.entry.BlobHandle}) in a table. How large
 * the file is, how many values it has and how many of them tables still name, is told by the manifest.
 *
 * <p>Invariants: (1) checksums are seeded with the file's id and the frame's offset: a value of another place, or of another
 * file, is a wrong one. (2) A value that is stored as it is is read where it lies, from its first touch on, when it was verified in
 * private memory (R23); a compressed one is verified whenever it is unpacked. (3) Whatever a file or a handle says, reading ends with the
 * value or a {@link io.firn.error.CorruptionException}.
 *
 * <p>Below: block, cache, entry, config, error, ffm-io. Above: table, which keeps open what it names; version, keyspace,
 * compaction.
 */
@NullMarked
package io.firn.blob;

import org.jspecify.annotations.NullMarked;
