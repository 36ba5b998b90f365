package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.config.PersistMode;
import io.firn.error.ClosedException;
import io.firn.error.KeyspaceDeletedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a transaction sees, shows and leaves, whatever kind it is. */
class TransactionTest {
    private enum Kind { SINGLE_WRITER, OPTIMISTIC }

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private Database database;
    private Keyspace keyspace;

    private void open(Kind kind) {
        DatabaseBuilder builder = Database.builder(Path.of("/db")).storage(disk).budget(budget);
        database = kind == Kind.OPTIMISTIC ? builder.openOptimistic() : builder.openSingleWriter();
        keyspace = database.keyspace("a");
    }

    private Transaction begin() {
        return switch (database) {
            case OptimisticDatabase optimistic -> optimistic.begin();
            case SingleWriterDatabase single -> single.begin();
            default -> throw new AssertionError();
        };
    }

    @AfterEach
    void close() {
        assertEquals(0, database.statistics().openSnapshots());
        database.close();
        assertEquals(0, budget.usedBytes());
        disk.assertNothingOpen();
        disk.close();
    }

    @ParameterizedTest
    @EnumSource
    void seesItsOwnWritesAndNobodyElseDoes(Kind kind) {
        open(kind);
        put("b", "1");
        put("c", "1");
        try (Transaction transaction = begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            in.put(bytes("a"), bytes("2"));
            in.remove(bytes("b"));
            in.put(bytes("d"), bytes("2"));
            in.put(bytes("d"), bytes("3"));
            assertEquals("a=2 c=1 d=3", all(in));
            assertEquals("b=1 c=1", all(keyspace));
            assertEquals("b=1 c=1", all(transaction.untracked(keyspace)));
            assertEquals("3", text(in.get(bytes("d"))));
            assertNull(in.get(bytes("b")));
            assertEquals(-1, in.sizeOf(bytes("b")));
            assertTrue(in.containsKey(bytes("a")));
            assertEquals(new Entry(bytes("a"), bytes("2")), in.firstEntry());
            assertEquals(new Entry(bytes("d"), bytes("3")), in.lastEntry());
            assertEquals(3, in.count());
            assertFalse(in.isEmpty());
            transaction.commit();
        }
        assertEquals("a=2 c=1 d=3", all(keyspace));
    }

