package io.firn;

import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.ffm.file.Storage;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.Operation;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Some lives of one database, as a seed tells them: writes, batches, flushes, rotations, compactions, new keyspaces, closings and
 * crashes; and in many of them clears, deletions, ingestions, dropped ranges, weak removals and snapshots.
 * Before each operation at the door that changes something, and between the commits, images of a crash are drawn and checked.
 *
 * <p>Threads: one tells; images are drawn on the engine's threads, and checked there.
 */
final class CrashStory {
    /** Of the images after a loss of power, two are drawn by coins alone. */
    private static final int IMAGES = 7;

    private static final int CRASHES_MAX = 12;
    private static final int OPERATIONS_OF_CREATION = 12;

    private final long seed;
    private final int[] images;
    private final int stride;
    private final Function<SimStorage, Storage> door;
    private final BiConsumer<SimStorage, SimStorage> spoiling;
    private final Random random;
    private final Random valueRandom;
    private final CommitModel model = new CommitModel();
    private final CrashCheck check = new CrashCheck(model);
    private final boolean isQuiet;
    private final boolean isLongLived;
    private final boolean isMaintained;
    private final List<RuntimeException> violations = new ArrayList<>();

    private SimStorage disk;
    private @Nullable TinyDatabase tiny;
    private @Nullable Snapshot snapshot;
    private int snapshotNumber;
    private final Set<String> snapshotKeyspaces = new HashSet<>();
    private int crashes;
    private volatile boolean isOpening;
    private int operationsUntilKept;
    private int keptImage;
    private boolean isKeptAtSync;
    private @Nullable Crash kept;

    private long moments;
    private long points;
    private long recoveryPoints;
    private long imagesChecked;
    private long imagesKnown;
    private final Set<Seen> known = new HashSet<>();
    private long compactions;
    private final Map<Edit, Long> edits = new EnumMap<>(Edit.class);

    /** Changes that have a place among the commits and are none. */
    enum Edit { CLEAR, DELETE, INGEST, DROP_RANGE }

    /** What is recovered depends on this alone; that it may be a later commit now makes no difference. */
    private record Seen(boolean isKill, long fingerprint, CommitModel.Promise promise) {}

    /** A disk as a crash left it, and what was promised then. */
    private record Crash(SimStorage disk, int image, CommitModel.Promise promise, int attempted) {}

    /** Images of these numbers are drawn at one of so many points; the seed decides at which. */
    CrashStory(long seed, int[] images, int stride) {
        this(seed, images, stride, disk -> disk, (before, crashed) -> {});
    }

    /** The database sees the disk through the door. Each image is spoiled, by who also sees the disk that it was drawn from. */
    CrashStory(
            long seed, int[] images, int stride, Function<SimStorage, Storage> door,
            BiConsumer<SimStorage, SimStorage> spoiling) {
        this.seed = seed;
        this.images = images;
        this.stride = stride;
        moments = Math.floorMod(seed / 3, stride);
        this.door = door;
        this.spoiling = spoiling;
        random = new Random(seed);
        valueRandom = new Random(~seed);
        isQuiet = random.nextBoolean();
        isLongLived = random.nextInt(3) == 0;
        isMaintained = Math.floorMod(seed, 3) > 0;
        disk = new SimStorage();
    }

    long points() {
        return points;
    }

    /** Those of the points that lie in an opening after a crash. */
    long recoveryPoints() {
        return recoveryPoints;
    }

    long images() {
        return imagesChecked;
    }

    /** Those of the images that had the same bytes as one before, of which the same was promised: they were not opened. */
    long imagesKnown() {
        return imagesKnown;
    }

    /** Those of lives that were closed. */
    long compactions() {
        return compactions;
    }

    /** What was made, and told to have been made, of each. */
    Map<Edit, Long> edits() {
        return edits;
    }

