/**
 * Tables: immutable sorted files of entries.
 *
 * <pre>
 * file       := (data | index partition | filter partition)* index filter? properties footer
 *               all but the footer are frames of the room block; a partition stands where it became full
 *
 * data       := DATA: entries, cut when blockBytes are full; an entry above 1 MiB has a block of its own
 *               the value of an entry of type separated is the handle of one in a blob file (BlobHandle)
 * index      := INDEX: an entry a data block      or INDEX_TOP: an entry an index partition, which is an INDEX
 * filter     := FILTER: bits of all keys          or FILTER_TOP: an entry a filter partition, which is a FILTER
 *               key of an entry: at or after the last key (and trailer) of what it names, before the next one's first;
 *               value: a handle
 *
 * handle     :=  0         8             12           16
 *               +---------+-------------+------------+---------+
 *               | offset  | storedBytes | plainBytes | ordinal |
 *               | u64LE   | u32LE       | u32LE      | u32LE   |
 *               +---------+-------------+------------+---------+
 *               compressed exactly if storedBytes is below plainBytes: a DATA by codec, an INDEX by indexCodec, nothing
 *               else; ordinals count data blocks through the table, in INDEX_TOP each is that of the partition's first
 *               data block; in FILTER_TOP they count filter partitions
 *
 * FILTER     := pad line{lineCount} probes:u32 lineCount:u32         lines of 64 bytes, at multiples of 64 of the file
 *               line of a key: high word of hash * lineCount; bits in it: 9 at a time from the top of hash * MIX
 *
 * properties := entryCount:u64 keyCount:u64 tombstoneCount:u64 weakTombstoneCount:u64 seqnoMin:u64 seqnoMax:u64
 *               keyBytes:u64 valueBytes:u64 dataBlocks:u32 indexPartitions:u32 filterPartitions:u32 blockBytes:u32
 *               hashRatio:f64 filterParameter:f64 restartInterval:u8 codec:u8 indexCodec:u8 filterKind:u8 flags:u8
 *               firstKeyLength:u16 lastKeyLength:u16 firstKey lastKey [0:u8]
 *               the zero makes the size of the file even
 *
 * footer     := tableId:u64 fileBytes:u64 propertiesOffset:u64 indexOffset:u64 filterOffset:u64
 *               propertiesBytes:u32 indexBytes:u32 indexPlainBytes:u32 filterBytes:u32 flags:u32 version:u32
 *               checksum:u32 magic:u64
 *               sizes are those of payloads, indexBytes as stored; filterBytes 0: no filter; checksum: CRC32C of what
 *               is before it, seeded with the table's id and the footer's offset; the last 76 bytes of the file, in
 *               every version
 * </pre>
 *
 * <p>Invariants: (1) every byte is covered by a checksum or compared with what it must be. (2) Checksums are seeded
 * with the table's id and the block's offset: a block elsewhere, or of another table, is a wrong one. (3) Mapped bytes
 * are verified in private memory before they are read in place (R23); what is unpacked or copied comes from verified
 * private memory. (4) One data block holds the answer for a key and
 * a seqno. (5) Whatever a file says, reading it ends with an answer or a {@link io.firn.error.CorruptionException}.
 *
 * <p>Below: block, blob, cache, entry, config, error, ffm-io. Above: version, keyspace, compaction.
 */
@NullMarked
package io.firn.table;

import org.jspecify.annotations.NullMarked;
