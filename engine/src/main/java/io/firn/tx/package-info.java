/**
 * Transactions: single writer, or optimistic and serializable.
 *
 * <pre>
 *   attempt = snapshot + private writes of each keyspace + what was read (optimistic)
 *
 *   a read:    private writes ─▶ the tree at the snapshot              the key, or the span walked, is noted in the read set
 *   a commit:  private writes, of each key the newest ─▶ one batch ─▶ the gate ─▶ the engine's commit
 *   the gate:  single writer: whose turn it is;  optimistic: the oracle, which knows the recent writes of everybody
 *
 *   recent writes, in commit order:   [chunk]──▶[chunk]──▶[chunk]        a key or a range each
 *                                         ▲                    ▲
 *                                         an attempt began     now       it conflicts if it has read anything in between
 * </pre>
 *
 * <p>Invariants: (1) nothing of an attempt is seen by others before its commit, and all of it after. (2) Of every commit, edit or
 * plain write of a database the recent writes know, as long as an attempt lives that began before it. (3) An optimistic attempt that
 * commits has read nothing that was written between its snapshot and its place in the commit order: so the committed ones are as if
 * run one after the other in that order (R16). (4) One that has written nothing does nothing, and is as if run at its snapshot.
 *
 * <p>Below: db, keyspace, merge, memtable. Above: io.firn.
 */
@NullMarked
package io.firn.tx;

import org.jspecify.annotations.NullMarked;