    /** Tells it to its end; throws the first violation. */
    void tell(int steps) {
        try {
            disk.onOperation(this::crashAt);
            openThroughCrashes();
            for (int step = 0; step < steps; step++) {
                step();
                quieten();
                crashWhereArmed();
                crashBetweenCommits(step);
            }
            close();
            crashBetweenCommits(steps);
        } catch (CrashCheck.Violation v) {
            violations.addFirst(v);
        } catch (RuntimeException e) {
            violations.add(new CrashCheck.Violation("-Dseed=" + seed + " -Dstories=1: the living database", e));
        } finally {
            disk.onOperation(operation -> {});
            abandon();
            disk.close();
        }
        if (!violations.isEmpty()) {
            throw violations.getFirst();
        }
    }

    // ---- the plot

    private void open() {
        isOpening = true;
        model.open();
        TinyDatabase opened = TinyDatabase.open(door.apply(disk), OpenMode.CREATE_OR_RECOVER);
        tiny = opened;
        isOpening = false;
        model.create();
        model.force();
        model.opened(opened.database.keyspaceNames());
        if (opened.database.keyspaceCount() == 0) {
            createKeyspace("a");
            if (isMaintained) {
                createKeyspace(Upkept.FILTERED);
            }
        }
    }

    private TinyDatabase live() {
        if (tiny == null) {
            throw new IllegalStateException("no database is open");
        }
        return tiny;
    }

    private void createKeyspace(String name) {
        KeyspaceOptions options = TinyDatabase.options(name, random);
        model.beginKeyspace(name);
        live().database.keyspace(name, options);
        model.createKeyspace(name);
    }

    private void step() {
        Database database = live().database;
        if (database.keyspaceCount() == 0) {
            createKeyspace("a");
        }
        int choice = random.nextInt(100);
        if (isMaintained && random.nextBoolean()) {
            maintain(database);
        } else if (isLongLived && choice >= 88) {
            anyKeyspace(database).rotateMemtableAndWait();
        } else if (choice < 70) {
            commit(database);
        } else if (choice < 74) {
            database.persist(random.nextBoolean() ? PersistMode.SYNC_DATA : PersistMode.SYNC_ALL);
            model.force();
        } else if (choice < 80) {
            anyKeyspace(database).rotateMemtableAndWait();
        } else if (choice < 81) {
            anyKeyspace(database).compact();
        } else if (choice < 82) {
            anyKeyspace(database).majorCompact();
        } else if (choice < 88) {
            anyKeyspace(database).rotateMemtable();
        } else if (choice < 91) {
            createKeyspace(anyName());
        } else if (choice < 95) {
            close();
            crashBetweenCommits(-1);
            open();
        } else if (crashes < CRASHES_MAX) {
            crash();
        }
    }

    private String anyName() {
        return switch (random.nextInt(isMaintained ? 6 : 3)) {
            case 0, 1 -> "b";
            case 2 -> "empty" + random.nextInt(3);
            case 3 -> "a";
            case 4 -> Upkept.DROPPED_BY_AGE;
            default -> Upkept.FILTERED;
        };
    }

    private Keyspace anyKeyspace(Database database) {
        List<String> names = database.keyspaceNames();
        return database.keyspace(names.get(random.nextInt(names.size())));
    }

    private void commit(Database database) {
        List<String> names = CommitModel.KEYSPACES.stream().filter(database::keyspaceExists).toList();
        List<CommitModel.Write> asked = new ArrayList<>();
        int writes = random.nextInt(3) > 0 ? 1 : 2 + random.nextInt(4);
        CommitState sofar = model.last();
        for (int write = 0; write < writes && !names.isEmpty(); write++) {
            CommitModel.Write next = anyWrite(names.get(random.nextInt(names.size())), sofar);
            sofar = sofar.with(List.of(next));
            asked.add(next);
        }
        witnessElsewhere(asked, names);
        if (asked.isEmpty()) {
            return;
        }
        PersistMode mode = switch (random.nextInt(10)) {
            case 0, 1 -> PersistMode.SYNC_DATA;
            case 2 -> PersistMode.SYNC_ALL;
            default -> PersistMode.BUFFER;
        };
        write(database, model.begin(asked), mode);
        model.acknowledge();
        if (mode != PersistMode.BUFFER) {
            model.force();
        }
    }

