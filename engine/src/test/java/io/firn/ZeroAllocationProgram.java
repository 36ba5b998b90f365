package io.firn;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.config.BlobOptions;
import io.firn.config.Compression;
import io.firn.config.KeyRange;
import io.firn.config.KeyspaceOptions;
import io.firn.config.PersistMode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;

/**
 * The process that counts what hot calls allocate. It has seen one visitor class and one codec, as most applications
 * have; {@link ZeroAllocationTest} starts it.
 */
final class ZeroAllocationProgram {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int KEYS = 60_000;
    private static final int CALLS = 20_000;

    /** Rounds are run until one is clean: compilation of the calls, and of what they inline, comes first, in its own time. */
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    /** Rotations of memtable and journal allocate: some calls of a round pay for one, far fewer than one byte a call. */
    private static final int BYTES_FOR_ROTATIONS = 16 * 1024;

    private final Path directory;
    private long sum;
    private final ValueVisitor visitor = value -> sum += value.get(ValueLayout.JAVA_BYTE, 0);
    private final IndexedVisitor indexedVisitor = (index, value) -> sum += value.get(ValueLayout.JAVA_BYTE, 0);

    private ZeroAllocationProgram(Path directory) {
        this.directory = directory;
    }

    /** Arguments: an empty directory, and a codec, "force" or "transaction". */
    public static void main(String[] arguments) {
        ZeroAllocationProgram program = new ZeroAllocationProgram(Path.of(arguments[0]));
        if (arguments[1].equals("force")) {
            program.waitForForces();
        } else if (arguments[1].equals("transaction")) {
            program.transactionsAllocateNothing();
        } else {
            program.hotCallsAllocateNothing(Compression.valueOf(arguments[1]));
            program.walksAllocateNothing(Compression.valueOf(arguments[1]));
            program.separatedValuesAllocateNothing(Compression.valueOf(arguments[1]));
        }
        System.out.println("clean");
    }

