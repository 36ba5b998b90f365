package io.firn.memtable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * R18: one writer splits nodes while others read; what was published before a read began is found by it, whole and in
 * order.
 */
class MemtableConcurrencyTest {
    private static final int ENTRIES = 60_000;
    private static final long LIMIT_BYTES = 512L << 20;

    enum Order {
        RANDOM {
            @Override
            long number(int index) {
                return mix(index);
            }
        },
        ASCENDING {
            @Override
            long number(int index) {
                return index;
            }
        },
        DESCENDING {
            @Override
            long number(int index) {
                return Long.MAX_VALUE - index;
            }
        },
        RUNS {
            @Override
            long number(int index) {
                return (index / 50 * 7919L % 211) << 32 | index;
            }
        },
        MANY_VERSIONS_OF_A_KEY {
            @Override
            long number(int index) {
                return mix(index) & 7;
            }
        },
        EQUAL_HEADS {
            @Override
            long number(int index) {
                return mix(index) & 0xFFFFFF;
            }

            @Override
            byte[] key(int index) {
                byte[] key = new byte[40];
                key[0] = (byte) (index & 1);
                ByteBuffer.wrap(key).putLong(30, number(index));
                return key;
            }
        };

        abstract long number(int index);

        byte[] key(int index) {
            return ByteBuffer.allocate(12).putInt(42).putLong(number(index)).array();
        }
    }

    private static long mix(long x) {
        long z = x + 0x9E3779B97F4A7C15L;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }

    private volatile long publishedSeqno;

    @ParameterizedTest
    @EnumSource(Order.class)
    void r18_whatWasPublishedBeforeAReadBeganIsFoundWhileNodesSplit(Order order) throws Exception {
        long seed = MemtableFixture.seed("r18 " + order);
        publishedSeqno = 0;
        byte[][] keys = new byte[ENTRIES + 1][];
        for (int index = 1; index <= ENTRIES; index++) {
            keys[index] = order.key(index);
        }
        try (MemtableFixture fixture = new MemtableFixture(LIMIT_BYTES);
                ExecutorService threads = Executors.newFixedThreadPool(3)) {
            List<Callable<Long>> readers = new ArrayList<>();
            readers.add(() -> get(fixture, keys, new Random(seed)));
            readers.add(() -> scan(fixture, keys, new Random(seed + 1)));
            List<Future<Long>> running = new ArrayList<>();
            for (Callable<Long> reader : readers) {
                running.add(threads.submit(reader));
            }
            try {
                for (int index = 1; index <= ENTRIES; index++) {
                    assertTrue(fixture.put(keys[index], index, value(index)));
                    publishedSeqno = index;
                }
            } finally {
                publishedSeqno = ENTRIES;
            }
            for (Future<Long> reader : running) {
                assertTrue(reader.get() > 0);
            }
            assertEquals(ENTRIES, fixture.memtable.count());
        }
    }

    private static byte[] value(int seqno) {
        byte[] value = new byte[8 + seqno % 23];
        Arrays.fill(value, (byte) seqno);
        ByteBuffer.wrap(value).putLong(0, mix(seqno));
        return value;
    }

    private long get(MemtableFixture fixture, byte[][] keys, Random random) {
        long gets = 0;
        try (Probe probe = new Probe(fixture.budget)) {
            for (long seqno = publishedSeqno; seqno < ENTRIES; seqno = publishedSeqno) {
                if (seqno == 0) {
                    Thread.onSpinWait();
                    continue;
                }
                int asked = random.nextInt(4) == 0 ? (int) seqno : 1 + random.nextInt((int) seqno);
                // At its own seqno exactly this entry is the newest, whatever came later.
                probe.ask(keys[asked], asked);
                assertTrue(fixture.memtable.get(probe), () -> "seqno " + asked + " is lost");
                assertEquals(asked, Trailer.seqno(probe.trailer()));
                assertTrue(Arrays.equals(value(asked), MemtableFixture.value(probe)), () -> "value of " + asked);
                gets++;
            }
        }
        return gets + 1;
    }

