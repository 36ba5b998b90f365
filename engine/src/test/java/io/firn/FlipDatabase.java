package io.firn;

import io.firn.config.BlobOptions;
import io.firn.config.CompactionStrategy;
import io.firn.config.Compression;
import io.firn.config.FilterPolicy;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PerLevel;
import io.firn.config.PersistMode;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.file.Storage;
import io.firn.ffm.sim.CrashImage;
import io.firn.ffm.sim.SimStorage;
import io.firn.journal.JournalFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * A small database with every kind of file and every layout of a table, as a clean close and as the death of its process leave it, and
 * what it may answer. It has lived twice, so that old manifests can be put back.
 *
 * <pre>
 * keyspace   index        filter                    restart   hash   blocks   codec
 * full       full         full, 10 bits             1         -      256      none; values of 64 bytes and more in blob files as they are
 * parts      partitioned  full, 10 bits             2         -      128      LZ4, also in blob files
 * tiny       full         partitioned, 64 bits      4         -      256      none
 * hash       full         none                      16        1.5    1024     LZ4
 * </pre>
 *
 * <p>The last commits before the death are one group that was not forced, larger than two sectors: it alone may be lost (P4), from some
 * commit on.
 */
final class FlipDatabase {
    static final Path DIRECTORY = Path.of("/flip/db");

    /** Commits of the last group. */
    private static final int LAST_GROUP = 6;
    private static final int TINY_KEYS = 540;

    private static final Map<String, KeyspaceOptions> KEYSPACES = keyspaces();

    /** A manifest that was current once, with its CURRENT. */
    record OldManifest(String name, byte[] current, byte[] manifest) {}

    private final SimStorage disk = new SimStorage();
    private final SplittableRandom random;
    private final Map<String, TreeMap<byte[], byte[]>> model = new LinkedHashMap<>();
    private final List<OldManifest> oldManifests = new ArrayList<>();
    private Expected afterForce;
    private final List<Expected> afterLastCommits = new ArrayList<>();
    private Database db;
    private Engine engine;

    final SimStorage closed;
    final SimStorage killed;
    long tailJournalId;

    /** The answers after some commit. */
    static final class Expected {
        private final Map<String, TreeMap<byte[], byte[]>> keyspaces = new LinkedHashMap<>();

        private Expected(Map<String, TreeMap<byte[], byte[]>> source) {
            source.forEach((name, entries) -> keyspaces.put(name, new TreeMap<>(entries)));
        }

        byte[] valueOf(String keyspace, byte[] key) {
            return keyspaces.get(keyspace).get(key);
        }
    }

    FlipDatabase(long seed) throws IOException {
        random = new SplittableRandom(seed);
        disk.createDirectory(DIRECTORY.getParent());
        KEYSPACES.keySet().forEach(name -> model.put(name, new TreeMap<>(Arrays::compareUnsigned)));
        open();
        firstLife();
        db.close();
        open();
        secondLife();
        killed = CrashImage.draw(disk, seed, CrashImage.EVERYTHING);
        db.close();
        closed = CrashImage.draw(disk, seed, CrashImage.EVERYTHING);
    }

    static DatabaseBuilder builder(Path directory, Storage storage, MemoryBudget budget) {
        return Database.builder(directory)
                .storage(storage)
                .budget(budget)
                .workers(2)
                .journalFiles(2048, 4096, 1 << 20)
                .manifestRewriteBytes(900);
    }

