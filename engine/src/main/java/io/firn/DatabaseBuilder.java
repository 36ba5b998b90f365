package io.firn;

import io.firn.config.CompactionFilters;
import io.firn.config.Compression;
import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.config.RecoveryMode;
import io.firn.db.Engine;
import io.firn.db.Settings;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ThreadFactory;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * How a database is opened. Limits are checked in the setters.
 *
 * <p>Threads: one. For one use.
 */
public final class DatabaseBuilder {
    private static final long MEBIBYTE = 1 << 20;

    private final Path directory;
    private static final long CACHE_BYTES = 32 * MEBIBYTE;
    private static final long CACHE_BYTES_MIN = 64 * 1024;

    private @Nullable MemoryBudget budget;
    private long writeBufferBytes;
    private long cacheBytes = -1;
    private long maxJournalBytes;
    private Compression journalCompression;
    private PersistMode durability;
    private @Nullable Duration persistInterval;
    private Duration writeTimeout;
    private int workers;
    private long compactionBytesPerSecond;
    private @Nullable CompactionFilters compactionFilters;
    private OpenMode openMode;
    private RecoveryMode recoveryMode;
    private boolean isTemporary;

    private Storage storage;
    private ThreadFactory threads;
    private LongSupplier nanoClock;
    private LongSupplier millisClock;
    private UnaryOperator<Settings.Journaling> journalFiles = UnaryOperator.identity();
    private long manifestRewriteBytes;

    DatabaseBuilder(Path path) {
        Settings defaults = Settings.defaults(path);
        directory = defaults.directory();
        maxJournalBytes = defaults.journaling().maxBytes();
        journalCompression = defaults.journaling().compression();
        durability = defaults.durability().commits();
        persistInterval = defaults.durability().interval();
        writeTimeout = defaults.durability().writeTimeout();
        workers = defaults.background().workers();
        compactionBytesPerSecond = defaults.background().compactionBytesPerSecond();
        compactionFilters = defaults.background().filters();
        openMode = defaults.opening().mode();
        recoveryMode = defaults.opening().recovery();
        isTemporary = defaults.opening().isTemporary();
        storage = defaults.machine().storage();
        threads = defaults.machine().threads();
        nanoClock = defaults.machine().nanoClock();
        millisClock = defaults.machine().millisClock();
        manifestRewriteBytes = defaults.machine().manifestRewriteBytes();
    }

    /**
     * The account of all off-heap memory, at least 8 MiB; default its own of the cache's size and 512 MiB. One may serve several
     * databases.
     */
    public DatabaseBuilder budget(MemoryBudget newBudget) {
        check(newBudget.limitBytes() >= 8 * MEBIBYTE, "a budget of " + newBudget.limitBytes() + " bytes; at least 8 MiB");
        budget = newBudget;
        return this;
    }

    /**
     * What the cache of decompressed blocks may hold, from 64 KiB to the budget, or 0 for no cache; default 32 MiB, of a
     * budget below 128 MiB a quarter. It takes memory as blocks come, and gives it back to who lacks it.
     */
    public DatabaseBuilder cacheBytes(long bytes) {
        check(bytes == 0 || bytes >= CACHE_BYTES_MIN, "cacheBytes " + bytes + "; 0, or at least 64 KiB");
        cacheBytes = bytes;
        return this;
    }

    /**
     * What all memtables together may hold, from 1 MiB to the budget; default half of what the cache leaves. When more is wanted the largest
     * memtable is flushed, and writers wait for that.
     */
    public DatabaseBuilder writeBufferBytes(long bytes) {
        check(bytes >= Settings.Memory.WRITE_BUFFER_BYTES_MIN, "writeBufferBytes " + bytes + "; at least 1 MiB");
        writeBufferBytes = bytes;
        return this;
    }

    /** Journals that hold more than this stall writers until memtables are flushed; at least 64 MiB, default 512 MiB. */
    public DatabaseBuilder maxJournalBytes(long bytes) {
        check(bytes >= 64 * MEBIBYTE, "maxJournalBytes " + bytes + "; at least 64 MiB");
        maxJournalBytes = bytes;
        return this;
    }

    /** The codec of journal values of 4 KiB and more, kept when smaller; default LZ4. */
    public DatabaseBuilder journalCompression(Compression codec) {
        journalCompression = codec;
        return this;
    }

    /** How far a commit has come when it returns, unless it says otherwise; default BUFFER. */
    public DatabaseBuilder durability(PersistMode mode) {
        durability = mode;
        return this;
    }

    /** Forces the journal in the background at least this often, from 1 ms on; default never. */
    public DatabaseBuilder persistInterval(Duration interval) {
        check(interval.toMillis() >= 1, "persistInterval " + interval + "; at least 1 ms");
        persistInterval = interval;
        return this;
    }

