package io.firn;

import io.firn.config.CompactionStrategy;
import io.firn.config.KeyRange;
import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.config.RecoveryMode;
import io.firn.error.FirnException;
import io.firn.error.NoSpaceException;
import io.firn.error.PoisonedException;
import io.firn.error.WriteStalledException;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.FaultPlan;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One life of a database in which an operation at the door fails, and what comes after it: reads that must be right, the closing,
 * the next life on the same disk, and a crash after the one or in the other.
 *
 * <p>Threads: one.
 */
final class ErrorRun {
    private static final Duration WRITE_TIMEOUT = Duration.ofMillis(150);
    private static final int REFUSALS_MAX = 2;
    /** However slow the machine is: nobody has to wait so long where everything works. */
    private static final Duration NEXT_WRITE_TIMEOUT = Duration.ofMinutes(10);
    private static final int TRIES = 1000;

    private static final long PAUSE_NANOS = 20_000;
    private static final long RESTS_NANOS = 20_000_000;

    private final SimStorage disk;
    private final CommitModel model;
    private final CrashCheck check;
    private final Plot plot;
    private final Crashes crashes;
    private final Runnable planting;
    private final Random random;
    private @Nullable TinyDatabase tiny;
    private @Nullable FirnException failure;
    private int refusals;
    private boolean isClosed;

    /** What a failed operation may do to the database that was open. */
    enum Answer { POISONED, TRIED_AGAIN, EITHER }

    /** What happens in the life. */
    enum Plot { WRITES, COMPACTIONS, AGEING, INGESTIONS, RANGES, CLEARS, DELETIONS }

    /** Which crashes are drawn, after the life and in the next one. */
    enum Crashes {
        NOTHING_AFTER(CrashImage.NOTHING),
        SOME_AFTER(4),
        NOTHING_IN_NEXT(CrashImage.NOTHING),
        SOME_IN_NEXT(4);

        private final int image;

        Crashes(int image) {
            this.image = image;
        }
    }

    /** A disk, and what it holds: that of a database that was killed. */
    record Start(SimStorage disk, CommitModel model) {
        /** A copy to live on. */
        Start copy() {
            return new Start(CrashImage.draw(disk, 1, CrashImage.EVERYTHING), new CommitModel(model));
        }
    }

    /**
     * A life on a disk that already holds what the model says. The fault is planted before it is opened; where the plot is about
     * maintenance, when that begins. The seed decides on keys and values.
     */
    ErrorRun(SimStorage disk, CommitModel model, Plot plot, long seed, Crashes crashes, Runnable planting) {
        this.disk = disk;
        this.model = model;
        this.plot = plot;
        this.crashes = crashes;
        random = new Random(seed);
        this.planting = planting;
        check = new CrashCheck(model);
    }

    /** Tells the life to its end, then checks what is left. */
    void run() {
        try {
            tellLife();
        } finally {
            close();
        }
        checkWhatIsLeft();
        liveAgain();
    }

    /** Tells a life without faults that ends by a kill. */
    static Start killed(long seed) {
        CommitModel model = new CommitModel();
        try (SimStorage disk = new SimStorage()) {
            ErrorRun run = new ErrorRun(disk, model, Plot.WRITES, seed, Crashes.NOTHING_AFTER, () -> { });
            run.tellLife();
            CommitModel.Promise promise = model.promise();
            SimStorage killed = CrashImage.draw(disk, 1, CrashImage.EVERYTHING);
            run.close();
            model.crash(promise, promise.acknowledged(), promise.forced());
            return new Start(killed, model);
        }
    }

    // ---- the life

    private void tellLife() {
        if (plot == Plot.WRITES) {
            planting.run();
        }
        if (!open(WRITE_TIMEOUT)) {
            return;
        }
        rest();
        if (plot != Plot.WRITES) {
            planting.run();
        }
        switch (plot) {
            case WRITES -> write();
            case COMPACTIONS -> compact();
            case AGEING -> age();
            case INGESTIONS -> ingest();
            case RANGES -> dropRanges();
            case CLEARS -> clear();
            case DELETIONS -> delete();
        }
    }

    private void write() {
        step(() -> keyspace("a"));
        for (int i = 0; i < 8; i++) {
            commit(i, PersistMode.BUFFER, "a");
        }
        step(() -> keyspace("b"));
        commit(300, PersistMode.SYNC_DATA, "a", "b");
        step(() -> flush("a"));
        for (int i = 0; i < 8; i++) {
            commit(300, PersistMode.BUFFER, "b", "a");
        }
        commit((int) TinyDatabase.JOURNAL_MAX_BYTES + 1000, PersistMode.BUFFER, "b");
        commit(5000, PersistMode.SYNC_ALL, "a", "b");
        step(() -> flush("b"));
        step(() -> flush("a"));
        for (int i = 0; i < 4; i++) {
            commit(600, PersistMode.BUFFER, "a");
        }
        step(() -> live().database.persist(PersistMode.SYNC_DATA));
        if (failure == null) {
            model.force();
        }
        commit(10, PersistMode.BUFFER, "a", "b");
    }

