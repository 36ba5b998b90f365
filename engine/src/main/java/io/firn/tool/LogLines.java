package io.firn.tool;

import java.io.PrintStream;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * What the store logs, in the manner of this program's other messages: one line, without a stack trace, and what is
 * said again and again, as of work that is tried again, once.
 */
final class LogLines extends Handler {
    /** Held, since the registry of loggers holds them weakly. */
    private static final Logger STORE = Logger.getLogger("io.firn");

    private final PrintStream err;
    private String last = "";

    private LogLines(PrintStream err) {
        this.err = err;
    }

    /** From now on to this stream, and nowhere else. */
    static void to(PrintStream err) {
        STORE.setUseParentHandlers(false);
        STORE.addHandler(new LogLines(err));
    }

    @Override
    public synchronized void publish(LogRecord entry) {
        if (!isLoggable(entry)) {
            return;
        }
        @Nullable Throwable thrown = entry.getThrown();
        @Nullable String cause = thrown == null ? null : Explanation.of(thrown);
        String line = "firn: " + entry.getMessage();
        if (thrown != null) {
            line += ": " + (cause != null ? cause : thrown);
        }
        if (!line.equals(last)) {
            last = line;
            err.println(line);
        }
    }

    @Override
    public void flush() {
        err.flush();
    }

    @Override
    public void close() {}
}
