/**
 * Merging: many sorted cursors as one, of the many versions of a key the one that a reader sees, and those that are kept when
 * they are written on.
 *
 * <pre>
 * sources, newest first      merged, in entry order      seen at seqno 7
 *   a@9 c@8 d-@6               a@9 a@3                     a@3
 *   a@3 b@2 c@7                b@2                         b@2
 *   b@2 d@1                    c@8 c@7                     c@7
 *                              d-@6 d@1                    (d- is a tombstone: nothing)
 * </pre>
 *
 * <p>Invariants: (1) what a cursor shows backward is what it shows forward, reversed. (2) Of entries of equal (key,
 * seqno) in several sources the newest source's is shown, and no other. (3) A version that a newer visible one or a
 * tombstone hides is never shown, wherever the cursor comes from. (4) No move allocates on the heap.
 *
 * <p>Below: entry, ffm-io. Above: keyspace, compaction, tx.
 */
@NullMarked
package io.firn.merge;

import org.jspecify.annotations.NullMarked;