    private static Map<String, KeyspaceOptions> keyspaces() {
        KeyspaceOptions small = KeyspaceOptions.defaults().memtableBytes(32 << 10).blockBytes(256)
                .compression(Compression.LZ4).filter(new FilterPolicy.BitsPerKey(10));
        BlobOptions separated = BlobOptions.defaults().separationBytes(64);
        Map<String, KeyspaceOptions> all = new LinkedHashMap<>();
        all.put("full", small.compression(Compression.NONE).blobs(separated.compression(Compression.NONE)));
        all.put("parts", small.blobs(separated).blockBytes(PerLevel.of(128, 256)).restartInterval(2).indexPartitioned(true));
        all.put("tiny", small.compression(Compression.NONE).restartInterval(4).filterPartitioned(true)
                .filter(new FilterPolicy.BitsPerKey(64)));
        all.put("hash", small.blockBytes(1024).restartInterval(16).hashRatio(1.5).filter(new FilterPolicy.None())
                .levels(3).compaction(new CompactionStrategy.Fifo(1 << 30, Duration.ofDays(365))));
        return all;
    }

    static List<String> keyspaceNames() {
        return List.copyOf(KEYSPACES.keySet());
    }

    List<OldManifest> oldManifests() {
        return oldManifests;
    }

    /** What is answered if nothing is lost. */
    Expected whole() {
        return afterLastCommits.getLast();
    }

    /** What may be answered if the end of the last journal is damaged; the last one is that of nothing lost. */
    List<Expected> withOrWithoutTail() {
        List<Expected> all = new ArrayList<>();
        all.add(afterForce);
        all.addAll(afterLastCommits);
        return all;
    }

    /** Every key that was ever written, and some that never were, in order. */
    List<byte[]> keysOf(String keyspace) {
        TreeMap<byte[], byte[]> keys = new TreeMap<>(Arrays::compareUnsigned);
        for (byte[] key : everWritten.get(keyspace).keySet()) {
            keys.put(key, key);
        }
        List<byte[]> some = new ArrayList<>(keys.keySet());
        for (int i = 0; i < some.size(); i += 1 + some.size() / 12) {
            byte[] longer = Arrays.copyOf(some.get(i), some.get(i).length + 1);
            keys.putIfAbsent(longer, longer);
        }
        for (String missing : List.of(" ", "m", "zzz")) {
            keys.putIfAbsent(bytes(missing), bytes(missing));
        }
        return List.copyOf(keys.keySet());
    }

    private final Map<String, TreeMap<byte[], byte[]>> everWritten = new LinkedHashMap<>();

    private void open() {
        engine = Engine.open(builder(DIRECTORY, disk, MemoryBudget.ofMebibytes(64)).settings());
        db = new Database(engine);
        KEYSPACES.forEach(db::keyspace);
    }

    private void firstLife() throws IOException {
        for (int i = 0; i < 24; i++) {
            put("full", "key/" + i, text(i % 8 == 0 ? 90 : random.nextInt(60)));
        }
        for (int i = 0; i < TINY_KEYS; i++) {
            put("tiny", Integer.toString(i, 36), "");
        }
        remember();
        flush("tiny");
        remember();
        flush("full");
        remember();
    }

    private void secondLife() throws IOException {
        for (int i = 0; i < 14; i++) {
            put("parts", longKey(i), i % 3 == 0 ? "y".repeat(400) : text(30));
        }
        flush("parts");
        for (int i = 0; i < 60; i++) {
            put("hash", "h" + i, "value of " + i);
        }
        for (int i = 3; i < 60; i += 7) {
            remove("hash", "h" + i);
        }
        flush("hash");
        for (int i = 4; i < 30; i += 2) {
            put("full", "key/" + i, text(i % 12 == 0 ? 70 : random.nextInt(60)));
        }
        remove("full", "key/5");
        flush("full");
        unflushed();
        awaitQuiet();
        db.persist(PersistMode.SYNC_ALL);
        remember();
        oldManifests.removeLast();
        afterForce = new Expected(model);
        long file = engine.journal().currentFileId();
        for (int i = 0; i < LAST_GROUP; i++) {
            lastCommit(i);
            afterLastCommits.add(new Expected(model));
        }
        awaitQuiet();
        check(engine.journal().currentFileId() == file, "the last group lies in one journal");
        tailJournalId = file;
    }

