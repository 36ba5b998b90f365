package io.firn;

import io.firn.config.Compression;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.db.Settings;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * A database on a simulated disk, with everything that rotates made small, for tests in other packages; it tells what only
 * insiders see.
 *
 * <p>Threads: any. Closed by: its opener.
 */
public final class ModelDatabase implements AutoCloseable {
    public static final Path DIRECTORY = Path.of("/data/db");
    private static final long THREAD_END_MILLIS = 300_000;

    /** Kept, since a logger without a holder forgets its level. That the end of a crashed manifest is damaged need not be told. */
    private static final Logger LOGGER = Logger.getLogger("io.firn");

    private final Database database;
    private final Engine engine;
    private final MemoryBudget budget;
    private final List<Thread> threads;

    /** What an option set says about the database. */
    public record Sizes(
            int workers, long budgetBytes, long cacheBytes, long journalFirstBytes, long journalMaxBytes, long journalsBytes,
            Compression journalCompression, long manifestRewriteBytes) {}

    private ModelDatabase(Engine engine, MemoryBudget budget, List<Thread> threads) {
        this.engine = engine;
        this.budget = budget;
        this.threads = threads;
        database = new Database(engine);
    }

    public static ModelDatabase open(Storage storage, Sizes sizes) {
        LOGGER.setLevel(Level.SEVERE);
        MemoryBudget budget = MemoryBudget.ofBytes(sizes.budgetBytes);
        List<Thread> threads = new ArrayList<>();
        Settings asBuilt = Database.builder(DIRECTORY).storage(storage).budget(budget).cacheBytes(sizes.cacheBytes)
                .manifestRewriteBytes(sizes.manifestRewriteBytes)
                .journalFiles(sizes.journalFirstBytes, sizes.journalMaxBytes, sizes.journalMaxBytes / 2)
                .threads(task -> {
                    Thread thread = Thread.ofVirtual().name("firn-model").unstarted(task);
                    synchronized (threads) {
                        threads.add(thread);
                    }
                    return thread;
                })
                .settings();
        Settings settings = new Settings(
                asBuilt.directory(), asBuilt.memory(),
                new Settings.Background(sizes.workers, asBuilt.background().compactionBytesPerSecond(), null),
                asBuilt.opening(), asBuilt.durability(),
                new Settings.Journaling(asBuilt.journaling().files(), sizes.journalsBytes, sizes.journalCompression),
                asBuilt.machine());
        return new ModelDatabase(Engine.open(settings), budget, threads);
    }

    public Database database() {
        return database;
    }

    /** Whether the workers and the journal's thread have nothing to do. */
    public boolean isQuiet() {
        return EngineRest.isWorkDone(engine);
    }

    /** Closes it and fails if it leaves memory or threads behind. */
    @Override
    public void close() {
        database.close();
        if (budget.usedBytes() != 0) {
            throw new AssertionError(budget.usedBytes() + " bytes of the budget were not given back");
        }
        synchronized (threads) {
            threads.forEach(ModelDatabase::awaitEnd);
        }
    }

    private static void awaitEnd(Thread thread) {
        try {
            thread.join(THREAD_END_MILLIS);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        if (thread.isAlive()) {
            throw new AssertionError("a thread still runs after close: " + List.of(thread.getStackTrace()));
        }
    }
}