    @ParameterizedTest
    @EnumSource
    void everyFormOfReadAnswersFromItsOwnWrites(Kind kind) {
        open(kind);
        put("beneath", "tree");
        try (Transaction transaction = begin(); Arena arena = Arena.ofConfined()) {
            TransactionKeyspace in = transaction.in(keyspace);
            in.put(MemorySegment.ofArray(bytes("own")), MemorySegment.ofArray(bytes("private")));
            MemorySegment key = arena.allocateFrom("own").asSlice(0, 3);
            MemorySegment target = arena.allocate(16);
            assertEquals(7, in.get(key, target));
            assertEquals("private", text(target.asSlice(0, 7).toArray(ValueLayout.JAVA_BYTE)));
            assertEquals(7, in.sizeOf(key));
            assertTrue(in.containsKey(key));
            assertArrayEquals(bytes("private"), in.get(key));
            StringBuilder seen = new StringBuilder();
            // A read inside a callback, of the same transaction.
            assertTrue(in.read(key, value -> in.read(bytes("beneath"), inner -> seen.append(value.byteSize()).append(inner.byteSize()))));
            assertEquals("74", seen.toString());
            assertEquals(2, in.multiGet(List.of(key, MemorySegment.ofArray(bytes("no")), MemorySegment.ofArray(bytes("beneath"))),
                    (index, value) -> seen.append(' ').append(index).append(':').append(value.byteSize())));
            assertEquals("74 0:7 2:4", seen.toString());
            assertFalse(in.read(bytes("no"), value -> seen.append("never")));
            in.removeWeak(key);
            in.remove(MemorySegment.ofArray(bytes("beneath")));
            assertTrue(in.isEmpty());
            assertNull(in.firstEntry());
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCursorDoesNotSeeWhatIsWrittenAfterItsOpening(Kind kind) {
        open(kind);
        put("b", "1");
        try (Transaction transaction = begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            in.put(bytes("c"), bytes("2"));
            try (Cursor cursor = in.cursor(KeyRange.all())) {
                assertTrue(cursor.next());
                in.put(bytes("a"), bytes("3"));
                in.put(bytes("c"), bytes("3"));
                in.remove(bytes("b"));
                in.put(bytes("d"), bytes("3"));
                assertEquals("b", text(cursor.keyBytes()));
                assertTrue(cursor.seqno() > 0);
                assertTrue(cursor.next());
                assertEquals("c=2", text(cursor.keyBytes()) + "=" + text(cursor.valueBytes()));
                assertEquals(-1, cursor.seqno());
                assertFalse(cursor.next());
                assertTrue(cursor.previous());
                assertTrue(cursor.previous());
                assertEquals("b", text(cursor.keyBytes()));
                assertFalse(cursor.previous());
            }
            assertEquals("a=3 c=3 d=3", all(in));
        }
        assertEquals("b=1", all(keyspace));
    }

    @ParameterizedTest
    @EnumSource
    void closingWithoutCommitLeavesNothing(Kind kind) {
        open(kind);
        long before = database.statistics().seqno();
        try (Transaction transaction = begin()) {
            for (int i = 0; i < 1000; i++) {
                transaction.in(keyspace).put(bytes("key" + i), new byte[1000]);
            }
        }
        try (Transaction transaction = begin()) {
            transaction.in(keyspace).get(bytes("key"));
            transaction.commit();
        }
        assertEquals("", all(keyspace));
        assertEquals(before, database.statistics().seqno(), "neither is a commit");
    }

    @ParameterizedTest
    @EnumSource
    void commitsManyKeyspacesAtOneSeqnoWithTheLastWriteOfEachKey(Kind kind) {
        open(kind);
        Keyspace other = database.keyspace("b");
        long before = database.statistics().writes().entries();
        long seqno = database.statistics().seqno();
        try (Transaction transaction = begin()) {
            for (int i = 0; i < 100; i++) {
                transaction.in(keyspace).put(bytes("x"), bytes("" + i));
                transaction.in(other).put(bytes("x"), bytes("" + i));
            }
            transaction.in(other).remove(bytes("x"));
            transaction.durability(PersistMode.SYNC_ALL).commit();
        }
        assertEquals("99", text(keyspace.get(bytes("x"))));
        assertNull(other.get(bytes("x")));
        assertEquals(before + 2, database.statistics().writes().entries());
        assertEquals(seqno + 1, database.statistics().seqno());
    }

    @ParameterizedTest
    @EnumSource
    void aWeakRemovalStaysWeak(Kind kind) {
        open(kind);
        put("k", "1");
        keyspace.rotateMemtableAndWait();
        put("k", "2");
        try (Transaction transaction = begin()) {
            transaction.in(keyspace).removeWeak(bytes("k"));
            transaction.commit();
        }
        assertNull(keyspace.get(bytes("k")));
        keyspace.rotateMemtableAndWait();
        keyspace.majorCompact();
        // It went together with the next older value alone, since the key was put twice: what is weak promises no more.
        assertEquals("1", text(keyspace.get(bytes("k"))));
    }

    @ParameterizedTest
    @EnumSource
    void updatesWriteOnlyWhatDiffers(Kind kind) {
        open(kind);
        put("k", "1");
        long seqno = database.statistics().seqno();
        try (Transaction transaction = begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            assertEquals("1", text(in.fetchUpdate(bytes("k"), value -> value)));
            assertNull(in.fetchUpdate(bytes("no"), value -> value));
            assertNull(in.take(bytes("no")));
            assertEquals("1", text(in.updateFetch(bytes("k"), value -> bytes("1"))));
            transaction.commit();
        }
        assertEquals(seqno, database.statistics().seqno(), "nothing differed");
        try (Transaction transaction = begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            assertEquals("2", text(in.updateFetch(bytes("k"), value -> {
                value[0]++;
                return value;
            })), "changed in place");
            assertEquals("2", text(in.fetchUpdate(bytes("k"), value -> bytes("3"))));
            assertNull(in.updateFetch(bytes("k"), value -> null));
            assertNull(in.fetchUpdate(bytes("k"), value -> bytes("4")));
            assertEquals("4", text(in.take(bytes("k"))));
            assertNull(in.get(bytes("k")));
            in.put(bytes("l"), bytes("5"));
            transaction.commit();
        }
        assertEquals("l=5", all(keyspace));
    }

    @ParameterizedTest
    @EnumSource
    void aRefusedWriteLeavesNoTrace(Kind kind) {
        open(kind);
        Keyspace deleted = database.keyspace("deleted");
        database.deleteKeyspace(deleted);
        try (SimStorage otherDisk = new SimStorage();
                Database other = Database.builder(Path.of("/db")).storage(otherDisk).open();
                Transaction transaction = begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            assertThrows(IllegalArgumentException.class, () -> in.put(new byte[0], bytes("1")));
            assertThrows(IllegalArgumentException.class, () -> in.put(new byte[65_536], bytes("1")));
            assertThrows(IllegalArgumentException.class, () -> in.get(new byte[0]));
            assertThrows(IllegalArgumentException.class, () -> in.remove(new byte[0]));
            Keyspace foreign = other.keyspace("a");
            assertThrows(IllegalArgumentException.class, () -> transaction.in(foreign));
            assertThrows(IllegalArgumentException.class, () -> transaction.untracked(foreign));
            assertThrows(KeyspaceDeletedException.class, () -> transaction.in(deleted));
            in.put(bytes("k"), bytes("1"));
            transaction.commit();
        }
        assertEquals("k=1", all(keyspace));
    }

    @ParameterizedTest
    @EnumSource
    void answersClosedExceptionAfterItsEnd(Kind kind) {
        open(kind);
        put("k", "1");
        Transaction transaction = begin();
        TransactionKeyspace in = transaction.in(keyspace);
        KeyspaceView untracked = transaction.untracked(keyspace);
        in.put(bytes("own"), bytes("2"));
        Cursor cursor = in.cursor(KeyRange.all());
        assertTrue(cursor.next());
        transaction.commit();
        transaction.close();
        transaction.close();
        assertThrows(ClosedException.class, cursor::next);
        cursor.close();
        assertThrows(ClosedException.class, () -> in.get(bytes("k")));
        assertThrows(ClosedException.class, () -> in.put(bytes("k"), bytes("1")));
        assertThrows(ClosedException.class, () -> in.cursor(KeyRange.all()));
        assertThrows(ClosedException.class, in::count);
        assertThrows(ClosedException.class, () -> untracked.get(bytes("k")));
        assertThrows(ClosedException.class, () -> transaction.in(keyspace));
        assertThrows(ClosedException.class, transaction::commit);
    }

    @ParameterizedTest
    @EnumSource
    void endsNotInsideItsOwnCallback(Kind kind) {
        open(kind);
        try (Transaction transaction = begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            in.put(bytes("k"), bytes("1"));
            assertThrows(IllegalStateException.class, () -> in.read(bytes("k"), value -> transaction.commit()));
            assertThrows(IllegalStateException.class, () -> in.read(bytes("k"), value -> end(transaction)));
            transaction.commit();
        }
        assertEquals("k=1", all(keyspace));
    }

    @ParameterizedTest
    @EnumSource
    void isClosedWithItsDatabase(Kind kind) {
        open(kind);
        put("k", "1");
        Transaction transaction = begin();
        TransactionKeyspace in = transaction.in(keyspace);
        in.put(bytes("l"), bytes("1"));
        Cursor cursor = in.cursor(KeyRange.all());
        assertTrue(cursor.next());
        database.close();
        assertEquals(0, budget.usedBytes());
        assertThrows(ClosedException.class, () -> in.get(bytes("k")));
        assertThrows(ClosedException.class, () -> in.put(bytes("k"), bytes("1")));
        assertThrows(ClosedException.class, transaction::commit);
        assertThrows(ClosedException.class, cursor::next);
        cursor.close();
        transaction.close();
        assertThrows(ClosedException.class, this::begin);
        open(kind);
        assertEquals("k=1", all(keyspace));
    }

    @ParameterizedTest
    @EnumSource
    void mayBeHandedToAnotherThread(Kind kind) throws Exception {
        open(kind);
        Transaction transaction = begin();
        transaction.in(keyspace).put(bytes("k"), bytes("1"));
        CountDownLatch done = new CountDownLatch(1);
        Thread.startVirtualThread(() -> {
            transaction.in(keyspace).put(bytes("l"), bytes("1"));
            transaction.commit();
            done.countDown();
        });
        done.await();
        assertEquals("k=1 l=1", all(keyspace));
        put("m", "1");
    }

    @ParameterizedTest
    @EnumSource
    void aForgottenOneIsRolledBack(Kind kind) throws Exception {
        open(kind);
        Thread forgetful = Thread.ofPlatform().start(() -> {
            Transaction transaction = begin();
            transaction.in(keyspace).put(bytes("k"), bytes("1"));
            transaction.in(keyspace).cursor(KeyRange.all()).next();
        });
        forgetful.join();
        AtomicBoolean isOver = new AtomicBoolean();
        Thread collecting = Thread.ofPlatform().start(() -> {
            while (!isOver.get()) {
                System.gc();
                LockSupport.parkNanos(20_000_000);
            }
        });
        while (database.statistics().openSnapshots() > 0) {
            // Of a single writer this waits for the turn of the forgotten one.
            put("l", "1");
            all(keyspace);
        }
        isOver.set(true);
        collecting.join();
        put("l", "1");
        assertEquals("l=1", all(keyspace));
    }

    @ParameterizedTest
    @EnumSource
    void largeValuesAndManyKeysPassThrough(Kind kind) {
        open(kind);
        byte[] large = new byte[3 << 20];
        large[77] = 7;
        try (Transaction transaction = begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            in.put(bytes("large"), large);
            for (int i = 0; i < 20_000; i++) {
                in.put(bytes("key" + i), bytes("value" + i));
            }
            assertArrayEquals(large, in.get(bytes("large")));
            assertEquals(20_001, in.count());
            transaction.commit();
        }
        assertEquals(20_001, keyspace.count());
        assertArrayEquals(large, keyspace.get(bytes("large")));
        assertEquals("value19999", text(keyspace.get(bytes("key19999"))));
    }

    @ParameterizedTest
    @EnumSource
    void readsWhatClearAndDeleteHaveTakenAwaySince(Kind kind) throws Exception {
        open(kind);
        put("k", "1");
        try (Transaction transaction = begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            if (kind == Kind.OPTIMISTIC) {
                keyspace.clear();
                database.deleteKeyspace(keyspace);
                assertThrows(KeyspaceDeletedException.class, () -> in.put(bytes("k"), bytes("2")));
            }
            assertEquals("k=1", all(in));
        }
    }

    private static void end(Transaction transaction) {
        transaction.close();
    }

    private void put(String key, String value) {
        keyspace.put(bytes(key), bytes(value));
    }

    static String all(KeyspaceReader reader) {
        try (Stream<Entry> entries = reader.stream(KeyRange.all())) {
            return entries.map(each -> text(each.key()) + "=" + text(each.value())).collect(Collectors.joining(" "));
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.ISO_8859_1);
    }
}
