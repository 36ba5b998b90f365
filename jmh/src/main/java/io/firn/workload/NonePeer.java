package io.firn.workload;

/** No engine: forgets what is written and finds every entry, wherever that can be told from the key alone. */
final class NonePeer implements Peer {
    private final long entries;

    NonePeer(Settings settings) {
        entries = settings.entries();
    }

    @Override
    public Session session() {
        return new NoneSession();
    }

    @Override
    public Walker walker() {
        return new NoneWalker();
    }

    @Override
    public void settle() {}

    @Override
    public void close() {}

    private static final class NoneSession implements Session {
        @Override
        public void put(Operands operands) {}

        @Override
        public void putInBatch(Operands operands) {}

        @Override
        public void commitBatch() {}

        @Override
        public long get(Operands operands) {
            if (operands.keyBuffer.get(WorkloadData.KEY_BYTES - 1) != '0') {
                return MISSING;
            }
            WorkloadData.filler(operands.target);
            WorkloadData.value(operands.keyBuffer.getLong(0), operands.target);
            return operands.target.byteSize();
        }

        @Override
        public void close() {}
    }

    private final class NoneWalker implements Walker {
        private long at;

        @Override
        public boolean first() {
            return moveTo(0);
        }

        @Override
        public boolean last() {
            return moveTo(entries - 1);
        }

        @Override
        public boolean next() {
            return moveTo(at + 1);
        }

        @Override
        public boolean previous() {
            return moveTo(at - 1);
        }

        @Override
        public boolean seek(Operands operands) {
            return moveTo(operands.keyBuffer.getLong(0));
        }

        private boolean moveTo(long i) {
            at = i;
            return 0 <= i && i < entries;
        }

        @Override
        public int touch() {
            return WorkloadData.firstBytes(at);
        }

        @Override
        public void close() {}
    }
}
