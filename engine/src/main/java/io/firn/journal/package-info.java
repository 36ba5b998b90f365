/**
 * The journal: every write of the database, in commit order, before it is anywhere else.
 *
 * <pre>
 * file    := header record*                     NNNNNN.journal; little-endian; size fixed for the file's life
 * header  :=  0       4        8           16         24              32               40          48
 *            +-------+--------+-----------+----------+---------------+----------------+-----------+-----------+-------+
 *            | magic | format | journalId | randomId | startPosition | predecessorEnd | fileBytes | headerCrc | zeros |
 *            | u32   | u32    | u64       | u64      | u64           | u64            | u64       | u32       | 12 B  |
 *            +-------+--------+-----------+----------+---------------+----------------+-----------+-----------+-------+
 * record  :=  0           4            8        12      16      24            32
 *            +-----------+------------+--------+-------+-------+-------------+-----------+-------------------------+
 *            | headerCrc | payloadCrc | length | count | seqno | forcedBytes | payload   | zeros to a multiple of 8 |
 *            | u32       | u32        | u32    | u32   | u64   | u64         | length B  | 0-7 B                   |
 *            +-----------+------------+--------+-------+-------+-------------+-----------+-------------------------+
 * payload := entry{count}
 * entry   :=  0            4      5             6           8             12             16
 *            +------------+------+-------------+-----------+-------------+--------------+-----+--------------+
 *            | keyspaceId | type | compression | keyLength | valueLength | storedLength | key | stored value |
 *            | u32        | u8   | u8          | u16       | u32         | u32          |     |              |
 *            +------------+------+-------------+-----------+-------------+--------------+-----+--------------+
 * seal    := record with count 0 and length 0; payloadCrc 0: closed, the journal ends here
 *                                              payloadCrc 1: continued, the file journalId + 1 goes on
 * position := journalId << 40 | offset in the file
 * </pre>
 *
 * A file's headerCrc covers the 60 other bytes of the header and is seeded with the journalId. A record's headerCrc
 * covers the other 28 bytes of its header and is seeded with the file's randomId and the record's position: what a
 * recycled file holds of its former life, or a record copied into a value, is no record. payloadCrc is seeded with
 * nothing, since it is taken before the place is known; headerCrc binds it to its place. forcedBytes is a position that
 * was on disk when the record was written. predecessorEnd is 0 in a file that rotation enters; in the first file after
 * a recovery it is the position at which that recovery ended. compression is the id of a codec; storedLength is below
 * valueLength where there is one and equal to it where there is none.
 *
 * <p>keyspaceId 0 marks control entries, of key length 0 and compression 0: type 32 is a witness of the manifest, its value
 * {manifestId:u64 forcedBytes:u64}; type 33, alone in its record, is an edit of files that takes its place among the commits,
 * its value {count:u32 change{count}} as the room version draws it.
 *
 * <p>Invariants: (1) a file gets its name after its header was forced, so a named file without a valid header, or of
 * another size, is corrupt. (2) Positions rise through a file and from file to file; so do the seqnos of records with
 * data or an edit, while a record of witnesses may repeat the last one. (3) A file that is left ends in a seal, for which
 * room is always kept; the seal of a clean close is written a second time in the last 32 bytes of the file, where it
 * testifies for everything before it. (4) An invalid record before the largest forcedBytes of any later valid one is
 * corruption; after it, it is a torn tail. (5) A file belongs to the chain if its predecessor's seal says continued, or
 * if its predecessorEnd is where the chain ended. Records of other files lie beyond a gap and are dropped, or are
 * corruption if one of them knew of forced bytes beyond the gap. (6) Nothing is ever appended to a file that was found
 * at open.
 *
 * <p>Below: codec, memory, file; entry, config, error, event. Above: db.
 */
@NullMarked
package io.firn.journal;

import org.jspecify.annotations.NullMarked;
