package io.firn;

import io.firn.db.Engine;
import io.firn.db.Intake;
import io.firn.entry.Trailer;
import io.firn.keyspace.Opening;
import io.firn.keyspace.Tree;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * Sorted entries that go straight into tables of a keyspace, past journal and memtables. Keys ascend strictly; one that does not is an
 * IllegalArgumentException that names both, and leaves the ingestion as it was. Nobody sees any of it before {@code finish}; then
 * everybody sees all of it, over what the keyspace held, but for snapshots and cursors that are older. Writers of the keyspace go on
 * meanwhile, and wait only while {@code finish} flushes its memtables.
 *
 * <p>Marked [0]: allocates nothing on the heap, on platform threads and after compilation.
 *
 * <p>Threads: one at a time; a second one meanwhile is an IllegalStateException. Closed by: its user; without {@code finish} that
 * discards it and leaves no file. A forgotten one is discarded and reported some time after it became garbage. When the database is
 * closed, so are its ingestions.
 */
public final class Ingestion implements AutoCloseable {
    private final Intake intake;
    private final Opening opening;

    Ingestion(Engine engine, Tree tree) {
        Intake opened = engine.ingest(tree);
        intake = opened;
        opening = engine.readers().openings().open(this, "an ingestion into keyspace " + tree.name(), opened::close);
    }

    /** [0] */
    public Ingestion put(byte[] key, byte[] value) {
        opening.enter();
        try {
            intake.put(key, value);
        } finally {
            opening.exit();
        }
        return this;
    }

    /** [0] */
    public Ingestion put(MemorySegment key, MemorySegment value) {
        opening.enter();
        try {
            intake.put(key, value);
        } finally {
            opening.exit();
        }
        return this;
    }

    /** [0] */
    public Ingestion remove(MemorySegment key) {
        opening.enter();
        try {
            intake.remove(Trailer.TOMBSTONE, key);
        } finally {
            opening.exit();
        }
        return this;
    }

    /** See {@link Keyspace#removeWeak(byte[])}. [0] */
    public Ingestion removeWeak(MemorySegment key) {
        opening.enter();
        try {
            intake.remove(Trailer.WEAK_TOMBSTONE, key);
        } finally {
            opening.exit();
        }
        return this;
    }

    /**
     * Makes the entries visible, all at one moment, and durable. Nothing written: nothing. When it fails because something was waited for
     * too long, it may be called again; then the ingestion can only be closed.
     */
    public void finish() {
        opening.enter();
        try {
            intake.finish();
        } finally {
            opening.exit();
        }
    }

    /** Idempotent; without {@code finish} it discards. */
    @Override
    public void close() {
        opening.close();
        // Until here this is no garbage, and not forgotten.
        Reference.reachabilityFence(this);
    }
}
