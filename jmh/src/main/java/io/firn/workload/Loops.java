package io.firn.workload;

import org.HdrHistogram.Histogram;

/**
 * The loops that are measured. Each makes so many operations, records a time for each unless it walks, checks what it
 * reads, allocates nothing itself, and answers how many operations it made. What takes the time of a comparison is left
 * out of the recorded times.
 */
final class Loops {
    enum Order { SEQUENTIAL, RANDOM }

    enum Direction { FORWARD, BACKWARD }

    private static final int NEXTS_AFTER_SEEK = 10;

    private Loops() {}

    /** The entries from the from-th of the order on, one by one. */
    static long insert(
            Session session, Operands operands, Order order, long from, long count, long n, Histogram latencyNanos)
            throws Exception {
        long nanos = System.nanoTime();
        for (long j = from; j < from + count; j++) {
            operands.entry(entry(order, j, n));
            session.put(operands);
            nanos = Timed.record(latencyNanos, nanos);
        }
        return count;
    }

    /** All n entries, so many at once; a time is recorded for each batch. */
    static long insertBatches(
            Session session, Operands operands, Order order, int batchEntries, long n, Histogram latencyNanos)
            throws Exception {
        long nanos = System.nanoTime();
        for (long j = 0; j < n; ) {
            for (long end = Math.min(n, j + batchEntries); j < end; j++) {
                operands.entry(entry(order, j, n));
                session.putInBatch(operands);
            }
            session.commitBatch();
            nanos = Timed.record(latencyNanos, nanos);
        }
        return n;
    }

    private static long entry(Order order, long j, long n) {
        return order == Order.RANDOM ? WorkloadData.insertOrder(j, n) : j;
    }

    /** Writes random entries once more until the time is over. */
    static long overwriteUntil(
            long deadlineNanos, Session session, Operands operands, int thread, long n, Histogram latencyNanos)
            throws Exception {
        long count = 0;
        for (long nanos = System.nanoTime(); nanos - deadlineNanos < 0; count++) {
            operands.entry(WorkloadData.readOrder(thread, count, n));
            session.put(operands);
            nanos = Timed.record(latencyNanos, nanos);
        }
        return count;
    }

    static long read(
            Session session, Operands operands, int thread, long count, Scale scale, Histogram latencyNanos)
            throws Exception {
        int readsPerCheck = scale.readsPerCheck();
        long nanos = System.nanoTime();
        for (long j = 0; j < count; j++) {
            long i = WorkloadData.readOrder(thread, j, scale.entries());
            WorkloadData.key(i, operands.key);
            long size = session.get(operands);
            nanos = Timed.record(latencyNanos, nanos);
            if (size != Values.SMALL.bytes || j % readsPerCheck == 0) {
                operands.check(i, size);
                nanos = System.nanoTime();
            }
        }
        return count;
    }

    /** Reads random entries until the time is over. */
    static long readUntil(
            long deadlineNanos, Session session, Operands operands, int thread, Scale scale, Histogram latencyNanos)
            throws Exception {
        int readsPerCheck = scale.readsPerCheck();
        long count = 0;
        for (long nanos = System.nanoTime(); nanos - deadlineNanos < 0; count++) {
            long i = WorkloadData.readOrder(thread, count, scale.entries());
            WorkloadData.key(i, operands.key);
            long size = session.get(operands);
            nanos = Timed.record(latencyNanos, nanos);
            if (size != Values.SMALL.bytes || count % readsPerCheck == 0) {
                operands.check(i, size);
                nanos = System.nanoTime();
            }
        }
        return count;
    }

    static long readMissing(Session session, Operands operands, long count, long n, Histogram latencyNanos)
            throws Exception {
        long nanos = System.nanoTime();
        for (long j = 0; j < count; j++) {
            long i = WorkloadData.readOrder(0, j, n);
            WorkloadData.missingKey(i, operands.key);
            long size = session.get(operands);
            nanos = Timed.record(latencyNanos, nanos);
            if (size != Peer.MISSING) {
                throw new IllegalStateException("missing key " + i + ": found " + size + " bytes");
            }
        }
        return count;
    }

    /** Looks at random large values. */
    static long look(Session session, Operands operands, long count, Scale scale, Histogram latencyNanos)
            throws Exception {
        int readsPerCheck = scale.readsPerCheck();
        long n = scale.largeEntries();
        long sum = 0;
        long nanos = System.nanoTime();
        for (long j = 0; j < count; j++) {
            long i = WorkloadData.readOrder(0, j, n);
            WorkloadData.key(i, operands.key);
            long size = session.look(operands);
            sum += operands.seen;
            nanos = Timed.record(latencyNanos, nanos);
            if (size != Values.LARGE.bytes || j % readsPerCheck == 0) {
                int seen = operands.seen;
                operands.check(i, session.get(operands));
                if (seen != operands.targetBuffer.get(0) + operands.targetBuffer.get(Values.LARGE.bytes - 1)) {
                    throw new IllegalStateException("entry " + i + ": a look showed other bytes than a get");
                }
                nanos = System.nanoTime();
            }
        }
        operands.seen = (int) sum;
        return count;
    }

    /** Every entry, from one end to the other. */
    static long scan(Walker walker, Direction direction, long n) throws Exception {
        long count = 0;
        long sum = 0;
        if (direction == Direction.FORWARD) {
            for (boolean isThere = walker.first(); isThere; isThere = walker.next()) {
                sum += walker.touch();
                count++;
            }
        } else {
            for (boolean isThere = walker.last(); isThere; isThere = walker.previous()) {
                sum += walker.touch();
                count++;
            }
        }
        if (count != n || sum != sumOf(0, n)) {
            throw new IllegalStateException("a scan of " + n + " entries: " + count + ", of sum " + sum);
        }
        return count;
    }

    /** To random keys, and from each ten entries on. */
    static long seek(Walker walker, Operands operands, long count, Scale scale, Histogram latencyNanos)
            throws Exception {
        int readsPerCheck = scale.readsPerCheck();
        long n = scale.entries();
        long nanos = System.nanoTime();
        for (long j = 0; j < count; j++) {
            long i = WorkloadData.readOrder(0, j, n);
            WorkloadData.key(i, operands.key);
            int sum = 0;
            boolean isThere = walker.seek(operands);
            for (int k = 0; isThere; k++) {
                sum += walker.touch();
                isThere = k < NEXTS_AFTER_SEEK && walker.next();
            }
            nanos = Timed.record(latencyNanos, nanos);
            if (j % readsPerCheck == 0) {
                if (sum != sumOf(i, Math.min(n, i + 1 + NEXTS_AFTER_SEEK))) {
                    throw new IllegalStateException("entry " + i + " and the ten behind it: a sum of " + sum);
                }
                nanos = System.nanoTime();
            }
        }
        return count;
    }

    private static long sumOf(long from, long to) {
        long sum = 0;
        for (long i = from; i < to; i++) {
            sum += WorkloadData.firstBytes(i);
        }
        return sum;
    }
}
