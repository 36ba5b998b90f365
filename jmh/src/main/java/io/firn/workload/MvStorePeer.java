package io.firn.workload;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.h2.mvstore.Cursor;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.type.ByteArrayDataType;

/**
 * H2's MVStore: a tree of pages on the heap, which a thread in the background writes once a second, without a log. It
 * has no batches: their puts are made one by one.
 */
final class MvStorePeer implements Peer {
    private final MVStore store;
    private final MVMap<byte[], byte[]> map;
    private final boolean isDurable;

    MvStorePeer(Settings settings) {
        isDurable = settings.isDurable();
        store = new MVStore.Builder()
                .fileName(settings.directory().resolve("store").toString())
                .cacheSize((int) (settings.cache().bytes >> 20))
                .autoCommitBufferSize((int) (Settings.WRITE_BUFFER_BYTES >> 10))
                .open();
        map = store.openMap("workload", new MVMap.Builder<byte[], byte[]>()
                .keyType(ByteArrayDataType.INSTANCE)
                .valueType(ByteArrayDataType.INSTANCE));
    }

    @Override
    public Session session() {
        return new MvSession();
    }

    @Override
    public Walker walker() {
        return new MvWalker();
    }

    @Override
    public void settle() {
        store.commit();
        store.sync();
    }

    @Override
    public void close() {
        store.close();
    }

    private final class MvSession implements Session {
        private final byte[] sought = new byte[WorkloadData.KEY_BYTES];

        @Override
        public void put(Operands operands) {
            putInBatch(operands);
            commitBatch();
        }

        @Override
        public void putInBatch(Operands operands) {
            map.put(operands.key.toArray(ValueLayout.JAVA_BYTE), operands.value.toArray(ValueLayout.JAVA_BYTE));
        }

        @Override
        public void commitBatch() {
            if (isDurable) {
                settle();
            }
        }

        @Override
        public long get(Operands operands) {
            byte[] found = find(operands);
            if (found == null) {
                return MISSING;
            }
            MemorySegment.copy(found, 0, operands.target, ValueLayout.JAVA_BYTE, 0, found.length);
            return found.length;
        }

        @Override
        public long look(Operands operands) {
            byte[] found = find(operands);
            if (found == null) {
                return MISSING;
            }
            operands.seen = found[0] + found[found.length - 1];
            return found.length;
        }

        private byte[] find(Operands operands) {
            MemorySegment.copy(operands.key, ValueLayout.JAVA_BYTE, 0, sought, 0, sought.length);
            return map.get(sought);
        }

        @Override
        public void close() {}
    }

    private final class MvWalker implements Walker {
        private Cursor<byte[], byte[]> cursor = map.cursor(null);

        @Override
        public boolean first() {
            cursor = map.cursor(null);
            return next();
        }

        @Override
        public boolean last() {
            cursor = map.cursor(null, null, true);
            return previous();
        }

        @Override
        public boolean next() {
            return step();
        }

        @Override
        public boolean previous() {
            return step();
        }

        private boolean step() {
            if (!cursor.hasNext()) {
                return false;
            }
            cursor.next();
            return true;
        }

        @Override
        public boolean seek(Operands operands) {
            cursor = map.cursor(operands.key.toArray(ValueLayout.JAVA_BYTE));
            return step();
        }

        @Override
        public int touch() {
            return cursor.getKey()[0] + cursor.getValue()[0];
        }

        @Override
        public void close() {}
    }
}
