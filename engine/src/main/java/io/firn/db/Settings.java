package io.firn.db;

import io.firn.config.CompactionFilters;
import io.firn.config.Compression;
import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.config.RecoveryMode;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import io.firn.ffm.file.SystemStorage;
import io.firn.journal.JournalSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** What a database is opened with. */
public record Settings(
        Path directory, Memory memory, Background background, Opening opening, Durability durability, Journaling journaling,
        Machine machine) {

    private static final long MEBIBYTE = 1 << 20;

    /** What a database is opened with unless its opener says otherwise. */
    public static Settings defaults(Path directory) {
        AtomicInteger threads = new AtomicInteger();
        return new Settings(
                directory.toAbsolutePath().normalize(),
                Memory.of(MemoryBudget.ofMebibytes(544), 32 * MEBIBYTE),
                new Background(Math.max(2, Runtime.getRuntime().availableProcessors()), Long.MAX_VALUE, null),
                new Opening(OpenMode.CREATE_OR_RECOVER, RecoveryMode.TORN_TAIL, false),
                new Durability(PersistMode.BUFFER, null, Duration.ofSeconds(60)),
                Journaling.of(512 * MEBIBYTE, Compression.LZ4),
                new Machine(new SystemStorage(), task -> {
                    Thread thread = new Thread(task, "firn-" + threads.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                }, System::nanoTime, System::currentTimeMillis, MEBIBYTE));
    }

    public MemoryBudget budget() {
        return memory.budget();
    }

    /** The account of all memory, and how much of it all memtables together and the block cache may use. */
    public record Memory(MemoryBudget budget, long writeBufferBytes, long cacheBytes) {
        public static final long WRITE_BUFFER_BYTES_MIN = MEBIBYTE;

        /** Half of what the cache leaves for memtables. */
        public static Memory of(MemoryBudget budget, long cacheBytes) {
            return new Memory(
                    budget, Math.max(WRITE_BUFFER_BYTES_MIN, (budget.limitBytes() - cacheBytes) / 2), cacheBytes);
        }
    }

    /** The workers, how much their compactions may write in a second, Long.MAX_VALUE for any, and what filters these use. */
    public record Background(int workers, long compactionBytesPerSecond, @Nullable CompactionFilters filters) {}

    /** What opening may do. */
    public record Opening(OpenMode mode, RecoveryMode recovery, boolean isTemporary) {}

    /** When a commit returns, and how long it may wait. */
    public record Durability(PersistMode commits, @Nullable Duration interval, Duration writeTimeout) {}

    /** The journal's files, how many bytes of left ones stall writers, and the codec of large values. */
    public record Journaling(JournalSettings files, long maxBytes, Compression compression) {
        /** With files of which several fit into what may be left. */
        public static Journaling of(long maxBytes, Compression compression) {
            return new Journaling(JournalSettings.within(maxBytes), maxBytes, compression);
        }

        /** The same with files of these sizes, see {@link JournalSettings}. */
        public Journaling withFiles(long firstBytes, long largestBytes, long forceAfterBytes) {
            return new Journaling(new JournalSettings(firstBytes, largestBytes, forceAfterBytes), maxBytes, compression);
        }
    }

    /** The disk, the threads and the clocks, that of intervals and that of the wall: a test brings its own. */
    public record Machine(
            Storage storage, ThreadFactory threads, LongSupplier nanoClock, LongSupplier millisClock,
            long manifestRewriteBytes) {}
}
