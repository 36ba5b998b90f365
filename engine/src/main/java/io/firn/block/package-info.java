/**
 * Blocks: the frame that covers everything in a table with a checksum, and the way entries lie in it.
 *
 * <pre>
 * frame    := header payload checksum
 * header   := type:u8 codec:u8 0:u16 storedBytes:u32 plainBytes:u32      sizes of the payload, stored and decompressed
 * checksum := u32         CRC32C of header and stored payload, seeded with the file's identity and the frame's offset
 *
 * A payload of entries (types DATA, INDEX, INDEX_TOP, FILTER_TOP), decompressed:
 *
 *      entry* | prefix | heads | offsets | buckets | tail
 *
 * entry    := [shared:varint] keyRest:varint value:varint trailer key value
 *             shared: how many bytes behind the prefix are those of the restart point's key; absent in a restart point
 *             trailer: the low bytes (width in the tail) of this trailer less the block's smallest
 * prefix   := the bytes that all keys of the block share, once
 * heads    := for each restart point the 4 bytes of its key behind the prefix, zeros where there are fewer
 * offsets  := for each restart point where its entry begins, u16, or u32 if the tail says so
 * buckets  := for each bucket of the hash index a restart point, 254 if no key has this bucket, 255 if several
 *             restart points have
 *
 * tail     :=  0        2          3       4         8          12        16
 *             +--------+----------+-------+---------+----------+---------+-----------------+
 *             | prefix | interval | shape | entries | restarts | buckets | smallest        |
 *             | u16LE  | u8       | u8    | u32LE   | u32LE    | u32LE   | trailer, u64LE  |
 *             +--------+----------+-------+---------+----------+---------+-----------------+
 * shape    := width of a stored trailer (0-8) in bits 0-3, bit 4: offsets are u32
 * </pre>
 *
 * <p>What a lookup reads besides the entry itself stands together at the end, so that it costs few cache misses.
 *
 * <p>Invariants: (1) nothing on disk lies outside a frame but what a file's footer covers. (2) Bytes of a mapping are
 * compared and loaded, never given to an intrinsic or to native code before they were copied (R23). (3) A block says how
 * wide its offsets are (R24). (4) What a file says is checked once, by {@link io.firn.block.BlockCheck}, before anything
 * relies on it.
 *
 * <p>Below: entry, error, ffm-io. Above: table, blob.
 */
@NullMarked
package io.firn.block;

import org.jspecify.annotations.NullMarked;
