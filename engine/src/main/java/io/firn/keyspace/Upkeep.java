package io.firn.keyspace;

import io.firn.config.DatabaseStatistics;
import java.time.Duration;

/** What flushes, compactions or ingestions came to since the database was opened: those of a keyspace, or all. Threads: any. */
public final class Upkeep {
    private int running;
    private long completed;
    private long failed;
    private long cancelled;
    private long readBytes;
    private long writtenBytes;
    private long nanos;

    public synchronized void begin() {
        running++;
    }

    /** One has put what it wrote in the place of what it read; both are 0 for a mere move. It goes on until {@link #end}. */
    public synchronized void complete(long bytesRead, long bytesWritten, long nanosTaken) {
        completed++;
        readBytes += bytesRead;
        writtenBytes += bytesWritten;
        nanos += nanosTaken;
    }

    public synchronized void fail() {
        failed++;
    }

    public synchronized void cancel() {
        cancelled++;
    }

    public synchronized void end() {
        running--;
    }

    public synchronized DatabaseStatistics.Work sum() {
        return new DatabaseStatistics.Work(
                running, completed, failed, cancelled, readBytes, writtenBytes, Duration.ofNanos(nanos));
    }
}
