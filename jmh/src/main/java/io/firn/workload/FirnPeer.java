package io.firn.workload;

import io.firn.Cursor;
import io.firn.Database;
import io.firn.Keyspace;
import io.firn.ValueVisitor;
import io.firn.WriteBatch;
import io.firn.config.BlobOptions;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.KeyspaceStatistics;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Firn: its copying {@code get}, its {@code read} for looks, and its cursors. */
final class FirnPeer implements Peer {
    private final Database database;
    private final Keyspace keyspace;

    FirnPeer(Settings settings) {
        database = Database.builder(settings.directory())
                .durability(settings.durability())
                .cacheBytes(settings.cache().bytes)
                .journalCompression(settings.compression())
                .open();
        keyspace = database.keyspace("workload", KeyspaceOptions.defaults()
                .memtableBytes(Settings.WRITE_BUFFER_BYTES)
                .blockBytes(Settings.BLOCK_BYTES)
                .compression(settings.compression())
                .filter(new FilterPolicy.BitsPerKey(Settings.FILTER_BITS_PER_KEY))
                .blobs(settings.values() == Values.LARGE ? separated(settings) : null));
    }

    private static BlobOptions separated(Settings settings) {
        return BlobOptions.defaults().separationBytes(Settings.SEPARATION_BYTES).compression(settings.compression());
    }

    @Override
    public Session session() {
        return new FirnSession();
    }

    @Override
    public Walker walker() {
        return new FirnWalker();
    }

    /** A round of compaction waits for those in the background; one that changes nothing found nothing to do. */
    @Override
    public void settle() {
        keyspace.rotateMemtableAndWait();
        List<KeyspaceStatistics.Level> before;
        do {
            before = keyspace.statistics().levels();
            keyspace.compact();
        } while (!keyspace.statistics().levels().equals(before));
    }

    @Override
    public void close() {
        database.close();
    }

    private final class FirnSession implements Session, ValueVisitor {
        private final WriteBatch batch = database.batch();
        private long size;
        private int seen;

        @Override
        public void put(Operands operands) {
            keyspace.put(operands.key, operands.value);
        }

        @Override
        public void putInBatch(Operands operands) {
            batch.put(keyspace, operands.key, operands.value);
        }

        @Override
        public void commitBatch() {
            batch.commit();
            batch.clear();
        }

        @Override
        public long get(Operands operands) {
            return keyspace.get(operands.key, operands.target);
        }

        @Override
        public long look(Operands operands) {
            size = MISSING;
            keyspace.read(operands.key, this);
            operands.seen = seen;
            return size;
        }

        @Override
        public void value(MemorySegment value) {
            size = value.byteSize();
            seen = value.get(ValueLayout.JAVA_BYTE, 0) + value.get(ValueLayout.JAVA_BYTE, size - 1);
        }

        @Override
        public void close() {
            batch.close();
        }
    }

    private final class FirnWalker implements Walker {
        private final Cursor cursor = keyspace.cursor(KeyRange.all());

        @Override
        public boolean first() {
            return cursor.first();
        }

        @Override
        public boolean last() {
            return cursor.last();
        }

        @Override
        public boolean next() {
            return cursor.next();
        }

        @Override
        public boolean previous() {
            return cursor.previous();
        }

        @Override
        public boolean seek(Operands operands) {
            return cursor.seek(operands.key);
        }

        @Override
        public int touch() {
            return cursor.key().get(ValueLayout.JAVA_BYTE, 0) + cursor.value().get(ValueLayout.JAVA_BYTE, 0);
        }

        @Override
        public void close() {
            cursor.close();
        }
    }
}
