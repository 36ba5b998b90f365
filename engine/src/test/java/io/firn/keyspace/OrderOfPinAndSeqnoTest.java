package io.firn.keyspace;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.firn.config.KeyspaceOptions;
import io.firn.entry.Probe;
import io.firn.entry.Trailer;
import io.firn.ffm.budget.MemoryBudget;
import io.firn.ffm.memory.SlabPool;
import io.firn.ffm.sim.SimStorage;
import io.firn.memtable.Memtable;
import io.firn.table.TableAccess;
import io.firn.version.DatabaseFiles;
import io.firn.version.TableFiles;
import io.firn.version.Version;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A get that is overtaken, between its two steps, by a write of its key and the flush and the installation of it (R11). */
class OrderOfPinAndSeqnoTest {
    private static final int ID = 1;

    private final SimStorage disk = new SimStorage();
    private final MemoryBudget budget = MemoryBudget.ofMebibytes(16);
    private final SlabPool slabs = new SlabPool(budget, 0);
    private final Retirement retirement = new Retirement(() -> { });
    private final OvertakenSeqno published = new OvertakenSeqno();
    private final Readers readers = new Readers(budget, published);
    private final DatabaseFiles files = new DatabaseFiles(Path.of("/db"));
    private final TreeContext context = new TreeContext(
            disk, files, TableAccess.alone(budget), slabs, published, readers, retirement, lost -> { });
    private final Tree tree = new Tree(ID, "a", KeyspaceOptions.defaults().memtableBytes(4096), Version.empty(7), 0, context);
    private final Arena arena = Arena.ofShared();
    private final MemorySegment key = arena.allocateFrom("key");
    private long nextFileId = 1;

    /** A published seqno whose reader sleeps between its reading and its use. */
    private static final class OvertakenSeqno extends PublishedSeqno {
        private Runnable meanwhile = () -> { };

        @Override
        public long get() {
            long read = super.get();
            Runnable once = meanwhile;
            meanwhile = () -> { };
            once.run();
            return read;
        }
    }

    @BeforeEach
    void makeDirectory() throws IOException {
        disk.createDirectory(files.tablesDirectory(ID));
    }

    @AfterEach
    void leavesNothing() {
        tree.close();
        retirement.freeDrained();
        readers.close();
        slabs.close();
        arena.close();
        assertEquals(0, retirement.count());
        assertEquals(0, budget.usedBytes());
        disk.assertNothingOpen();
        disk.close();
    }

    @Test
    void r11_aGetIsNotOvertakenByTheFlushOfANewerVersion() {
        write(1);
        published.meanwhile = () -> {
            write(2);
            flush();
        };
        Lookup found = tree.reader().find(key, TreeReader.PUBLISHED);
        assertNotNull(found, "the key was there before, and is");
        assertEquals(1, found.probe().segment().get(JAVA_LONG_UNALIGNED, found.probe().offset()));
        tree.reader().release(found);
        retirement.freeDrained();
        assertEquals(0, retirement.count(), "the reader was the last");
    }

    /** Why the order matters: the table has the newest version alone. */
    @Test
    void r11_twinAnOldSeqnoMissesWhatWasFlushedSince() {
        write(1);
        write(2);
        flush();
        try (Probe probe = new Probe(budget)) {
            probe.ask(key, 0, (int) key.byteSize(), 1);
            assertFalse(tree.version().get(probe));
        }
        assertNull(tree.reader().find(arena.allocateFrom("other"), TreeReader.PUBLISHED));
    }

    private void write(long seqno) {
        MemorySegment value = arena.allocateFrom(JAVA_LONG, seqno);
        while (tree.tryReserve(key.byteSize() + value.byteSize(), 1) != Memtable.Room.READY) {
            tree.provide(slabs.tryAcquire(tree.slabBytesWanted()));
        }
        tree.insert(1, key, 0, (int) key.byteSize(), Trailer.of(seqno, Trailer.VALUE), value, 0, (int) value.byteSize());
        published.publish(seqno);
    }

    private void flush() {
        try {
            tree.rotate(2, 0);
            JournaledMemtable sealed = tree.oldestSealed();
            tree.installFlushed(sealed, MemtableFlush.run(tree, sealed, new long[] {2}, new TableFiles(
                    disk, files, TableAccess.alone(budget), () -> nextFileId++, () -> 0, () -> false)));
            retirement.freeDrained();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
