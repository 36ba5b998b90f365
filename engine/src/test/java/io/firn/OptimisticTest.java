package io.firn;

import static io.firn.TransactionTest.all;
import static io.firn.TransactionTest.bytes;
import static io.firn.TransactionTest.text;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.KeyRange;
import io.firn.error.ClosedException;
import io.firn.error.ConflictException;
import io.firn.error.KeyspaceDeletedException;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What optimistic transactions are kept from, and what they are not: the anomalies by name, and exactly what counts as read. */
class OptimisticTest {
    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(64);
    private final OptimisticDatabase database =
            Database.builder(Path.of("/db")).storage(disk).budget(budget).openOptimistic();
    private final Keyspace keyspace = database.keyspace("a");

    @AfterEach
    void close() {
        assertEquals(0, database.statistics().openSnapshots());
        database.close();
        assertEquals(0, budget.usedBytes());
        disk.close();
    }

    // ---- anomalies

    @Test
    void blindWritesOfTheSameKeyDoNotConflict() {
        try (Transaction one = database.begin(); Transaction two = database.begin()) {
            one.in(keyspace).put(bytes("x"), bytes("1"));
            two.in(keyspace).put(bytes("x"), bytes("2"));
            one.in(keyspace).put(bytes("y"), bytes("1"));
            two.in(keyspace).put(bytes("y"), bytes("2"));
            two.commit();
            one.commit();
        }
        assertEquals("x=1 y=1", all(keyspace));
    }

    @Test
    void noAbortedRead() {
        put("x", "1");
        try (Transaction reader = database.begin()) {
            try (Transaction writer = database.begin()) {
                writer.in(keyspace).put(bytes("x"), bytes("2"));
                assertEquals("1", text(reader.in(keyspace).get(bytes("x"))));
            }
            reader.in(keyspace).put(bytes("y"), bytes("1"));
            reader.commit();
        }
        assertEquals("x=1 y=1", all(keyspace));
    }

    @Test
    void noLostUpdate() {
        put("x", "1");
        try (Transaction one = database.begin(); Transaction two = database.begin()) {
            one.in(keyspace).updateFetch(bytes("x"), value -> bytes(text(value) + "1"));
            two.in(keyspace).updateFetch(bytes("x"), value -> bytes(text(value) + "2"));
            one.commit();
            ConflictException conflict = assertThrows(ConflictException.class, two::commit);
            assertEquals("a", conflict.keyspace());
            assertArrayEquals(bytes("x"), conflict.key());
            assertTrue(conflict.getMessage().contains("78"), conflict.getMessage());
            assertThrows(ClosedException.class, two::commit);
        }
        assertEquals("x=11", all(keyspace));
    }

    @Test
    void r16_noWriteSkew() {
        put("x", "1");
        put("y", "1");
        try (Transaction one = database.begin(); Transaction two = database.begin()) {
            one.in(keyspace).get(bytes("x"));
            two.in(keyspace).get(bytes("y"));
            one.in(keyspace).put(bytes("y"), bytes("2"));
            two.in(keyspace).put(bytes("x"), bytes("2"));
            one.commit();
            assertThrows(ConflictException.class, two::commit);
        }
        assertEquals("x=1 y=2", all(keyspace));
    }

    @Test
    void noCycleOfAntiDependencies() {
        put("x", "1");
        put("y", "1");
        put("z", "1");
        try (Transaction one = database.begin(); Transaction two = database.begin(); Transaction three = database.begin()) {
            one.in(keyspace).get(bytes("x"));
            one.in(keyspace).put(bytes("y"), bytes("2"));
            two.in(keyspace).get(bytes("y"));
            two.in(keyspace).put(bytes("z"), bytes("2"));
            three.in(keyspace).get(bytes("z"));
            three.in(keyspace).put(bytes("x"), bytes("2"));
            three.commit();
            two.commit();
            assertEquals("x", text(assertThrows(ConflictException.class, one::commit).key()));
        }
    }