    private CommitModel.Write anyWrite(String name, CommitState sofar) {
        String key = Upkept.anyKey(name, random);
        // A removal in the same batch leaves no trace between the two versions.
        boolean mayPut = Upkept.mayPut(name, key, sofar) && Upkept.mayPut(name, key, model.last());
        boolean mayRemove = Upkept.mayRemove(name, key);
        if (!mayPut && !mayRemove) {
            return anyWrite(name, sofar);
        }
        if (mayPut && (!mayRemove || random.nextInt(5) > 0)) {
            return new CommitModel.Write(name, key, value(name));
        }
        return new CommitModel.Write(name, key, null, isMaintained && random.nextBoolean() && sofar.isPutAtMostOnce(name, key));
    }

    /** Where the tables are dropped as they age, the number of a commit may go too: it is written to another keyspace as well. */
    private static void witnessElsewhere(List<CommitModel.Write> asked, List<String> names) {
        String other = names.stream().filter(each -> !Upkept.isDroppedByAge(each)).findFirst().orElse(null);
        if (asked.stream().anyMatch(each -> Upkept.isDroppedByAge(each.keyspace()))) {
            if (other == null) {
                asked.clear();
            } else {
                asked.add(new CommitModel.Write(other, "key/0", null));
            }
        }
    }

    static void write(Database database, List<CommitModel.Write> writes, PersistMode mode) {
        try (WriteBatch batch = database.batch().durability(mode)) {
            for (CommitModel.Write write : writes) {
                Keyspace keyspace = database.keyspace(write.keyspace());
                if (write.isWeak()) {
                    batch.removeWeak(keyspace, CommitModel.bytes(write.key()));
                } else if (write.value() == null) {
                    batch.remove(keyspace, CommitModel.bytes(write.key()));
                } else {
                    batch.put(keyspace, CommitModel.bytes(write.key()), write.value());
                }
            }
            batch.commit();
        }
    }

    private byte[] value(String name) {
        byte[] value = Upkept.isDroppedByAge(name) ? new byte[random.nextInt(900)] : switch (random.nextInt(24)) {
            case 0 -> new byte[(int) TinyDatabase.JOURNAL_MAX_BYTES + random.nextInt(3000)]; // larger than a journal file
            case 1 -> new byte[5000];
            case 2, 3, 4 -> new byte[500 + random.nextInt(1000)];
            default -> new byte[random.nextInt(150)];
        };
        if (value.length != 5000) { // else one that the journal compresses
            valueRandom.nextBytes(value);
        }
        return value;
    }

    // ---- maintenance

    private void maintain(Database database) {
        List<String> names = CommitModel.KEYSPACES.stream().filter(database::keyspaceExists).toList();
        if (names.isEmpty()) {
            createKeyspace("a");
            return;
        }
        String name = names.get(random.nextInt(names.size()));
        Keyspace keyspace = database.keyspace(name);
        switch (random.nextInt(12)) {
            case 0 -> {
                model.beginClear(name);
                keyspace.clear();
                done(Edit.CLEAR);
            }
            case 1 -> {
                delete(database, keyspace);
                if (random.nextInt(3) > 0) {
                    createKeyspace(name);
                }
            }
            case 2, 3 -> ingest(keyspace);
            case 4, 5, 6 -> dropRange(keyspace);
            case 7 -> keyspace.majorCompact();
            case 8 -> keyspace.compact(TinyDatabase.options(name, random).compaction());
            case 9, 10 -> snapshot(database, names);
            default -> {
                for (String each : names) {
                    database.keyspace(each).rotateMemtable();
                }
            }
        }
    }

    private void done(Edit edit) {
        model.acknowledge();
        model.force();
        edits.merge(edit, 1L, Long::sum);
    }

    private void delete(Database database, Keyspace keyspace) {
        model.beginDelete(keyspace.name());
        snapshotKeyspaces.remove(keyspace.name());
        database.deleteKeyspace(keyspace);
        done(Edit.DELETE);
    }

