/**
 * The memtable: the newest entries of a keyspace, sorted, outside the heap.
 *
 * <pre>
 * reference := u32, never 0: 1 bit that says which slab, behind it the offset in that slab in units of 8 bytes
 *
 *   leading zeros of the reference     16        15        14    ...
 *   slab                            [256 KiB][  512 KiB ][    1 MiB    ] ...
 *
 * entry  := trailer:u64 valueLength:u32 keyLength:u32 key value                          8-byte aligned, never changed
 * prefix := length:u32 bytes                                                             8-byte aligned, never changed
 *
 * node   :=  0         8      12            16         24      28      32
 *           +---------+------+-------------+----------+-------+-------+------------------+
 *           | version | next | upper entry | upper    | count | level | spare            |
 *           | u64     | u32  | u32         | head u64 | u32   | u32   |                  |
 *           +---------+------+-------------+----------+-------+-------+------------------+
 *           64                                             576                  832             1088
 *           +---------------------------------------------+--------------------+---------------+
 *           | 64 heads u64, unused ones the largest       | 64 entries u32     | 64 children   |
 *           +---------------------------------------------+--------------------+---------------+
 *                                                                64-byte aligned; only level 1 and above have children
 *
 *  level 1     [ -  f  m ]------------------>[ r  w ]            every level is a list of sorted nodes; a full node
 *                |  |  |                       |  |              splits to the right, and its right half is
 *  level 0     [a c]->[f h k]->[m o p]------>[r t]->[w x z]      promoted to the level above
 * </pre>
 *
 * A head is the first 63 bits behind the prefix that the keys share, big-endian, zeros where the key is shorter; keys
 * before or after everything with that prefix have the least or the largest head. The map keeps the order whatever
 * the prefix is, so it may be guessed; where heads are equal, whole keys decide.
 *
 * <p>Invariants: (1) order: key ascending, seqno descending, reference descending; references rise with every insert,
 * so of equal (key, seqno) the later insert comes first, and the order is strict. (2) The first slot of a node that
 * has a left neighbour never changes; it is the upper bound that the neighbour carries, and the slot that its parent
 * carries. (3) Entries and nodes never move and nothing is removed. (4) Changes and reads of nodes follow R18. (5) An
 * insert into reserved room cannot fail (R8).
 *
 * <p>Below: entry, ffm-io. Above: keyspace, tx, db.
 */
@NullMarked
package io.firn.memtable;

import org.jspecify.annotations.NullMarked;
