package io.firn.config;

import io.firn.error.WriteStalledException;
import java.time.Duration;
import java.util.Map;

/**
 * What a database consists of now, and what it did since it was opened. Figures that change meanwhile may be of slightly
 * different moments.
 *
 * @param seqno the next one to be given
 * @param visibleSeqno the newest one that reads see
 * @param keyspaces how many there are
 * @param openSnapshots snapshots that are not closed
 * @param retainedSuperVersions former states of keyspaces that readers still hold or that are about to be freed
 * @param diskBytes journals, tables and blob files
 * @param writes what was committed and journaled
 * @param flushes the writing of memtables as tables; what is read is memory
 * @param outstandingFlushes sealed memtables that wait to be flushed
 * @param compactions the merging, moving and dropping of tables
 * @param compactionDebtBytes what stands where it will not stay: the size of tables, counted once for each level that
 *     they will have to go down, or of what is to be merged or dropped next where there are no such levels
 * @param ingestions the writing of sorted entries as tables; what is read is the keys and values that were given
 * @param reads what gets and cursors read in tables
 * @param writeBufferBytes memory of all memtables, that which is kept for the next ones included
 * @param cache the block cache
 * @param stalls how long writers waited in all, by what they waited for; reasons without a wait are absent
 */
public record DatabaseStatistics(
        long seqno, long visibleSeqno, int keyspaces, int openSnapshots, int retainedSuperVersions, long diskBytes,
        Writes writes, Work flushes, int outstandingFlushes, Work compactions, long compactionDebtBytes,
        Work ingestions, Reads reads, long writeBufferBytes, Cache cache, Map<WriteStalledException.Reason, Duration> stalls) {
    public DatabaseStatistics {
        stalls = Map.copyOf(stalls);
    }

    /**
     * What was written to the disk, by the journal, flushes, compactions and ingestions, for each byte of the keys and values that
     * were committed or ingested; 0 before the first.
     */
    public double writeAmplification() {
        double written = (double) writes.journaledBytes + flushes.writtenBytes + compactions.writtenBytes
                + ingestions.writtenBytes;
        long given = writes.entryBytes + ingestions.readBytes;
        return given == 0 ? 0 : written / given;
    }

    /**
     * Commits and the journal.
     *
     * @param commits batches and single writes
     * @param entries puts and removals in these
     * @param entryBytes their keys and values
     * @param journaledBytes what was appended to the journal
     * @param forces how often a file of the journal was forced to the disk
     * @param journalFiles journals that hold something that is not in tables yet, and the current one
     * @param journalBytes the size of their files
     */
    public record Writes(
            long commits, long entries, long entryBytes, long journaledBytes, long forces, int journalFiles,
            long journalBytes) {}

    /**
     * The cache of decompressed blocks. Blocks that are stored uncompressed are read where they are and are not counted.
     *
     * @param dataHits data blocks that were found in it
     * @param dataMisses data blocks that were not
     * @param indexHits blocks of compressed indexes that were found in it
     * @param indexMisses those that were not
     * @param blobHits separated values that were found in it
     * @param blobMisses those that were not
     * @param insertedBlocks how many blocks came
     * @param evictedBlocks how many made room for others, or went when memory was given back
     * @param blocks how many it holds
     * @param blockBytes what they take
     * @param usedBytes all its memory
     * @param capacityBytes what its memory may grow to
     */
    public record Cache(
            long dataHits, long dataMisses, long indexHits, long indexMisses, long blobHits, long blobMisses,
            long insertedBlocks, long evictedBlocks, long blocks, long blockBytes, long usedBytes, long capacityBytes) {
        /** The part of looks that found a block, 0 to 1; 1 when there was no look. */
        public double hitRate() {
            long hits = dataHits + indexHits + blobHits;
            long looks = hits + dataMisses + indexMisses + blobMisses;
            return looks == 0 ? 1 : (double) hits / looks;
        }
    }

    /**
     * Background work, in pieces. What it read, wrote and took is of those that were completed.
     *
     * @param running pieces that are being done
     * @param completed those whose outcome took the place of what they were made of
     * @param failed those that had none, for want of space say; they are tried again
     * @param cancelled those that had none because the database was closed, or what they were made of had gone meanwhile
     * @param readBytes the size of what they were made of
     * @param writtenBytes the size of the tables that came of it
     * @param time how long it took; pieces that ran at the same time are added up
     */
    public record Work(
            int running, long completed, long failed, long cancelled, long readBytes, long writtenBytes,
            Duration time) {}

    /**
     * Reads of tables by gets and cursors, those that are open too. Compactions are not counted, nor is what opening a table reads.
     *
     * @param data blocks of entries
     * @param index blocks that tell where those lie
     * @param filter filters, or parts of them
     * @param blob separated values
     * @param filterQueries how often a filter was asked about a key that its table does not have
     * @param filterSkips how often it said so, and the table was not read; the rest were false positives
     * @param tablesOpened tables that were opened: with the database, and those that flushes, compactions and ingestions
     *     have written. They stay open until they are deleted
     */
    public record Reads(
            Blocks data, Blocks index, Blocks filter, Blocks blob, long filterQueries, long filterSkips, long tablesOpened) {
        /** The part of filter queries that spared reading a table, 0 to 1; 1 when there was no query. */
        public double filterEfficiency() {
            return filterQueries == 0 ? 1 : (double) filterSkips / filterQueries;
        }
    }

    /**
     * Where the blocks of one type were that reads came to.
     *
     * @param inPlace blocks that were read where they lie: uncompressed ones that had been verified before, and copies that are kept in
     *     memory for as long as the table is open
     * @param cached blocks that were found in the cache
     * @param loaded blocks that were read from the file as a whole: uncompressed ones to be verified, once, and compressed
     *     ones to be unpacked
     * @param loadedBytes what the loaded ones take in the file
     */
    public record Blocks(long inPlace, long cached, long loaded, long loadedBytes) {
        /** The part of blocks that did not have to be loaded, 0 to 1; 1 when there was none. */
        public double hitRate() {
            long all = inPlace + cached + loaded;
            return all == 0 ? 1 : (double) (inPlace + cached) / all;
        }
    }
}