    private void hotCallsAllocateNothing(Compression codec) {
        try (Database db = Database.open(directory.resolve("db")); Arena arena = Arena.ofConfined();
                WriteBatch batch = db.batch()) {
            Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().memtableBytes(1 << 20).compression(codec));
            MemorySegment key = arena.allocate(16);
            MemorySegment value = arena.allocate(100);
            MemorySegment target = arena.allocate(100);
            byte[] heapKey = new byte[16];
            byte[] heapValue = new byte[100];
            for (int i = 0; i < KEYS; i++) {
                keyspace.put(keyOf(key, i), value);
            }
            assertTrue(KEYS * 116 > 4 << 20, "the store is larger than a memtable");

            assertClean("put", BYTES_FOR_ROTATIONS, i -> keyspace.put(keyOf(key, i), value));
            assertClean("put of arrays", BYTES_FOR_ROTATIONS, i -> keyspace.put(heapKey, heapValue));
            assertClean("remove", BYTES_FOR_ROTATIONS, i -> keyspace.remove(keyOf(key, KEYS + i)));
            assertClean("batch", BYTES_FOR_ROTATIONS, i -> {
                batch.put(keyspace, keyOf(key, i), value).remove(keyspace, keyOf(key, KEYS + i)).commit();
                batch.clear();
            });
            assertClean("get", 0, i -> keyspace.get(keyOf(key, i * 31 % KEYS), target));
            assertClean("get of a missing key", 0, i -> keyspace.get(keyOf(key, -1 - i), target));
            assertClean("read", 0, i -> keyspace.read(keyOf(key, i * 31 % KEYS), visitor));
            assertClean("read of an array", 0, i -> keyspace.read(heapKey, visitor));
            assertClean("sizeOf", 0, i -> keyspace.sizeOf(keyOf(key, i * 31 % KEYS)));
            assertClean("approximateCount", 0, i -> keyspace.approximateCount());
            assertClean("containsKey", 0, i -> keyspace.containsKey(keyOf(key, i * 31 % KEYS)));
            assertClean("approximateCount", 0, i -> keyspace.approximateCount());
        }
    }

    /** On a keyspace of a memtable and few runs, and of those runs alone. */
    private void walksAllocateNothing(Compression codec) {
        try (Database db = Database.open(directory.resolve("walked")); Arena arena = Arena.ofConfined();
                Snapshot snapshot = db.snapshot()) {
            Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().memtableBytes(4 << 20).compression(codec));
            MemorySegment key = arena.allocate(16);
            MemorySegment value = arena.allocate(100);
            for (int i = 0; i < KEYS; i++) {
                keyspace.put(keyOf(key, i), value);
            }
            List<MemorySegment> keys = List.of(
                    keyOf(arena.allocate(16), 5), keyOf(arena.allocate(16), 6), keyOf(arena.allocate(16), -7));
            assertClean("multiGet", 0, i -> keyspace.multiGet(keys, indexedVisitor));
            assertClean("isEmpty", 0, i -> keyspace.isEmpty());
            try (Snapshot later = db.snapshot()) {
                KeyspaceView view = later.in(keyspace);
                assertClean("get at a snapshot", 0, i -> view.get(keyOf(key, i * 31 % KEYS), value));
                assertClean("isEmpty at a snapshot", 0, i -> view.isEmpty());
            }
            assertTrue(snapshot.in(keyspace).isEmpty());
            movesAllocateNothing(keyspace, key);
            keyspace.rotateMemtableAndWait();
            movesAllocateNothing(keyspace, key);
        }
    }

    private void separatedValuesAllocateNothing(Compression codec) {
        int count = KEYS / 20;
        try (Database db = Database.open(directory.resolve("separated")); Arena arena = Arena.ofConfined()) {
            Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().memtableBytes(4 << 20)
                    .blobs(BlobOptions.defaults().compression(codec)));
            MemorySegment key = arena.allocate(16);
            MemorySegment value = arena.allocate(2000);
            for (int i = 0; i < count; i++) {
                keyspace.put(keyOf(key, i), value);
            }
            keyspace.rotateMemtableAndWait();
            assertTrue(keyspace.statistics().blobs().values() == count, "all are separated");
            assertClean("get of a separated value", 0, i -> keyspace.get(keyOf(key, i * 31 % count), value));
            assertClean("read of a separated value", 0, i -> keyspace.read(keyOf(key, i * 31 % count), visitor));
            assertClean("sizeOf of a separated value", 0, i -> sum += keyspace.sizeOf(keyOf(key, i * 31 % count)));
            movesAllocateNothing(keyspace, key);
        }
    }

    /** Within bounds and without. */
    private void movesAllocateNothing(Keyspace keyspace, MemorySegment key) {
        assertClean("count", 0, 5, i -> sum += keyspace.count());
        KeyRange narrow = KeyRange.all().from(new byte[] {0x20}).until(new byte[] {0x60});
        for (KeyRange range : List.of(KeyRange.all(), narrow)) {
            try (Cursor cursor = keyspace.cursor(range)) {
                assertClean("next", 0, i -> see(cursor, cursor.next() || cursor.first()));
                assertClean("previous", 0, i -> see(cursor, cursor.previous() || cursor.last()));
                assertClean("seek", 0, i -> see(cursor, cursor.seek(keyOf(key, i * 31 % KEYS))));
                assertClean("seek and next", 0, i -> see(cursor, cursor.seek(keyOf(key, i * 31 % KEYS)) && cursor.next()));
                assertClean("seekForPrevious", 0, i -> see(cursor, cursor.seekForPrevious(keyOf(key, i * 31 % KEYS))));
                assertClean("find", 0, i -> see(cursor, cursor.find(keyOf(key, i * 31 % KEYS))));
                assertClean("find and next", 0, i -> see(cursor, cursor.find(keyOf(key, i * 31 % KEYS)) && cursor.next()));
                assertClean("keys alone", 0, i -> {
                    if (cursor.next() || cursor.first()) {
                        sum += cursor.key().get(ValueLayout.JAVA_BYTE, 3) + cursor.valueSize();
                    }
                });
                assertClean("nextFront", 0, i -> see(cursor, cursor.nextFront()));
                assertClean("nextBack", 0, i -> see(cursor, cursor.nextBack()));
            }
        }
    }

    /** What is read is noted; a key that was read before takes nothing. */
    private void transactionsAllocateNothing() {
        try (OptimisticDatabase db = Database.builder(directory.resolve("transactions")).openOptimistic();
                Arena arena = Arena.ofConfined()) {
            Keyspace keyspace = db.keyspace("a", KeyspaceOptions.defaults().memtableBytes(1 << 20));
            MemorySegment key = arena.allocate(16);
            MemorySegment value = arena.allocate(100);
            byte[] heapKey = new byte[16];
            byte[] heapValue = new byte[100];
            try (Transaction transaction = db.begin()) {
                assertClean("put while a transaction lives", BYTES_FOR_ROTATIONS, i -> keyspace.put(keyOf(key, i), value));
                transaction.commit();
            }
            try (Transaction transaction = db.begin()) {
                TransactionKeyspace in = transaction.in(keyspace);
                assertClean("put", BYTES_FOR_ROTATIONS, i -> in.put(keyOf(key, i * 3), value));
                assertClean("put of arrays", BYTES_FOR_ROTATIONS, i -> in.put(heapKey, heapValue));
                assertClean("remove", BYTES_FOR_ROTATIONS, i -> in.remove(keyOf(key, i * 3)));
                assertClean("get", 0, i -> in.get(keyOf(key, i), value));
                assertClean("read", 0, i -> in.read(keyOf(key, i), visitor));
                assertClean("sizeOf", 0, i -> in.sizeOf(keyOf(key, i)));
                try (Cursor cursor = in.cursor(KeyRange.all())) {
                    assertClean("next", 0, i -> see(cursor, cursor.next() || cursor.first()));
                    assertClean("previous", 0, i -> see(cursor, cursor.previous() || cursor.last()));
                    assertClean("seek", 0, i -> see(cursor, cursor.seek(keyOf(key, i))));
                    assertClean("find", 0, i -> see(cursor, cursor.find(keyOf(key, i))));
                }
            }
        }
    }

    private void see(Cursor cursor, boolean isThere) {
        if (isThere) {
            sum += cursor.key().get(ValueLayout.JAVA_BYTE, 3) + cursor.value().get(ValueLayout.JAVA_BYTE, 0) + cursor.seqno();
        }
    }

    private void waitForForces() {
        try (Database db = Database.builder(directory.resolve("db")).durability(PersistMode.SYNC_DATA).open();
                Arena arena = Arena.ofConfined()) {
            Keyspace keyspace = db.keyspace("a");
            MemorySegment key = arena.allocate(16);
            int calls = 500;
            long least = Long.MAX_VALUE;
            for (int round = 0; round < 20 && least > 0; round++) {
                long before = THREADS.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < calls; i++) {
                    keyspace.put(keyOf(key, i), key);
                }
                least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
            }
            assertTrue(least == 0, least + " bytes in " + calls + " durable puts");
        }
    }

    private interface Call {
        void run(int i);
    }

    private static void assertClean(String name, long allowedBytes, Call call) {
        assertClean(name, allowedBytes, CALLS, call);
    }

    private static void assertClean(String name, long allowedBytes, int calls, Call call) {
        long least = Long.MAX_VALUE;
        long start = System.nanoTime();
        while (least > allowedBytes && System.nanoTime() - start < PATIENCE_NANOS) {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < calls; i++) {
                call.run(i);
            }
            least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
        }
        assertTrue(least <= allowedBytes, name + ": " + least + " bytes in " + calls + " calls");
    }

    private static MemorySegment keyOf(MemorySegment key, long i) {
        key.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, Long.reverseBytes(i * 0x9E3779B97F4A7C15L));
        key.set(ValueLayout.JAVA_LONG_UNALIGNED, 8, i);
        return key;
    }
}
