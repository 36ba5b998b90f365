package io.firn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.config.CompactionFilter;
import io.firn.config.CompactionFilters;
import io.firn.config.FilteredEntry;
import io.firn.config.KeyspaceOptions;
import io.firn.config.TimeToLive;
import io.firn.config.Verdict;
import io.firn.db.Engine;
import io.firn.db.EngineRest;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.sim.SimStorage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.jspecify.annotations.Nullable;

/** What a filter says of the newest versions of keys, and what open snapshots do about that. */
@Timeout(600)
class CompactionFilterTest {
    private static final Path DIRECTORY = Path.of("/filtered/db");

    /** Kept, since a logger without a holder forgets its level: filters fail on purpose. */
    private static final Logger LOGGER = Logger.getLogger("io.firn");

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(32);
    private volatile @Nullable CompactionFilter filter;
    private final Engine engine = Engine.open(builder().settings());
    private final Database database = new Database(engine);
    private final Keyspace a = database.keyspace("a", KeyspaceOptions.defaults().memtableBytes(1 << 20));

    private DatabaseBuilder builder() {
        LOGGER.setLevel(Level.OFF);
        CompactionFilters filters = keyspace -> keyspace.equals("a") ? filter : null;
        return Database.builder(DIRECTORY).storage(disk).budget(budget).workers(2).compactionFilters(filters);
    }

    @AfterEach
    void close() {
        database.close();
        disk.assertNothingOpen();
        assertEquals(0, budget.usedBytes());
        disk.close();
    }

    @Test
    void eachVerdictIsObeyed() {
        for (String key : List.of("keep", "remove", "weak", "destroy", "replace")) {
            a.put(bytes(key), bytes("older " + key));
        }
        a.rotateMemtableAndWait();
        a.majorCompact();
        for (String key : List.of("keep", "remove", "weak", "destroy", "replace")) {
            a.put(bytes(key), bytes("value of " + key));
        }
        a.remove(bytes("tombstone"));
        List<String> asked = new ArrayList<>();
        AtomicInteger finished = new AtomicInteger();
        filter = new CompactionFilter() {
            @Override
            public Verdict filter(FilteredEntry entry) {
                asked.add(text(entry.key()) + "=" + text(entry.value()));
                assertEquals(entry.value().byteSize(), entry.valueSize());
                assertTrue(entry.isLastLevel() && entry.seqno() > 0);
                assertTrue(entry.key().isReadOnly() && entry.value().isReadOnly());
                return switch (text(entry.key())) {
                    case "remove" -> Verdict.REMOVE;
                    case "weak" -> Verdict.REMOVE_WEAK;
                    case "destroy" -> Verdict.DESTROY;
                    case "replace" -> Verdict.replaceValue(MemorySegment.ofArray(bytes("another value, and a longer one")));
                    default -> Verdict.KEEP;
                };
            }

            @Override
            public void finish() {
                finished.incrementAndGet();
            }
        };
        a.majorCompact();
        assertEquals(List.of("destroy=value of destroy", "keep=value of keep", "remove=value of remove",
                "replace=value of replace", "weak=value of weak"), asked);
        assertEquals(1, finished.get());
        filter = null;
        for (int look = 0; look < 2; look++) {
            assertArrayEquals(bytes("value of keep"), a.get(bytes("keep")));
            assertArrayEquals(bytes("another value, and a longer one"), a.get(bytes("replace")));
            assertEquals(2, a.count());
            assertNull(a.get(bytes("remove")));
            assertNull(a.get(bytes("weak")));
            assertNull(a.get(bytes("destroy")));
            a.majorCompact();
            assertEquals(2, a.approximateCount());
        }
    }

    @Test
    void onlyTheNewestVersionOfAKeyIsAskedAbout() {
        // Two runs: of four, a compaction of its own accord would ask as well.
        a.put(bytes("k"), bytes("1"));
        a.put(bytes("l"), bytes("1"));
        a.rotateMemtableAndWait();
        a.put(bytes("k"), bytes("2"));
        a.remove(bytes("l"));
        a.rotateMemtableAndWait();
        List<String> asked = new ArrayList<>();
        filter = entry -> {
            asked.add(text(entry.key()) + text(entry.value()));
            return Verdict.KEEP;
        };
        a.majorCompact();
        assertEquals(List.of("k2"), asked);
    }