    private void ingest(Keyspace keyspace) {
        Map<String, CommitModel.Write> sorted = new TreeMap<>();
        int writes = 1 + random.nextInt(6);
        for (int write = 0; write < writes; write++) {
            CommitModel.Write next = anyWrite(keyspace.name(), model.last());
            sorted.put(next.key(), next);
        }
        if (random.nextInt(8) == 0) {
            giveUpIngesting(keyspace, sorted.values());
            return;
        }
        model.begin(List.copyOf(sorted.values())).forEach(each -> sorted.put(each.key(), each));
        ingest(keyspace, sorted.values());
        done(Edit.INGEST);
    }

    /** In this order, which is that of the keys. */
    static void ingest(Keyspace keyspace, Collection<CommitModel.Write> sorted) {
        try (Ingestion ingestion = keyspace.ingest()) {
            give(ingestion, sorted);
            ingestion.finish();
        }
    }

    private static void giveUpIngesting(Keyspace keyspace, Collection<CommitModel.Write> sorted) {
        try (Ingestion ingestion = keyspace.ingest()) {
            give(ingestion, sorted);
        }
    }

    private static void give(Ingestion ingestion, Collection<CommitModel.Write> sorted) {
        for (CommitModel.Write write : sorted) {
            byte[] value = write.value();
            if (write.isWeak()) {
                ingestion.removeWeak(MemorySegment.ofArray(CommitModel.bytes(write.key())));
            } else if (value == null) {
                ingestion.remove(MemorySegment.ofArray(CommitModel.bytes(write.key())));
            } else {
                ingestion.put(CommitModel.bytes(write.key()), value);
            }
        }
    }

    private void dropRange(Keyspace keyspace) {
        String from = random.nextInt(4) == 0 ? null : CommitModel.anyKey(random);
        String until = random.nextInt(4) == 0 ? null : CommitModel.anyKey(random);
        if (from != null && until != null && from.compareTo(until) > 0) {
            String earlier = until;
            until = from;
            from = earlier;
        }
        if (from != null && from.equals(until)) {
            until = from + "~";
        }
        KeyRange range = model.beginDrop(keyspace.name(), from, until);
        keyspace.dropRange(range);
        done(Edit.DROP_RANGE);
    }

    /** Opens a snapshot, or looks whether what it shows is what there was. */
    private void snapshot(Database database, List<String> names) {
        if (snapshot == null) {
            snapshotNumber = model.attempted();
            snapshot = database.snapshot();
            snapshotKeyspaces.addAll(names);
        } else {
            closeSnapshot();
        }
    }

    private void closeSnapshot() {
        Snapshot closing = snapshot;
        snapshot = null;
        if (closing != null) {
            for (String name : snapshotKeyspaces) {
                String difference = model.state(snapshotNumber).difference(
                        name, CommitModel.cursorContents(closing.in(live().database.keyspace(name))));
                if (difference != null) {
                    throw new CrashCheck.Violation("a snapshot after commit " + snapshotNumber + ": " + difference);
                }
            }
            closing.close();
        }
        snapshotKeyspaces.clear();
    }

    /** In half of the stories nothing happens in the background while the foreground goes on. */
    private void quieten() {
        TinyDatabase open = tiny;
        if (isQuiet && open != null && snapshot == null) {
            open.awaitQuiet();
        }
    }

    private void close() {
        closeSnapshot();
        TinyDatabase closing = live();
        tiny = null;
        closing.engine().trees().all().forEach(tree -> compactions += tree.compactions().sum().completed());
        closing.close();
        model.close();
        disk.assertNothingOpen();
        if (closing.usedMemoryBytes() != 0) {
            throw new CrashCheck.Violation(closing.usedMemoryBytes() + " bytes of the budget were not given back");
        }
    }

    /** Ends a life whose disk nobody will look at again, or that has failed. */
    private void abandon() {
        TinyDatabase open = tiny;
        tiny = null;
        snapshot = null;
        snapshotKeyspaces.clear();
        if (open != null) {
            try {
                open.close();
            } catch (RuntimeException e) {
                // It was poisoned by what the story is about.
                return;
            }
        }
    }

    private void crash() {
        if (random.nextBoolean()) {
            arm(1 + random.nextInt(20));
            return;
        }
        crashes++;
        adopt(drawn(disk, seed, random.nextInt(IMAGES)));
        openThroughCrashes();
    }

