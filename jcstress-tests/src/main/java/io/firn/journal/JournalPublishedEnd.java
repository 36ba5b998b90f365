package io.firn.journal;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.codec.Crc32c;
import io.firn.ffm.memory.Layouts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Who reads the published end of the journal sees every byte before it. */
public final class JournalPublishedEnd {
    private static final int NOT_PUBLISHED = -1;
    private static final int TORN = 0;
    private static final int WHOLE = 1;
    private static final Path DIRECTORY = Path.of("journal");
    private static final JournalSettings SETTINGS = new JournalSettings(512, 512, 512);
    private static final MemoryBudget BUDGET = MemoryBudget.ofMebibytes(1024);
    private static final MemorySegment RECORD = Arena.global().allocate(512, 64);
    private static final long RECORD_BYTES;

    static {
        int valueBytes = 200;
        long value = JournalFormat.putEntryHeader(
                RECORD, JournalFormat.RECORD_HEADER_BYTES, 1, 0, 0, 8, valueBytes, valueBytes);
        RECORD.asSlice(value, 8 + valueBytes).fill((byte) 'x');
        RECORD_BYTES = JournalFormat.finishRecord(RECORD, value + 8 + valueBytes, 1, new Crc32c());
    }

    private JournalPublishedEnd() {}

    /** From the end to the start: a store that is late shows. */
    private static int look(MemorySegment bytes) {
        long start = JournalFormat.FILE_HEADER_BYTES;
        for (long at = RECORD_BYTES - 8; at >= JournalFormat.RECORD_HEADER_BYTES; at -= 8) {
            if (bytes.get(Layouts.LONG_LE, start + at) != RECORD.get(Layouts.LONG_LE, at)) {
                return TORN;
            }
        }
        return bytes.get(Layouts.LONG_LE, start + JournalFormat.RECORD_SEQNO) == 7
                        && bytes.get(Layouts.INT_LE, start + JournalFormat.RECORD_CRC) != 0
                ? WHOLE
                : TORN;
    }

    @JCStressTest
    @Outcome(id = "-1, 1", expect = ACCEPTABLE, desc = "the record was not published yet")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "the record was published and whole")
    @Outcome(expect = FORBIDDEN, desc = "an end behind bytes that are not there")
    @State
    public static class Real {
        private final StressStorage storage = new StressStorage();
        private final Journal journal;
        private final MemorySegment bytes;
        private final long start;

        public Real() {
            try {
                journal = Journal.open(storage, DIRECTORY, 1, 0, SETTINGS, BUDGET, cause -> {});
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            bytes = storage.bytes;
            start = journal.endPosition();
        }

        @Actor
        public void writer() {
            journal.append(RECORD, RECORD_BYTES, 7);
        }

        @Actor
        public void reader(II_Result r) {
            r.r1 = journal.endPosition() == start ? NOT_PUBLISHED : look(bytes);
        }

        @Arbiter
        public void arbiter(II_Result r) {
            r.r2 = look(bytes);
            try {
                journal.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /**
     * The twin: a plain end. x86 keeps the order of stores and of loads, so only the compiler can show the outcome
     * here; on aarch64 the processor does.
     */
    @JCStressTest
    @Outcome(id = "-1, 1", expect = ACCEPTABLE, desc = "the record was not published yet")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "the record was published and whole")
    @Outcome(id = "0, 1", expect = ACCEPTABLE_INTERESTING, desc = "an end behind bytes that are not there")
    @Outcome(expect = FORBIDDEN, desc = "anything else")
    @State
    public static class TwinWithoutRelease {
        private final MemorySegment bytes = MemorySegment.ofArray(new long[64]);
        private long end;

        @Actor
        public void writer() {
            MemorySegment.copy(RECORD, 0, bytes, JournalFormat.FILE_HEADER_BYTES, RECORD_BYTES);
            bytes.set(Layouts.LONG_LE, JournalFormat.FILE_HEADER_BYTES + JournalFormat.RECORD_SEQNO, 7);
            bytes.set(Layouts.INT_LE, JournalFormat.FILE_HEADER_BYTES + JournalFormat.RECORD_CRC, 1);
            end = RECORD_BYTES;
        }

        @Actor
        public void reader(II_Result r) {
            r.r1 = end == 0 ? NOT_PUBLISHED : look(bytes);
        }

        @Arbiter
        public void arbiter(II_Result r) {
            r.r2 = look(bytes);
        }
    }

    /** The twin: the end that was reserved is sampled instead of the one that was published. */
    @JCStressTest
    @Outcome(id = "-1, 1", expect = ACCEPTABLE, desc = "the record was not reserved yet")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "the record was whole in time")
    @Outcome(id = "0, 1", expect = ACCEPTABLE_INTERESTING, desc = "an end behind bytes that are not there")
    @Outcome(expect = FORBIDDEN, desc = "anything else")
    @State
    public static class TwinThatSamplesTheReservedEnd {
        private final MemorySegment bytes = MemorySegment.ofArray(new long[64]);
        private volatile long end;

        @Actor
        public void writer() {
            end = RECORD_BYTES;
            MemorySegment.copy(RECORD, 0, bytes, JournalFormat.FILE_HEADER_BYTES, RECORD_BYTES);
            bytes.set(Layouts.LONG_LE, JournalFormat.FILE_HEADER_BYTES + JournalFormat.RECORD_SEQNO, 7);
            bytes.set(Layouts.INT_LE, JournalFormat.FILE_HEADER_BYTES + JournalFormat.RECORD_CRC, 1);
        }

        @Actor
        public void reader(II_Result r) {
            r.r1 = end == 0 ? NOT_PUBLISHED : look(bytes);
        }

        @Arbiter
        public void arbiter(II_Result r) {
            r.r2 = look(bytes);
        }
    }
}
