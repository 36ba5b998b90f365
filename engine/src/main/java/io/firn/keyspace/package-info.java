/**
 * A keyspace: one tree of memtables and tables, how it is read, and how a memtable becomes tables.
 *
 * <pre>
 *   reader ── pin ──&gt; super version = ( active memtable, sealed memtables newest first, version )
 *              scan = cursors over its memtables and runs, merged if there are several, at one seqno within bounds,
 *                     from the front on: the key before which all has been removed
 *              walk = a scan, or a scan under what a transaction has written
 *   writer ── commit lock ──&gt; active memtable;  rotation and flush install the next super version
 * </pre>
 *
 * <p>Invariants: (1) a reader pins a super version and then reads the published seqno, in this order (R11). (2) Nothing
 * that a pinned super version reaches is freed (R17). (3) Sources are searched newest first and the first visible hit
 * is the answer. (4) Memtables are flushed and installed oldest first (R6). (5) What a user opens holds a pin or a
 * seqno of the tracker, until it is closed by its user, by the database, or after it was forgotten (R22). (6) What a
 * flush or a compaction leaves out is seen by nobody who comes later: it is asked who reads after what is merged was
 * fixed, and who has read before has pinned it.
 *
 * <p>Below: version, merge, memtable, table. Above: db, tx, io.firn.
 */
@NullMarked
package io.firn.keyspace;

import org.jspecify.annotations.NullMarked;