    @Test
    void noPhantomInARangeOrPrefix() {
        put("a1", "1");
        for (KeyRange range : List.of(KeyRange.prefix(bytes("a")), KeyRange.all().from(bytes("a")).until(bytes("b")), KeyRange.all())) {
            for (boolean isPut : new boolean[] {true, false}) {
                put("a1", "1");
                keyspace.remove(bytes("a2"));
                try (Transaction transaction = database.begin()) {
                    assertEquals(1, transaction.in(keyspace).stream(range).filter(entry -> entry.key()[0] == 'a').count());
                    if (isPut) {
                        put("a2", "1");
                    } else {
                        keyspace.remove(bytes("a1"));
                    }
                    transaction.in(keyspace).put(bytes("sum"), bytes("1"));
                    assertThrows(ConflictException.class, transaction::commit);
                }
            }
        }
    }

    @Test
    void whoWritesNothingIsNeverRefused() {
        put("x", "1");
        try (Transaction transaction = database.begin()) {
            transaction.in(keyspace).count();
            put("x", "2");
            assertEquals("1", text(transaction.in(keyspace).get(bytes("x"))));
            transaction.commit();
        }
    }

    @Test
    void whatIsReadUntrackedDoesNotCount() {
        try (Transaction transaction = database.begin()) {
            transaction.untracked(keyspace).count();
            transaction.untracked(keyspace).get(bytes("x"));
            put("x", "2");
            transaction.in(keyspace).put(bytes("y"), bytes("1"));
            transaction.commit();
        }
        assertEquals("x=2 y=1", all(keyspace));
    }

    // ---- what counts as read

    @Test
    void aSingleKeyCountsHoweverItIsRead() {
        List<Consumer<TransactionKeyspace>> reads = List.of(
                in -> in.get(bytes("k")),
                in -> in.get(MemorySegment.ofArray(bytes("k"))),
                in -> in.get(MemorySegment.ofArray(bytes("k")), MemorySegment.ofArray(new byte[9])),
                in -> in.sizeOf(bytes("k")),
                in -> in.sizeOf(MemorySegment.ofArray(bytes("k"))),
                in -> in.containsKey(bytes("k")),
                in -> in.containsKey(MemorySegment.ofArray(bytes("k"))),
                in -> in.read(bytes("k"), value -> { }),
                in -> in.read(MemorySegment.ofArray(bytes("k")), value -> { }),
                in -> in.multiGet(List.of(MemorySegment.ofArray(bytes("k"))), (index, value) -> { }),
                in -> in.take(bytes("k")),
                in -> in.fetchUpdate(bytes("k"), value -> value),
                in -> in.updateFetch(bytes("k"), value -> value),
                in -> {
                    in.put(bytes("k"), bytes("own"));
                    in.get(bytes("k"));
                },
                in -> {
                    try (Cursor cursor = in.cursor(KeyRange.all())) {
                        cursor.find(MemorySegment.ofArray(bytes("k")));
                    }
                });
        for (boolean isThere : new boolean[] {true, false}) {
            for (Consumer<TransactionKeyspace> read : reads) {
                keyspace.remove(bytes("k"));
                if (isThere) {
                    put("k", "0");
                }
                assertTrue(isRefused(read, "k"));
                assertFalse(isRefused(read, "j"));
                assertFalse(isRefused(read, "k\0"));
                assertFalse(isRefused(read, "l"));
            }
        }
    }

    @Test
    void theEndsOfAKeyspaceCountAsFarAsTheyWereWalked() {
        put("c", "1");
        put("e", "1");
        checkRead(in -> in.firstEntry(), "abc", "defz");
        checkRead(in -> in.lastEntry(), "efz", "abcd");
        checkRead(in -> in.isEmpty(), "abc", "defz");
        checkRead(in -> in.count(), "abcdefz", "");
        // What it has removed itself was passed.
        checkRead(in -> {
            in.remove(bytes("c"));
            in.firstEntry();
        }, "abcde", "fz");
        checkRead(in -> {
            in.put(bytes("b"), bytes("own"));
            in.firstEntry();
        }, "ab", "cdez");
        keyspace.clear();
        checkRead(in -> in.firstEntry(), "abz", "");
    }