    /** How long a stalled write waits before it throws WriteStalledException; from 1 ms on, default 60 s. */
    public DatabaseBuilder writeTimeout(Duration timeout) {
        check(timeout.toMillis() >= 1, "writeTimeout " + timeout + "; at least 1 ms");
        writeTimeout = timeout;
        return this;
    }

    /** Background workers, 2 to 1,024; default the processors, at least 2. */
    public DatabaseBuilder workers(int count) {
        check(2 <= count && count <= 1024, count + " workers; 2 to 1,024");
        workers = count;
        return this;
    }

    /** What compactions may write in a second, all together, from 1 MiB on; default as much as they can. */
    public DatabaseBuilder compactionBytesPerSecond(long bytes) {
        check(bytes >= MEBIBYTE, "compactionBytesPerSecond " + bytes + "; at least 1 MiB");
        compactionBytesPerSecond = bytes;
        return this;
    }

    /** What filters compactions use; default none. They are not persisted: give them at every opening. */
    public DatabaseBuilder compactionFilters(CompactionFilters byKeyspace) {
        compactionFilters = byKeyspace;
        return this;
    }

    /** Whether opening creates, recovers or does what fits; default CREATE_OR_RECOVER. */
    public DatabaseBuilder openMode(OpenMode mode) {
        openMode = mode;
        return this;
    }

    /** What opening does about a journal that does not end where it should; default TORN_TAIL. */
    public DatabaseBuilder recoveryMode(RecoveryMode mode) {
        recoveryMode = mode;
        return this;
    }

    /** The directory is deleted by {@code close}. */
    public DatabaseBuilder temporary() {
        isTemporary = true;
        return this;
    }

    /** Opens the database. */
    public Database open() {
        return new Database(Engine.open(settings()));
    }

    /** Opens it with transactions that write one after the other. */
    public SingleWriterDatabase openSingleWriter() {
        return new SingleWriterDatabase(Engine.open(settings()));
    }

    /** Opens it with transactions that run side by side and are checked when they commit. */
    public OptimisticDatabase openOptimistic() {
        return new OptimisticDatabase(Engine.open(settings()));
    }

    // ---- for tests: the machine

    DatabaseBuilder storage(Storage newStorage) {
        storage = newStorage;
        return this;
    }

    DatabaseBuilder threads(ThreadFactory newThreads) {
        threads = newThreads;
        return this;
    }

    DatabaseBuilder nanoClock(LongSupplier newClock) {
        nanoClock = newClock;
        return this;
    }

    DatabaseBuilder millisClock(LongSupplier newClock) {
        millisClock = newClock;
        return this;
    }

    DatabaseBuilder journalFiles(long firstBytes, long maxBytes, long forceAfterBytes) {
        journalFiles = journaling -> journaling.withFiles(firstBytes, maxBytes, forceAfterBytes);
        return this;
    }

    DatabaseBuilder manifestRewriteBytes(long bytes) {
        manifestRewriteBytes = bytes;
        return this;
    }

    Settings settings() {
        return new Settings(
                directory, memory(), new Settings.Background(workers, compactionBytesPerSecond, compactionFilters),
                new Settings.Opening(openMode, recoveryMode, isTemporary),
                new Settings.Durability(durability, persistInterval, writeTimeout),
                journalFiles.apply(Settings.Journaling.of(maxJournalBytes, journalCompression)),
                new Settings.Machine(storage, threads, nanoClock, millisClock, manifestRewriteBytes));
    }

    private Settings.Memory memory() {
        MemoryBudget given = budget;
        long cached = cacheBytes >= 0 ? cacheBytes : given == null ? CACHE_BYTES : defaultCacheBytes(given);
        MemoryBudget whole = given != null ? given : MemoryBudget.ofBytes(cached + 512 * MEBIBYTE);
        check(cached <= whole.limitBytes(), "cacheBytes " + cached + "; at most the budget, " + whole.limitBytes());
        if (writeBufferBytes == 0) {
            return Settings.Memory.of(whole, cached);
        }
        check(writeBufferBytes <= whole.limitBytes(),
                "writeBufferBytes " + writeBufferBytes + "; at most the budget, " + whole.limitBytes());
        return new Settings.Memory(whole, writeBufferBytes, cached);
    }

    private static long defaultCacheBytes(MemoryBudget given) {
        return Math.min(CACHE_BYTES, given.limitBytes() / 4);
    }

    private static void check(boolean isWithin, String message) {
        if (!isWithin) {
            throw new IllegalArgumentException(message);
        }
    }
}
