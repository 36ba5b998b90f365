/**
 * The workload that every engine is measured on: one definition of data, order and phases, each engine and phase in a
 * process of its own.
 *
 * <pre>
 * key(i)    := i as 8 bytes, big-endian | eight '0' (a key that is there) or eight '1' (one that is missing)
 * value(i)  := first half: the words mix(i * 1000003 + k), k = 0, 1, ..., little-endian, cut | second half: 'x'
 * insert j  := i = (j * 2654435761 + 12345) mod N, N prime, so that every i comes once
 * read j    := i = unsigned(mix(seed + j)) mod N, seed = 42 + thread * 1000000007
 *
 * Workload -- Plan --> Campaign -- Trial --> ChildJvm -- arguments --> Measurement -- Loops --> Session, Walker
 *                         |                                               |
 *                      Results <------------ lines of Figures ------------+
 *                         |
 *                      Medians --> Report, Chart
 * </pre>
 *
 * <p>What all engines are given: LZ4 where they have it, unless a phase says uncompressed; a filter of 10 bits a key, a
 * write buffer of 64 MiB, blocks of 4 KiB, a cache of 1 GiB or 32 MiB; no sync but in fillsync. What they do not have,
 * they go without: LMDB neither compresses nor has a log, and maps its file instead of a cache; MVStore has no log and
 * no batches, and writes once a second. For the rest they are as they come. Heaps: {@link
 * io.firn.workload.EngineName#jvmOptions}.
 *
 * <p>Before a fill a tenth of the entries, at most 500,000, are inserted into a database that is thrown away; before a
 * read half as many reads are made, before a scan a scan, and they are not counted. An operation's time is that from
 * the end of the one before, so it holds the making of the key, of the value's random half and one reading of the
 * clock; the engine {@code none} shows what that costs. A get copies the value; largeread looks at its first and its
 * last byte, where it lies if the engine shows it there. An opening is timed in a JVM that has opened another database
 * before. Processor time an operation, of the calling threads, and that of the whole process are given as well: they
 * hold on a machine that has other work. Every size that is read is checked, and every 1,024th value compared; below a
 * million entries every one.
 *
 * <p>Invariants: the measured loops allocate nothing on the heap, so that Firn's JVM can do with one that is never
 * collected.
 *
 * <p>Below: the API of Firn, and the peers. Above: nothing.
 */
@NullMarked
package io.firn.workload;

import org.jspecify.annotations.NullMarked;
