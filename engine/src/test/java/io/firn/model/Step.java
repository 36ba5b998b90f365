package io.firn.model;

import io.firn.config.PersistMode;
import java.util.List;

/**
 * One operation on a database, as a value; {@link StepText} gives and takes its text. A step makes sense after any
 * others: what it needs and does not find open is left out, and a keyspace that it names is created.
 *
 * <p>Threads: any.
 */
sealed interface Step {
    /** Instead of the number of a snapshot: what is committed now. */
    int NOW = -1;

    // ---- writing

    /** What batches and ingestions are made of. */
    sealed interface Write extends Step {
        String keyspace();

        Key key();
    }

    record Put(String keyspace, Key key, Value value) implements Write {}

    record Remove(String keyspace, Key key) implements Write {}

    /** Where it is not allowed, a plain removal. */
    record RemoveWeak(String keyspace, Key key) implements Write {}

    record Batch(PersistMode mode, List<Write> writes) implements Step {}

    /** The writes in the order of their keys, the last one of each key; what is discarded leaves nothing. */
    record Ingest(String keyspace, Ending ending, List<Write> writes) implements Step {}

    enum Ending { FINISHED, DISCARDED }

    record Persist(PersistMode mode) implements Step {}

    /** Writes and reads of a key that is none: of so many bytes. */
    record Refuse(String keyspace, int keyBytes) implements Step {}

    // ---- reading; a snapshot is named by its slot

    /** Asks for a value in every way that there is. */
    record Get(int snapshot, String keyspace, Key key) implements Step {}

    record MultiGet(int snapshot, String keyspace, List<Key> keys) implements Step {}

    /** The first and the last entry, and how many there are. */
    record Ends(int snapshot, String keyspace) implements Step {}

    /** A whole range. */
    record Scan(int snapshot, String keyspace, Way way, Range range) implements Step {}

    enum Way { FORWARD, BACKWARD, FROM_BOTH_ENDS, STREAM }

    /** What was open in the slot is closed. */
    record OpenSnapshot(int slot) implements Step {}

    record CloseSnapshot(int slot) implements Step {}

    record OpenCursor(int slot, int snapshot, String keyspace, Range range) implements Step {}

    record CloseCursor(int slot) implements Step {}

    record Move(int cursor, Kind kind) implements Step {}

    record Seek(int cursor, SeekKind kind, Key key) implements Step {}

    enum Kind { FIRST, LAST, NEXT, PREVIOUS, NEXT_FRONT, NEXT_BACK }

    enum SeekKind { SEEK, SEEK_FOR_PREVIOUS, FIND }

    // ---- maintenance

    record Rotate(String keyspace) implements Step {}

    /** Rotates, and waits. */
    record Flush(String keyspace) implements Step {}

    /** One round, of the keyspace's own compaction or of another one. */
    record Compact(String keyspace, Strategy strategy) implements Step {}

    enum Strategy { OWN, LEVELED, TIERED }

    record MajorCompact(String keyspace) implements Step {}

    record Clear(String keyspace) implements Step {}

    record DropRange(String keyspace, Range range) implements Step {}

    /** A keyspace of the same name is another one. */
    record DeleteKeyspace(String keyspace) implements Step {}

    record Reopen() implements Step {}

    /** Ends the process or, with an image of another number than that of everything, the power. */
    record Crash(int image) implements Step {}

    /** Compares everything. */
    record Check() implements Step {}
}
