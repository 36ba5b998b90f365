package io.firn.workload;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.lmdbjava.Cursor;
import org.lmdbjava.Dbi;
import org.lmdbjava.DbiFlags;
import org.lmdbjava.Env;
import org.lmdbjava.EnvFlags;
import org.lmdbjava.GetOp;
import org.lmdbjava.Txn;

/**
 * LMDB, through lmdbjava over direct buffers. Without durability it writes into its mapping, which spares it the system
 * calls; with it, it is as it comes. A get is a read transaction of its own, as it is for the others.
 */
final class LmdbPeer implements Peer {
    private static final EnvFlags[] BUFFERED = {
        EnvFlags.MDB_NOTLS, EnvFlags.MDB_WRITEMAP, EnvFlags.MDB_NOSYNC
    };
    private static final EnvFlags[] DURABLE = {EnvFlags.MDB_NOTLS};

    private final int putsPerTransaction;
    private final Env<ByteBuffer> environment;
    private final Dbi<ByteBuffer> database;

    LmdbPeer(Settings settings, int putsPerTransaction) {
        this.putsPerTransaction = putsPerTransaction;
        environment = Env.create()
                .setMapSize(mapBytes(settings))
                .setMaxDbs(1)
                .open(settings.directory().toFile(), settings.isDurable() ? DURABLE : BUFFERED);
        database = environment.openDbi("workload", DbiFlags.MDB_CREATE);
    }

    /** Room, which costs nothing until it is used, for several times what the entries take. */
    private static long mapBytes(Settings settings) {
        long entryBytes = WorkloadData.KEY_BYTES + settings.values().bytes;
        return (settings.entries() * entryBytes * 8 + (1L << 30)) & -4096L;
    }

    @Override
    public Session session() {
        return new LmdbSession();
    }

    @Override
    public Walker walker() {
        return new LmdbWalker();
    }

    @Override
    public void settle() {
        environment.sync(true);
    }

    @Override
    public void close() {
        environment.close();
    }

    private final class LmdbSession implements Session {
        private final Txn<ByteBuffer> reading = environment.txnRead();
        private @Nullable Txn<ByteBuffer> writing;
        private int puts;

        LmdbSession() {
            reading.reset();
        }

        @Override
        public void put(Operands operands) {
            putInBatch(operands);
            if (++puts == putsPerTransaction) {
                commitBatch();
            }
        }

        @Override
        public void putInBatch(Operands operands) {
            if (writing == null) {
                writing = environment.txnWrite();
            }
            database.put(writing, operands.keyBuffer.rewind(), operands.valueBuffer.rewind());
        }

        @Override
        public void commitBatch() {
            if (writing != null) {
                writing.commit();
                writing.close();
                writing = null;
                puts = 0;
            }
        }

        @Override
        public long get(Operands operands) {
            reading.renew();
            ByteBuffer found = database.get(reading, operands.keyBuffer.rewind());
            long size = MISSING;
            if (found != null) {
                size = found.remaining();
                operands.targetBuffer.clear().put(found);
            }
            reading.reset();
            return size;
        }

        @Override
        public long look(Operands operands) {
            reading.renew();
            ByteBuffer found = database.get(reading, operands.keyBuffer.rewind());
            long size = MISSING;
            if (found != null) {
                size = found.remaining();
                operands.seen = found.get(0) + found.get((int) size - 1);
            }
            reading.reset();
            return size;
        }

        @Override
        public void close() {
            commitBatch();
            reading.close();
        }
    }

    private final class LmdbWalker implements Walker {
        private final Txn<ByteBuffer> reading = environment.txnRead();
        private final Cursor<ByteBuffer> cursor = database.openCursor(reading);

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
            return cursor.prev();
        }

        @Override
        public boolean seek(Operands operands) {
            return cursor.get(operands.keyBuffer.rewind(), GetOp.MDB_SET_RANGE);
        }

        @Override
        public int touch() {
            return cursor.key().get(0) + cursor.val().get(0);
        }

        @Override
        public void close() {
            cursor.close();
            reading.close();
        }
    }
}
