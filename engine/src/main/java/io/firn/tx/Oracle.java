package io.firn.tx;

import io.firn.config.KeyRange;
import io.firn.db.Engine;
import io.firn.ffm.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Optimistic transactions: as many at a time as there are, each checked when it commits against what was written since it began.
 *
 * <p>Invariants: (1) an attempt takes its snapshot, its place in the recent writes and its life in one step between two commits: so
 * every commit that it does not see is noted behind that place. (2) A commit is checked and noted under the commit lock, before its
 * seqno is drawn (R16); most of it is checked before, and only what was noted meanwhile under it. (3) While no attempt lives nothing is
 * noted, and a write costs one look.
 *
 * <p>Threads: any. Closed by: the engine.
 */
public final class Oracle implements Scheme {
    private static final long NO_ROOM = -1;

    private final Engine engine;
    private final Supplies supplies;
    private final RecentWrites recent;
    private final AtomicInteger live = new AtomicInteger();

    public Oracle(Engine engine) {
        this.engine = engine;
        supplies = new Supplies(engine.privateMemory());
        recent = new RecentWrites(supplies.slabs, RecentWrites.bytesMax(engine.settings().budget().limitBytes()));
    }

    /** Begins a transaction. */
    public Attempt begin() {
        engine.checkWritable();
        Position position = new Position();
        long seqno = engine.betweenCommits(() -> tryBegin(position));
        while (seqno == NO_ROOM) {
            makeRoom(0, 0);
            seqno = engine.betweenCommits(() -> tryBegin(position));
        }
        return new Attempt(engine, this, seqno, position);
    }

    private long tryBegin(Position position) {
        if (!recent.pinEnd(position)) {
            return NO_ROOM;
        }
        live.getAndIncrement();
        return engine.readers().snapshots().open();
    }

    @Override
    public void end(Attempt attempt) {
        Position position = attempt.position();
        assert position != null : "an attempt of another scheme";
        Chunk pinned = position.pinned();
        boolean isUnpinned = pinned.pins.decrementAndGet() == 0;
        live.getAndDecrement();
        if (isUnpinned && pinned.next != null) {
            recent.giveBack(engine.betweenCommits(() -> recent.exchange(null)));
        }
    }

    @Override
    public Supplies supplies() {
        return supplies;
    }

    RecentWrites recentWrites() {
        return recent;
    }

    // ---- the gate

    @Override
    public void enter() {}

    @Override
    public void leave() {}

    @Override
    public boolean isWatching() {
        return live.get() > 0;
    }

    @Override
    public boolean hasRoom(long keyBytes, int keys) {
        return recent.hasRoom(keyBytes, keys);
    }

    @Override
    public void makeRoom(long keyBytes, int keys) {
        boolean isThere = engine.betweenCommits(() -> recent.hasSpare(keyBytes, keys));
        Slab slab = isThere ? null : recent.acquire(keyBytes, keys);
        List<Slab> surplus = engine.betweenCommits(() -> recent.exchange(slab));
        recent.giveBack(surplus);
    }

    @Override
    public void note(int keyspaceId, MemorySegment key, long keyOffset, int keyLength) {
        recent.note(keyspaceId, key, keyOffset, keyLength);
    }

    @Override
    public void noteRange(int keyspaceId, KeyRange range) {
        recent.note(keyspaceId, range);
    }

    @Override
    public void changed() {}

    @Override
    public void close() {
        recent.close();
        supplies.close();
    }
}