    @Test
    void aCursorCountsAsFarAsItWalked() {
        for (char key = 'b'; key <= 'h'; key++) {
            put("" + key, "1");
        }
        checkRead(in -> walk(in, KeyRange.all(), ""), "", "abcdefghi");
        checkRead(in -> walk(in, KeyRange.all(), "n"), "ab", "cdefghi");
        checkRead(in -> walk(in, KeyRange.all(), "nnn"), "abcd", "efghi");
        checkRead(in -> walk(in, KeyRange.all(), "p"), "hi", "abcdefg");
        checkRead(in -> walk(in, KeyRange.all(), "ppp"), "fghi", "abcde");
        checkRead(in -> walk(in, KeyRange.all(), "d"), "d", "abcefghi");
        checkRead(in -> walk(in, KeyRange.all(), "dnn"), "def", "abcghi");
        checkRead(in -> walk(in, KeyRange.all(), "dnnpppp"), "bcdef", "aghi");
        checkRead(in -> walk(in, KeyRange.all(), "dppnnn"), "bcde", "afghi");
        checkRead(in -> walk(in, KeyRange.all(), "dnnnnnn"), "defghi", "abc");
        checkRead(in -> walk(in, KeyRange.all(), "dpppp"), "abcd", "efghi");
        checkRead(in -> walk(in, KeyRange.all(), "Dp"), "cd", "abefghi");
        checkRead(in -> walk(in, KeyRange.all(), "df"), "df", "abceghi");
        checkRead(in -> walk(in, KeyRange.all(), "dnFfn"), "defg", "abchi");
        checkRead(in -> walk(in, KeyRange.all(), "<<"), "abc", "defghi");
        checkRead(in -> walk(in, KeyRange.all(), "<>"), "abhi", "cdefg");
        checkRead(in -> walk(in, KeyRange.all(), "<<<p"), "abcd", "efghi");
        checkRead(in -> walk(in, KeyRange.all(), "<<<<<<<<"), "abcdefghi", "");
        checkRead(in -> walk(in, KeyRange.all().from(bytes("c")).to(bytes("f")), "nnnnn"), "cdef", "abghi");
        checkRead(in -> walk(in, KeyRange.all().from(bytes("c")).to(bytes("f")), "ppppp"), "cdef", "abghi");
        checkRead(in -> walk(in, KeyRange.all().from(bytes("c")).to(bytes("f")), "pn"), "f", "abcdeghi");
    }

    @Test
    void anInvertedRangeIsEmptyAndNoError() {
        put("x", "1");
        for (KeyRange range : List.of(
                KeyRange.all().from(bytes("z")).until(bytes("a")), KeyRange.all().after(bytes("x")).until(bytes("x")))) {
            Consumer<TransactionKeyspace> read = in -> {
                walk(in, range, "npnp<>d");
                assertEquals(0, in.stream(range).count());
            };
            checkRead(read, "", "axz");
        }
    }

    /** Moves: n and p, &lt; and &gt; take from the ends; a letter seeks to itself, f finds itself, D and F seek backward. */
    private static void walk(TransactionKeyspace in, KeyRange range, String moves) {
        try (Cursor cursor = in.cursor(range)) {
            for (char move : moves.toCharArray()) {
                switch (move) {
                    case 'n' -> cursor.next();
                    case 'p' -> cursor.previous();
                    case '<' -> cursor.nextFront();
                    case '>' -> cursor.nextBack();
                    case 'f' -> cursor.find(MemorySegment.ofArray(bytes("f")));
                    case 'D', 'F' -> cursor.seekForPrevious(MemorySegment.ofArray(bytes(("" + move).toLowerCase())));
                    default -> cursor.seek(MemorySegment.ofArray(bytes("" + move)));
                }
            }
        }
    }

    /** After the read a write of each of some keys is a conflict, one of each of the others none. */
    private void checkRead(Consumer<TransactionKeyspace> read, String conflicting, String others) {
        for (char key : conflicting.toCharArray()) {
            assertTrue(isRefused(read, "" + key), "a write of " + key + " is not noticed");
        }
        for (char key : others.toCharArray()) {
            assertFalse(isRefused(read, "" + key), "a write of " + key + " is taken for one of what was read");
        }
    }

