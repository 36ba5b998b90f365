package io.firn.memtable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.Layouts;
import io.firn.ffm.memory.SlabPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** Insert, get, steps and seeks leave no garbage on the heap. */
class MemtableAllocationTest {
    private static final int OPERATIONS = 20_000;

    /** Rounds before which compilation must have come to rest. */
    private static final int ROUNDS_MAX = 60;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final MemoryBudget budget = MemoryBudget.ofMebibytes(256);
    private final MemorySegment key = Arena.ofAuto().allocate(16, 8);
    private final MemorySegment value = Arena.ofAuto().allocate(64, 8);
    private long seqno;

    private interface Round {
        long run(int operations);
    }

    @Test
    void insertAllocatesNothing() {
        SlabPool pool = new SlabPool(budget, 256L << 20);
        Memtable[] memtable = new Memtable[1];
        assertNoGarbage(
                () -> {
                    if (memtable[0] != null) {
                        memtable[0].free();
                    }
                    memtable[0] = new Memtable(pool, 64L << 20, Prefix.NONE);
                    assertTrue(MemtableFixture.reserve(memtable[0], pool, OPERATIONS * 60L, OPERATIONS));
                },
                operations -> insert(memtable[0], operations));
        pool.close();
    }

    @Test
    void getAllocatesNothing() {
        read((memtable, operations) -> {
            long found = 0;
            try (Probe probe = new Probe(budget)) {
                probe.ask(key, 0, 16, 1);
                long before = THREADS.getCurrentThreadAllocatedBytes();
                for (int index = 0; index < operations; index++) {
                    setKey(index * 3);
                    probe.ask(key, 0, 16, Trailer.SEQNO_MAX);
                    found += memtable.get(probe) ? 1 : 0;
                }
                long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
                assertTrue(0 < found && found < operations);
                return allocated;
            }
        });
    }

    @Test
    void cursorStepsAndSeeksAllocateNothing() {
        read((memtable, operations) -> {
            EntryCursor cursor = memtable.cursor();
            long before = THREADS.getCurrentThreadAllocatedBytes();
            long sum = 0;
            while (cursor.next()) {
                sum += cursor.keySegment().get(Layouts.BYTE, cursor.keyOffset()) + cursor.keyLength();
            }
            while (cursor.previous()) {
                sum += cursor.valueSegment().get(Layouts.BYTE, cursor.valueOffset()) + cursor.valueLength();
            }
            for (int index = 0; index < operations; index++) {
                setKey(index * 3);
                sum += cursor.seek(key, 0, 16, Trailer.of(Trailer.SEQNO_MAX, Trailer.ANY_TYPE)) ? cursor.trailer() : 1;
                sum += cursor.seekForPrevious(key, 0, 16, 0) ? cursor.trailer() : 1;
            }
            sum += cursor.first() ? 1 : 0;
            sum += cursor.last() ? 1 : 0;
            long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
            assertTrue(sum != 0);
            return allocated;
        });
    }

    private interface Reading {
        long allocatedBytes(Memtable memtable, int operations);
    }

    private void read(Reading reading) {
        SlabPool pool = new SlabPool(budget, 256L << 20);
        Memtable memtable = new Memtable(pool, 64L << 20, Prefix.NONE);
        assertTrue(MemtableFixture.reserve(memtable, pool, OPERATIONS * 60L, OPERATIONS));
        insert(memtable, OPERATIONS);
        assertNoGarbage(() -> {}, operations -> reading.allocatedBytes(memtable, operations));
        memtable.free();
        pool.close();
    }

    private long insert(Memtable memtable, int operations) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int index = 0; index < operations; index++) {
            setKey(index * 2);
            if (memtable.tryReserve(60, 1) != Memtable.Room.READY) {
                return Long.MAX_VALUE;
            }
            memtable.insert(key, 0, 16, Trailer.of(++seqno, Trailer.VALUE), value, 0, 44);
        }
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    /** Scattered keys; the even ones are there. */
    private void setKey(int index) {
        key.set(Layouts.LONG_BE, 0, index % (2 * OPERATIONS) * 2_654_435_761L);
        key.set(Layouts.LONG_BE, 8, 42);
    }

    private static void assertNoGarbage(Runnable prepare, Round round) {
        long allocated = Long.MAX_VALUE;
        for (int rounds = 0; rounds < ROUNDS_MAX && allocated > 0; rounds++) {
            prepare.run();
            allocated = round.run(OPERATIONS);
        }
        assertEquals(0, allocated, "bytes of garbage in " + OPERATIONS + " operations");
    }
}
