package io.firn;

import io.firn.config.DatabaseStatistics;
import io.firn.config.KeyspaceOptions;
import io.firn.config.MemoryUsage;
import io.firn.config.PersistMode;
import io.firn.db.Engine;
import io.firn.keyspace.Tree;
import java.nio.file.Path;
import java.util.List;

/**
 * An open database: keyspaces that share one journal, one manifest and one memory budget. One with transactions is a
 * {@link SingleWriterDatabase} or an {@link OptimisticDatabase}; the files are the same.
 *
 * <p>Threads: any. Closed by: its opener.
 */
public sealed class Database implements AutoCloseable permits SingleWriterDatabase, OptimisticDatabase {
    private final Engine engine;

    Database(Engine engine) {
        this.engine = engine;
    }

    /** Opens what the builder describes. */
    public static DatabaseBuilder builder(Path directory) {
        return new DatabaseBuilder(directory);
    }

    /** Opens the database in the directory, or creates one, with defaults. */
    public static Database open(Path directory) {
        return builder(directory).open();
    }

    /** The keyspace of this name, created with default options if there is none. Names have 1 to 255 bytes of UTF-8. */
    public Keyspace keyspace(String name) {
        return keyspace(name, KeyspaceOptions.defaults());
    }

    /** The keyspace of this name; the options count only if it is created: those of an existing one were persisted. */
    public Keyspace keyspace(String name, KeyspaceOptions ifCreated) {
        return new Keyspace(engine, engine.keyspace(name, ifCreated));
    }

    public boolean keyspaceExists(String name) {
        return engine.trees().get(name) != null;
    }

    public int keyspaceCount() {
        return engine.trees().all().size();
    }

    /** Sorted. */
    public List<String> keyspaceNames() {
        return engine.trees().all().stream().map(Tree::name).toList();
    }

    /**
     * Deletes a keyspace with all its entries. Its handles throw KeyspaceDeletedException from then on; open cursors and
     * snapshots read on, and the disk is freed as they close. Its name can be given again, to a keyspace with another id. Returns when
     * it is durable.
     */
    public void deleteKeyspace(Keyspace keyspace) {
        engine.deleteKeyspace(keyspace.treeOf(engine));
    }

    /** An empty batch; its user closes it. */
    public WriteBatch batch() {
        return new WriteBatch(engine);
    }

    /** All keyspaces as they are now; its user closes it. */
    public Snapshot snapshot() {
        return new Snapshot(engine);
    }

    /** Returns when everything committed before the call is as durable as the mode says; concurrent callers share one force. [0] */
    public void persist(PersistMode mode) {
        engine.persist(mode);
    }

    /** What the database consists of now, and what it did since it was opened. */
    public DatabaseStatistics statistics() {
        return engine.statistics();
    }

    /** What the database uses of its memory budget now. */
    public MemoryUsage memory() {
        return engine.memory();
    }

    public Path path() {
        return engine.directory();
    }

    /**
     * Makes everything durable, stops the background work and unlocks the directory. Idempotent; it always ends, after the calls
     * in progress. Inside a callback of this database it is an IllegalStateException.
     */
    @Override
    public void close() {
        engine.close();
    }
}