    /** Whether a transaction that reads is refused when the key is written; the keyspace is then as before. */
    private boolean isRefused(Consumer<TransactionKeyspace> read, String written) {
        byte[] former = keyspace.get(bytes(written));
        boolean isRefused = isRefused(read, () -> put(written, "new"));
        if (former == null) {
            keyspace.remove(bytes(written));
        } else {
            keyspace.put(bytes(written), former);
        }
        return isRefused;
    }

    private boolean isRefused(Consumer<TransactionKeyspace> read, Runnable write) {
        try (Transaction transaction = database.begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            read.accept(in);
            write.run();
            transaction.in(database.keyspace("result")).put(bytes("r"), bytes("1"));
            transaction.commit();
            return false;
        } catch (ConflictException e) {
            return true;
        }
    }

    // ---- writes outside of transactions

    @Test
    void r16_everyWayOfWritingCounts() {
        Keyspace other = database.keyspace("b");
        Consumer<TransactionKeyspace> read = in -> in.get(bytes("k"));
        assertTrue(isRefused(read, () -> keyspace.put(bytes("k"), bytes("1"))));
        assertTrue(isRefused(read, () -> keyspace.remove(bytes("k"))));
        assertTrue(isRefused(read, () -> keyspace.removeWeak(bytes("k"))));
        assertTrue(isRefused(read, () -> {
            try (WriteBatch batch = database.batch()) {
                batch.put(other, bytes("k"), bytes("1")).put(keyspace, bytes("k"), bytes("1")).commit();
            }
        }));
        assertFalse(isRefused(read, () -> {
            try (WriteBatch batch = database.batch()) {
                batch.put(other, bytes("k"), bytes("1")).put(keyspace, bytes("l"), new byte[10_000]).commit();
            }
        }));
        assertTrue(isRefused(read, () -> ingest("j", "k", "l")));
        assertTrue(isRefused(read, keyspace::clear));
        assertTrue(isRefused(read, () -> keyspace.dropRange(KeyRange.prefix(bytes("k")))));
        assertFalse(isRefused(read, other::clear));
        assertFalse(isRefused(read, keyspace::rotateMemtableAndWait));
    }

    @Test
    void whatIsWrittenAsARangeMeetsTheRangesThatWereRead() {
        put("m", "1");
        Consumer<TransactionKeyspace> read = in -> walk(in, KeyRange.prefix(bytes("m")), "nn");
        assertTrue(isRefused(read, () -> ingest("a", "z")));
        assertFalse(isRefused(read, () -> ingest("a", "b")));
        assertTrue(isRefused(read, () -> keyspace.dropRange(KeyRange.all().from(bytes("m")).until(bytes("n")))));
        assertFalse(isRefused(read, () -> keyspace.dropRange(KeyRange.all().until(bytes("m")))));
        assertFalse(isRefused(read, () -> keyspace.dropRange(KeyRange.all().from(bytes("n")))));
        try (Transaction transaction = database.begin()) {
            transaction.in(keyspace).isEmpty();
            keyspace.clear();
            transaction.in(keyspace).put(bytes("k"), bytes("1"));
            ConflictException conflict = assertThrows(ConflictException.class, transaction::commit);
            assertNull(conflict.key());
            assertEquals(0, conflict.lower().length);
            assertNull(conflict.upper());
        }
    }

    @Test
    void aDeletedKeyspaceConflictsWithWhoHasReadIt() {
        Keyspace other = database.keyspace("b");
        try (Transaction transaction = database.begin(); Transaction blind = database.begin()) {
            transaction.in(other).get(bytes("k"));
            transaction.in(keyspace).put(bytes("k"), bytes("1"));
            blind.in(other).put(bytes("k"), bytes("1"));
            database.deleteKeyspace(other);
            assertEquals("b", assertThrows(ConflictException.class, transaction::commit).keyspace());
            assertThrows(KeyspaceDeletedException.class, blind::commit);
        }
        assertEquals("", all(keyspace));
    }

    private void ingest(String... keys) {
        try (Ingestion ingestion = keyspace.ingest()) {
            for (String key : keys) {
                ingestion.put(bytes(key), bytes("ingested"));
            }
            ingestion.finish();
        }
    }

