package io.firn.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.firn.config.RecoveryMode;
import io.firn.error.ClosedException;
import io.firn.error.PoisonedException;
import io.firn.ffm.codec.Crc32c;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Commits that wait for the disk: who forces what, who is told, and what it costs. */
@Timeout(600)
final class JournalForceTest {
    private static final JournalSettings LARGE = new JournalSettings(1 << 20, 1 << 20, 1 << 20);

    private final MemoryStorage storage = new MemoryStorage();

    /** Lets a test hold the force of a file open. */
    private static final class Gate implements MemoryStorage.ForceHook {
        final Semaphore entered = new Semaphore(0);
        final Semaphore mayLeave = new Semaphore(0);
        final List<Path> forced = new ArrayList<>();

        @Override
        public void force(Path path) {
            synchronized (forced) {
                forced.add(path);
            }
            entered.release();
            mayLeave.acquireUninterruptibly();
        }
    }

    private static Thread start(Runnable body) {
        Thread thread = new Thread(body, "committer");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    @Test
    void waitersShareForcesAndEachWaitsForItsOwnPositionOnly() throws Exception {
        JournalRig rig = new JournalRig(storage, LARGE).running();
        storage.onForce = path -> sleep(1);
        int threads = 16;
        int commits = 100;
        Object commitLock = new Object();
        AtomicReference<Throwable> wrong = new AtomicReference<>();
        int before = storage.forces.get();
        List<Thread> all = new ArrayList<>();
        for (int index = 0; index < threads; index++) {
            all.add(start(() -> {
                try {
                    for (int commit = 0; commit < commits; commit++) {
                        long end;
                        synchronized (commitLock) {
                            end = rig.put("k", "v");
                        }
                        rig.journal.awaitForced(end);
                        if (rig.journal.forcedPosition() < end) {
                            wrong.set(new AssertionError("answered before it was forced"));
                        }
                    }
                } catch (Throwable t) {
                    wrong.set(t);
                }
            }));
        }
        all.forEach(JournalRig::join);
        assertNull(wrong.get());
        int forces = storage.forces.get() - before;
        assertTrue(forces < threads * commits / 3, forces + " forces for " + threads * commits + " commits");
        System.out.println(forces + " forces for " + threads * commits + " durable commits of " + threads + " threads");
        rig.close();
        assertEquals(rig.appended, JournalRig.visited(storage));
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aWaiterLeavesWhenItsPositionIsForcedThoughAnotherForceRuns() throws Exception {
        JournalRig rig = new JournalRig(storage, LARGE).running();
        Gate gate = new Gate();
        storage.onForce = gate;
        long first = rig.put("a", "1");
        Thread one = start(() -> rig.journal.awaitForced(first));
        gate.entered.acquire();
        long second = rig.put("b", "2");
        Thread two = start(() -> rig.journal.awaitForced(second));
        while (two.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        gate.mayLeave.release();
        JournalRig.join(one);
        assertEquals(first, rig.journal.forcedPosition(), "a force covers what was published before it began");
        gate.entered.acquire();
        assertTrue(two.isAlive());
        gate.mayLeave.release();
        JournalRig.join(two);
        assertEquals(second, rig.journal.forcedPosition());
        gate.mayLeave.release(100);
        rig.close();
    }

    @Test
    void anInterruptNeitherEndsTheWaitNorGetsLost() throws Exception {
        JournalRig rig = new JournalRig(storage, LARGE).running();
        Gate gate = new Gate();
        storage.onForce = gate;
        long end = rig.put("a", "1");
        AtomicInteger interrupted = new AtomicInteger();
        Thread committer = start(() -> {
            Thread.currentThread().interrupt();
            rig.journal.awaitForced(end);
            interrupted.set(Thread.currentThread().isInterrupted() && rig.journal.forcedPosition() >= end ? 1 : -1);
        });
        gate.entered.acquire();
        committer.interrupt();
        sleep(20);
        assertTrue(committer.isAlive());
        gate.mayLeave.release(100);
        JournalRig.join(committer);
        assertEquals(1, interrupted.get());
        rig.close();
    }

    @Test
    void stopForcesWhatWasAskedForAndLaterWaitersAreToldOfTheEnd() throws Exception {
        JournalRig rig = new JournalRig(storage, LARGE);
        long end = rig.put("a", "1");
        rig.journal.requestForce(end);
        rig.journal.stop();
        rig.journal.run();
        assertEquals(end, rig.journal.forcedPosition());
        long later = rig.put("b", "2");
        assertThrows(ClosedException.class, () -> rig.journal.awaitForced(later));
        rig.closeCleanly();
    }

    @Test
    void aLeftFileIsForcedSoonThoughNobodyWaits() throws Exception {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL).running();
        while (rig.journal.currentFileId() == 1) {
            rig.put("k", "v");
        }
        long start = JournalFormat.position(2, JournalFormat.FILE_HEADER_BYTES);
        while (rig.journal.forcedPosition() < start) {
            Thread.onSpinWait();
        }
        rig.close();
    }

    @Test
    void ofTheFileThatIsWrittenNothingIsForcedForTheOneThatWasLeft() throws Exception {
        JournalRig rig = new JournalRig(storage, JournalRig.SMALL).running();
        while (rig.journal.currentFileId() < 2) {
            rig.put("k", "v");
        }
        long start = JournalFormat.position(2, JournalFormat.FILE_HEADER_BYTES);
        rig.journal.awaitForced(start);
        sleep(20);
        assertEquals(start, rig.journal.forcedPosition());
        rig.close();
    }

    @Test
    void aLeftFileWithMuchToForceIsUnmappedBefore() throws Exception {
        for (int unforcedMax : List.of(100, 100_000)) {
            MemoryStorage disk = new MemoryStorage();
            JournalRig rig = new JournalRig(disk, new JournalSettings(1024, 1024, unforcedMax)).running();
            List<String> atForce = new CopyOnWriteArrayList<>();
            disk.onForce = path -> atForce.add(String.join(",", disk.log));
            while (rig.journal.currentFileId() < 2) {
                rig.put("k", "v");
            }
            rig.journal.awaitForced(JournalFormat.position(2, JournalFormat.FILE_HEADER_BYTES));
            assertEquals(unforcedMax == 100, atForce.getLast().contains("unmap 000001.journal"), atForce.getLast());
            rig.close();
        }
    }

    @Test
    void nothingIsForcedBeforeThePredecessorsAreDead() throws Exception {
        JournalRig first = new JournalRig(storage, JournalRig.SMALL);
        first.put("a", "1");
        first.close();
        JournalReplay.Replayed result = JournalRig.replay(storage, RecoveryMode.TORN_TAIL).result();
        JournalRig rig = JournalRig.after(result, storage, JournalRig.DIRECTORY, JournalRig.SMALL).running();
        int before = storage.forces.get();
        long end = rig.put("b", "2");
        Thread committer = start(() -> rig.journal.awaitForced(end));
        sleep(50);
        assertTrue(committer.isAlive());
        assertEquals(0, rig.journal.forcedPosition());
        assertEquals(before, storage.forces.get());
        rig.journal.declarePredecessorsDead();
        JournalRig.join(committer);
        assertEquals(end, rig.journal.forcedPosition());
        rig.journal.declarePredecessorsDead();
        rig.closeCleanly();
        assertEquals(rig.appended, JournalRig.replay(storage, JournalRig.DIRECTORY, 2, RecoveryMode.EXACT).visited());
    }

    @Test
    void aCleanCloseBeforeThePredecessorsAreDeadClaimsNothing() throws Exception {
        JournalRig first = new JournalRig(storage, JournalRig.SMALL);
        first.put("a", "1");
        first.close();
        JournalReplay.Replayed result = JournalRig.replay(storage, RecoveryMode.TORN_TAIL).result();
        JournalRig rig = JournalRig.after(result, storage, JournalRig.DIRECTORY, JournalRig.SMALL).running();
        rig.put("b", "2");
        rig.closeCleanly();
        List<String> all = List.of(first.appended.get(0), rig.appended.get(0));
        assertEquals(all, JournalRig.replay(storage, RecoveryMode.EXACT).visited());
        storage.put(JournalRig.DIRECTORY.resolve("000001.journal"), emptied(storage, first));
        assertEquals(List.of(), JournalRig.visited(storage), "a lost tail, not corruption");
    }

    private static byte[] emptied(MemoryStorage storage, JournalRig rig) throws IOException {
        byte[] content = storage.content(JournalRig.DIRECTORY.resolve("000001.journal"));
        int end = (int) JournalFormat.offsetOf(rig.ends.getLast());
        Arrays.fill(content, JournalFormat.FILE_HEADER_BYTES, end, (byte) 0);
        return content;
    }

    /** R4: what the journal's thread samples. */
    @Nested
    final class R4ThePublishedEndIsForced {
        @Test
        void aForceDoesNotCoverWhatIsPublishedWhileItRuns() throws Exception {
            JournalRig rig = new JournalRig(storage, LARGE).running();
            Gate gate = new Gate();
            storage.onForce = gate;
            long first = rig.put("a", "1");
            rig.journal.requestForce(first);
            gate.entered.acquire();
            rig.put("b", "2");
            gate.mayLeave.release();
            while (rig.journal.forcedPosition() < first) {
                Thread.onSpinWait();
            }
            assertEquals(first, rig.journal.forcedPosition());
            gate.mayLeave.release(100);
            rig.close();
        }

        @Test
        void unforcedFilesAreForcedInOrderBeforeThePositionAdvances() throws Exception {
            JournalRig rig = new JournalRig(storage, JournalRig.SMALL);
            List<Path> order = new ArrayList<>();
            AtomicLong advancedEarly = new AtomicLong();
            while (rig.journal.currentFileId() < 4) {
                rig.put("k", "v");
            }
            long start = rig.journal.forcedPosition();
            storage.onForce = path -> {
                order.add(path);
                if (rig.journal.forcedPosition() != start) {
                    advancedEarly.incrementAndGet();
                }
            };
            long end = rig.put("k", "last");
            rig.journal.requestForce(end);
            rig.journal.stop();
            rig.journal.run();
            assertEquals(List.of("000001.journal", "000002.journal", "000003.journal", "000004.journal"),
                    order.stream().map(path -> path.getFileName().toString().replace(".next", "")).toList());
            assertEquals(0, advancedEarly.get());
            assertEquals(end, rig.journal.forcedPosition());
            rig.close();
        }

        @Test
        void everyRecordBeforeAForcedPositionIsWholeInTheForcedBytes() throws Exception {
            JournalRig rig = new JournalRig(storage, new JournalSettings(4 << 20, 4 << 20, 1 << 20)).running();
            AtomicReference<Throwable> wrong = new AtomicReference<>();
            List<byte[]> onDisk = new ArrayList<>();
            List<Long> forcedAfter = new ArrayList<>();
            storage.onForce = path -> {
                if (onDisk.size() < 12) {
                    forcedAfter.add(rig.journal.forcedPosition()); // where the force before this one has come to
                    onDisk.add(storage.content(JournalRig.DIRECTORY.resolve("000001.journal")));
                }
            };
            Thread committer = start(() -> {
                try {
                    for (int index = 0; index < 30_000 && storage.forces.get() < 14; index++) {
                        rig.put("key" + index, "v".repeat(index % 50));
                        Thread.yield();
                    }
                } catch (Throwable t) {
                    wrong.set(t);
                }
            });
            while (committer.isAlive()) {
                rig.journal.awaitForced(rig.journal.endPosition());
            }
            JournalRig.join(committer);
            rig.close();
            assertNull(wrong.get());
            MemoryStorage disk = new MemoryStorage();
            for (int index = 0; index + 1 < onDisk.size(); index++) {
                disk.put(JournalRig.DIRECTORY.resolve("000001.journal"), onDisk.get(index));
                long end = JournalRig.replay(disk, RecoveryMode.SALVAGE).result().endPosition();
                assertTrue(forcedAfter.get(index + 1) <= end, "a force left out what it claims");
            }
            assertTrue(onDisk.size() > 2, "there were forces while records were appended");
        }
    }

    /** R5: publication precedes durability. */
    @Nested
    final class R5PublicationPrecedesDurability {
        @Test
        void aFailedForceIsToldToAllWaitersAndIsNeverRepeated() throws Exception {
            JournalRig rig = new JournalRig(storage, LARGE).running();
            long safe = rig.forcedPut("safe", "1");
            CountDownLatch waiting = new CountDownLatch(8);
            CountDownLatch allWait = new CountDownLatch(1);
            IOException cause = new IOException("the disk is gone");
            storage.onForce = path -> {
                try {
                    allWait.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                throw cause;
            };
            int before = storage.forces.get();
            List<Thread> all = new ArrayList<>();
            List<Throwable> told = new ArrayList<>();
            for (int index = 0; index < 8; index++) {
                long end = rig.put("k" + index, "v");
                all.add(start(() -> {
                    waiting.countDown();
                    try {
                        rig.journal.awaitForced(end);
                    } catch (PoisonedException e) {
                        synchronized (told) {
                            told.add(e.getCause());
                        }
                    }
                }));
            }
            waiting.await();
            allWait.countDown();
            all.forEach(JournalRig::join);
            assertEquals(8, told.size());
            told.forEach(found -> assertSame(cause, found));
            assertSame(cause, rig.failure.get());
            assertEquals(safe, rig.journal.forcedPosition());
            rig.journal.awaitForced(safe); // what was forced before stays so
            storage.onForce = path -> {};
            long late = rig.put("late", "v");
            assertSame(cause, assertThrows(PoisonedException.class, () -> rig.journal.awaitForced(late)).getCause());
            rig.stop();
            assertSame(cause, assertThrows(PoisonedException.class, () -> rig.journal.seal()).getCause());
            assertEquals(before + 1, storage.forces.get(), "no force is repeated");
            assertEquals(safe, rig.journal.forcedPosition());
            rig.close();
        }

        @Test
        void theDatabaseIsPoisonedBeforeAnyWaiterIsTold() throws Exception {
            JournalRig rig = new JournalRig(storage, LARGE).running();
            storage.onForce = path -> {
                throw new IOException("gone");
            };
            long end = rig.put("a", "1");
            assertThrows(PoisonedException.class, () -> rig.journal.awaitForced(end));
            assertEquals("gone", rig.failure.get().getMessage());
            rig.close();
        }

        @Test
        void whileDurableCommitsOccurLittleStaysUnforced() throws Exception {
            JournalRig rig = new JournalRig(storage, new JournalSettings(1 << 20, 1 << 20, 4096)).running();
            String value = "v".repeat(200);
            for (int index = 0; index < 100; index++) {
                rig.put("k", value);
            }
            sleep(20);
            assertEquals(JournalFormat.FILE_HEADER_BYTES, JournalFormat.offsetOf(rig.journal.forcedPosition()),
                    "buffered commits alone are not forced");
            rig.forcedPut("durable", "commit");
            for (int round = 0; round < 20; round++) {
                long target = 0;
                for (int index = 0; index < 20; index++) {
                    target = rig.put("k", value);
                }
                while (target - rig.journal.forcedPosition() > 4096 + 300) {
                    Thread.onSpinWait();
                }
            }
            for (int index = 0; index < 3000; index++) {
                rig.put("k", value); // far behind the last durable commit
                if (index % 20 == 0) {
                    sleep(1);
                }
            }
            assertTrue(rig.journal.endPosition() - rig.journal.forcedPosition() > 100_000);
            rig.close();
        }

        @Test
        void aFlushThatWaitsIsNoDurableCommit() throws Exception {
            JournalRig rig = new JournalRig(storage, new JournalSettings(1 << 20, 1 << 20, 4096)).running();
            rig.journal.awaitForced(rig.put("k", "v"));
            long forced = rig.journal.forcedPosition();
            for (int index = 0; index < 100; index++) {
                rig.put("k", "v".repeat(200));
            }
            sleep(20);
            assertEquals(forced, rig.journal.forcedPosition());
            rig.close();
        }
    }

    /** R25: waiting without garbage. */
    @Nested
    @Tag("proof")
    final class R25WaitingWithoutGarbage {
        private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

        @Test
        void appendAndAwaitForcedAllocateNothing() throws Exception {
            JournalRig rig = new JournalRig(storage, new JournalSettings(64 << 20, 64 << 20, 1 << 20)).running();
            MemorySegment record = Arena.ofAuto().allocate(4096, 64);
            MemorySegment other = Arena.ofAuto().allocate(4096, 64);
            long recordBytes = encode(record);
            encode(other);
            long seqno = 1;
            long allocated = 1;
            for (int round = 0; round < 30 && allocated != 0; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int index = 0; index < 10_000; index++) {
                    rig.journal.tryReserve(recordBytes);
                    rig.journal.append((index & 1) == 0 ? record : other, recordBytes, seqno++);
                }
                allocated = threads.getCurrentThreadAllocatedBytes() - before;
            }
            assertEquals(0, allocated, "append");
            allocated = 1;
            for (int round = 0; round < 30 && allocated != 0; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int index = 0; index < 1000; index++) {
                    rig.journal.tryReserve(recordBytes);
                    rig.journal.awaitForced(rig.journal.append(record, recordBytes, seqno++));
                }
                allocated = threads.getCurrentThreadAllocatedBytes() - before;
            }
            assertEquals(0, allocated, "awaitForced");
            rig.close();
        }

        @Test
        void theJournalsThreadAllocatesNothing() throws Exception {
            JournalRig rig = new JournalRig(storage, new JournalSettings(64 << 20, 64 << 20, 1 << 20));
            AtomicLong allocated = new AtomicLong();
            Thread journalThread = new Thread(rig.journal::run, "journal");
            journalThread.start();
            MemorySegment record = Arena.ofAuto().allocate(4096, 64);
            long recordBytes = encode(record);
            long seqno = 1;
            allocated.set(1);
            for (int round = 0; round < 30 && allocated.get() != 0; round++) {
                long before = threads.getThreadAllocatedBytes(journalThread.threadId());
                for (int index = 0; index < 1000; index++) {
                    rig.journal.tryReserve(recordBytes);
                    rig.journal.awaitForced(rig.journal.append(record, recordBytes, seqno++));
                }
                allocated.set(threads.getThreadAllocatedBytes(journalThread.threadId()) - before);
            }
            assertEquals(0, allocated.get());
            rig.close();
            JournalRig.join(journalThread);
            assertFalse(journalThread.isAlive());
        }

        private long encode(MemorySegment record) {
            RecordEncoder encoder = new RecordEncoder();
            encoder.start().put(1, "key-0123456789", new byte[100]);
            long recordBytes = encoder.finish();
            MemorySegment.copy(encoder.record, 0, record, 0, recordBytes);
            return JournalFormat.finishRecord(record, encoder.end, 1, new Crc32c());
        }
    }
}