    /** At some operation to come an image is kept, to go on with; before the sync of a directory rather often. */
    private void arm(int operations) {
        isKeptAtSync = random.nextBoolean();
        operationsUntilKept = isKeptAtSync ? 1 + operations / 10 : operations;
        keptImage = random.nextBoolean() ? CrashImage.EVERYTHING : random.nextInt(IMAGES);
        kept = null;
    }

    private void crashWhereArmed() {
        Crash next = kept;
        if (next != null) {
            operationsUntilKept = 0;
            crashes++;
            adopt(next);
            openThroughCrashes();
        }
    }

    /** Opens; or goes on with what a crash in the midst of the opening left, and so on. */
    private void openThroughCrashes() {
        while (true) {
            boolean isFirst = model.attempted() == 0 && crashes == 0;
            arm(isFirst ? 1 + Math.floorMod(seed, OPERATIONS_OF_CREATION) : 1 + random.nextInt(40));
            if (isFirst) {
                isKeptAtSync = false;
                keptImage = CrashImage.EVERYTHING;
            }
            open();
            Crash next = kept;
            operationsUntilKept = 0;
            kept = null;
            if (next == null || !isFirst && random.nextInt(3) == 0) {
                return;
            }
            crashes++;
            adopt(next);
        }
    }

    private void adopt(Crash crash) {
        disk.onOperation(operation -> {});
        abandon();
        disk.close();
        known.clear();
        SimStorage probe = CrashImage.draw(crash.disk, seed, CrashImage.EVERYTHING);
        int left;
        try {
            left = check.check(probe, crash.image, crash.promise, crash.attempted);
        } catch (RuntimeException e) {
            throw new CrashCheck.Violation("-Dseed=" + seed + " -Dstories=1: image " + crash.image, e);
        } finally {
            probe.close();
        }
        model.crash(crash.promise, left, crash.image == CrashImage.EVERYTHING ? crash.promise.forced() : left);
        disk = crash.disk;
        disk.onOperation(this::crashAt);
    }

    // ---- the crashes

    private Crash drawn(SimStorage from, long imageSeed, int image) {
        CommitModel.Promise promise = model.promise();
        SimStorage drawn = CrashImage.draw(from, imageSeed, image);
        return new Crash(drawn, image, promise, model.attempted());
    }

    private void crashBetweenCommits(int step) {
        checkImages("before step " + (step + 1));
    }

    /** On a thread of the engine, the disk standing still. */
    private void crashAt(Operation operation) {
        boolean isCounted = !isKeptAtSync || operation.kind() == Operation.Kind.SYNC_DIRECTORY;
        if (operationsUntilKept > 0 && isCounted && --operationsUntilKept == 0) {
            kept = drawn(disk, ~seed, keptImage);
        }
        checkImages(operation.toString());
    }

    private void checkImages(String point) {
        synchronized (disk) {
            if (moments++ % stride != 0) {
                return;
            }
            points++;
            recoveryPoints += isOpening && crashes > 0 ? 1 : 0;
            for (int image : images) {
                if (violations.isEmpty()) {
                    checkImage(point, image);
                }
            }
        }
    }

    private void checkImage(String point, int image) {
        imagesChecked++;
        Crash crash = drawn(disk, seed, image);
        try {
            spoiling.accept(disk, crash.disk);
            boolean isAsBefore = !known.add(new Seen(
                    image == CrashImage.EVERYTHING, crash.disk.fingerprint(), crash.promise.asFarAsItGoes(image)));
            if (isAsBefore) {
                imagesKnown++;
                return;
            }
            check.check(crash.disk, image, crash.promise, crash.attempted);
        } catch (RuntimeException | AssertionError e) {
            List<String> trace = new ArrayList<>();
            CrashImage.draw(disk, seed, image, trace).close();
            violations.add(new CrashCheck.Violation(
                    "-Dseed=" + seed + " -Dstories=1: " + point + ", image " + image + " " + trace, e));
        } finally {
            crash.disk.close();
        }
    }
}
