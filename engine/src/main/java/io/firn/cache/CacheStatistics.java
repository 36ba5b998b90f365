package io.firn.cache;

/**
 * What the cache has done since it was made, and what it holds now. A hit or miss is one look at it: a block that is
 * being moved at that moment counts as missed. Blocks that left with a slab that was given back were evicted, purged
 * ones were not.
 *
 * @param usedBytes all memory of the cache, as charged to the budget; at most the capacity but for what pins hold after
 *     a shrinking
 * @param blockBytes what the blocks take of it
 */
public record CacheStatistics(
        long dataHits,
        long dataMisses,
        long indexHits,
        long indexMisses,
        long blobHits,
        long blobMisses,
        long inserts,
        long evictions,
        long blocks,
        long blockBytes,
        long usedBytes,
        long capacityBytes) {}
