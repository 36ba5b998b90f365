package io.firn.workload;

import io.firn.config.Compression;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.FlushOptions;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/** RocksDB, through its interface over direct buffers; what the workload does not set is as RocksDB has it. */
final class RocksDbPeer implements Peer {
    private static final String[] WORK_LEFT = {
        "rocksdb.mem-table-flush-pending", "rocksdb.num-running-flushes",
        "rocksdb.compaction-pending", "rocksdb.num-running-compactions"
    };

    static {
        RocksDB.loadLibrary();
    }

    private final Cache cache;
    private final BloomFilter filter = new BloomFilter(Settings.FILTER_BITS_PER_KEY);
    private final Options options = new Options();
    private final WriteOptions writing = new WriteOptions();
    private final ReadOptions reading = new ReadOptions();
    private final RocksDB database;

    RocksDbPeer(Settings settings) throws Exception {
        cache = new LRUCache(settings.cache().bytes);
        CompressionType compression = typeOf(settings.compression());
        options.setCreateIfMissing(true)
                .setCompressionType(compression)
                .setWriteBufferSize(Settings.WRITE_BUFFER_BYTES)
                .setTableFormatConfig(new BlockBasedTableConfig()
                        .setBlockCache(cache)
                        .setBlockSize(Settings.BLOCK_BYTES)
                        .setFilterPolicy(filter));
        if (settings.values() == Values.LARGE) {
            options.setEnableBlobFiles(true)
                    .setMinBlobSize(Settings.SEPARATION_BYTES)
                    .setBlobCompressionType(compression);
        }
        writing.setSync(settings.isDurable());
        database = RocksDB.open(options, settings.directory().toString());
    }

    private static CompressionType typeOf(Compression compression) {
        return switch (compression) {
            case NONE -> CompressionType.NO_COMPRESSION;
            case LZ4 -> CompressionType.LZ4_COMPRESSION;
            case ZSTD -> CompressionType.ZSTD_COMPRESSION;
        };
    }

    @Override
    public Session session() {
        return new RocksSession();
    }

    @Override
    public Walker walker() {
        return new RocksWalker();
    }

    @Override
    public void settle() throws Exception {
        try (FlushOptions flushing = new FlushOptions().setWaitForFlush(true)) {
            database.flush(flushing);
        }
        while (isWorking()) {
            Thread.sleep(1);
        }
    }

    private boolean isWorking() throws RocksDBException {
        for (String property : WORK_LEFT) {
            if (database.getLongProperty(property) != 0) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        database.close();
        reading.close();
        writing.close();
        options.close();
        filter.close();
        cache.close();
    }

    private final class RocksSession implements Session {
        private final WriteBatch batch = new WriteBatch();

        @Override
        public void put(Operands operands) throws RocksDBException {
            database.put(writing, operands.keyBuffer.rewind(), operands.valueBuffer.rewind());
        }

        @Override
        public void putInBatch(Operands operands) throws RocksDBException {
            batch.put(operands.keyBuffer.rewind(), operands.valueBuffer.rewind());
        }

        @Override
        public void commitBatch() throws RocksDBException {
            database.write(writing, batch);
            batch.clear();
        }

        @Override
        public long get(Operands operands) throws RocksDBException {
            int size = database.get(reading, operands.keyBuffer.rewind(), operands.targetBuffer.clear());
            return size == RocksDB.NOT_FOUND ? MISSING : size;
        }

        @Override
        public void close() {
            batch.close();
        }
    }

    private final class RocksWalker implements Walker {
        private final ByteBuffer key = Arena.global().allocate(WorkloadData.KEY_BYTES).asByteBuffer();
        private final ByteBuffer value = Arena.global().allocate(Values.SMALL.bytes).asByteBuffer();
        private final RocksIterator iterator = database.newIterator(reading);

        @Override
        public boolean first() {
            iterator.seekToFirst();
            return iterator.isValid();
        }

        @Override
        public boolean last() {
            iterator.seekToLast();
            return iterator.isValid();
        }

        @Override
        public boolean next() {
            iterator.next();
            return iterator.isValid();
        }

        @Override
        public boolean previous() {
            iterator.prev();
            return iterator.isValid();
        }

        @Override
        public boolean seek(Operands operands) {
            iterator.seek(operands.keyBuffer.rewind());
            return iterator.isValid();
        }

        @Override
        public int touch() {
            iterator.key(key.clear());
            iterator.value(value.clear());
            return key.get(0) + value.get(0);
        }

        @Override
        public void close() {
            iterator.close();
        }
    }
}
