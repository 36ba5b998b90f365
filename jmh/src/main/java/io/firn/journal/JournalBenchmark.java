package io.firn.journal;

import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Codec;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.file.SystemStorage;
import io.firn.workload.WorkloadData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One entry of the workload as a record: encoded, appended, and forced. The next file is made ready, and the former one
 * recycled, by the thread that is measured: that is spread over the appends.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx1g"})
public class JournalBenchmark {
    private static final int VALUE_BYTES = 100;

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(256);
    private final Crc32c crc = new Crc32c();
    private final MemorySegment record = Arena.global().allocate(4096, 64);
    private final MemorySegment key = Arena.global().allocate(WorkloadData.KEY_BYTES, 8);
    private final MemorySegment value = Arena.global().allocate(VALUE_BYTES, 8);
    private Path directory;
    private Journal journal;
    private Thread forcing;
    private long seqno;

    @Setup
    public void open() throws IOException {
        WorkloadData.filler(value);
        directory = Files.createTempDirectory("journal-benchmark");
        journal = Journal.open(new SystemStorage(), directory, 1, 0, JournalSettings.within(512 << 20), budget, cause -> {
            throw new IllegalStateException(cause);
        });
        forcing = Thread.ofPlatform().daemon().start(journal::run);
    }

    @TearDown(Level.Trial)
    public void close() throws IOException, InterruptedException {
        journal.stop();
        forcing.join();
        journal.close();
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path each : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(each);
            }
        }
    }

    /** What a commit does before it takes the lock. */
    @Benchmark
    public long encode() {
        WorkloadData.key(seqno, key);
        WorkloadData.value(seqno++, value);
        long keyAt = JournalFormat.putEntryHeader(
                record, JournalFormat.RECORD_HEADER_BYTES, 1, Trailer.VALUE, Codec.NONE.id(), WorkloadData.KEY_BYTES,
                VALUE_BYTES, VALUE_BYTES);
        MemorySegment.copy(key, 0, record, keyAt, WorkloadData.KEY_BYTES);
        MemorySegment.copy(value, 0, record, keyAt + WorkloadData.KEY_BYTES, VALUE_BYTES);
        return JournalFormat.finishRecord(record, keyAt + WorkloadData.KEY_BYTES + VALUE_BYTES, 1, crc);
    }

    /** A commit that is left to the operating system. */
    @Benchmark
    public long append() throws IOException {
        long recordBytes = encode();
        if (!journal.tryReserve(recordBytes)) {
            rotate(recordBytes);
        }
        return journal.append(record, recordBytes, seqno);
    }

    /** A commit that waits for the disk. */
    @Benchmark
    public void appendAndForce() throws IOException {
        journal.awaitForced(append());
    }

    private void rotate(long recordBytes) throws IOException {
        journal.prepare(recordBytes);
        if (!journal.tryReserve(recordBytes)) {
            throw new IllegalStateException("no room in a file that was made ready");
        }
        journal.retire(journal.currentFileId());
    }
}
