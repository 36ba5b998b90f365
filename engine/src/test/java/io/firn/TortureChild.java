package io.firn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.firn.config.BlobOptions;
import io.firn.config.Compression;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PersistMode;
import io.firn.ffm.budget.MemoryBudget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The process that is killed. It first holds the database against the expected state, which lies in a mapped file
 * and so survives the kill, and then writes until it is killed.
 *
 * <pre>
 * slot of a key := is:u32 pending:u32 batch:u32 0:u32      version 0: missing; a version that divides by 8: removed
 * </pre>
 *
 * <p>Before a write its key's slot says pending, after the acknowledgement it says is. So after a kill a key with no pending version has
 * exactly the one it is, and one with a pending version has either; the keys of a batch have all the one or all the other.
 */
final class TortureChild {
    static final int KEYS = 8192;
    static final int SLOT_BYTES = 16;
    private static final int THREADS = 4;
    private static final int BATCH_KEYS_MAX = 8;

    private final MemorySegment expected;
    private final Database db;
    private final Keyspace[] keyspaces;

    private static final BlobOptions SEPARATED = BlobOptions.defaults().separationBytes(64).fileBytes(64 << 10);

    private TortureChild(MemorySegment expected, Database db) {
        this.expected = expected;
        this.db = db;
        KeyspaceOptions small = KeyspaceOptions.defaults().memtableBytes(128 << 10).blockBytes(1024)
                .compression(Compression.LZ4);
        keyspaces = new Keyspace[] {db.keyspace("a", small), db.keyspace("b", small.memtableBytes(256 << 10).blobs(SEPARATED))};
    }