    private long scan(MemtableFixture fixture, byte[][] keys, Random random) {
        long scans = 0;
        EntryCursor cursor = fixture.memtable.cursor();
        while (publishedSeqno < ENTRIES) {
            long seqno = publishedSeqno;
            switch (random.nextInt(4)) {
                case 0 -> scanAll(cursor, seqno, true);
                case 1 -> scanAll(cursor, seqno, false);
                default -> scanFrom(fixture, cursor, keys, random);
            }
            scans++;
        }
        scanAll(cursor, ENTRIES, true);
        scanAll(cursor, ENTRIES, false);
        return scans + 1;
    }

    /** Every seqno up to the one published before is met once, and all entries are in order. */
    private void scanAll(EntryCursor cursor, long seqno, boolean isForward) {
        long met = 0;
        byte[] lastKey = {};
        long lastTrailer = 0;
        boolean isFirst = true;
        for (boolean isOn = isForward ? cursor.first() : cursor.last();
                isOn;
                isOn = isForward ? cursor.next() : cursor.previous()) {
            byte[] key = MemtableFixture.key(cursor);
            long trailer = cursor.trailer();
            if (!isFirst) {
                assertOrder(lastKey, lastTrailer, key, trailer, isForward);
            }
            if (Trailer.seqno(trailer) <= seqno) {
                met++;
                assertTrue(Arrays.equals(value((int) Trailer.seqno(trailer)), MemtableFixture.value(cursor)));
            }
            isFirst = false;
            lastKey = key;
            lastTrailer = trailer;
        }
        assertEquals(seqno, met, isForward ? "forwards" : "backwards");
    }

    private static void assertOrder(byte[] before, long beforeTrailer, byte[] key, long trailer, boolean isForward) {
        int order = Arrays.compareUnsigned(before, key);
        if (order == 0) {
            order = Long.compare(trailer, beforeTrailer);
        }
        assertTrue(isForward ? order < 0 : order > 0, "out of order or repeated");
    }

    /**
     * Seeks to an entry that is there, walks away from it and back: the way back meets everything that the way there
     * met.
     */
    private void scanFrom(MemtableFixture fixture, EntryCursor cursor, byte[][] keys, Random random) {
        long seqno = publishedSeqno;
        if (seqno == 0) {
            return;
        }
        int asked = 1 + random.nextInt((int) seqno);
        boolean isForward = random.nextBoolean();
        MemorySegment key = Arena.ofAuto().allocate(keys[asked].length);
        MemorySegment.copy(keys[asked], 0, key, ValueLayout.JAVA_BYTE, 0, keys[asked].length);
        boolean isOn = random.nextBoolean()
                ? cursor.seek(key, 0, keys[asked].length, Trailer.of(asked, Trailer.ANY_TYPE))
                : cursor.seekForPrevious(key, 0, keys[asked].length, Trailer.of(asked, Trailer.VALUE));
        assertTrue(isOn);
        assertEquals(asked, Trailer.seqno(cursor.trailer()));
        List<Long> there = new ArrayList<>();
        for (int steps = random.nextInt(200); steps > 0 && (isForward ? cursor.next() : cursor.previous()); steps--) {
            there.add(cursor.trailer());
        }
        List<Long> back = new ArrayList<>();
        if (!cursor.isPositioned()) {
            back.add((isForward ? cursor.last() : cursor.first()) ? cursor.trailer() : 0L);
        } else if (!there.isEmpty()) {
            back.add(cursor.trailer());
        }
        while (cursor.isPositioned() && Trailer.seqno(cursor.trailer()) != asked) {
            if (isForward ? cursor.previous() : cursor.next()) {
                back.add(cursor.trailer());
            }
        }
        assertTrue(cursor.isPositioned(), "the start of the walk is lost");
        assertTrue(back.containsAll(there.stream().filter(t -> Trailer.seqno(t) <= seqno).toList()));
        assertTrue(Arrays.equals(keys[asked], MemtableFixture.key(cursor)));
        assertTrue(fixture.memtable.count() >= seqno);
    }
}
