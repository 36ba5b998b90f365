/**
 * The set of files as a value, and the manifest that makes it durable.
 *
 * <pre>
 * db/  LOCK  CURRENT  manifest-000001  journal/
 *      keyspaces/&lt;keyspace id&gt;/tables/000012.table  keyspaces/&lt;keyspace id&gt;/blobs/000013.blob
 *
 * CURRENT  := header                       magic "FCUR"; names the manifest by id and identity
 * manifest := header record*               magic "FMAN"; the first record is a whole state, each further one an edit
 *
 * header   :=  0       4        8            16          24       28
 *             +-------+--------+------------+-----------+--------+
 *             | magic | format | manifestId | identity  | crc    |
 *             | u32   | u32    | u64        | u64       | u32    |
 *             +-------+--------+------------+-----------+--------+
 * record   :=  0           4            8        12
 *             +-----------+------------+--------+---------+
 *             | headerCrc | payloadCrc | length | payload |
 *             | u32       | u32        | u32    | length  |
 *             +-----------+------------+--------+---------+
 * payload  := count:u32 change{count}
 * change   := 1 keyspaceId:u32 nameLength:u8 name options        keyspace created; the name is UTF-8 of 1 to 255 bytes
 *           | 2 keyspaceId:u32                                   keyspace deleted
 *           | 3 tables                                           run added, behind the position newer ones of its level
 *           | 4 keyspaceId:u32 count:u32 tableId:u64{count}      tables removed; a run that is left empty goes
 *           | 5 keyspaceId:u32 seqno:u64                         flushed up to this seqno
 *           | 6 nextSeqno:u64 nextFileId:u64 nextKeyspaceId:u32  counters, exactly once in every edit of a manifest
 *           | 7 firstJournalId:u64                               older journals are dead
 *           | 8 tables                                           tables added to the run at the position of its level
 *           | 9 keyspaceId:u32                                   tables cleared: all of the keyspace go
 *           | 10 tablesWithBlobs                                 as 3
 *           | 11 tablesWithBlobs                                 as 8
 *           | 12 keyspaceId:u32 nameLength:u8 name options blobs as 1, of a keyspace whose large values are separated
 * tables   := keyspaceId:u32 level:u8 position:u32 count:u32 table{count}
 * table    := id:u64 fileBytes:u64 entryCount:u64 tombstoneCount:u64 seqnoMin:u64 seqnoMax:u64 createdMillis:u64
 *             firstKeyLength:u16 lastKeyLength:u16 firstKey lastKey
 *             the seqnos that readers see; where both are the same and not 0, and the table's file has 0 for both, it was
 *             ingested: its entries, each of another key, all have this seqno
 * tablesWithBlobs := keyspaceId:u32 level:u8 position:u32 count:u32 tableWithBlobs{count}
 * tableWithBlobs  := table count:u32 link{count}               what the table names of blob files
 * link     := fileId:u64 fileBytes:u64 valueCount:u64 storedBytes:u64    the file: all tables say the same of it
 *             valueCount:u64 storedBytes:u64                             so many of its values, and what they take in it
 * blobs    := separationBytes:u32 fileBytes:u64 compression:u8 stalenessThreshold:f64 ageCutoff:f64
 * options  := memtableBytes:u64 levels:u8 each(blockBytes:u32) each(restartInterval:u8) each(hashRatio:f64)
 *             each(compression:u8) each(indexCompression:u8) each(filter) each(indexPinned:u8) each(filterPinned:u8)
 *             each(indexPartitioned:u8) each(filterPartitioned:u8) expectPointReadHits:u8 compaction
 * each(x)  := n:u8 x{n}                                          of the levels from 0 on; the last x stands for all below
 * filter   := 0 | 1 bitsPerKey:f64 | 2 falsePositiveRate:f64
 * compaction := 0 l0Threshold:u8 tableBytes:u64 each(levelRatio:f64)                            leveled
 *             | 1 sizeRatio:f64 minRuns:u8 maxRuns:u8 spaceRatio:f64 tableBytes:u64             tiered
 *             | 2 limitBytes:u64 maxAgeMillis:u64                                               FIFO; 0 for any age
 * </pre>
 * Format 1 has no changes from 10 on. All numbers are little-endian. A header's crc covers its first 24 bytes and is valid in every format version, so that
 * a newer version is told from damage. headerCrc covers payloadCrc and length, payloadCrc the payload; both are CRC32C
 * seeded with the file's identity (a random number) and the record's offset, so that a record of another file or place
 * is none.
 *
 * <p>Invariants: (1) a record is forced before the next one is begun. So an invalid record that a later one follows is
 * corruption; one at the end is what a crash left, and is dropped and reported. That nothing forced was dropped is told
 * by the journals, which carry the manifest's forced length (R7). (2) CURRENT names a manifest that is whole and
 * forced, under a name that is durable. (3) Manifests are never continued by another life of the database: opening
 * writes a new one. (4) Ids of keyspaces and files come from counters that never go back. (5) Of the runs in a level
 * the newest comes first: run order is a correctness property, since the first hit of a lookup wins. A table that an edit removes
 * and adds again has moved; its file stays as it is. (6) A blob file is there as long as a table names it: what no table names of it is
 * garbage, and no figure of that is kept anywhere, so that none can be wrong.
 *
 * <p>Below: table, blob, entry, config, error, ffm-io. Above: keyspace, compaction, db, tool.
 */
@NullMarked
package io.firn.version;

import org.jspecify.annotations.NullMarked;
