package io.firn.workload;

import io.firn.workload.Loops.Direction;
import io.firn.workload.Loops.Order;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * One engine in one phase: the program of the process that is started for it. It prints its figures as lines; a wrong
 * answer of the engine ends it.
 */
final class Measurement {
    private static final int OPENINGS = 5;
    private static final int ENTRIES_CHECKED = 10_000;
    private static final double MEBIBYTE = 1 << 20;

    private final Trial trial;
    private final Scale scale;
    private final String name;

    private Measurement(Trial trial) {
        this.trial = trial;
        scale = trial.scale();
        name = trial.phase().toString();
    }

    public static void main(String[] arguments) throws Exception {
        Trial trial = Trial.of(arguments);
        for (Figures each : of(trial)) {
            System.out.println(each.with("peak_MiB", Machine.residentPeakKibibytes() / 1024.0));
        }
    }

    static List<Figures> of(Trial trial) throws Exception {
        List<Figures> figures = new Measurement(trial).measure();
        figures.forEach(each -> each.with("engine", trial.engine().toString()));
        return figures;
    }

    private List<Figures> measure() throws Exception {
        return switch (trial.phase()) {
            case FILLSEQ -> fill(Order.SEQUENTIAL, 1);
            case FILLSEQ_1000 -> fill(Order.SEQUENTIAL, 1000);
            case FILLRANDOM, FILLRANDOM_UNCOMPRESSED, LARGEFILL, LARGEFILL_UNCOMPRESSED -> fill(Order.RANDOM, 1);
            case FILLBATCH -> fill(Order.RANDOM, 100);
            case FILLSYNC -> fillDurably(1, scale.durableInserts());
            case FILLSYNC_8 -> fillDurably(8, scale.durableInsertsOfThread());
            case READRANDOM, READRANDOM_SMALL, READRANDOM_SMALL_UNCOMPRESSED -> read(1);
            case READRANDOM_2 -> read(2);
            case READMISSING -> readMissing();
            case READWHILEWRITING -> readWhileWriting();
            case LARGEREAD, LARGEREAD_UNCOMPRESSED -> look();
            case SCAN -> scan(Direction.FORWARD);
            case SCAN_REVERSE -> scan(Direction.BACKWARD);
            case SEEK10 -> seek();
            case OPEN -> open(OPENINGS);
            case OPEN_KILLED -> open(1);
        };
    }

    // ---- writing

    private List<Figures> fill(Order order, int batchEntries) throws Exception {
        warmUpWriting(scale.warmupInserts());
        long n = scale.entriesOf(trial.phase().values);
        try (Peer peer = trial.open()) {
            Usage before = Usage.now();
            long writtenBytes = Machine.writtenBytes();
            long writeCallBytes = Machine.writeCallBytes();
            Figures figures = insert(peer, order, batchEntries, n);
            long began = System.nanoTime();
            peer.settle();
            double settleSeconds = (System.nanoTime() - began) / 1e9;
            double writtenMebibytes = (Machine.writtenBytes() - writtenBytes) / MEBIBYTE;
            double userBytes = n * (double) (WorkloadData.KEY_BYTES + trial.phase().values.bytes);
            double settledRate = n / (figures.number("seconds") + settleSeconds);
            if (trial.phase().start == Phase.Start.EMPTY_KEPT) {
                figures.with("rate_per_s", settledRate);
            }
            figures.with("settle_s", settleSeconds)
                    .with("settled_ops_per_s", settledRate)
                    .with("written_MiB", writtenMebibytes)
                    .with("write_calls_MiB", (Machine.writeCallBytes() - writeCallBytes) / MEBIBYTE)
                    .with("write_amplification", writtenMebibytes * MEBIBYTE / userBytes)
                    .with("disk_MiB", Machine.diskBytes(trial.database()) / MEBIBYTE)
                    .with("process_cpu_s", Usage.now().since(before).cpuNanos() / 1e9);
            checkEntries(peer, 0, n);
            return List.of(figures);
        }
    }

    private Figures insert(Peer peer, Order order, int batchEntries, long n) throws Exception {
        Operands operands = new Operands(trial.phase().values);
        return Timed.run(name, 1, (_, latencyNanos) -> {
            try (Session session = peer.session()) {
                return batchEntries == 1
                        ? Loops.insert(session, operands, order, 0, n, n, latencyNanos)
                        : Loops.insertBatches(session, operands, order, batchEntries, n, latencyNanos);
            }
        });
    }

    private List<Figures> fillDurably(int threads, long insertsOfThread) throws Exception {
        warmUpWriting(Math.max(1, scale.durableInserts() / 10));
        long n = threads * insertsOfThread;
        try (Peer peer = trial.open()) {
            Figures figures = Timed.run(name, threads, (thread, latencyNanos) -> {
                Operands operands = new Operands(Values.SMALL);
                try (Session session = peer.session()) {
                    return Loops.insert(
                            session, operands, Order.RANDOM, thread * insertsOfThread, insertsOfThread, n,
                            latencyNanos);
                }
            });
            checkEntries(peer, 0, n);
            return List.of(figures);
        }
    }

    /** Lets the compiler see the way of a write, on a database that is thrown away. */
    private void warmUpWriting(long inserts) throws Exception {
        Path elsewhere = trial.database().resolveSibling("warmup");
        Machine.delete(elsewhere);
        try (Peer peer = trial.open(elsewhere, inserts)) {
            insert(peer, Order.RANDOM, 1, inserts);
            peer.settle();
        }
        Machine.delete(elsewhere);
    }

