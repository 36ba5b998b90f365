package io.firn;

import io.firn.config.BlobOptions;
import io.firn.config.CompactionStrategy;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.ffm.file.Storage;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Lives of a database that are told step by step, so that they come past every call that makes something durable: one from its
 * creation on, for each operation of that one another, which begins where the first was killed before it, and one of compactions
 * and edits.
 *
 * <p>Told behind a door that leaves such a call out, the disk misses something from then on, until another call makes up for it.
 * Before each operation meanwhile it is looked at what a loss of power would leave: nothing that was not forced, or all but what is
 * missed. While nothing is missed the disk is that of a database without a mistake, of which {@link CrashTest} draws its images.
 *
 * <p>Threads: one tells; images are drawn and checked on the engine's threads.
 */
final class ShortLives {
    private static final int[] IMAGES = {CrashImage.NOTHING, CrashImage.FORGOTTEN};
    private static final int VALUE_BYTES = 700;
    private static final long DROPPED_ABOVE_BYTES = 6000;

    /** What is committed is separated. */
    private static final BlobOptions SEPARATED = BlobOptions.defaults().separationBytes(90).fileBytes(4096);

    private final Function<SimStorage, Storage> door;
    private final Random random;
    private long images;
    private long lives;

    /** A database that was killed before an operation. */
    record Killed(SimStorage disk, CommitModel model, CommitModel.Promise promise, int attempted, Operation operation) {}

    /** The seed decides on the values alone. */
    ShortLives(long seed, Function<SimStorage, Storage> door) {
        this.door = door;
        random = new Random(seed);
    }

    long images() {
        return images;
    }

    long lives() {
        return lives;
    }

    /** The life from the creation on; throws what an image shows. */
    void first() {
        try (Life life = new Life(new SimStorage(), new CommitModel(), false)) {
            life.first();
        }
    }

    /** The same, of which is answered what is left of it if it is killed, before each of its operations. */
    List<Killed> firstKilled() {
        try (Life life = new Life(new SimStorage(), new CommitModel(), true)) {
            life.first();
            return life.killed;
        }
    }

    /** A life of compactions, ingestions, dropped ranges, clears and deletions; throws what an image shows. */
    void maintained() {
        try (Life life = new Life(new SimStorage(), new CommitModel(), false)) {
            life.maintained();
        }
    }

    /** What comes after a kill, of which nothing is changed; throws what an image shows. */
    void second(Killed killed) {
        SimStorage disk = CrashImage.draw(killed.disk, 0, CrashImage.EVERYTHING);
        try (Life life = new Life(disk, new CommitModel(killed.model), false)) {
            life.second(killed);
        } catch (CrashCheck.Violation e) {
            throw new CrashCheck.Violation("killed before " + killed.operation, e);
        }
    }

    /** One life. */
    private final class Life implements AutoCloseable {
        private final SimStorage disk;
        private final CommitModel model;
        private final CrashCheck check;
        private final boolean isEndedOften;
        private final List<Killed> killed = new ArrayList<>();
        private volatile CrashCheck.@Nullable Violation violation;
        private @Nullable TinyDatabase tiny;

        Life(SimStorage disk, CommitModel model, boolean isEndedOften) {
            this.disk = disk;
            this.model = model;
            this.check = new CrashCheck(model);
            this.isEndedOften = isEndedOften;
            lives++;
            disk.onOperation(this::before);
        }

        // ---- what happens

        void first() {
            open(OpenMode.CREATE_OR_RECOVER);
            createKeyspace("a");
            createKeyspace("b");
            for (int number = 0; number < 6; number++) {
                createKeyspace("empty" + number); // the manifest is written anew
            }
            commit(PersistMode.BUFFER, 100, "a");
            commit(PersistMode.BUFFER, 100, "a", "b");
            commit(PersistMode.SYNC_DATA, 100, "b");
            commit(PersistMode.BUFFER, 100, "a");
            flush("a");
            for (int round = 0; round < 3; round++) {
                // Journals are left, retired and used again; the manifest grows and is written anew.
                for (int write = 0; write < 8; write++) {
                    commit(PersistMode.BUFFER, VALUE_BYTES, write % 2 == 0 ? "a" : "b");
                }
                flush("a");
                flush("b");
            }
            commit(PersistMode.BUFFER, (int) TinyDatabase.JOURNAL_MAX_BYTES + 100, "a");
            commit(PersistMode.BUFFER, 100, "b");
            closeDatabase();
            open(OpenMode.RECOVER);
            commit(PersistMode.BUFFER, 100, "a", "b");
            commit(PersistMode.SYNC_ALL, 100, "b");
            commit(PersistMode.BUFFER, 100, "a");
            closeDatabase();
        }

