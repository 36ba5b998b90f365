package io.firn.tool;

import io.firn.ffm.memory.Layouts;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;

/** Bytes on their way to a stream, as they are: no character set changes them. Threads: one. */
final class Output {
    private static final int BUFFER_BYTES = 64 * 1024;

    private final PrintStream stream;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int usedBytes;

    Output(PrintStream stream) {
        this.stream = stream;
    }

    void write(MemorySegment source, long offset, long length) {
        long written = 0;
        while (written < length) {
            if (usedBytes == BUFFER_BYTES) {
                drain();
            }
            int chunkBytes = (int) Math.min(length - written, BUFFER_BYTES - usedBytes);
            MemorySegment.copy(source, Layouts.BYTE, offset + written, buffer, usedBytes, chunkBytes);
            usedBytes += chunkBytes;
            written += chunkBytes;
        }
    }

    void write(char ascii) {
        if (usedBytes == BUFFER_BYTES) {
            drain();
        }
        buffer[usedBytes++] = (byte) ascii;
    }

    /** A reader that has gone, as {@code head} does, is a CommandFailure. */
    void flush() {
        drain();
        stream.flush();
        if (stream.checkError()) {
            throw new CommandFailure("the output could not be written");
        }
    }

    private void drain() {
        stream.write(buffer, 0, usedBytes);
        usedBytes = 0;
        if (stream.checkError()) {
            throw new CommandFailure("the output could not be written");
        }
    }
}