    // ---- reading

    private List<Figures> read(int threads) throws Exception {
        try (Peer peer = trial.open()) {
            read(peer, 1, scale.reads() / 2);
            return List.of(read(peer, threads, scale.reads()));
        }
    }

    private Figures read(Peer peer, int threads, long reads) throws Exception {
        return Timed.run(name, threads, (thread, latencyNanos) -> {
            Operands operands = new Operands(Values.SMALL);
            try (Session session = peer.session()) {
                return Loops.read(session, operands, thread, reads, scale, latencyNanos);
            }
        });
    }

    private List<Figures> readMissing() throws Exception {
        try (Peer peer = trial.open()) {
            readMissing(peer, scale.reads() / 2);
            return List.of(readMissing(peer, scale.reads()));
        }
    }

    private Figures readMissing(Peer peer, long reads) throws Exception {
        Operands operands = new Operands(Values.SMALL);
        return Timed.run(name, 1, (_, latencyNanos) -> {
            try (Session session = peer.session()) {
                return Loops.readMissing(session, operands, reads, scale.entries(), latencyNanos);
            }
        });
    }

    private List<Figures> look() throws Exception {
        try (Peer peer = trial.open()) {
            look(peer, scale.largeReads() / 2);
            return List.of(look(peer, scale.largeReads()));
        }
    }

    private Figures look(Peer peer, long reads) throws Exception {
        Operands operands = new Operands(Values.LARGE);
        return Timed.run(name, 1, (_, latencyNanos) -> {
            try (Session session = peer.session()) {
                return Loops.look(session, operands, reads, scale, latencyNanos);
            }
        });
    }

    private List<Figures> readWhileWriting() throws Exception {
        warmUpWriting(scale.warmupInserts());
        Operands written = new Operands(Values.SMALL);
        Operands read = new Operands(Values.SMALL);
        try (Peer peer = trial.open()) {
            read(peer, 1, scale.reads() / 2);
            List<Figures> figures = Timed.run(List.of(
                    new Timed.Part(name + "-reads", 1, (_, latencyNanos) -> {
                        long deadlineNanos = System.nanoTime() + scale.readWhileWritingNanos();
                        try (Session session = peer.session()) {
                            return Loops.readUntil(deadlineNanos, session, read, 0, scale, latencyNanos);
                        }
                    }),
                    new Timed.Part(name + "-writes", 1, (_, latencyNanos) -> {
                        long deadlineNanos = System.nanoTime() + scale.readWhileWritingNanos();
                        try (Session session = peer.session()) {
                            return Loops.overwriteUntil(
                                    deadlineNanos, session, written, 1, scale.entries(), latencyNanos);
                        }
                    })));
            checkEntries(peer, 0, scale.entries());
            return figures;
        }
    }

    // ---- walking

    private List<Figures> scan(Direction direction) throws Exception {
        try (Peer peer = trial.open()) {
            scan(peer, direction);
            return List.of(scan(peer, direction));
        }
    }

    private Figures scan(Peer peer, Direction direction) throws Exception {
        return Timed.run(name, 1, (_, _) -> {
            try (Walker walker = peer.walker()) {
                return Loops.scan(walker, direction, scale.entries());
            }
        });
    }

    private List<Figures> seek() throws Exception {
        try (Peer peer = trial.open()) {
            seek(peer, scale.seeks() / 2);
            return List.of(seek(peer, scale.seeks()));
        }
    }

    private Figures seek(Peer peer, long seeks) throws Exception {
        Operands operands = new Operands(Values.SMALL);
        return Timed.run(name, 1, (_, latencyNanos) -> {
            try (Walker walker = peer.walker()) {
                return Loops.seek(walker, operands, seeks, scale, latencyNanos);
            }
        });
    }

    // ---- opening

    /** The rate that is compared is that of the openings alone, without the reading and the closing. */
    private List<Figures> open(int openings) throws Exception {
        warmUpWriting(1);
        Figures figures = Timed.run(name, 1, (_, latencyNanos) -> {
            for (int opening = 0; opening < openings; opening++) {
                long nanos = System.nanoTime();
                try (Peer peer = trial.open()) {
                    Timed.record(latencyNanos, nanos);
                    checkEntries(peer, 0, scale.entries());
                    if (trial.phase() == Phase.OPEN_KILLED && trial.engine().outlivesItsProcess()) {
                        checkEntries(peer, scale.entries(), scale.entries() + scale.logEntries());
                    }
                }
            }
            return openings;
        });
        return List.of(figures.with("rate_per_s", 1e6 / figures.number("mean_us")));
    }

    /** Compares entries from all over the range, so that nothing is measured that is wrong. */
    private void checkEntries(Peer peer, long from, long to) throws Exception {
        Operands operands = new Operands(trial.phase().values);
        long step = Math.max(1, (to - from) / ENTRIES_CHECKED);
        try (Session session = peer.session()) {
            for (long i = from; i < to; i += step) {
                checkEntry(session, i, operands);
            }
            checkEntry(session, to - 1, operands);
        }
    }

    private static void checkEntry(Session session, long i, Operands operands) throws Exception {
        WorkloadData.key(i, operands.key);
        WorkloadData.filler(operands.target);
        operands.check(i, session.get(operands));
    }
}