    /** Arguments: the directory, the file of the expected state, the seed. Exits with 3 when the database is wrong. */
    public static void main(String[] arguments) throws Exception {
        long seed = Long.parseLong(arguments[2]);
        try (FileChannel channel = FileChannel.open(
                Path.of(arguments[1]), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MemorySegment expected = channel.map(
                    FileChannel.MapMode.READ_WRITE, 0, (long) KEYS * SLOT_BYTES, Arena.global());
            Database db = Database.builder(Path.of(arguments[0]))
                    .budget(MemoryBudget.ofMebibytes(64))
                    .journalFiles(64 << 10, 256 << 10, 32 << 10)
                    .manifestRewriteBytes(2048)
                    .open();
            TortureChild child = new TortureChild(expected, db);
            List<String> wrong = child.verify();
            if (!wrong.isEmpty()) {
                wrong.forEach(System.out::println);
                System.exit(3);
            }
            System.out.println("verified");
            List<Thread> threads = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                int own = thread;
                threads.add(Thread.ofPlatform().start(() -> child.write(own, new SplittableRandom(seed + own))));
            }
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (Throwable t) {
            t.printStackTrace(System.out);
            System.exit(4);
        }
    }

    /** What is wrong; what was pending is settled as it was found. */
    private List<String> verify() {
        List<String> wrong = new ArrayList<>();
        Map<Integer, Boolean> isNewByBatch = new HashMap<>();
        for (int key = 0; key < KEYS; key++) {
            int is = expected.get(JAVA_INT, slot(key));
            int pending = expected.get(JAVA_INT, slot(key) + 4);
            int batch = expected.get(JAVA_INT, slot(key) + 8);
            byte[] found = keyspaceOf(key).get(keyBytes(key));
            boolean isOld = Arrays.equals(found, valueBytes(key, is));
            boolean isNew = pending != 0 && Arrays.equals(found, valueBytes(key, pending));
            if (!isOld && !isNew) {
                wrong.add("key " + key + ": is " + is + ", pending " + pending + ", found " + describe(found));
                continue;
            }
            if (pending != 0 && batch != 0 && !Arrays.equals(valueBytes(key, is), valueBytes(key, pending))) {
                Boolean other = isNewByBatch.putIfAbsent(batch, isNew);
                if (other != null && other != isNew) {
                    wrong.add("key " + key + ": batch " + batch + " was recovered in part");
                }
            }
            if (isNew) {
                expected.set(JAVA_INT, slot(key), pending);
            }
            expected.set(JAVA_INT, slot(key) + 4, 0);
        }
        return wrong;
    }

    private void write(int own, SplittableRandom random) {
        int version = 1 + maxVersion();
        int[] keys = new int[BATCH_KEYS_MAX];
        while (true) {
            int count = random.nextInt(4) == 0 ? 2 + random.nextInt(BATCH_KEYS_MAX - 1) : 1;
            version++;
            int batchId = count == 1 ? 0 : version * THREADS + own;
            for (int i = 0; i < count; i++) {
                // Distinct keys, and no other thread's.
                keys[i] = (random.nextInt(KEYS / THREADS / BATCH_KEYS_MAX) * BATCH_KEYS_MAX + i) * THREADS + own;
                expected.set(JAVA_INT, slot(keys[i]) + 8, batchId);
                expected.set(JAVA_INT, slot(keys[i]) + 4, version);
            }
            int dice = random.nextInt(100);
            commit(keys, count, version, dice == 0 ? PersistMode.SYNC_ALL : dice < 4 ? PersistMode.SYNC_DATA : PersistMode.BUFFER);
            for (int i = 0; i < count; i++) {
                expected.set(JAVA_INT, slot(keys[i]), version);
                expected.set(JAVA_INT, slot(keys[i]) + 4, 0);
            }
            if (dice == 99 && random.nextInt(20) == 0) {
                keyspaces[random.nextInt(keyspaces.length)].rotateMemtable();
            }
        }
    }

    private void commit(int[] keys, int count, int version, PersistMode mode) {
        if (count == 1 && mode == PersistMode.BUFFER) {
            byte[] value = valueBytes(keys[0], version);
            if (value == null) {
                keyspaceOf(keys[0]).remove(keyBytes(keys[0]));
            } else {
                keyspaceOf(keys[0]).put(keyBytes(keys[0]), value);
            }
            return;
        }
        try (WriteBatch batch = db.batch()) {
            for (int i = 0; i < count; i++) {
                byte[] value = valueBytes(keys[i], version);
                if (value == null) {
                    batch.remove(keyspaceOf(keys[i]), keyBytes(keys[i]));
                } else {
                    batch.put(keyspaceOf(keys[i]), keyBytes(keys[i]), value);
                }
            }
            batch.durability(mode).commit();
        }
    }

    private int maxVersion() {
        int max = 0;
        for (int key = 0; key < KEYS; key++) {
            max = Math.max(max, expected.get(JAVA_INT, slot(key)));
        }
        return max;
    }

    private Keyspace keyspaceOf(int key) {
        return keyspaces[key / THREADS % keyspaces.length];
    }

    private static long slot(int key) {
        return (long) key * SLOT_BYTES;
    }

    private static byte[] keyBytes(int key) {
        return ("key-" + key).getBytes();
    }

    /** Tells key and version, and is filled with what follows from both; some are large. */
    private static byte[] valueBytes(int key, int version) {
        if (version == 0 || version % 8 == 0) {
            return null;
        }
        SplittableRandom random = new SplittableRandom(key * 1_000_003L + version);
        byte[] value = new byte[16 + (random.nextInt(200) == 0 ? random.nextInt(20_000) : random.nextInt(150))];
        MemorySegment segment = MemorySegment.ofArray(value);
        for (int at = 16; at < value.length; at++) {
            value[at] = (byte) (at % 3 == 0 ? random.nextInt() : 'x');
        }
        segment.set(JAVA_LONG.withByteAlignment(1), 0, key);
        segment.set(JAVA_LONG.withByteAlignment(1), 8, version);
        return value;
    }

    private static String describe(byte[] found) {
        if (found == null) {
            return "nothing";
        }
        MemorySegment segment = MemorySegment.ofArray(found);
        return found.length + " bytes" + (found.length < 16 ? "" : " of key " + segment.get(JAVA_LONG.withByteAlignment(1), 0)
                + " version " + segment.get(JAVA_LONG.withByteAlignment(1), 8));
    }
}
