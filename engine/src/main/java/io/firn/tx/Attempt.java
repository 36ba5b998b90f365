package io.firn.tx;

import io.firn.config.PersistMode;
import io.firn.db.Batch;
import io.firn.db.Engine;
import io.firn.db.Validator;
import io.firn.error.ConflictException;
import io.firn.ffm.memory.Layouts;
import io.firn.keyspace.Opening;
import io.firn.keyspace.Tree;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.agrona.collections.Int2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A transaction in progress: its snapshot, what it has written, and, if it is optimistic, what it has read.
 *
 * <p>Invariants: (1) it reads at one seqno, which the tracker of snapshots holds until it ends. (2) It ends once: its opening sees to
 * that. (3) Its memory is touched between {@code enter} and {@code exit} only, so that it is not given back meanwhile.
 *
 * <p>Threads: one at a time, not always the same; a second one meanwhile is an IllegalStateException. Closed by: its opening.
 */
public final class Attempt implements Validator {
    private static final long REFUSED = -1;

    private final Engine engine;
    private final Scheme scheme;
    private final long seqno;

    /** Where it began in the recent writes; null if it need not be checked, since nobody else writes. */
    private final @Nullable Position position;

    private final Workspace workspace;
    private final Int2ObjectHashMap<PrivateWrites> writes = new Int2ObjectHashMap<>();
    private final List<OverlaidWalk> walks = new ArrayList<>();
    private @Nullable Opening opening;
    private int callbacks;

    Attempt(Engine engine, Scheme scheme, long seqno, @Nullable Position position) {
        this.engine = engine;
        this.scheme = scheme;
        this.seqno = seqno;
        this.position = position;
        workspace = scheme.supplies().leaseWorkspace();
    }

    /** What it holds until it ends. Once, before anything else. */
    public void open(Opening newOpening) {
        opening = newOpening;
    }

    /** The seqno of the last write of others that it sees. */
    public long seqno() {
        return seqno;
    }

    /** What it writes to a tree. */
    public PrivateWrites writesTo(Tree tree) {
        enter();
        try {
            tree.checkOpen();
            PrivateWrites known = writes.get(tree.id());
            if (known == null) {
                known = new PrivateWrites(this, tree, scheme.supplies());
                writes.put(tree.id(), known);
            }
            return known;
        } finally {
            exit();
        }
    }

    // ---- for its private writes and walks

    void enter() {
        opening().enter();
    }

    void exit() {
        opening().exit();
    }

    private Opening opening() {
        return Objects.requireNonNull(opening, "opening");
    }

    boolean isTracked() {
        return position != null;
    }

    /** Memory for a key and its value. */
    MemorySegment entry(long bytes) {
        return workspace.entry.atLeast(bytes);
    }

    void noteRead(Tree tree, long keyHash) {
        if (position != null) {
            workspace.reads.addKey(tree.id(), keyHash);
        }
    }

    void noteRead(Tree tree, Span span) {
        workspace.reads.addSpan(tree.id(), span);
    }

    /** A walk begins; those that have ended meanwhile are settled. */
    void add(OverlaidWalk walk) {
        for (int i = walks.size() - 1; i >= 0; i--) {
            OverlaidWalk each = walks.get(i);
            if (each.hasEnded()) {
                each.settle();
                walks.set(i, walks.getLast());
                walks.removeLast();
                each.letGo();
            }
        }
        walks.add(walk);
    }

    // ---- callbacks

    /** The calling thread shows an answer to a visitor, until {@link #endCallback}: it may not end the transaction meanwhile. */
    public void beginCallback() {
        callbacks++;
    }

    public void endCallback() {
        callbacks--;
    }

    /** Throws inside a callback. */
    public void checkNoCallback() {
        if (callbacks > 0) {
            throw new IllegalStateException("a transaction ends inside a callback of its own");
        }
    }

    // ---- the end

    /**
     * Makes what was written visible and as durable as the mode says, or as the database is opened for if it is null, and ends. Nothing
     * written: nothing. On a conflict it ends, too; whatever else is thrown before it is visible leaves it as it was.
     */
    public void commit(@Nullable PersistMode mode) {
        long end;
        ConflictException conflict = null;
        enter();
        try {
            end = write();
            if (end == REFUSED) {
                conflict = conflict();
            }
        } finally {
            exit();
        }
        opening().close();
        if (conflict != null) {
            throw conflict;
        }
        if (end > 0) {
            engine.awaitDurable(end, mode);
        }
    }

    /** The journal position behind it, 0 if there is nothing to write. */
    private long write() {
        Batch batch = engine.leaseBatch();
        try {
            for (PrivateWrites each : writes.values()) {
                if (!each.isEmpty()) {
                    each.addTo(batch, workspace.cursor);
                }
            }
            if (batch.count() == 0) {
                return 0;
            }
            for (int i = 0; i < walks.size(); i++) {
                walks.get(i).settle();
            }
            return engine.commit(batch, this);
        } finally {
            engine.giveBack(batch);
        }
    }

    @Override
    public boolean isValidSoFar() {
        return isValid();
    }

    @Override
    public boolean isValid() {
        return switch (scheme) {
            case Turn _ -> true;
            case Oracle oracle -> workspace.reads.isEmpty()
                    || oracle.recentWrites().isUnread(Objects.requireNonNull(position), workspace.reads);
        };
    }

    private ConflictException conflict() {
        Position met = Objects.requireNonNull(position);
        if (met.isForgotten()) {
            return ConflictException.ofAge(writes.values().iterator().next().tree().name());
        }
        MemorySegment bytes = met.chunk().bytes;
        int at = met.offset();
        String keyspace = nameOf(bytes.get(Layouts.INT_LE, at));
        int lowerLength = bytes.get(Layouts.INT_LE, at + 4L);
        int upperLength = bytes.get(Layouts.INT_LE, at + 8L);
        int lowerAt = at + Chunk.HEADER_BYTES;
        byte[] lower = copy(bytes, lowerAt, lowerLength);
        return upperLength == Chunk.KEY
                ? ConflictException.ofKey(keyspace, lower)
                : ConflictException.ofRange(keyspace, lower,
                        upperLength == Span.UNBOUNDED ? null : copy(bytes, lowerAt + lowerLength, upperLength));
    }

    private String nameOf(int keyspaceId) {
        PrivateWrites met = writes.get(keyspaceId);
        return met == null ? String.valueOf(keyspaceId) : met.tree().name();
    }

    private static byte[] copy(MemorySegment bytes, long offset, int length) {
        byte[] copy = new byte[length];
        MemorySegment.copy(bytes, Layouts.BYTE, offset, copy, 0, length);
        return copy;
    }

    /** Gives everything back. Once, from its opening, whoever closes that. */
    public void end() {
        try {
            walks.forEach(OverlaidWalk::letGo);
            writes.values().forEach(PrivateWrites::free);
            scheme.supplies().giveBack(workspace);
            engine.closeSnapshot(seqno);
        } finally {
            scheme.end(this);
        }
    }

    @Nullable Position position() {
        return position;
    }
}
