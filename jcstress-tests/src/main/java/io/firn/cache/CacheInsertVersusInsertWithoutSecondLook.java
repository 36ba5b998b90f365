package io.firn.cache;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** The twin of {@link CacheInsertVersusInsert}: who missed the block inserts it without another look under the lock. */
@JCStressTest
@Outcome(id = "1", expect = ACCEPTABLE, desc = "one block")
@Outcome(id = "2", expect = ACCEPTABLE_INTERESTING, desc = "what the second look prevents: two live copies")
@State
public class CacheInsertVersusInsertWithoutSecondLook {
    private static final MemorySegment BLOCK = Arena.global().allocate(800, 8);

    private final RecycledMemory memory = new RecycledMemory();
    private final Directory directory = new Directory();
    private final LookupTable lookup = new LookupTable();
    private final Ring ring = new Ring(directory, lookup);

    public CacheInsertVersusInsertWithoutSecondLook() {
        ring.add(memory.tryAllocate(16 * 1024));
        lookup.grow(memory, directory.nextCount());
        directory.grow(memory);
    }

    @Actor
    public void first() {
        insert();
    }

    @Actor
    public void second() {
        insert();
    }

    @Arbiter
    public void end(I_Result result) {
        result.r1 = (int) ring.blockCount();
        memory.recycle();
    }

    private void insert() {
        if (LookupTable.entry(lookup.segment(), 1) != 0) {
            return;
        }
        synchronized (ring) {
            if (ring.makeRoom(Ring.slotBytes(800), false) == Ring.Room.READY) {
                int handle = directory.take();
                HandleFormat.setKey(directory.chunk(handle), Directory.at(handle), 7, 1);
                ring.place(handle, BLOCK, 0, 800);
                HandleFormat.publish(directory.chunk(handle), Directory.at(handle), 0);
                lookup.add(1, handle);
            }
        }
    }
}