    // ---- repetition, limits, leaks

    @Test
    void transactRepeatsOnConflictsAndNothingElse() {
        AtomicInteger tries = new AtomicInteger();
        String answer = database.transact(3, transaction -> {
            transaction.in(keyspace).get(bytes("x"));
            if (tries.incrementAndGet() < 3) {
                put("x", "" + tries);
            }
            transaction.in(keyspace).put(bytes("y"), bytes("done"));
            return "answer";
        });
        assertEquals("answer", answer);
        assertEquals(3, tries.get());
        assertEquals("x=2 y=done", all(keyspace));
        tries.set(0);
        assertThrows(ConflictException.class, () -> database.transact(2, transaction -> {
            transaction.in(keyspace).get(bytes("x"));
            put("x", "" + tries.incrementAndGet());
            transaction.in(keyspace).put(bytes("y"), bytes("never"));
            return null;
        }));
        assertEquals(2, tries.get());
        assertThrows(IllegalStateException.class, () -> database.transact(5, transaction -> {
            tries.incrementAndGet();
            transaction.in(keyspace).put(bytes("y"), bytes("never"));
            throw new IllegalStateException();
        }));
        assertEquals(3, tries.get());
        assertEquals("done", text(keyspace.get(bytes("y"))));
        assertThrows(IllegalArgumentException.class, () -> database.transact(0, transaction -> null));
    }

    @Test
    void r16_tenThousandTransactionsLeaveNothing() {
        long usedBytes = 0;
        for (int i = 0; i < 10_000; i++) {
            try (Transaction transaction = database.begin()) {
                TransactionKeyspace in = transaction.in(keyspace);
                byte[] key = new byte[200];
                key[0] = (byte) i;
                in.get(key);
                in.firstEntry();
                in.put(key, key);
                if (i % 3 > 0) {
                    transaction.commit();
                }
            }
            if (i == 1000) {
                usedBytes = database.memory().scratchBytes();
            }
        }
        assertTrue(database.memory().scratchBytes() <= usedBytes + (256 << 10), usedBytes + " became " + database.memory().scratchBytes());
        assertEquals(0, database.statistics().openSnapshots());
    }

    @Test
    void anOldTransactionIsRefusedWhenMoreWasWrittenThanIsRemembered() {
        byte[] key = new byte[60_000];
        try (Transaction old = database.begin(); Transaction blind = database.begin()) {
            old.in(keyspace).get(bytes("x"));
            old.in(keyspace).put(bytes("y"), bytes("1"));
            blind.in(keyspace).put(bytes("z"), bytes("1"));
            for (int i = 0; i < 400; i++) {
                key[0] = (byte) i;
                key[1] = (byte) (i >> 8);
                keyspace.remove(key);
            }
            assertTrue(database.memory().scratchBytes() < 14 << 20, "an eighth of the budget, and some scratch");
            assertTrue(assertThrows(ConflictException.class, old::commit).getMessage().contains("too old"));
            blind.commit();
        }
        try (Transaction fresh = database.begin()) {
            fresh.in(keyspace).get(bytes("x"));
            fresh.in(keyspace).put(bytes("y"), bytes("1"));
            fresh.commit();
        }
        assertEquals("y=1 z=1", all(keyspace));
    }

    @Test
    void aLargeReadSetHasALimitAndMissesNothing() {
        put("zz", "1");
        try (Transaction transaction = database.begin()) {
            TransactionKeyspace in = transaction.in(keyspace);
            byte[] key = new byte[8];
            for (int i = 0; i < 1_100_000; i++) {
                key[0] = (byte) i;
                key[1] = (byte) (i >> 8);
                key[2] = (byte) (i >> 16);
                in.containsKey(key);
            }
            put("never read", "1");
            in.put(bytes("y"), bytes("1"));
            assertThrows(ConflictException.class, transaction::commit, "from 2^20 keys on the keyspace counts as a whole");
        }
        assertFalse(isRefused(in -> in.get(bytes("k")), "l"));
    }

    private void put(String key, String value) {
        keyspace.put(bytes(key), bytes(value));
    }
}
