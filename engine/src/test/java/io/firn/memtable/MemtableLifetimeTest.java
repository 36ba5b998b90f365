package io.firn.memtable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.firn.entry.EntryCursor;
import io.firn.entry.Probe;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.SlabPool;
import org.junit.jupiter.api.Test;

/** Who holds a memtable's slabs, and what a late access gets. */
class MemtableLifetimeTest {
    @Test
    void theLastSuperVersionToLeaveIsToldSo() {
        try (MemtableFixture fixture = new MemtableFixture(4096)) {
            Memtable memtable = fixture.memtable;
            memtable.retain();
            memtable.retain();
            assertFalse(memtable.release());
            memtable.retain();
            assertFalse(memtable.release());
            assertTrue(memtable.release());
        }
    }

    @Test
    void releasesAndFreesOutOfOrderAreBugsThatAssertionsFind() {
        try (MemtableFixture fixture = new MemtableFixture(4096)) {
            fixture.memtable.retain();
            assertThrows(AssertionError.class, () -> fixture.memtable.free());
        }
        try (MemtableFixture fixture = new MemtableFixture(4096)) {
            assertThrows(AssertionError.class, () -> fixture.memtable.release());
        }
        try (MemtableFixture fixture = new MemtableFixture(4096)) {
            fixture.memtable.free();
            assertThrows(AssertionError.class, () -> fixture.memtable.retain());
        }
    }

    @Test
    void givesItsSlabsBackOnceForTheNextMemtable() {
        try (MemtableFixture fixture = new MemtableFixture(1 << 20)) {
            for (int index = 0; index < 3_000; index++) {
                assertTrue(fixture.put(new byte[] {(byte) index, (byte) (index >> 8)}, index, new byte[200]));
            }
            long slabBytes = fixture.memtable.slabBytes();
            assertTrue(slabBytes > 256 * 1024);
            assertEquals(0, fixture.pool.freeBytes());
            fixture.memtable.free();
            fixture.memtable.free();
            assertEquals(slabBytes, fixture.pool.freeBytes());
            Memtable next = new Memtable(fixture.pool, 1 << 20, Prefix.NONE);
            assertTrue(MemtableFixture.reserve(next, fixture.pool, 10, 1));
            assertEquals(slabBytes - 256 * 1024, fixture.pool.freeBytes());
            next.free();
        }
    }

    @Test
    void aLateAccessAfterFreeThrows() {
        try (MemtableFixture fixture = new MemtableFixture(1 << 20); Probe probe = new Probe(fixture.budget)) {
            assertTrue(fixture.put(new byte[] {1}, 1, new byte[] {1}));
            EntryCursor cursor = fixture.memtable.cursor();
            fixture.memtable.free();
            probe.ask(new byte[] {1}, 1);
            assertThrows(IllegalStateException.class, () -> fixture.memtable.get(probe));
            assertThrows(IllegalStateException.class, cursor::first);
            assertThrows(IllegalStateException.class, cursor::last);
            assertThrows(IllegalStateException.class, () -> fixture.seek(cursor, new byte[] {1}, 0));
        }
    }

    /** R22: slabs that are still in use when their pool closes are closed, not recycled. */
    @Test
    void r22_aLateAccessAfterThePoolWasClosedThrows() {
        MemoryBudget budget = MemoryBudget.ofMebibytes(16);
        SlabPool pool = new SlabPool(budget, 1 << 20);
        Memtable memtable = new Memtable(pool, 1 << 20, Prefix.NONE);
        try (MemtableFixture other = new MemtableFixture(4096); Probe probe = new Probe(budget)) {
            assertTrue(MemtableFixture.reserve(memtable, pool, 20, 2));
            probe.ask(new byte[] {7}, 9);
            memtable.insert(probe.key(), 0, 1, 1 << 8, probe.key(), 0, 1);
            memtable.insert(probe.key(), 0, 1, 2 << 8, probe.key(), 0, 1);
            assertTrue(memtable.get(probe));
            EntryCursor cursor = memtable.cursor();
            assertTrue(cursor.next());
            pool.close();
            assertThrows(IllegalStateException.class, () -> memtable.get(probe));
            assertThrows(IllegalStateException.class, cursor::trailer);
            assertThrows(IllegalStateException.class, cursor::first);
            assertThrows(IllegalStateException.class, cursor::last);
            assertThrows(IllegalStateException.class, () -> other.seek(cursor, new byte[] {7}, 0));
            assertThrows(IllegalStateException.class,
                    () -> memtable.insert(probe.key(), 0, 1, 3 << 8, probe.key(), 0, 1));
            memtable.free();
        }
        assertEquals(0, budget.usedBytes());
    }
}
