package io.firn.tool;

import io.firn.config.KeyspaceOptions;
import io.firn.config.OpenMode;
import io.firn.config.PersistMode;
import io.firn.db.Batch;
import io.firn.db.Engine;
import io.firn.entry.EntryLimits;
import io.firn.keyspace.Tree;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Loads a file of lines. They are committed in the order of the file, some at a time, so that whatever ends the
 * program, the database holds exactly the first lines of the file; at the end all is forced to the disk.
 */
@Command(name = "load", mixinStandardHelpOptions = true,
        description = {"Loads a file: one entry per line, key and value divided by the first tab; a line without a tab"
                + " is a key with an empty value. Creates the database if there is none.",
            "Lines are loaded in order, and later ones win. It stops with the line's number at a key that is empty or"
                + " longer than 65,535 bytes; the lines before it are loaded. A carriage return belongs to the value."})
final class LoadCommand implements Callable<Integer> {
    /** Loading three million lines took 5.4 s of processor time by 1 line a commit, 4.3 by 64 and 3.8 by 512. */
    private static final int BATCH_LINES = 256;

    private static final long BATCH_BYTES = 64 * 1024;

    private final Main.Streams streams;

    @Mixin
    private Target target = new Target();

    @Mixin
    private KeyspaceName keyspace = new KeyspaceName();

    @Parameters(paramLabel = "FILE", description = "The file, which is no pipe: its size is taken at the start.")
    private Path file = Path.of("");

    @Option(names = "--timeout", paramLabel = "SECONDS", defaultValue = "60",
            description = "Gives up when nothing could be written for so long; default: ${DEFAULT-VALUE}.")
    private int timeoutSeconds;

    LoadCommand(Main.Streams streams) {
        this.streams = streams;
    }

    @Override
    public Integer call() throws IOException {
        if (!file.toFile().exists()) {
            throw new CommandFailure(file + ": no such file");
        }
        if (!file.toFile().isFile()) {
            throw new CommandFailure(file + ": not a file that can be loaded");
        }
        if (timeoutSeconds < 1) {
            throw new CommandFailure("--timeout " + timeoutSeconds + "; 1 second or more");
        }
        long startNanos = System.nanoTime();
        try (Engine engine = target.open(OpenMode.CREATE_OR_RECOVER, Duration.ofSeconds(timeoutSeconds));
                LineReader lines = new LineReader(
                        engine.settings().machine().storage(), file.toAbsolutePath(), engine.settings().budget())) {
            Progress progress = new Progress(streams, lines.fileBytes());
            try {
                load(engine, engine.keyspace(keyspace.name(), KeyspaceOptions.defaults()), lines, progress);
            } finally {
                progress.end();
            }
            double seconds = (System.nanoTime() - startNanos) / 1e9;
            streams.out().printf(Locale.ROOT, "loaded %,d lines, %,d bytes, in %.2f s: %,.0f lines/s%n",
                    lines.lineNumber(), lines.fileBytes(), seconds, lines.lineNumber() / seconds);
        }
        return Main.DONE;
    }

    private void load(Engine engine, Tree tree, LineReader lines, Progress progress) throws IOException {
        @Nullable CommandFailure refused = null;
        try (Batch batch = engine.newBatch()) {
            long batchBytes = 0;
            while (lines.next()) {
                refused = add(batch, tree, lines);
                if (refused != null) {
                    break;
                }
                batchBytes += lines.length();
                if (batch.count() == BATCH_LINES || batchBytes >= BATCH_BYTES) {
                    engine.commit(batch, PersistMode.BUFFER);
                    batch.clear();
                    batchBytes = 0;
                    progress.reached(lines.lineNumber(), lines.positionBytes());
                }
            }
            engine.commit(batch, PersistMode.BUFFER);
        }
        engine.persist(PersistMode.SYNC_ALL);
        if (refused != null) {
            throw refused;
        }
    }

    /** Adds the line to the batch, or answers why it is refused. */
    private @Nullable CommandFailure add(Batch batch, Tree tree, LineReader lines) {
        long offset = lines.offset();
        long end = offset + lines.length();
        long tab = LineReader.indexOf(lines.memory(), offset, end, '\t');
        long keyEnd = tab < 0 ? end : tab;
        long valueOffset = tab < 0 ? end : tab + 1;
        try {
            EntryLimits.checkKey(keyEnd - offset);
            EntryLimits.checkValue(end - valueOffset);
        } catch (IllegalArgumentException e) {
            return new CommandFailure(file + ": line " + lines.lineNumber() + ": " + e.getMessage()
                    + "; the lines before it are loaded");
        }
        batch.put(tree, lines.memory(), offset, (int) (keyEnd - offset),
                lines.memory(), valueOffset, (int) (end - valueOffset));
        return null;
    }
}
