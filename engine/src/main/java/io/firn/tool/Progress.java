package io.firn.tool;

import java.io.PrintStream;
import java.util.Locale;

/**
 * How far a load has come, for whoever waits: a bar on a terminal, elsewhere a line now and then. What it tells is
 * committed.
 *
 * <p>Threads: one.
 */
final class Progress {
    private static final long LINES_BETWEEN = 100_000;
    private static final long NANOS_BETWEEN = 100_000_000;
    private static final int BAR_CELLS = 40;

    private final PrintStream stream;
    private final boolean isTerminal;
    private final long totalBytes;
    private final long startNanos = System.nanoTime();
    private long toldLines;
    private long toldNanos = startNanos - NANOS_BETWEEN;

    Progress(Main.Streams streams, long totalBytes) {
        stream = streams.err();
        isTerminal = streams.isTerminal();
        this.totalBytes = totalBytes;
    }

    /** So many lines, the first so many bytes of the file, are committed. */
    void reached(long lines, long bytes) {
        if (isTerminal) {
            long now = System.nanoTime();
            if (now - toldNanos >= NANOS_BETWEEN) {
                toldNanos = now;
                draw(lines, bytes, now);
            }
        } else if (lines - toldLines >= LINES_BETWEEN) {
            toldLines = lines;
            stream.println(lines + " lines");
        }
    }

    /** Leaves the terminal as it was. */
    void end() {
        if (isTerminal) {
            stream.print("\r\u001b[K");
            stream.flush();
        }
    }

    private void draw(long lines, long bytes, long now) {
        double share = totalBytes == 0 ? 1 : (double) bytes / totalBytes;
        int full = (int) (share * BAR_CELLS);
        stream.printf(Locale.ROOT, "\r[%s%s] %3.0f %%  %,d lines  %,.0f lines/s\u001b[K",
                "#".repeat(full), ".".repeat(BAR_CELLS - full), 100 * share, lines, lines * 1e9 / (now - startNanos));
        stream.flush();
    }
}