    @Test
    void r12_whatASnapshotMaySeeIsNotFiltered() {
        a.put(bytes("old"), bytes("1"));
        try (Snapshot snapshot = database.snapshot()) {
            a.put(bytes("new"), bytes("2"));
            filter = entry -> Verdict.REMOVE;
            a.majorCompact();
            assertArrayEquals(bytes("1"), snapshot.in(a).get(bytes("old")));
            assertArrayEquals(bytes("1"), a.get(bytes("old")));
            assertNull(a.get(bytes("new")));
        }
        a.put(bytes("more"), bytes("3"));
        a.majorCompact();
        assertEquals(0, a.count());
    }

    @Test
    void r12_aSnapshotThatComesDuringTheCompactionSeesWhatItWouldHaveSeen() throws Exception {
        a.put(bytes("k"), bytes("1"));
        a.put(bytes("l"), bytes("1"));
        CountDownLatch isInside = new CountDownLatch(1);
        CountDownLatch mayGoOn = new CountDownLatch(1);
        AtomicInteger calls = new AtomicInteger();
        filter = entry -> {
            if (calls.incrementAndGet() == 1) {
                isInside.countDown();
                await(mayGoOn);
            }
            return Verdict.REMOVE;
        };
        Thread compacting = Thread.ofPlatform().start(a::majorCompact);
        isInside.await();
        Snapshot snapshot = database.snapshot();
        mayGoOn.countDown();
        compacting.join();
        // It was not installed; nor does the next one, which comes to an end whatever snapshots are opened.
        assertEquals(2, a.count());
        a.majorCompact();
        while (!EngineRest.isWorkDone(engine)) {
            Thread.sleep(1);
        }
        assertEquals(2, snapshot.in(a).count());
        assertArrayEquals(bytes("1"), snapshot.in(a).get(bytes("k")));
        assertEquals(2, a.count());
        snapshot.close();
        a.put(bytes("m"), bytes("1"));
        a.majorCompact();
        assertEquals(0, a.count());
    }

    @Test
    void anExceptionAbortsTheCompactionAndNothingElse() {
        for (int i = 0; i < 2; i++) {
            a.put(bytes("k" + i), bytes("1"));
            a.rotateMemtableAndWait();
        }
        IllegalArgumentException cause = new IllegalArgumentException("on purpose");
        filter = entry -> {
            throw cause;
        };
        IllegalStateException e = assertThrows(IllegalStateException.class, a::majorCompact);
        assertSame(cause, e.getCause());
        assertTrue(failures() >= 1);
        assertEquals(2, a.count());
        a.put(bytes("k2"), bytes("1"));
        filter = entry -> {
            throw new AssertionError("on purpose");
        };
        assertThrows(IllegalStateException.class, a::majorCompact);
        filter = entry -> null;
        assertThrows(IllegalStateException.class, a::majorCompact);
        filter = new CompactionFilter() {
            @Override
            public Verdict filter(FilteredEntry entry) {
                return Verdict.REMOVE;
            }

            @Override
            public void finish() {
                throw cause;
            }
        };
        assertThrows(IllegalStateException.class, a::majorCompact);
        assertEquals(3, a.count());
        filter = null;
        a.majorCompact();
        assertEquals(3, a.count());
        assertFalse(Thread.currentThread().isInterrupted());
    }

    @Test
    void aBackgroundCompactionWhoseFilterFailsIsTriedAgain() throws Exception {
        filter = entry -> {
            throw new IllegalStateException("on purpose");
        };
        for (int run = 0; run < 6; run++) {
            for (int i = 0; i < 20; i++) {
                a.put(bytes("k" + i), bytes("run " + run));
            }
            a.rotateMemtableAndWait();
        }
        while (failures() < 2) {
            Thread.sleep(1);
        }
        a.put(bytes("k1"), bytes("still written"));
        filter = entry -> text(entry.key()).equals("k7") ? Verdict.REMOVE : Verdict.KEEP;
        while (a.containsKey(bytes("k7"))) {
            Thread.sleep(1);
        }
        assertEquals(19, a.count());
    }

    @Test
    void entriesLiveForAWhile() {
        InstantSource clock = InstantSource.fixed(Instant.ofEpochMilli(1_000_000));
        for (int i = 0; i < 10; i++) {
            a.put(bytes("k" + i), ByteBuffer.allocate(8).putLong(i * 100_000L).array());
        }
        filter = TimeToLive.of(Duration.ofSeconds(500), clock,
                entry -> entry.value().get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN), 0));
        a.majorCompact();
        assertEquals(5, a.count());
        assertFalse(a.containsKey(bytes("k4")));
        assertTrue(a.containsKey(bytes("k5")));
    }

    // ---- vocabulary

    private long failures() {
        return engine.trees().get("a").compactions().sum().failed();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(MemorySegment segment) {
        return new String(segment.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }
}
