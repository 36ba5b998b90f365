package io.firn.version;

import io.firn.ffm.file.AppendFile;
import io.firn.ffm.file.Storage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * The manifest that is being written: the durable sequence of edits that make the state of the database.
 *
 * <p>Invariants: (1) an edit is in {@link #state} exactly when it is durable. (2) After a failure, what is durable is
 * unknown until the next recovery: every later append throws the first cause. (3) An edit that would make the file
 * larger than a multiple of its content goes into a successor instead, as part of its whole state.
 *
 * <p>Threads: appends one at a time, by threads of the engine; state and position may be read by any.
 *
 * <p>Closed by: db.
 */
public final class Manifest implements AutoCloseable {
    /** A manifest is written anew when it is this many times as large as its first record. */
    private static final long GROWTH_MAX = 4;

    private final Storage storage;
    private final DatabaseFiles files;
    private final long rewriteBytes;
    private final ManifestStateBuilder builder;

    private @Nullable AppendFile file;
    private long identity;
    private long limitBytes;
    private @Nullable Throwable failure;

    private volatile ManifestState state;
    private volatile ManifestPosition position;

    private Manifest(Storage storage, Path directory, long rewriteBytes, ManifestState state) {
        this.storage = storage;
        this.files = new DatabaseFiles(directory);
        this.rewriteBytes = rewriteBytes;
        this.state = state;
        this.position = new ManifestPosition(0, 0);
        builder = new ManifestStateBuilder();
        apply(state.asEdit());
    }

    /** Whether there is a CURRENT: whether the directory is a database that was created to its end. */
    public static boolean exists(Storage storage, Path directory) throws IOException {
        return storage.exists(new DatabaseFiles(directory).current());
    }

    /**
     * Writes a manifest of this state and makes it the current one; all others are deleted. The id is above that of the
     * manifest that was current. It is written anew when it grows past {@code rewriteBytes} and a multiple of its
     * content.
     */
    public static Manifest create(
            Storage storage, Path directory, long manifestId, ManifestState state, long rewriteBytes)
            throws IOException {
        Manifest manifest = new Manifest(storage, directory, rewriteBytes, state);
        try {
            manifest.startFile(manifestId);
            return manifest;
        } catch (IOException | RuntimeException | Error e) {
            closeAfter(e, manifest);
            throw e;
        }
    }

    /** Reads what the current manifest says. It is not continued: opening creates the next one. */
    public static RecoveredManifest recover(Storage storage, Path directory) throws IOException {
        return ManifestReader.recover(storage, new DatabaseFiles(directory));
    }

    /** Makes the edit durable. An edit that does not fit the state is a bug of ours. */
    public void append(VersionEdit edit) throws IOException {
        throwEarlierFailure();
        try (Arena arena = Arena.ofConfined()) {
            apply(edit);
            AppendFile current = openFile();
            MemorySegment record = EditEncoder.encode(edit, identity, current.positionBytes(), arena);
            if (current.positionBytes() + record.byteSize() > limitBytes) {
                startFile(position.manifestId() + 1);
            } else {
                current.append(record);
                // Crash here: the record is whole, torn or absent; nobody was told, so either is right.
                current.force();
                // Crash here: recovery has the edit, and what it names was forced before it.
                position = new ManifestPosition(position.manifestId(), current.forcedBytes());
            }
            state = builder.state();
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
            throw e;
        }
    }

    /** The state after the last durable edit. */
    public ManifestState state() {
        return state;
    }

    /** Id and forced length as they belong together; both change when the manifest is rewritten. */
    public ManifestPosition position() {
        return position;
    }

    public long id() {
        return position.manifestId();
    }

    public long forcedBytes() {
        return position.forcedBytes();
    }

    @Override
    public void close() throws IOException {
        if (file != null) {
            AppendFile closing = file;
            file = null;
            closing.close();
        }
    }

    /** Writes the whole state as a new manifest, switches to it, and deletes the others. */
    private void startFile(long manifestId) throws IOException {
        assert manifestId > position.manifestId() : manifestId + " after " + position;
        Path path = files.manifest(manifestId);
        // A manifest of this id may lie there from an attempt that a crash ended. CURRENT never named it, or not
        // durably.
        storage.delete(path);
        ManifestFormat.Header header =
                new ManifestFormat.Header(manifestId, ThreadLocalRandom.current().nextLong());
        AppendFile successor = storage.create(path);
        try {
            appendStart(successor, header);
            successor.force();
            // Crash here: CURRENT still names the former manifest; this one is swept by the next that is started.
            CurrentFile.switchTo(storage, files, header);
        } catch (IOException | RuntimeException | Error e) {
            closeAfter(e, successor);
            throw e;
        }
        AppendFile predecessor = file;
        file = successor;
        identity = header.identity();
        limitBytes = Math.max(rewriteBytes, GROWTH_MAX * successor.positionBytes());
        position = new ManifestPosition(manifestId, successor.forcedBytes());
        if (predecessor != null) {
            predecessor.close();
        }
        deleteOthers(manifestId);
    }

    private void appendStart(AppendFile successor, ManifestFormat.Header header) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            successor.append(ManifestFormat.encodeHeader(ManifestFormat.MANIFEST_MAGIC, header, arena));
            successor.append(EditEncoder.encode(
                    builder.state().asEdit(), header.identity(), successor.positionBytes(), arena));
        }
    }

    private void deleteOthers(long manifestId) throws IOException {
        for (String name : storage.list(files.directory())) {
            long other = DatabaseFiles.manifestId(name);
            if (other != DatabaseFiles.NO_ID && other != manifestId) {
                // Crash here: others are left, or come back, since their deletion is not forced. CURRENT names none of
                // them.
                storage.delete(files.manifest(other));
            }
        }
    }

    private void apply(VersionEdit edit) {
        try {
            builder.apply(edit);
        } catch (InvalidEditException e) {
            throw new AssertionError("an edit that does not fit the manifest: " + e.getMessage(), e);
        }
    }

    private AppendFile openFile() {
        if (file == null) {
            throw new IllegalStateException("the manifest is closed");
        }
        return file;
    }

    private void throwEarlierFailure() throws IOException {
        if (failure instanceof IOException first) {
            throw first;
        }
        if (failure != null) {
            throw new IOException("an earlier edit failed: " + failure, failure);
        }
    }

    private static void closeAfter(Throwable cause, AutoCloseable closing) {
        try {
            closing.close();
        } catch (Exception e) {
            cause.addSuppressed(e);
        }
    }
}
