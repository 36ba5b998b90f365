package io.firn.ffm.file;

import java.io.IOException;

/** The exclusive right to a directory. Closed by: whoever locked it; idempotent. */
public interface DirectoryLock extends AutoCloseable {
    @Override
    void close() throws IOException;
}
