/**
 * The block cache: decompressed blocks of tables in native memory, found and pinned without a lock.
 *
 * <pre>
 *   key = (file id, offset of the frame << 1 | type)       hash(key): low word = tag, bits above choose the shard
 *
 *   lookup table                 directory of handles                       ring of slabs
 *   open addressing, u64         chunks of 256, 512, 1024, ...              each slab is tiled by slots
 *
 *   +--------+----------+        +---------+--------+--------+-------+      slab 0 [slot|slot|..free..|slot   |slot]
 *   | tag    | handle   |  --->  | word    | file   | offset | place | ---> slab 1 [slot|slot    |slot|slot|...    ]
 *   | u32    | u32      |        | u64     | id u64 | u64    | u64   |            |           ^head ^gapEnd
 *   +--------+----------+        +---------+--------+--------+-------+      ...   v next, around the ring
 *   0: nothing                   32 bytes, two in a line
 *
 *   handle     numbers from 256 on: the leading zeros say which chunk, what is behind the first bit where in it
 *   word       generation:40 state:2 visited:1 pins:21       states: DEAD 0, LIVE 1, DOOMED 2 (purged while pinned)
 *   place      slab:16 offset/8:24 length:24                 of the payload; of a free handle the next free one
 *   slot       handle:u32 slotBytes:u32 payload pad          8-byte aligned; handle 0: nobody's bytes
 *
 *   A hit misses the processor's caches twice before it reaches the block: one line of the lookup table, one of the
 *   directory (word, key and place stand in one line). Both are small: 48 bytes for a block of 4 KiB. Then the block:
 *   its end and the entry, as in a mapping.
 * </pre>
 *
 * <p>New blocks come to the head of the ring. What is oldest is met at {@code gapEnd}: a block that was used since it
 * came, or since it was met last, goes to the head again (second chance), another is dropped, a pinned one is stepped
 * over. There are no size classes, and no fragments outlive one round.
 *
 * <p>Invariants: (1) pins lie in the directory, never in the ring (R19). A reader pins by compare-and-set only while
 * the word says LIVE and the generation it saw first, then checks the key. Who evicts or moves a block sets the word
 * from (LIVE, no pins) to DEAD before a byte is touched, so the bytes of a pinned block never change. (2) Handles do
 * not move. (3) A block is in the cache once: of two inserters the second takes the first's. (4) Nobody waits for
 * memory: an insert that finds no room within a bounded number of steps answers so, and its reader keeps the private
 * copy it has (R21). (5) Every byte is charged to the budget given, and all of it is at most the capacity; slabs are
 * added only while the directory could still double and less than half of the ring is empty, and given back whole. A large one is
 * made in the background while another is written. (6) File ids are never used again, so that nothing stale is ever found; purging
 * gives room, not truth.
 *
 * <p>Below: entry, ffm-io. Above: table, keyspace, db.
 */
@NullMarked
package io.firn.cache;

import org.jspecify.annotations.NullMarked;
