package io.firn;

import io.firn.config.BlobOptions;
import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.OpenMode;
import io.firn.config.PerLevel;
import io.firn.config.RecoveryMode;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.db.Settings;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import io.firn.journal.JournalFormat;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * A database whose journal files, memtables and manifest are so small that a few dozen writes rotate, recycle, flush and
 * rewrite them, on a simulated disk.
 *
 * <p>Threads: any. Closed by: its opener.
 */
final class TinyDatabase implements AutoCloseable {
    /** What no writer waits for, however busy the machine is, while background work goes on at all. */
    static final Duration PATIENCE = Duration.ofMinutes(10);

    /** Two levels below a root that exists: what lies between has to become durable too. */
    static final Path DIRECTORY = Path.of("/data/db");

    static final long JOURNAL_FIRST_BYTES = 2048;
    static final long JOURNAL_MAX_BYTES = 4096;
    private static final long JOURNALS_BYTES = 16 << 10;
    private static final long FORCE_AFTER_BYTES = 1024;
    private static final long PAUSE_NANOS = 20_000;

    private static final CompactionStrategy EAGER = new CompactionStrategy.Leveled(2, 4096, PerLevel.all(2.0));
    private static final long MANIFEST_REWRITE_BYTES = 400;
    private static final long DROPPED_ABOVE_BYTES = 6000;

    /** Kept, since a logger without a holder forgets its level. What fails on purpose need not be told. */
    private static final Logger LOGGER = Logger.getLogger("io.firn");

    final Database database;
    private final Engine engine;
    private final MemoryBudget budget;

    private TinyDatabase(Engine engine, MemoryBudget budget) {
        this.engine = engine;
        this.budget = budget;
        database = new Database(engine);
    }

    static TinyDatabase open(Storage storage, OpenMode mode) {
        return open(storage, mode, RecoveryMode.TORN_TAIL, PATIENCE);
    }

    static TinyDatabase open(Storage storage, OpenMode mode, RecoveryMode recovery, Duration writeTimeout) {
        LOGGER.setLevel(Level.OFF);
        MemoryBudget budget = MemoryBudget.ofMebibytes(16);
        // Tests open a hundred thousand of these; threads of the platform would cost most of their time.
        ThreadFactory threads = Thread.ofVirtual().name("firn-tiny").factory();
        Settings asBuilt = Database.builder(DIRECTORY).storage(storage).openMode(mode).recoveryMode(recovery)
                .budget(budget).writeTimeout(writeTimeout).threads(threads)
                .manifestRewriteBytes(MANIFEST_REWRITE_BYTES)
                .journalFiles(JOURNAL_FIRST_BYTES, JOURNAL_MAX_BYTES, FORCE_AFTER_BYTES)
                .settings();
        Settings settings = new Settings(
                asBuilt.directory(), asBuilt.memory(), new Settings.Background(1, Long.MAX_VALUE, Upkept.FILTERS), asBuilt.opening(),
                asBuilt.durability(),
                new Settings.Journaling(asBuilt.journaling().files(), JOURNALS_BYTES, Compression.LZ4),
                asBuilt.machine());
        return new TinyDatabase(Engine.open(settings), budget);
    }

    /** One of the kinds of tables that there are, as suits a keyspace of this name. */
    static KeyspaceOptions options(String name, Random random) {
        KeyspaceOptions options = options(random);
        return Upkept.isDroppedByAge(name)
                ? options.compaction(new CompactionStrategy.Fifo(DROPPED_ABOVE_BYTES, null)) : options;
    }

    /** One of the kinds of tables that there are. */
    static KeyspaceOptions options(Random random) {
        boolean isPartitioned = random.nextInt(4) == 0;
        return KeyspaceOptions.defaults()
                .memtableBytes(4096)
                .blockBytes(random.nextBoolean() ? 512 : 4096)
                .compression(random.nextBoolean() ? Compression.NONE : Compression.LZ4)
                .filter(random.nextInt(4) == 0 ? new FilterPolicy.BitsPerKey(10) : new FilterPolicy.None())
                .indexPartitioned(isPartitioned)
                .filterPartitioned(isPartitioned)
                .blobs(random.nextInt(3) == 0 ? blobs(random) : null)
                .compaction(compaction(random));
    }

    /** Small values are separated, and blob files soon full, and soon written anew. */
    static BlobOptions blobs(Random random) {
        return new BlobOptions(
                64 << random.nextInt(4), 4096, random.nextBoolean() ? Compression.NONE : Compression.LZ4,
                random.nextDouble() / 2, random.nextBoolean() ? 1 : 0.25);
    }

    /** Most merge what two flushes have left. */
    private static CompactionStrategy compaction(Random random) {
        return switch (random.nextInt(4)) {
            case 0 -> CompactionStrategy.Leveled.defaults();
            case 1 -> new CompactionStrategy.Tiered(2, 2, 3, 1, 4096);
            default -> EAGER;
        };
    }

    /** Two flushes are merged. */
    Keyspace keyspace(String name) {
        return database.keyspace(name, eager());
    }

    static KeyspaceOptions eager() {
        return KeyspaceOptions.defaults().memtableBytes(4096).compaction(EAGER);
    }

    Engine engine() {
        return engine;
    }

    /** Whether the workers and the journal's thread have nothing to do. */
    boolean isQuiet() {
        return EngineRest.isResting(engine);
    }

    /** Returns when they have nothing to do, or after a minute. */
    void awaitQuiet() {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!isQuiet() && System.nanoTime() < deadline) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /** The journal file that is written to; it rises with each rotation. */
    long journalFile() {
        return JournalFormat.fileIdOf(engine.journal().endPosition());
    }

    long usedMemoryBytes() {
        return budget.usedBytes();
    }

    @Override
    public void close() {
        database.close();
    }
}