    /** Entries for all keyspaces, over several journals, with a large value and a batch; the last journal has room for the last group. */
    private void unflushed() {
        for (int i = 0; i < 20; i++) {
            put("full", "key/" + i * 3, text(80));
            put("hash", "h" + i * 4, text(40));
            put("tiny", Integer.toString(i * 17, 36), "v" + i);
        }
        remove("parts", longKey(3));
        put("parts", longKey(20), text(20));
        put("hash", "large", "compressible ".repeat(400));
        remove("tiny", "1");
        try (WriteBatch batch = db.batch()) {
            for (String name : keyspaceNames()) {
                String value = text(20);
                batch.put(db.keyspace(name), bytes("batch"), bytes(value));
                note(name, bytes("batch"), bytes(value));
            }
            batch.remove(db.keyspace("full"), bytes("key/9"));
            note("full", bytes("key/9"), null);
            batch.commit();
        }
        int filler = 0;
        while (offsetInJournal() > 900 || offsetInJournal() < 100) {
            put("full", "filler/" + filler++ % 3, text(200));
        }
        db.persist(PersistMode.SYNC_DATA);
        for (int i = 0; i < 6; i++) {
            put("full", "forced/" + i, text(60));
        }
    }

    private long offsetInJournal() {
        return JournalFormat.offsetOf(engine.journal().endPosition());
    }

    private void lastCommit(int index) {
        if (index == 2) {
            remove("full", "key/0");
        } else if (index == 3) {
            try (WriteBatch batch = db.batch()) {
                for (String name : List.of("full", "hash")) {
                    String value = text(200);
                    batch.put(db.keyspace(name), bytes("last"), bytes(value));
                    note(name, bytes("last"), bytes(value));
                }
                batch.commit();
            }
        } else {
            put(keyspaceNames().get(index % 4), "last" + index, text(300));
        }
    }

    private void put(String keyspace, String key, String value) {
        db.keyspace(keyspace).put(bytes(key), bytes(value));
        note(keyspace, bytes(key), bytes(value));
    }

    private void remove(String keyspace, String key) {
        db.keyspace(keyspace).remove(bytes(key));
        note(keyspace, bytes(key), null);
    }

    private void note(String keyspace, byte[] key, byte[] value) {
        everWritten.computeIfAbsent(keyspace, name -> new TreeMap<>(Arrays::compareUnsigned)).put(key, key);
        if (value == null) {
            model.get(keyspace).remove(key);
        } else {
            model.get(keyspace).put(key, value);
        }
    }

    private void flush(String keyspace) throws IOException {
        db.keyspace(keyspace).rotateMemtableAndWait();
        awaitQuiet();
        remember();
    }

    /** Until no background work is left and everything that was asked to be forced is. */
    private void awaitQuiet() {
        int quiet = 0;
        while (quiet < 20) {
            quiet = EngineRest.isResting(engine) ? quiet + 1 : 0;
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private void remember() throws IOException {
        byte[] current = disk.contentOf(DIRECTORY.resolve("CURRENT"));
        for (String name : disk.list(DIRECTORY)) {
            if (name.startsWith("manifest-")) {
                oldManifests.add(new OldManifest(name, current, disk.contentOf(DIRECTORY.resolve(name))));
            }
        }
    }

    private String text(int length) {
        StringBuilder text = new StringBuilder();
        while (text.length() < length) {
            text.append((char) ('!' + random.nextInt(90)));
        }
        return text.toString();
    }

    private static String longKey(int i) {
        StringBuilder key = new StringBuilder();
        SplittableRandom own = new SplittableRandom(i);
        while (key.length() < 330) {
            key.append((char) ('!' + own.nextInt(90)));
        }
        return key.toString();
    }

    private static void check(boolean isSo, String what) {
        if (!isSo) {
            throw new AssertionError("the database to be damaged is not as planned: " + what);
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
