/**
 * Compaction: which tables of a keyspace are worth merging, moving or dropping, and the merge itself.
 *
 * <pre>
 *   levels, claims ── strategy ──&gt; choice ── claimed ──&gt; merge: inputs ─&gt; one cursor ─&gt; retention ─&gt; run ── changes ──&gt; version
 * </pre>
 *
 * <p>Invariants: (1) no two compactions share an input, and none writes into a span of a level that another writes into. (2) A
 * table never comes to stand behind an older one that overlaps it, nor an older one before it (R15). (3) What is merged is fixed before
 * it is asked who may still read it (R11). (4) A merge that fails or is cancelled leaves no file. (5) An entry that is merged
 * allocates nothing on the heap.
 *
 * <p>Below: version, merge, table. Above: db.
 */
@NullMarked
package io.firn.compaction;

import org.jspecify.annotations.NullMarked;
