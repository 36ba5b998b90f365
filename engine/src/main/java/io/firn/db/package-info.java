/**
 * The database: opening and recovery, the commit path, flushing, and every thread.
 *
 * <pre>
 * commit:  private record, checksummed ─▶ commit lock { checks, gate, seqno, journal, memtables, publish } ─▶ wait for force if durable
 * gate:    of a database with transactions: whose turn it is, or who has read what is written; the room tx has it
 * flush:   tables forced ─▶ names synced ─▶ journal forced past the memtable ─▶ edit forced ─▶ installed ─▶ witness forced ─▶ journals retired
 * compact: inputs claimed and held ─▶ readers asked ─▶ tables forced ─▶ names synced ─▶ edit forced ─▶ installed ─▶ inputs deleted
 * lock order:  manifest lock ─▶ commit lock ─▶ tree;  manifest lock ─▶ snapshots ─▶ tree;  compactions ─▶ tree
 * </pre>
 *
 * <p>Invariants: (1) nothing waits and nothing is read or written to a file under the commit lock (R9). (2) From the first byte
 * copied to publication, any Throwable poisons (R8). (3) No edit becomes durable before the journal is forced past what it
 * flushed (R1), no journal is deleted before a witness of the edit that retired it is forced (R7). (4) File channels
 * are touched by threads of this room alone: an interrupt would close them for everybody.
 *
 * <p>Below: keyspace, compaction, version, journal, memtable, event. Above: tx, tool, io.firn.
 */
@NullMarked
package io.firn.db;

import org.jspecify.annotations.NullMarked;