    /** Two runs are merged, everything is, and a filter is at work. */
    private void compact() {
        step(() -> keyspace(Upkept.FILTERED));
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < 3; i++) {
                commit(40 + i, PersistMode.BUFFER, "a", Upkept.FILTERED);
            }
            step(() -> flush("a"));
            step(() -> flush(Upkept.FILTERED));
        }
        step(() -> live().database.keyspace("a").compact());
        step(() -> live().database.keyspace("b").majorCompact());
        commit(10, PersistMode.BUFFER, "a", "b");
        step(() -> live().database.keyspace(Upkept.FILTERED).majorCompact());
        commit(10, PersistMode.SYNC_DATA, Upkept.FILTERED);
    }

    /** The oldest tables are dropped; runs of similar size are merged. */
    private void age() {
        step(() -> keyspace(Upkept.DROPPED_BY_AGE));
        for (int round = 0; round < 4; round++) {
            commit(1500, PersistMode.BUFFER, Upkept.DROPPED_BY_AGE, "a");
            commit(1500, PersistMode.BUFFER, Upkept.DROPPED_BY_AGE, "b");
            step(() -> flush(Upkept.DROPPED_BY_AGE));
        }
        step(() -> flush("b"));
        step(() -> live().database.keyspace("b").compact(new CompactionStrategy.Tiered(2, 2, 3, 1, 4096)));
        commit(10, PersistMode.BUFFER, "b");
    }

    private void ingest() {
        commit(100, PersistMode.BUFFER, "a", "b");
        edit("a", keyspace -> ingest(keyspace, 60));
        commit(100, PersistMode.BUFFER, "a");
        edit("b", keyspace -> ingest(keyspace, 900));
        edit("a", keyspace -> ingest(keyspace, 10));
        step(() -> flush("a"));
        commit(10, PersistMode.BUFFER, "a", "b");
    }

    private Runnable ingest(String name, int valueBytes) {
        Map<String, CommitModel.Write> sorted = new TreeMap<>();
        for (int i = 0; i < 4; i++) {
            String key = CommitModel.anyKey(random);
            sorted.put(key, new CommitModel.Write(name, key, i == 3 ? null : value(valueBytes)));
        }
        model.begin(List.copyOf(sorted.values())).forEach(each -> sorted.put(each.key(), each));
        return () -> CrashStory.ingest(live().database.keyspace(name), sorted.values());
    }

    private void dropRanges() {
        commit(100, PersistMode.BUFFER, "a", "b");
        edit("a", name -> dropRange(name, "key/1", "key/4"));
        commit(100, PersistMode.BUFFER, "a", "b");
        edit("b", name -> dropRange(name, "key/3", null));
        edit("a", name -> dropRange(name, null, null));
        commit(10, PersistMode.BUFFER, "a", "b");
    }

    private Runnable dropRange(String name, @Nullable String from, @Nullable String until) {
        KeyRange range = model.beginDrop(name, from, until);
        return () -> live().database.keyspace(name).dropRange(range);
    }

    /** The second one while a snapshot sees what goes. */
    private void clear() {
        commit(100, PersistMode.BUFFER, "a", "b");
        edit("a", this::clear);
        commit(100, PersistMode.BUFFER, "a");
        try (Snapshot snapshot = live().database.snapshot()) {
            int number = model.attempted();
            edit("b", this::clear);
            commit(100, PersistMode.BUFFER, "b");
            String difference = model.state(number).difference(
                    "b", CommitModel.cursorContents(snapshot.in(live().database.keyspace("b"))));
            if (difference != null && failure == null) {
                throw new CrashCheck.Violation("a snapshot before the clear: " + difference);
            }
        }
        rest();
        commit(10, PersistMode.BUFFER, "a", "b");
    }

    private Runnable clear(String name) {
        model.beginClear(name);
        return () -> live().database.keyspace(name).clear();
    }

    private void delete() {
        commit(100, PersistMode.BUFFER, "a", "b");
        edit("b", this::delete);
        commit(100, PersistMode.BUFFER, "a");
        step(() -> keyspace("b"));
        commit(100, PersistMode.BUFFER, "a", "b");
        step(() -> flush("b"));
        edit("b", this::delete);
        step(() -> keyspace("b"));
        commit(10, PersistMode.BUFFER, "a", "b");
    }

    private Runnable delete(String name) {
        model.beginDelete(name);
        return () -> live().database.deleteKeyspace(live().database.keyspace(name));
    }

    /** An edit that has a place among the commits, which its preparation begins. What does not poison leaves no trace. */
    private void edit(String name, Function<String, Runnable> preparation) {
        if (failure != null || !live().database.keyspaceExists(name)) {
            return;
        }
        Runnable edit = preparation.apply(name);
        try {
            edit.run();
            model.acknowledge();
            model.force();
        } catch (FirnException e) {
            if (isPersistRefused()) {
                failure = e; // it may have been made: nobody knows
            } else {
                model.refuse();
                refused(e);
            }
        }
        readSome();
        rest();
    }

    private boolean open(Duration writeTimeout) {
        CommitModel.Promise promise = model.promise();
        model.open();
        try {
            tiny = TinyDatabase.open(
                    disk, promise.isCreated() ? OpenMode.RECOVER : OpenMode.CREATE_OR_RECOVER,
                    promise.isClosed() ? RecoveryMode.EXACT : RecoveryMode.TORN_TAIL, writeTimeout);
        } catch (FirnException e) {
            failure = e;
            return false;
        }
        model.create();
        model.force();
        model.opened(live().database.keyspaceNames());
        return true;
    }

    private TinyDatabase live() {
        if (tiny == null) {
            throw new IllegalStateException("no database is open");
        }
        return tiny;
    }

    private void keyspace(String name) {
        model.beginKeyspace(name);
        if (Upkept.isDroppedByAge(name)) {
            live().database.keyspace(name, TinyDatabase.options(name, random));
        } else if (name.equals("b")) {
            live().database.keyspace(name, TinyDatabase.eager().blobs(TinyDatabase.blobs(random)));
        } else {
            live().keyspace(name);
        }
        model.createKeyspace(name);
    }

    private void flush(String name) {
        if (live().database.keyspaceExists(name)) {
            live().database.keyspace(name).rotateMemtableAndWait();
        }
    }

    private void step(Runnable step) {
        if (failure != null) {
            return;
        }
        try {
            step.run();
        } catch (NoSpaceException | WriteStalledException e) {
            refused(e);
        } catch (FirnException e) {
            failure = e;
        }
        readSome();
        rest();
    }

    private void refused(FirnException e) {
        if (++refusals >= REFUSALS_MAX) {
            failure = e;
        }
    }

    private void commit(int valueBytes, PersistMode mode, String... names) {
        if (failure != null) {
            return;
        }
        List<CommitModel.Write> asked = new ArrayList<>();
        for (String name : names) {
            if (live().database.keyspaceExists(name)) {
                asked.add(new CommitModel.Write(name, anyKey(name), value(valueBytes)));
            }
        }
        if (asked.isEmpty()) {
            return;
        }
        try {
            CrashStory.write(live().database, model.begin(asked), mode);
            model.acknowledge();
            if (mode != PersistMode.BUFFER) {
                model.force();
            }
        } catch (NoSpaceException | WriteStalledException e) {
            model.refuse();
            refused(e);
        } catch (FirnException e) {
            failure = e; // it may have been written: nobody knows
        }
        readSome();
        rest();
    }

    private String anyKey(String name) {
        String key = CommitModel.anyKey(random);
        while (!Upkept.mayPut(name, key, model.last())) {
            key = CommitModel.anyKey(random);
        }
        return key;
    }

    private byte[] value(int bytes) {
        byte[] value = new byte[bytes];
        if (bytes != 5000) {
            random.nextBytes(value);
        }
        return value;
    }

    /** No wrong answer meanwhile: what is read was there after one of the commits whose fate is open. */
    private void readSome() {
        Database database = live().database;
        for (int i = 0; i < 4; i++) {
            for (String name : database.keyspaceNames()) {
                String difference = model.differenceFromAll(
                        database.keyspace(name), CommitModel.anyKey(random), model.promise().acknowledged(),
                        model.attempted());
                if (difference != null) {
                    throw new CrashCheck.Violation(difference);
                }
            }
        }
    }

    /** Lets the background come to an end, so that the operations come in the same order each time, as far as they do. */
    private void rest() {
        long pause = PAUSE_NANOS;
        for (long waited = 0; !live().isQuiet() && waited < RESTS_NANOS; waited += pause / 2) {
            LockSupport.parkNanos(pause);
            pause *= 2;
        }
    }

    // ---- what comes after

    private void close() {
        TinyDatabase closing = tiny;
        if (closing == null) {
            disk.assertNothingOpen();
            return;
        }
        checkAnswer();
        tiny = null;
        try {
            closing.close();
            isClosed = true;
        } catch (FirnException e) {
            failure = failure == null ? e : failure;
        }
        if (isClosed && failure == null) {
            model.close();
        } else if (isClosed && !(failure instanceof PoisonedException)) {
            model.force();
        }
        disk.assertNothingOpen();
        checkNoRetry();
        if (closing.usedMemoryBytes() != 0) {
            throw new CrashCheck.Violation(closing.usedMemoryBytes() + " bytes of the budget were not given back");
        }
    }

    /** A fault that struck once: the database is poisoned, or goes on as if nothing had been. */
    private void checkAnswer() {
        List<FaultPlan.Injected> faults = disk.faults().injected();
        boolean isOnce = faults.size() == 1;
        if (!isOnce) {
            return;
        }
        Operation operation = faults.getFirst().operation();
        boolean isPoisoned = isPoisoned();
        Answer expected = expected(operation);
        if (expected == Answer.POISONED && !isPoisoned || expected == Answer.TRIED_AGAIN && isPoisoned) {
            throw new CrashCheck.Violation(
                    operation + " failed, and the database is " + (isPoisoned ? "" : "not ") + "poisoned");
        }
    }

    /** Whether a write is refused for ever. */
    private boolean isPoisoned() {
        if (failure instanceof PoisonedException) {
            return true;
        }
        FirnException last = null;
        for (int tried = 0; tried < TRIES; tried++) {
            List<String> names = live().database.keyspaceNames();
            if (names.isEmpty()) {
                return isPersistRefused();
            }
            List<CommitModel.Write> writes = model.begin(
                    List.of(new CommitModel.Write(names.getFirst(), CommitModel.anyKey(random), new byte[20])));
            try {
                CrashStory.write(live().database, writes, PersistMode.BUFFER);
                model.acknowledge();
                return false;
            } catch (PoisonedException e) {
                model.refuse();
                failure = e;
                return true;
            } catch (NoSpaceException | WriteStalledException e) {
                model.refuse();
                last = e;
            }
        }
        throw new CrashCheck.Violation("the database does not go on, though everything works", Objects.requireNonNull(last));
    }

    private boolean isPersistRefused() {
        try {
            live().database.persist(PersistMode.BUFFER);
            return false;
        } catch (PoisonedException e) {
            failure = e;
            return true;
        }
    }

    private static Answer expected(Operation operation) {
        String name = String.valueOf(operation.path().getFileName());
        return switch (operation.kind()) {
            case JOURNAL_FORCE -> name.endsWith(".journal") ? Answer.POISONED : Answer.TRIED_AGAIN;
            case JOURNAL_CREATE, JOURNAL_RECYCLE -> Answer.TRIED_AGAIN;
            case SYNC_DIRECTORY -> name.equals("journal") || name.equals("db") ? Answer.POISONED : Answer.TRIED_AGAIN;
            case CREATE, APPEND, FORCE ->
                    name.endsWith(".table") || name.endsWith(".blob") ? Answer.TRIED_AGAIN : Answer.POISONED;
            case RENAME -> name.endsWith(".next") ? Answer.TRIED_AGAIN : Answer.POISONED;
            case MAP -> Answer.TRIED_AGAIN;
            case DELETE, CREATE_DIRECTORY, READ, LIST, LOCK, LOOK -> Answer.EITHER;
        };
    }

    private void checkWhatIsLeft() {
        disk.faults().heal();
        if (crashes == Crashes.NOTHING_AFTER || crashes == Crashes.SOME_AFTER) {
            checkImage(1, crashes.image);
        }
    }

    private void checkImage(long seed, int image) {
        CommitModel.Promise promise = model.promise();
        try (SimStorage crashed = CrashImage.draw(disk, seed, image)) {
            check.check(crashed, image, promise, model.attempted());
        } catch (RuntimeException | AssertionError e) {
            throw new CrashCheck.Violation("image " + image + " after it", e);
        }
    }

    /** The page cache still shows what a failed force has dropped; the next life must not count on it. */
    private void liveAgain() {
        CommitModel.Promise promise = model.promise();
        int attempted = model.attempted();
        failure = null;
        refusals = 0;
        if (!open(NEXT_WRITE_TIMEOUT)) {
            throw new CrashCheck.Violation("the next life", Objects.requireNonNull(failure));
        }
        try {
            int left = model.match(CommitModel.contents(live().database), promise, promise.acknowledged(), attempted);
            model.crash(model.promise(), left, left);
            if (!live().database.keyspaceExists("a")) {
                keyspace("a");
            }
            int before = model.attempted();
            commit(100, PersistMode.SYNC_DATA, "a");
            if (failure != null || model.promise().forced() == before) {
                throw new CrashCheck.Violation("nothing can be written in the next life: " + failure);
            }
            if (crashes == Crashes.NOTHING_IN_NEXT || crashes == Crashes.SOME_IN_NEXT) {
                checkImage(2, crashes.image);
            }
        } finally {
            live().close();
        }
        disk.assertNothingOpen();
        checkNoRetry();
    }

    private void checkNoRetry() {
        if (!disk.faults().retriedForces().isEmpty()) {
            throw new CrashCheck.Violation("forced once more after that had failed: " + disk.faults().retriedForces());
        }
    }
}