        void maintained() {
            open(OpenMode.CREATE_OR_RECOVER);
            createKeyspace("a");
            createKeyspace("b");
            createKeyspace(Upkept.DROPPED_BY_AGE);
            for (int round = 0; round < 2; round++) {
                for (int write = 0; write < 4; write++) {
                    commit(PersistMode.BUFFER, 100, "a", "b");
                }
                flush("a");
                flush("b");
            }
            compact("a");
            edit(() -> ingest("b"));
            edit(() -> dropRange("a"));
            commit(PersistMode.BUFFER, 100, "a", "b");
            edit(() -> {
                model.beginClear("b");
                return () -> live().database.keyspace("b").clear();
            });
            edit(() -> ingest("a"));
            for (int round = 0; round < 5; round++) {
                commit(PersistMode.BUFFER, 2000, Upkept.DROPPED_BY_AGE, "a");
                flush(Upkept.DROPPED_BY_AGE);
            }
            edit(() -> {
                model.beginDelete("b");
                return () -> live().database.deleteKeyspace(live().database.keyspace("b"));
            });
            createKeyspace("b");
            commit(PersistMode.SYNC_DATA, 100, "a", "b");
            closeDatabase();
        }

        private Runnable ingest(String name) {
            List<CommitModel.Write> sorted = model.begin(List.of(
                    new CommitModel.Write(name, "key/1", new byte[50]), new CommitModel.Write(name, "key/2", new byte[50])));
            return () -> CrashStory.ingest(
                    live().database.keyspace(name), sorted.stream().sorted(Comparator.comparing(CommitModel.Write::key)).toList());
        }

        /** Its borders lie within the tables. */
        private Runnable dropRange(String name) {
            KeyRange range = model.beginDrop(name, "key/1", "key/5");
            return () -> live().database.keyspace(name).dropRange(range);
        }

        private void edit(Supplier<Runnable> preparation) {
            preparation.get().run();
            model.acknowledge();
            model.force();
            rest();
        }

        private void compact(String keyspace) {
            live().database.keyspace(keyspace).majorCompact();
            rest();
        }

        void second(Killed killed) {
            SimStorage probe = CrashImage.draw(disk, 0, CrashImage.EVERYTHING);
            int left = check.check(probe, CrashImage.EVERYTHING, killed.promise, killed.attempted);
            model.crash(killed.promise, left, killed.promise.forced());
            open(OpenMode.CREATE_OR_RECOVER);
            createKeyspace("a");
            commit(PersistMode.SYNC_DATA, 100, "a");
            closeDatabase();
        }

        private void open(OpenMode mode) {
            model.open();
            TinyDatabase opened = TinyDatabase.open(door.apply(disk), mode);
            tiny = opened;
            model.create();
            model.force();
            model.opened(opened.database.keyspaceNames());
            rest();
        }

        private TinyDatabase live() {
            if (tiny == null) {
                throw new IllegalStateException("no database is open");
            }
            return tiny;
        }

        private void createKeyspace(String name) {
            model.beginKeyspace(name);
            KeyspaceOptions options = KeyspaceOptions.defaults().memtableBytes(4096);
            live().database.keyspace(name, Upkept.isDroppedByAge(name)
                    ? options.compaction(new CompactionStrategy.Fifo(DROPPED_ABOVE_BYTES, null))
                    : name.equals("b") ? options.blobs(SEPARATED) : options);
            model.createKeyspace(name);
            rest();
        }

        private void commit(PersistMode mode, int valueBytes, String... keyspaces) {
            List<CommitModel.Write> asked = new ArrayList<>();
            for (String keyspace : keyspaces) {
                byte[] value = new byte[valueBytes];
                random.nextBytes(value);
                asked.add(new CommitModel.Write(keyspace, CommitModel.anyKey(random), value));
            }
            CrashStory.write(live().database, model.begin(asked), mode);
            model.acknowledge();
            if (mode != PersistMode.BUFFER) {
                model.force();
            }
            rest();
        }

        private void flush(String keyspace) {
            live().database.keyspace(keyspace).rotateMemtableAndWait();
            rest();
        }

        private void closeDatabase() {
            TinyDatabase closing = live();
            tiny = null;
            closing.close();
            model.close();
            look("after closing");
            throwViolation();
        }

        /** Waits for the background, so that each life is the same each time it is told. */
        private void rest() {
            live().awaitQuiet();
            look("between two steps");
            throwViolation();
        }

        private void throwViolation() {
            CrashCheck.Violation found = violation;
            if (found != null) {
                throw found;
            }
        }

        // ---- what is looked at

        /** On a thread of the engine, the disk standing still. */
        private void before(Operation operation) {
            if (isEndedOften) {
                CommitModel.Promise promise = model.promise();
                SimStorage left = CrashImage.draw(disk, 0, CrashImage.EVERYTHING);
                killed.add(new Killed(left, new CommitModel(model), promise, model.attempted(), operation));
            }
            look("before " + operation);
        }

        private void look(String moment) {
            synchronized (disk) {
                for (int image : IMAGES) {
                    if (violation == null && disk.hasForgotten()) {
                        look(moment, image);
                    }
                }
            }
        }

        private void look(String moment, int image) {
            images++;
            CommitModel.Promise promise = model.promise();
            List<String> trace = new ArrayList<>();
            try (SimStorage crashed = CrashImage.draw(disk, 0, image, trace)) {
                check.check(crashed, image, promise, model.attempted());
            } catch (RuntimeException | AssertionError e) {
                violation = new CrashCheck.Violation(moment + ", image " + image + " " + trace, e);
            }
        }

        /** Ends it, however far it came. */
        @Override
        public void close() {
            disk.onOperation(operation -> {});
            TinyDatabase open = tiny;
            tiny = null;
            if (open != null) {
                open.close();
            }
            disk.close();
        }
    }
}
